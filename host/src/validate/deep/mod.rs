//! A look at the payloads of a file that is safe to look at: whether they have the
//! checksums that were recorded, and how many of their numbers are none. Natively:
//! there is nothing in plain bytes that a sandbox would have to guard against.

mod float;
mod interval;
mod pass;
mod strided;
mod tensors;

use std::collections::HashSet;
use std::sync::Arc;

use super::file::failed;
use super::kind::Kind;
use super::report::{Deep, NonFinite, Report};
use super::rule::{BOOLEAN, CHECKSUM, NON_FINITE, Rules, UNCOUNTED};
use crate::payload::Stored;
use crate::sandbox::bindings::validator::Payload;
use crate::store::Source;
use crate::{Engine, Error, File};
use float::Special;
use tensors::Counted;

/// Looks at all payloads, and adds what is wrong with them to the report.
pub(super) fn look(
    engine: &Engine,
    rules: &Rules,
    source: &Arc<dyn Source>,
    payloads: &[Payload],
    report: &mut Report,
) {
    if ![Kind::TORCH_ZIP, Kind::TORCH_LEGACY, Kind::SAFETENSORS].contains(&report.kind) {
        return others(rules, source, payloads, &HashSet::new(), report);
    }
    let file = File::from_source(engine, source.clone());
    match file {
        Ok(file) => {
            let read: HashSet<(u64, u64)> =
                file.parts().iter().map(|part| (part.offset, part.length)).collect();
            tensors(rules, &file, report);
            others(rules, source, payloads, &read, report);
        }
        Err(error) => {
            report.find(rules, &UNCOUNTED, 0, "", error.to_string());
            others(rules, source, payloads, &HashSet::new(), report);
        }
    }
}

/// Looks at the storages of a state dict and at the tensors in them.
fn tensors(rules: &Rules, file: &File, report: &mut Report) {
    let (passed, counted) = match tensors::count(file.state(), file.parts()) {
        Ok(done) => done,
        Err(error) => return failed(report, rules, &error),
    };
    checksums(rules, file.parts(), &passed, report);
    let Counted { non_finite, uncounted } = counted;
    for tensor in &non_finite {
        let tensors::Tensor { path, is_boolean, nan, inf, elements, part, offset } = tensor;
        if *is_boolean {
            let message = format!("{path} has {nan} bytes of {elements} that are neither 0 nor 1");
            report.find(rules, &BOOLEAN, *offset, part, message);
        } else {
            let message = format!("{path} has {nan} NaN and {inf} infinite values of {elements}");
            report.find(rules, &NON_FINITE, *offset, part, message);
        }
    }
    if uncounted > 0 {
        let message = format!("{uncounted} tensors were not looked at: they overlap too much");
        report.find(rules, &UNCOUNTED, 0, "", message);
    }
    let deep = report.deep.get_or_insert_default();
    deep.tensors.extend(non_finite.into_iter().filter(|tensor| !tensor.is_boolean).map(|tensor| NonFinite {
        path: tensor.path,
        nan: tensor.nan,
        inf: tensor.inf,
    }));
}

/// Looks at the payloads that no tensor of a state dict looks into.
fn others(
    rules: &Rules,
    source: &Arc<dyn Source>,
    payloads: &[Payload],
    read: &HashSet<(u64, u64)>,
    report: &mut Report,
) {
    let stored = |payload: &Payload| Stored {
        source: source.clone(),
        offset: payload.range.offset,
        length: payload.range.length,
        checksum: payload.checksum,
        swap: 1,
        name: payload.part.clone(),
        witness: None,
    };
    let is_other = |payload: &&Payload| {
        payload.checksum.is_some() && !read.contains(&(payload.range.offset, payload.range.length))
    };
    let others: Vec<Stored> = payloads.iter().filter(is_other).map(stored).collect();
    match pass::run(&others, &[]) {
        Ok(passed) => checksums(rules, &others, &passed, report),
        Err(error) => failed(report, rules, &error),
    }
}

fn checksums(rules: &Rules, parts: &[Stored], passed: &[pass::Passed], report: &mut Report) {
    for (part, passed) in parts.iter().zip(passed) {
        if let Err(Error::Checksum { part, offset, length, expected, found, .. }) = part.matches(passed.crc32)
        {
            let message =
                format!("{length} bytes have checksum {found:08x}, and {expected:08x} was recorded");
            report.find(rules, &CHECKSUM, offset, &part, message);
        }
    }
    let checked = parts.iter().filter(|part| part.checksum.is_some()).count();
    report.deep.get_or_insert_with(Deep::default).checked += checked;
}

/// Adds two counts of what there may be more of than can be counted.
fn sum(a: Special, b: Special) -> Special {
    Special { nan: a.nan.saturating_add(b.nan), inf: a.inf.saturating_add(b.inf) }
}
