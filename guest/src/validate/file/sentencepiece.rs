//! SentencePiece models: the vocabulary of a tokenizer, `tokenizer.model` in many repositories.
//!
//! Any protocol buffer is a model to `onnx.load`. Of this one it finds no graph, no function and no
//! file that is named: its fields there are a number that is none, and three names.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

use super::{inert, onnx, unknown};
use crate::foreign::Described;
use crate::step::{Next, Range};
use crate::validate::examine::{Child, Examine, Part, Scope};

/// Goes over the fields of a model, to the end.
#[derive(Debug)]
struct Pieces {
    described: Described,
    position: u64,
    asked: bool,
}

/// The current region, which starts as a SentencePiece model does.
pub(super) fn child(described: Described, scope: &Scope<'_>) -> Child {
    Child::same(Box::new(Pieces { described, position: 0, asked: false }), scope)
}

impl Pieces {
    /// Takes fields as far as they are there. False if one is of something else.
    fn walk(&mut self, bytes: &[u8], length: u64) -> bool {
        let start = self.position;
        while self.position < length {
            let at = usize::try_from(self.position.saturating_sub(start)).unwrap_or(usize::MAX);
            let rest = bytes.get(at..).unwrap_or_default();
            if rest.len() < onnx::LONGEST && (rest.len() as u64) < length.saturating_sub(self.position) {
                return true;
            }
            let Some((_, size)) = onnx::field(rest).filter(|(tag, _)| FIELDS.contains(tag)) else {
                return false;
            };
            match self.position.checked_add(size).filter(|next| *next <= length) {
                Some(next) => self.position = next,
                None => return false,
            }
        }
        true
    }
}

impl Examine for Pieces {
    fn resume(&mut self, parts: Vec<Vec<u8>>, scope: &mut Scope<'_>) -> Next<Vec<Child>> {
        let bytes = parts.first().map_or(&[][..], Vec::as_slice);
        if self.asked && !self.walk(bytes, scope.length) {
            scope.find(&unknown::RULE, &Part::whole(), self.position, self.described.what);
            return Next::Done(Vec::new());
        }
        self.asked = true;
        let left = scope.length.saturating_sub(self.position);
        if left > 0 {
            return Next::Fetch(vec![Range::new(self.position, left.min(WINDOW))]);
        }
        let what = "a SentencePiece model, the vocabulary of a tokenizer";
        inert::report(Described { what, ..self.described }, scope);
        Next::Done(Vec::new())
    }
}

/// The tags of its fields, all of them messages: pieces, two specifications, test data, and a second
/// specification to undo the first.
const FIELDS: [u64; 5] = [10, 18, 26, 34, 42];
/// Bytes that are fetched for the next fields.
const WINDOW: u64 = 1 << 16;
