//! The only loops that feed the component's machines.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::sandbox::bindings::reader::{Chunk, ReadOptions, Step, Stored, Summary};
use crate::sandbox::bindings::types::{Range, Unfit};
use crate::sandbox::bindings::validator;
use crate::sandbox::bindings::writer::{
    Checksum, Plan, SafetensorsOptions, Segment, Slot, Storage as Declared, WriteOptions,
};
use crate::sandbox::instance::Instance;
use crate::state::{Node, StateDict};
use crate::store::Source;
use crate::validate::Rules;
use crate::weigh::Weigh;
use crate::{Engine, Error, Result, check};

/// What the component says a file holds, paged out but not yet believed.
pub(crate) struct Reading {
    pub(crate) summary: Summary,
    pub(crate) nodes: Vec<Node>,
    pub(crate) storages: Vec<Stored>,
}

/// Brings the component what it asks of `source` until it is ready.
pub(crate) fn read(engine: &Engine, source: &dyn Source) -> Result<Reading> {
    let path = source.path();
    let mut instance = engine.instance(path)?;
    let options = ReadOptions { limits: engine.limits().format.into() };
    let reading = instance.call(|store, exports| {
        let guest = exports.strongroom_checkpoint_reader();
        guest.reading().call_open(store, source.length(), options)
    })?;
    let mut chunks = Vec::new();
    let mut brought = Brought::new(source, READINGS);
    let summary = loop {
        let step = instance.call(|store, exports| {
            exports.strongroom_checkpoint_reader().reading().call_advance(store, reading, &chunks)
        })?;
        match step {
            Step::Ready(summary) => break summary,
            Step::Fetch(ranges) => {
                check::ranges(path, &ranges, source.length())?;
                chunks = fetch(source, &ranges)?;
                brought.count(path, &chunks)?;
            }
        }
    };
    check::summary(path, &summary, &engine.limits().format)?;
    let nodes = pages(&mut instance, summary.nodes, |instance, start, count| {
        instance.call(|store, exports| {
            exports.strongroom_checkpoint_reader().reading().call_nodes(store, reading, start, count)
        })
    })?;
    let storages = pages(&mut instance, summary.storages, |instance, start, count| {
        instance.call(|store, exports| {
            exports.strongroom_checkpoint_reader().reading().call_storages(store, reading, start, count)
        })
    })?;
    Ok(Reading { summary, nodes, storages })
}

/// What the component has said of a file, which stays if it is stopped.
#[derive(Default)]
pub(crate) struct Judged {
    pub(crate) findings: Vec<validator::Finding>,
    pub(crate) payloads: Vec<validator::Payload>,
    /// What it names in other files, if it is the metadata of a distributed checkpoint.
    pub(crate) items: Vec<validator::NamedItem>,
    /// What it said at the end.
    pub(crate) report: Option<validator::Report>,
}

/// How a file is judged.
#[derive(Clone, Copy)]
pub(crate) struct Request<'r> {
    /// Names that the user allows.
    pub(crate) allow: &'r [String],
    /// What a distributed checkpoint's metadata says of the file, if one names it.
    pub(crate) expected: Option<&'r [validator::Item]>,
}

/// How soon the component gives up by itself.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Caution {
    /// When it is about to take all that it may.
    Usual,
    /// Long before that.
    Great,
}

