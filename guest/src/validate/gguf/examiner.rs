use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use super::data::Data;
use super::metadata::Value;
use super::{HEADER, VERSION, metadata, tensor};
use crate::Excess;
use crate::foreign::Kind;
use crate::step::{Next, Range, Window};
use crate::validate::examine::{Child, Examine, Part, Scope};
use crate::validate::file::limit;
use crate::validate::finding::Rule;

/// Goes over a GGUF file's header an item at a time, and compares where the tensors are with how
/// long the file is.
#[derive(Debug, Default)]
pub(super) struct Gguf {
    stage: Stage,
    /// Where the next item is.
    pub(super) at: u64,
    /// Bytes from there on, as far as they came.
    bytes: Vec<u8>,
    /// How many of them are behind.
    used: usize,
    window: Window,
    keys_left: u64,
    tensors_left: u64,
    names: BTreeSet<String>,
    /// Bytes of names that are kept.
    kept: u64,
    /// What the value that comes next is for.
    pub(super) value: Value,
    pub(super) alignment: u64,
    pub(super) data: Data,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Start,
    Header,
    Key,
    Value,
    Tensor,
    Data,
}

/// What comes of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Item {
    /// It takes so many bytes, and not all are there.
    Wants(u64),
    /// It is whole.
    Whole,
    /// Nothing behind it can be told.
    Lost,
}

/// The current region as a GGUF file.
pub(in crate::validate) fn child(scope: &Scope<'_>) -> Child {
    Child::same(Box::new(Gguf { alignment: ALIGNMENT, ..Gguf::default() }), scope)
}

impl Gguf {
    /// The next bytes, if so many are there.
    pub(super) fn peek(&self, count: u64) -> Option<&[u8]> {
        let end = self.used.checked_add(usize::try_from(count).ok()?)?;
        self.bytes.get(self.used..end)
    }

    /// Bytes that are there from the next on.
    pub(super) fn there(&self) -> &[u8] {
        self.bytes.get(self.used..).unwrap_or_default()
    }

    /// Goes on behind so many bytes, which need not be there.
    pub(super) fn pass(&mut self, count: u64) {
        self.at = self.at.saturating_add(count);
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        self.used = self.used.saturating_add(count).min(self.bytes.len());
    }

    /// The number at `at` behind the next byte.
    pub(super) fn u32(&self, at: u64) -> Option<u32> {
        let bytes = self.peek(at.checked_add(4)?)?;
        bytes.last_chunk().map(|bytes| u32::from_le_bytes(*bytes))
    }

    pub(super) fn u64(&self, at: u64) -> Option<u64> {
        let bytes = self.peek(at.checked_add(8)?)?;
        bytes.last_chunk().map(|bytes| u64::from_le_bytes(*bytes))
    }

    /// Bytes of the region behind the next item's start.
    pub(super) fn left(&self, scope: &Scope<'_>) -> u64 {
        scope.length.saturating_sub(self.at)
    }

    /// Reports what is wrong at the next byte.
    pub(super) fn find(&self, rule: &'static Rule, message: impl Into<String>, scope: &mut Scope<'_>) {
        scope.find(rule, &Part::whole(), self.at, message);
    }

    /// Reports that the file ends before what the header says is there: so many bytes.
    pub(super) fn cut(&self, length: u64, message: impl Into<String>, scope: &mut Scope<'_>) {
        scope.find_cut(length, &HEADER, &Part::whole(), self.at, message);
    }

    /// Keeps a name; answers whether it is there for the first time, or nothing if there is no room.
    pub(super) fn keep(&mut self, name: String, scope: &mut Scope<'_>) -> Option<bool> {
        self.kept = self.kept.saturating_add(name.len() as u64);
        let allowed = scope.options.limits.directory_bytes;
        if self.kept > allowed {
            let excess = Excess { offset: self.at, limit: "directory_bytes", allowed };
            limit::reached(&excess, &Part::whole(), scope);
            return None;
        }
        Some(self.names.insert(name))
    }

