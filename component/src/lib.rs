//! The component that understands checkpoints, made ready to run.
//!
//! It is compiled before anything is shipped: to machine code of the targets that strongroom is
//! built for, at the baseline of each, and to the portable bytecode of wasmtime's interpreter,
//! Pulley, for all else. `cargo xtask component` makes all of it.

#![deny(unsafe_code)]

mod tune;

pub use tune::tune;

/// The SHA-256, in hex, of the component: what the machine code is made of.
pub const SHA256: &str = env!("STRONGROOM_COMPONENT_SHA256");

/// The component itself.
#[cfg(feature = "wasm")]
pub const WASM: &[u8] = include_bytes!(concat!(env!("STRONGROOM_MADE"), "/strongroom.wasm"));

/// Its machine code for the target that this crate is built for, if any was made.
pub fn native() -> Option<&'static [u8]> {
    Some(NATIVE).filter(|code| !code.is_empty())
}

/// Its bytecode for Pulley on machines of 64 bits, least byte first.
pub fn portable() -> Option<Vec<u8>> {
    unpacked(PORTABLE)
}

/// The architecture and system that the machine code is for: `x86_64-linux`.
pub const NATIVE_TARGET: &str = env!("STRONGROOM_NATIVE_TARGET");

/// The version of wasmtime that made the machine code.
pub const WASMTIME: &str = env!("STRONGROOM_WASMTIME");

fn unpacked(code: &[u8]) -> Option<Vec<u8>> {
    lz4_flex::decompress_size_prepended(code).ok()
}

// Empty where none was made.
const NATIVE: &[u8] = include_bytes!(env!("STRONGROOM_NATIVE"));
const PORTABLE: &[u8] = include_bytes!(env!("STRONGROOM_PORTABLE"));
