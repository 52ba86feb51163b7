use alloc::boxed::Box;
use alloc::format;
use alloc::vec;
use alloc::vec::Vec;

use crate::foreign::{self, HEAD};
use crate::show;
use crate::step::{Next, Range};
use crate::validate::examine::{Child, Examine, Part, Scope};
use crate::validate::finding::Rule;

/// Content of no known kind.
pub(in crate::validate) static RULE: Rule = Rule::unverified(
    "SR-FILE-UNKNOWN",
    "content of a kind not known",
    "strongroom knows PyTorch files, safetensors, pickles, numpy files and zip archives of \
     them. Nothing is proven about anything else.",
);

/// Says that nobody knows what a content is.
#[derive(Debug)]
struct Unknown {
    asked: bool,
}

/// The current region as content of no known kind.
pub(in crate::validate) fn child(scope: &Scope<'_>) -> Child {
    Child::same(Box::new(Unknown { asked: false }), scope)
}

impl Examine for Unknown {
    fn resume(&mut self, parts: Vec<Vec<u8>>, scope: &mut Scope<'_>) -> Next<Vec<Child>> {
        if !self.asked {
            self.asked = true;
            return Next::Fetch(vec![Range::new(0, scope.length.min(HEAD))]);
        }
        let head = parts.first().map_or(&[][..], Vec::as_slice);
        let message = match foreign::describe(head, scope.length) {
            Some(what) => what.into(),
            None => {
                let shown = show::bytes(head.get(..SHOWN.min(head.len())).unwrap_or_default());
                format!("nothing that is known: it starts with {shown}")
            }
        };
        scope.find(&RULE, &Part::whole(), 0, message);
        Next::Done(Vec::new())
    }
}

/// Bytes that are shown.
const SHOWN: usize = 16;
