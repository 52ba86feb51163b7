//! Bytes of tensors: where they are held, how they are gathered, and what they are known by.

pub(crate) mod buffer;
pub(crate) mod checksum;
pub(crate) mod digest;
pub(crate) mod gather;
pub(crate) mod layout;
mod stored;
pub(crate) mod witness;

pub(crate) use stored::Stored;
