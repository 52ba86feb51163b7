//! The only module that sees WIT. It converts and pages; it decides nothing.

mod compare;
mod enums;
mod nodes;
mod page;
mod reader;
mod validator;
mod writer;

use alloc::alloc::{alloc, realloc};
use alloc::vec::Vec;
use core::alloc::Layout;
use core::cell::{RefCell, RefMut};
use core::ptr;

use crate::{Error, Fault, Unfit};
use bindings::exports::strongroom::format as wit;

#[allow(unsafe_code, missing_docs, unused_qualifications, clippy::all, clippy::pedantic)]
mod bindings {
    wit_bindgen::generate!({ path: "wit/format", world: "checkpoint" });
    use super::Component;
    export!(Component with_types_in self);
}

/// What the exports are implemented on.
struct Component;

#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

/// A panic is a bug in the guest; the host sees a trap and the instance ends.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}

/// The allocator that the canonical ABI calls to pass lists in. On this target
/// wit-bindgen leaves it to the standard library, which is not here.
#[allow(unsafe_code)]
#[unsafe(no_mangle)]
unsafe extern "C" fn cabi_realloc(old: *mut u8, old_length: usize, align: usize, length: usize) -> *mut u8 {
    // SAFETY: the canonical ABI passes a power of two as `align`, and as `old`
    // null or a block that this function returned for `old_length` and `align`.
    let block = unsafe {
        if length == 0 {
            return ptr::without_provenance_mut(align);
        } else if old_length == 0 {
            alloc(Layout::from_size_align_unchecked(length, align))
        } else {
            realloc(old, Layout::from_size_align_unchecked(old_length, align), length)
        }
    };
    if block.is_null() {
        // Out of memory: the host's cap on the instance was reached.
        core::arch::wasm32::unreachable()
    }
    block
}

/// The state of a resource. The canonical ABI enters an instance once at a time,
/// so the borrow never fails; a trap would be the wrong answer all the same.
fn enter<T>(state: &RefCell<T>) -> Result<RefMut<'_, T>, wit::types::Error> {
    state.try_borrow_mut().map_err(|_| error_out(Error::misuse("the resource is in use")))
}

fn error_out(error: Error) -> wit::types::Error {
    match error {
        Error::Malformed(fault) => wit::types::Error::Malformed(fault_out(fault)),
        Error::Unsupported(fault) => wit::types::Error::Unsupported(fault_out(fault)),
        Error::Truncated(fault) => wit::types::Error::Truncated(fault_out(fault)),
        Error::Limit(excess) => wit::types::Error::Limit(wit::types::Excess {
            offset: excess.offset,
            limit: excess.limit.into(),
            allowed: excess.allowed,
        }),
        Error::Unrepresentable(unfit) => wit::types::Error::Unrepresentable(unfit_out(unfit)),
        Error::Misuse(what) => wit::types::Error::Misuse(what),
    }
}

fn fault_out(fault: Fault) -> wit::types::Fault {
    let Fault { offset, part, expected, found } = fault;
    wit::types::Fault { offset, part, expected, found }
}

fn unfit_out(unfit: Vec<Unfit>) -> Vec<wit::types::Unfit> {
    unfit.into_iter().map(|Unfit { path, reason }| wit::types::Unfit { path, reason }).collect()
}
