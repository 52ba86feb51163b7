use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;
use core::cell::RefCell;

use crate::Liar;
use crate::bindings::exports::strongroom::format::reader::{Chunk, Limits};
use crate::bindings::exports::strongroom::format::types::{Error, Range};
use crate::bindings::exports::strongroom::format::validator as wit;
use crate::misdeeds;

/// The truth is one finding, that the file is unsafe.
pub struct Validation {
    length: u64,
    lie: RefCell<String>,
}

impl wit::Guest for Liar {
    type Validation = Validation;

    fn rules() -> Vec<wit::Rule> {
        let rule = |id: &str, verdict, severity| wit::Rule {
            id: id.into(),
            verdict,
            severity,
            level: wit::Level::TensorsOnly,
            class: None,
            title: "a rule".into(),
            help: "There is none.".into(),
        };
        vec![
            rule(UNSAFE, wit::Verdict::Unsafe, wit::Severity::Error),
            rule("SR-LIAR-NOTE", wit::Verdict::Safe, wit::Severity::Note),
        ]
    }

    fn limits_within(_: u64) -> Limits {
        Limits {
            entries: 1000,
            directory_bytes: 0,
            pickle_bytes: 0,
            opcodes: 0,
            memo: 0,
            string_bytes: 0,
            depth: 0,
            nodes: 0,
            tree: 0,
        }
    }
}

impl wit::GuestValidation for Validation {
    fn open(length: u64, _: wit::ValidateOptions) -> wit::Validation {
        wit::Validation::new(Self { length, lie: RefCell::default() })
    }

    fn expect(&self, _: Vec<wit::Item>) -> Result<(), Error> {
        Ok(())
    }

    fn advance(&self, chunks: Vec<Chunk>) -> Result<wit::Judging, Error> {
        let whole = Range { offset: 0, length: self.length };
        let Some(chunk) = chunks.first() else { return Ok(wit::Judging::Fetch(vec![whole])) };
        let first = self.lie.borrow().is_empty();
        if first {
            *self.lie.borrow_mut() = String::from_utf8_lossy(&chunk.bytes).trim().to_string();
        }
        let lie = self.lie.borrow();
        // What was found is told before the next step, which is the last.
        if first && lie.starts_with(THEN) {
            return Ok(wit::Judging::Fetch(vec![whole]));
        }
        misdeeds::commit(lie.strip_prefix(THEN).unwrap_or(&lie))?;
        let fetch = |offset, length| Ok(wit::Judging::Fetch(vec![Range { offset, length }]));
        match lie.as_str() {
            "fetch beyond the file" => fetch(self.length, 1),
            "fetch past the last offset" => fetch(u64::MAX, 2),
            "fetch no range" => Ok(wit::Judging::Fetch(Vec::new())),
            "fetch no bytes" => fetch(0, 0),
            "fetch the same forever" => fetch(0, self.length),
            _ => Ok(wit::Judging::Ready(self.report())),
        }
    }

    fn findings(&self, start: u32, count: u32) -> Result<Vec<wit::Finding>, Error> {
        let lie = self.lie.borrow();
        let all = match lie.as_str() {
            "" | "safe, with nothing found" | "unsafe, with nothing found" => Vec::new(),
            "findings without end" => vec![finding(UNSAFE); 10],
            "a page of too many findings" => vec![finding(UNSAFE); count as usize + 1],
            "a finding of a gigabyte" => {
                vec![wit::Finding { message: "x".repeat(1 << 30), ..finding(UNSAFE) }]
            }
            "a finding by a rule that is none" => vec![finding("SR-NO-RULE")],
            "a finding of the host's" => vec![finding("SR-FILE-UNREADABLE")],
            "a finding beyond the file" => vec![wit::Finding { offset: u64::MAX, ..finding(UNSAFE) }],
            _ => vec![finding(UNSAFE)],
        };
        let endless = matches!(lie.as_str(), "findings without end" | "a page of too many findings");
        let skipped = if endless { 0 } else { start as usize };
        Ok(all.into_iter().skip(skipped).collect())
    }

    fn payloads(&self, _: u32, count: u32) -> Result<Vec<wit::Payload>, Error> {
        let payload = |offset, length| wit::Payload {
            part: "data".into(),
            range: Range { offset, length },
            checksum: None,
        };
        Ok(match self.lie.borrow().as_str() {
            "a payload beyond the file" => vec![payload(self.length, 1)],
            "a page without payloads" => Vec::new(),
            _ => vec![payload(0, 1); count as usize],
        })
    }

    fn items(&self, _: u32, count: u32) -> Result<Vec<wit::NamedItem>, Error> {
        let item = |name: &str| wit::NamedItem {
            file: "__0_0.distcp".into(),
            item: wit::Item {
                name: name.into(),
                range: Range { offset: u64::MAX, length: u64::MAX },
                content: wit::Content::Object,
            },
        };
        Ok(match self.lie.borrow().as_str() {
            "a page without items" => Vec::new(),
            "items of a gigabyte" => vec![item(&"x".repeat(1 << 20)); 1 << 10],
            _ => vec![item("x"); count as usize],
        })
    }
}

impl Validation {
    fn report(&self) -> wit::Report {
        let lie = self.lie.borrow();
        let verdict = match lie.as_str() {
            "safe, with a finding" | "safe, with nothing found" => wit::Verdict::Safe,
            "only malformed" => wit::Verdict::Malformed,
            _ => wit::Verdict::Unsafe,
        };
        wit::Report {
            kind: "pickle".into(),
            level: (verdict == wit::Verdict::Safe).then_some(wit::Level::TensorsOnly),
            verdict,
            findings: match lie.as_str() {
                "more findings than there are" => 2,
                "fewer findings than there are" | "safe, with nothing found" => 0,
                "unsafe, with nothing found" => 0,
                _ => 1,
            },
            unlisted: 0,
            payloads: match lie.as_str() {
                "four billion payloads" => u32::MAX,
                "a payload beyond the file" | "a page without payloads" => 1,
                _ => 0,
            },
            items: match lie.as_str() {
                "four billion items" => u32::MAX,
                "a page without items" => 1,
                "items of a gigabyte" => 1 << 10,
                _ => 0,
            },
        }
    }
}

fn finding(rule: &str) -> wit::Finding {
    wit::Finding {
        rule: rule.into(),
        offset: 0,
        part: String::new(),
        part_offset: 0,
        message: "it is not safe".into(),
    }
}

const UNSAFE: &str = "SR-LIAR-UNSAFE";

/// What a misdeed that follows a finding begins with.
const THEN: &str = "a finding, then ";