/// Has the component judge what `source` holds, in at most the time that is `left`. Findings are taken from it as they
/// are made: what it has found is known even if it is stopped then.
pub(crate) fn judge(
    engine: &Engine,
    source: &dyn Source,
    Request { allow, expected }: Request<'_>,
    (caution, left): (Caution, Duration),
    judged: &mut Judged,
) -> Result<()> {
    let (path, rules) = (source.path(), rules(engine)?);
    let mut instance = engine.instance_within(left, path)?;
    let memory = engine.limits().memory as u64;
    let within = if caution == Caution::Usual { memory } else { memory / 16 };
    let mut limits = instance.call(|store, exports| {
        exports.strongroom_checkpoint_validator().call_limits_within(store, within).map(Ok)
    })?;
    if caution == Caution::Great {
        // An instruction may make an object of a hundred bytes.
        limits.opcodes = limits.opcodes.min(memory / 256);
    }
    let file = path.file_name().map(|name| name.to_string_lossy().into_owned());
    // The cache of a hub marks there what a repository does not have.
    let is_mark = path.iter().any(|part| part == NO_EXIST);
    let name = file.map(|file| if is_mark { format!("{NO_EXIST}/{file}") } else { file });
    let options = validator::ValidateOptions { allow: allow.to_vec(), name, limits };
    let validation = instance.call(|store, exports| {
        let guest = exports.strongroom_checkpoint_validator();
        guest.validation().call_open(store, source.length(), &options).map(Ok)
    })?;
    if let Some(expected) = expected {
        // An empty page where nothing is named: that says as much.
        let whole = if expected.is_empty() { &[&[][..]][..] } else { &[] };
        for page in whole.iter().copied().chain(expected.chunks(ITEMS)) {
            instance.call(|store, exports| {
                exports.strongroom_checkpoint_validator().validation().call_expect(store, validation, page)
            })?;
        }
    }
    let mut chunks = Vec::new();
    let mut brought = Brought::new(source, LOOKS);
    let report = loop {
        let judging = instance.call(|store, exports| {
            exports.strongroom_checkpoint_validator().validation().call_advance(store, validation, &chunks)
        })?;
        loop {
            let start = u32::try_from(judged.findings.len()).unwrap_or(u32::MAX);
            let page = instance.call(|store, exports| {
                let guest = exports.strongroom_checkpoint_validator();
                guest.validation().call_findings(store, validation, start, PAGE)
            })?;
            if page.is_empty() {
                break;
            }
            instance.answered(page.iter().map(Weigh::weight).sum())?;
            check::findings(path, judged.findings.len(), &page, rules)?;
            judged.findings.extend(page);
        }
        match judging {
            validator::Judging::Ready(report) => break report,
            validator::Judging::Fetch(ranges) => {
                check::ranges(path, &ranges, source.length())?;
                chunks = fetch(source, &ranges)?;
                brought.count(path, &chunks)?;
            }
        }
    };
    check::report(path, &report, &judged.findings, rules, limits.entries)?;
    let payloads = pages(&mut instance, report.payloads, |instance, start, count| {
        instance.call(|store, exports| {
            let guest = exports.strongroom_checkpoint_validator();
            guest.validation().call_payloads(store, validation, start, count)
        })
    })?;
    for payload in &payloads {
        check::ranges(path, std::slice::from_ref(&payload.range), source.length())?;
    }
    judged.payloads = payloads;
    judged.items = pages(&mut instance, report.items, |instance, start, count| {
        instance.call(|store, exports| {
            exports.strongroom_checkpoint_validator().validation().call_items(store, validation, start, count)
        })
    })?;
    judged.report = Some(report);
    Ok(())
}

/// What files are judged by. An instance that has seen no file says it, so that no file has a part
/// in it.
pub(crate) fn rules(engine: &Engine) -> Result<&Rules> {
    engine.known(|| {
        let mut instance = engine.instance(Path::new("(the rules)"))?;
        let rules = instance
            .call(|store, exports| exports.strongroom_checkpoint_validator().call_rules(store).map(Ok))?;
        instance.answered(rules.iter().map(Weigh::weight).sum())?;
        Rules::new(rules).map_err(Error::Setup)
    })
}

/// A layout the component is making, between its plan and its seal.
pub(crate) struct Writing {
    instance: Instance,
    handle: wasmtime::component::ResourceAny,
    pub(crate) plan: Plan,
    segments: Vec<Segment>,
    pub(crate) slots: Vec<Slot>,
}

/// Where every byte of a file comes from.
pub(crate) struct Layout {
    pub(crate) plan: Plan,
    /// The bytes of the format, by offset.
    pub(crate) segments: Arc<Vec<Segment>>,
    /// The places of payloads.
    pub(crate) slots: Vec<Slot>,
}

/// Has the component lay a state dict out, for the file `path`.
pub(crate) fn plan(
    engine: &Engine,
    path: &Path,
    state: &StateDict<'_>,
    options: &WriteOptions,
) -> Result<Writing> {
    let left_out = match (options, state.irreproducible()) {
        // Whatever happens, tensors are what they are.
        (WriteOptions::Safetensors(SafetensorsOptions { tensors_only: true, .. }), Some(finding)) => {
            Some(Unfit { path: finding.part.clone(), reason: finding.to_string() })
        }
        _ => state.expect_reproducible().map(|()| None)?,
    };
    let mut instance = engine.instance(path)?;
    let handle = instance
        .call(|store, exports| exports.strongroom_checkpoint_writer().writing().call_begin(store, options))?;
    let mut add = |nodes: &[Node], storages: &[Declared]| {
        instance.call(|store, exports| {
            exports.strongroom_checkpoint_writer().writing().call_add(store, handle, nodes, storages)
        })
    };
    for page in state.nodes().chunks(PAGE as usize) {
        add(page, &[])?;
    }
    let declared: Vec<Declared> = state
        .storages()
        .iter()
        .map(|storage| Declared { length: storage.length(), location: storage.location().into() })
        .collect();
    for page in declared.chunks(PAGE as usize) {
        add(&[], page)?;
    }
    let mut plan = instance.call(|store, exports| {
        exports.strongroom_checkpoint_writer().writing().call_plan(store, handle, state.root_id())
    })?;
    plan.left_out.extend(left_out);
    let segments = pages(&mut instance, plan.segments, |instance, start, count| {
        instance.call(|store, exports| {
            exports.strongroom_checkpoint_writer().writing().call_segments(store, handle, start, count)
        })
    })?;
    let slots = pages(&mut instance, plan.slots, |instance, start, count| {
        instance.call(|store, exports| {
            exports.strongroom_checkpoint_writer().writing().call_slots(store, handle, start, count)
        })
    })?;
    check::plan(path, &plan, &segments, &slots, state.storages(), false)?;
    Ok(Writing { instance, handle, plan, segments, slots })
}

