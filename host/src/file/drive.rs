//! The only loops that feed the component's machines.

use std::path::Path;
use std::sync::Arc;

use crate::file::check;
use crate::file::pages::{Brought, PAGE, fetch, pages};
use crate::sandbox::bindings::reader::{ReadOptions, Step, Stored, Summary};
use crate::sandbox::bindings::types::Unfit;
use crate::sandbox::bindings::writer::{
    Checksum, Plan, SafetensorsOptions, Segment, Slot, Storage as Declared, WriteOptions,
};
use crate::sandbox::instance::Instance;
use crate::state::{Node, StateDict};
use crate::store::Source;
use crate::{Engine, Result};

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
        let guest = exports.strongroom_format_reader();
        guest.reading().call_open(store, source.length(), options)
    })?;
    let mut chunks = Vec::new();
    let mut brought = Brought::new(source, READINGS);
    let summary = loop {
        let step = instance.call(|store, exports| {
            exports.strongroom_format_reader().reading().call_advance(store, reading, &chunks)
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
            exports.strongroom_format_reader().reading().call_nodes(store, reading, start, count)
        })
    })?;
    let storages = pages(&mut instance, summary.storages, |instance, start, count| {
        instance.call(|store, exports| {
            exports.strongroom_format_reader().reading().call_storages(store, reading, start, count)
        })
    })?;
    Ok(Reading { summary, nodes, storages })
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
        .call(|store, exports| exports.strongroom_format_writer().writing().call_begin(store, options))?;
    let mut add = |nodes: &[Node], storages: &[Declared]| {
        instance.call(|store, exports| {
            exports.strongroom_format_writer().writing().call_add(store, handle, nodes, storages)
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
        exports.strongroom_format_writer().writing().call_plan(store, handle, state.root_id())
    })?;
    plan.left_out.extend(left_out);
    let segments = pages(&mut instance, plan.segments, |instance, start, count| {
        instance.call(|store, exports| {
            exports.strongroom_format_writer().writing().call_segments(store, handle, start, count)
        })
    })?;
    let slots = pages(&mut instance, plan.slots, |instance, start, count| {
        instance.call(|store, exports| {
            exports.strongroom_format_writer().writing().call_slots(store, handle, start, count)
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
                    exports.strongroom_format_writer().writing().call_seal(store, self.handle, page)
                })?;
            }
            let handle = self.handle;
            self.segments.extend(pages(&mut self.instance, sealed, |instance, start, count| {
                instance.call(|store, exports| {
                    exports.strongroom_format_writer().writing().call_sealed(store, handle, start, count)
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

/// How often a reader may ask for a byte.
const READINGS: u64 = 2;