    fn item(&mut self, scope: &mut Scope<'_>) -> Item {
        match self.stage {
            Stage::Start | Stage::Header => self.header(scope),
            Stage::Key if self.keys_left == 0 => {
                self.names.clear();
                self.stage = Stage::Tensor;
                Item::Whole
            }
            Stage::Key => {
                let item = metadata::key(self, scope);
                if item == Item::Whole {
                    self.keys_left = self.keys_left.saturating_sub(1);
                    self.stage = Stage::Value;
                }
                item
            }
            Stage::Value => {
                let item = metadata::value(self, scope);
                if item == Item::Whole && self.value.is_over() {
                    self.stage = Stage::Key;
                }
                item
            }
            Stage::Tensor if self.tensors_left == 0 => {
                self.stage = Stage::Data;
                Item::Whole
            }
            Stage::Tensor => {
                let item = tensor::info(self, scope);
                if item == Item::Whole {
                    self.tensors_left = self.tensors_left.saturating_sub(1);
                }
                item
            }
            Stage::Data => Item::Lost,
        }
    }

    fn header(&mut self, scope: &mut Scope<'_>) -> Item {
        let (Some(version), Some(tensors), Some(keys)) = (self.u32(4), self.u64(8), self.u64(16)) else {
            return Item::Wants(HEADER_BYTES);
        };
        if !matches!(version, 2 | 3) {
            let message = match version.swap_bytes() {
                1..=3 => format!("version {}, as big-endian machines write it", version.swap_bytes()),
                _ => format!("version {version}"),
            };
            self.find(&VERSION, message, scope);
            return Item::Lost;
        }
        let left = scope.length.saturating_sub(HEADER_BYTES);
        // Each takes so many bytes at least.
        let least = tensors.checked_mul(LEAST_TENSOR).zip(keys.checked_mul(LEAST_KEY));
        if least.and_then(|(tensors, keys)| tensors.checked_add(keys)).is_none_or(|least| least > left) {
            let message = format!("{tensors} tensors and {keys} keys do not fit {left} bytes");
            self.cut(tensors.max(keys).saturating_mul(LEAST_TENSOR), message, scope);
            return Item::Lost;
        }
        let allowed = scope.options.limits.entries;
        if tensors.max(keys) > allowed.into() {
            let excess = Excess { offset: 8, limit: "entries", allowed: allowed.into() };
            limit::reached(&excess, &Part::whole(), scope);
            return Item::Lost;
        }
        (self.tensors_left, self.keys_left) = (tensors, keys);
        self.pass(HEADER_BYTES);
        self.stage = Stage::Key;
        Item::Whole
    }

    /// What is to be fetched next, if anything is.
    fn go_on(&mut self, scope: &mut Scope<'_>) -> Option<Range> {
        loop {
            match self.item(scope) {
                Item::Whole => {}
                Item::Lost => return None,
                Item::Wants(count) => {
                    let left = self.left(scope);
                    if count > left {
                        self.cut(count, format!("expected {count} bytes more, found the end"), scope);
                        return None;
                    }
                    return Some(Range::new(self.at, self.window.next(count, left)));
                }
            }
        }
    }
}

impl Examine for Gguf {
    fn resume(&mut self, mut parts: Vec<Vec<u8>>, scope: &mut Scope<'_>) -> Next<Vec<Child>> {
        if self.stage == Stage::Start {
            self.stage = Stage::Header;
            scope.kind(Kind::Gguf);
        }
        if self.stage == Stage::Data {
            return self.data.padding(&parts, scope);
        }
        self.bytes = parts.pop().unwrap_or_default();
        self.used = 0;
        match self.go_on(scope) {
            Some(range) => Next::Fetch(vec![range]),
            None if self.stage == Stage::Data => {
                self.data.place(self.at, self.alignment, scope);
                self.data.padding(&[], scope)
            }
            None => Next::Done(Vec::new()),
        }
    }
}

/// The bytes of the magic, the version and two counts.
const HEADER_BYTES: u64 = 24;
/// A name's length, a count of dimensions, a type and an offset.
const LEAST_TENSOR: u64 = 24;
/// A key's length, a type and a byte.
const LEAST_KEY: u64 = 13;
/// Where nothing else is said.
const ALIGNMENT: u64 = 32;
