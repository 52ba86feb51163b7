//! What the operating system does for all floors above.

pub(crate) mod random;
pub(crate) mod shared_memory;
