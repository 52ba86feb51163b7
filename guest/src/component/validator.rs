use alloc::vec::Vec;
use core::cell::RefCell;

use super::enums::{dtype_in, dtype_out};
use super::page::page;
use super::reader::{chunk_in, limits_in, limits_out, range_out};
use super::wit::reader::{Chunk, Limits as WitLimits};
use super::wit::types::Error;
use super::wit::validator as wit;
use super::{Component, enter, error_out};
use crate::dcp::{self, Form, Metadata};
use crate::validate::{
    Expectation, Expected, Finding, Judging, Level, Payload, RULES, Report, Rule, Severity, ValidateOptions,
    Validating, Verdict,
};
use crate::{Limits, Range};

impl wit::Guest for Component {
    type Validation = RefCell<Validating>;

    fn rules() -> Vec<wit::Rule> {
        RULES.iter().flat_map(|subject| subject.iter()).map(|rule| rule_out(rule)).collect()
    }

    fn limits_within(memory: u64) -> WitLimits {
        limits_out(Limits::within(memory))
    }
}

impl wit::GuestValidation for RefCell<Validating> {
    fn open(length: u64, options: wit::ValidateOptions) -> wit::Validation {
        wit::Validation::new(RefCell::new(Validating::open(length, options_in(options))))
    }

    fn expect(&self, items: Vec<wit::Item>) -> Result<(), Error> {
        enter(self)?.expect(items.into_iter().map(item_in).collect()).map_err(error_out)
    }

    fn advance(&self, chunks: Vec<Chunk>) -> Result<wit::Judging, Error> {
        let mut validating = enter(self)?;
        match validating.advance(chunks.into_iter().map(chunk_in).collect()).map_err(error_out)? {
            Judging::Fetch(ranges) => Ok(wit::Judging::Fetch(ranges.iter().map(range_out).collect())),
            Judging::Ready => Ok(wit::Judging::Ready(report_out(validating.report()))),
        }
    }

    fn findings(&self, start: u32, count: u32) -> Result<Vec<wit::Finding>, Error> {
        let validating = enter(self)?;
        let weight =
            |finding: &Finding| finding.part.len().saturating_add(finding.message.len()).saturating_add(64);
        page(&validating.report().findings, start, count, weight, finding_out)
    }

    fn payloads(&self, start: u32, count: u32) -> Result<Vec<wit::Payload>, Error> {
        let validating = enter(self)?;
        let weight = |payload: &Payload| payload.part.len().saturating_add(64);
        page(&validating.report().payloads, start, count, weight, payload_out)
    }

    fn items(&self, start: u32, count: u32) -> Result<Vec<wit::NamedItem>, Error> {
        let validating = enter(self)?;
        let none = Metadata::default();
        let metadata = validating.report().metadata.as_ref().unwrap_or(&none);
        let weight = |item: &dcp::Item| {
            let shape = metadata.part(item).map_or(0, |(_, shape)| shape.len().saturating_mul(8));
            let names = metadata.name(item).len().saturating_add(metadata.file(item).len());
            names.saturating_add(shape).saturating_add(64)
        };
        page(&metadata.items, start, count, weight, |item| item_out(metadata, item))
    }
}

fn options_in(options: wit::ValidateOptions) -> ValidateOptions {
    let wit::ValidateOptions { allow, name, limits } = options;
    ValidateOptions { allow, name, expected: None, limits: limits_in(limits) }
}

fn rule_out(rule: &Rule) -> wit::Rule {
    wit::Rule {
        id: rule.id.into(),
        verdict: verdict_out(rule.verdict),
        severity: match rule.severity {
            Severity::Note => wit::Severity::Note,
            Severity::Warning => wit::Severity::Warning,
            Severity::Error => wit::Severity::Error,
        },
        level: level_out(rule.level),
        class: rule.class.map(|class| class.name().into()),
        title: rule.title.into(),
        help: rule.help.into(),
    }
}

fn finding_out(finding: &Finding) -> wit::Finding {
    let Finding { rule, offset, part, part_offset, message, .. } = finding;
    wit::Finding {
        rule: rule.id.into(),
        offset: *offset,
        part: part.clone(),
        part_offset: *part_offset,
        message: message.clone(),
    }
}

fn payload_out(payload: &Payload) -> wit::Payload {
    let Payload { part, range, crc32 } = payload;
    wit::Payload { part: part.clone(), range: range_out(range), checksum: *crc32 }
}

fn item_out(metadata: &Metadata, item: &dcp::Item) -> wit::NamedItem {
    let part = metadata.part(item);
    let part = part.map(|(dtype, shape)| wit::Part { dtype: dtype_out(dtype), shape: shape.to_vec() });
    let content = match (item.form, part) {
        (Form::Transformed, _) => wit::Content::Transformed,
        (Form::Archive | Form::Safetensors, None) => wit::Content::Object,
        (Form::Archive, Some(part)) => wit::Content::Tensor(part),
        (Form::Safetensors, Some(part)) => wit::Content::Safetensors(part),
    };
    let (file, name) = (metadata.file(item).into(), metadata.name(item).into());
    wit::NamedItem { file, item: wit::Item { name, range: range_out(&item.range), content } }
}

fn item_in(item: wit::Item) -> Expected {
    let wit::Item { name, range, content } = item;
    let content = match content {
        wit::Content::Object => Expectation::Object,
        wit::Content::Tensor(wit::Part { dtype, shape }) => Expectation::Tensor(dtype_in(dtype), shape),
        wit::Content::Safetensors(wit::Part { dtype, shape }) => {
            Expectation::Safetensors(dtype_in(dtype), shape)
        }
        wit::Content::Transformed => Expectation::Transformed,
    };
    Expected { name, range: Range::new(range.offset, range.length), content }
}

fn report_out(report: &Report) -> wit::Report {
    wit::Report {
        kind: report.kind.name().into(),
        verdict: verdict_out(report.verdict),
        level: report.reached().map(level_out),
        findings: u32::try_from(report.findings.len()).unwrap_or(u32::MAX),
        unlisted: report.unlisted,
        payloads: u32::try_from(report.payloads.len()).unwrap_or(u32::MAX),
        items: report
            .metadata
            .as_ref()
            .map_or(0, |metadata| metadata.items.len())
            .try_into()
            .unwrap_or(u32::MAX),
    }
}

fn level_out(level: Level) -> wit::Level {
    match level {
        Level::NoCode => wit::Level::NoCode,
        Level::WeightsOnly => wit::Level::WeightsOnly,
        Level::TensorsOnly => wit::Level::TensorsOnly,
    }
}

fn verdict_out(verdict: Verdict) -> wit::Verdict {
    match verdict {
        Verdict::Safe => wit::Verdict::Safe,
        Verdict::Inert => wit::Verdict::Inert,
        Verdict::Trusting => wit::Verdict::Trusting,
        Verdict::Unverified => wit::Verdict::Unverified,
        Verdict::Malformed => wit::Verdict::Malformed,
        Verdict::Unsafe => wit::Verdict::Unsafe,
    }
}
