//! Lets the component judge a file.

use std::path::Path;
use std::time::Duration;

use super::{Rules, check};
use crate::file::check::ranges as check_ranges;
use crate::file::pages::{Brought, PAGE, fetch, pages};
use crate::file::weigh::Weigh;
use crate::sandbox::bindings::validator;
use crate::store::Source;
use crate::{Engine, Error, Result};

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
        exports.strongroom_format_validator().call_limits_within(store, within).map(Ok)
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
        let guest = exports.strongroom_format_validator();
        guest.validation().call_open(store, source.length(), &options).map(Ok)
    })?;
    if let Some(expected) = expected {
        // An empty page where nothing is named: that says as much.
        let whole = if expected.is_empty() { &[&[][..]][..] } else { &[] };
        for page in whole.iter().copied().chain(expected.chunks(ITEMS)) {
            instance.call(|store, exports| {
                exports.strongroom_format_validator().validation().call_expect(store, validation, page)
            })?;
        }
    }
    let mut chunks = Vec::new();
    let mut brought = Brought::new(source, LOOKS);
    let report = loop {
        let judging = instance.call(|store, exports| {
            exports.strongroom_format_validator().validation().call_advance(store, validation, &chunks)
        })?;
        loop {
            let start = u32::try_from(judged.findings.len()).unwrap_or(u32::MAX);
            let page = instance.call(|store, exports| {
                let guest = exports.strongroom_format_validator();
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
                check_ranges(path, &ranges, source.length())?;
                chunks = fetch(source, &ranges)?;
                brought.count(path, &chunks)?;
            }
        }
    };
    check::report(path, &report, &judged.findings, rules, limits.entries)?;
    let payloads = pages(&mut instance, report.payloads, |instance, start, count| {
        instance.call(|store, exports| {
            let guest = exports.strongroom_format_validator();
            guest.validation().call_payloads(store, validation, start, count)
        })
    })?;
    for payload in &payloads {
        check_ranges(path, std::slice::from_ref(&payload.range), source.length())?;
    }
    judged.payloads = payloads;
    judged.items = pages(&mut instance, report.items, |instance, start, count| {
        instance.call(|store, exports| {
            exports.strongroom_format_validator().validation().call_items(store, validation, start, count)
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
            .call(|store, exports| exports.strongroom_format_validator().call_rules(store).map(Ok))?;
        instance.answered(rules.iter().map(Weigh::weight).sum())?;
        Rules::new(rules).map_err(Error::Setup)
    })
}

/// Where the cache of a hub has empty files for what is not there.
const NO_EXIST: &str = ".no_exist";

/// Items of a distributed checkpoint in one call: each has a name and a shape.
const ITEMS: usize = 1 << 12;

/// How often a validator may: a member of an archive is looked at as what it is,
/// and the archive again in each archive it is in.
const LOOKS: u64 = 8;
