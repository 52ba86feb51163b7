use alloc::vec::Vec;
use core::cell::RefCell;

use super::page::page;
use super::reader::{chunk_in, limits_in, limits_out, range_out};
use super::wit::reader::{Chunk, Limits as WitLimits};
use super::wit::types::Error;
use super::wit::validator as wit;
use super::{Component, enter, error_out};
use crate::Limits;
use crate::validate::{
    Finding, Judging, Kind, Payload, Policy, RULES, Report, Rule, Severity, ValidateOptions, Validating,
    Verdict,
};

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
}

fn options_in(options: wit::ValidateOptions) -> ValidateOptions {
    let wit::ValidateOptions { policy, allow, limits } = options;
    let policy = match policy {
        wit::Policy::WeightsOnly => Policy::WeightsOnly,
        wit::Policy::TensorsOnly => Policy::TensorsOnly,
    };
    ValidateOptions { policy, allow, limits: limits_in(limits) }
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
        title: rule.title.into(),
        help: rule.help.into(),
    }
}

fn finding_out(finding: &Finding) -> wit::Finding {
    let Finding { rule, offset, part, part_offset, message } = finding;
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

fn report_out(report: &Report) -> wit::Report {
    wit::Report {
        kind: match report.kind {
            Kind::TorchZip => wit::Kind::TorchZip,
            Kind::TorchLegacy => wit::Kind::TorchLegacy,
            Kind::TorchScript => wit::Kind::TorchScript,
            Kind::Safetensors => wit::Kind::Safetensors,
            Kind::Pickle => wit::Kind::Pickle,
            Kind::Npy => wit::Kind::Npy,
            Kind::Npz => wit::Kind::Npz,
            Kind::Zip => wit::Kind::Zip,
            Kind::Unknown => wit::Kind::Unknown,
        },
        verdict: verdict_out(report.verdict),
        findings: u32::try_from(report.findings.len()).unwrap_or(u32::MAX),
        unlisted: report.unlisted,
        payloads: u32::try_from(report.payloads.len()).unwrap_or(u32::MAX),
    }
}

fn verdict_out(verdict: Verdict) -> wit::Verdict {
    match verdict {
        Verdict::Safe => wit::Verdict::Safe,
        Verdict::Trusting => wit::Verdict::Trusting,
        Verdict::Unverified => wit::Verdict::Unverified,
        Verdict::Malformed => wit::Verdict::Malformed,
        Verdict::Unsafe => wit::Verdict::Unsafe,
    }
}