impl Writing {
    /// Hands the payloads' checksums in, one for each slot, and adds the segments
    /// that depend on them: afterwards every byte of the file is accounted for.
    pub(crate) fn seal(&mut self, state: &StateDict<'_>, checksums: &[Checksum]) -> Result<()> {
        let path = self.instance.path().to_path_buf();
        if self.plan.seal {
            let mut sealed = 0;
            // An empty page where there is no slot at all: the seal is due all the same.
            let whole = if checksums.is_empty() { &[&[][..]][..] } else { &[] };
            for page in whole.iter().copied().chain(checksums.chunks(PAGE as usize)) {
                sealed = self.instance.call(|store, exports| {
                    exports.strongroom_checkpoint_writer().writing().call_seal(store, self.handle, page)
                })?;
            }
            let handle = self.handle;
            self.segments.extend(pages(&mut self.instance, sealed, |instance, start, count| {
                instance.call(|store, exports| {
                    exports.strongroom_checkpoint_writer().writing().call_sealed(store, handle, start, count)
                })
            })?);
        }
        check::plan(&path, &self.plan, &self.segments, &self.slots, state.storages(), true)
    }

    /// What was laid out, without the component.
    pub(crate) fn into_layout(mut self) -> Layout {
        self.segments.sort_unstable_by_key(|segment| segment.offset);
        Layout { plan: self.plan, segments: Arc::new(self.segments), slots: self.slots }
    }
}

/// How much was brought to the component. Each round brings something new, so an
/// honest one ends long before the end of this.
struct Brought {
    left: u64,
}

impl Brought {
    /// Room for each byte of `source` so many times, and a little more.
    fn new(source: &dyn Source, times: u64) -> Self {
        Self { left: source.length().saturating_mul(times).saturating_add(SLACK) }
    }

    fn count(&mut self, path: &Path, chunks: &[Chunk]) -> Result<()> {
        let bytes = chunks.iter().map(|chunk| chunk.bytes.len() as u64).sum::<u64>();
        let left = self.left.checked_sub(bytes).filter(|_| bytes > 0);
        let again = || Error::untrue(path, "it asks for the same bytes again and again");
        self.left = left.ok_or_else(again)?;
        Ok(())
    }
}

/// Reads what was asked for, as much of it as one call should carry.
fn fetch(source: &dyn Source, ranges: &[Range]) -> Result<Vec<Chunk>> {
    let mut room = CALL_BYTES;
    let mut chunks = Vec::new();
    for range in ranges {
        let length = range.length.min(room);
        if length == 0 && range.length > 0 {
            break;
        }
        room -= length;
        // No more than CALL_BYTES, which fits.
        let mut bytes = vec![0; usize::try_from(length).unwrap_or_default()];
        source.read_at(range.offset, &mut bytes)?;
        chunks.push(Chunk { offset: range.offset, bytes });
    }
    Ok(chunks)
}

/// Pages a list of `total` items out.
fn pages<T: Weigh>(
    instance: &mut Instance,
    total: u32,
    mut page: impl FnMut(&mut Instance, u32, u32) -> Result<Vec<T>>,
) -> Result<Vec<T>> {
    let mut items = Vec::new();
    loop {
        let have = u32::try_from(items.len()).unwrap_or(u32::MAX);
        let count = total.saturating_sub(have).min(PAGE);
        if count == 0 {
            return Ok(items);
        }
        let next = page(instance, have, count)?;
        if next.is_empty() || next.len() > count as usize {
            let what = format!("a page of {} where 1 to {count} were due", next.len());
            return Err(Error::untrue(instance.path(), what));
        }
        instance.answered(next.iter().map(Weigh::weight).sum())?;
        items.extend(next);
    }
}

/// Where the cache of a hub has empty files for what is not there.
const NO_EXIST: &str = ".no_exist";

/// Items in one call: more would exceed what wasmtime lets a call copy.
const PAGE: u32 = 1 << 16;

/// Items of a distributed checkpoint in one call: each has a name and a shape.
const ITEMS: usize = 1 << 12;

/// Bytes brought in one call.
const CALL_BYTES: u64 = 8 << 20;

/// How often a reader may ask for a byte.
const READINGS: u64 = 2;

/// How often a validator may: a member of an archive is looked at as what it is,
/// and the archive again in each archive it is in.
const LOOKS: u64 = 8;

/// Bytes that may be fetched beyond that.
const SLACK: u64 = 1 << 20;
