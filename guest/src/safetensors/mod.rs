//! safetensors: an eight-byte length, a JSON header, and the tensors' bytes.
//!
//! ```text
//! 0          8                8 + n                 end of file
//! | n: u64   | JSON, n bytes  | tensors, no gaps    |
//! ```
//!
//! The reference is the Rust crate safetensors 0.8, which its Python package
//! wraps: what it refuses is refused here, and what it writes is written here.

pub(crate) mod element;
mod fit;
mod header;
mod json;
mod read;
mod ties;
mod write;

#[cfg(test)]
mod tests;

pub(crate) use read::SafetensorsReader;
pub(crate) use write::layout;

/// Bytes of the header's length.
pub(crate) const LENGTH: u64 = 8;

/// The key of the header's free text: no tensor can have this name.
pub(crate) const METADATA: &str = "__metadata__";

/// The largest header the reference reads or writes.
pub(crate) const MAX_HEADER: u64 = 100_000_000;
