//! A component with strongroom's exports that was taken over: told the name of a
//! lie, it tells it, and the truth otherwise.
//!
//! A reader or validator finds the name in the file it is to look at, a writer in the archive's
//! name. tests/hostile_component.rs builds it and expects the host to see
//! through each lie.

#![no_std]
#![cfg(target_arch = "wasm32")]

extern crate alloc;

mod misdeeds;
mod reading;
mod validating;
mod writing;

use alloc::alloc::{alloc, realloc};
use core::alloc::Layout;
use core::ptr;

#[allow(unsafe_code, missing_docs, unused_qualifications, clippy::all, clippy::pedantic)]
mod bindings {
    wit_bindgen::generate!({ path: "../../wit/format", world: "checkpoint" });
    use super::Liar;
    export!(Liar with_types_in self);
}

struct Liar;

// wasi-libc's `memcmp` and its like; see the guest.
#[allow(unsafe_code)]
#[link(name = "c")]
unsafe extern "C" {}

#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}

#[allow(unsafe_code)]
#[unsafe(no_mangle)]
unsafe extern "C" fn cabi_realloc(old: *mut u8, old_length: usize, align: usize, length: usize) -> *mut u8 {
    // SAFETY: as the canonical ABI asks; see the guest.
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
        core::arch::wasm32::unreachable()
    }
    block
}
