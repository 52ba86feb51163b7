use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

use super::{json, length, walk};
use crate::Excess;
use crate::foreign::Kind;
use crate::safetensors::LENGTH;
use crate::step::{Next, Range};
use crate::validate::examine::{Child, Examine, Part, Scope};
use crate::validate::file::limit;

/// Judges a safetensors file: its header, and whether the tensors cover the rest.
#[derive(Debug, Default)]
struct Safetensors {
    state: State,
}

#[derive(Clone, Copy, Debug, Default)]
enum State {
    #[default]
    Start,
    Length,
    Header,
}

/// The current region as safetensors.
pub(in crate::validate) fn child(scope: &Scope<'_>) -> Child {
    Child::same(Box::new(Safetensors::default()), scope)
}

impl Examine for Safetensors {
    fn resume(&mut self, parts: Vec<Vec<u8>>, scope: &mut Scope<'_>) -> Next<Vec<Child>> {
        let bytes = parts.first().map_or(&[][..], Vec::as_slice);
        match self.state {
            State::Start => {
                scope.kind(Kind::Safetensors);
                self.state = State::Length;
                return Next::Fetch(vec![Range::new(0, LENGTH.min(scope.length))]);
            }
            State::Length => {
                let Some(header) = length::check(bytes, scope) else { return Next::Done(Vec::new()) };
                let allowed = scope.options.limits.directory_bytes;
                if header > allowed {
                    let excess = Excess { offset: 0, limit: "directory_bytes", allowed };
                    limit::reached(&excess, &Part::whole(), scope);
                    return Next::Done(Vec::new());
                }
                self.state = State::Header;
                return Next::Fetch(vec![Range::new(LENGTH, header)]);
            }
            State::Header => {
                let header = Part::at("header", LENGTH);
                json::check_utf8(bytes, &header, scope);
                walk::walk(bytes, &header, scope);
            }
        }
        Next::Done(Vec::new())
    }
}
