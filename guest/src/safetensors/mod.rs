//! safetensors: an eight-byte length, a JSON header, and the tensors' bytes.

mod read;
mod write;

pub(crate) use read::SafetensorsReader;
pub(crate) use write::layout;
