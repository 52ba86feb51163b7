//! The processes that save together: which one this is, and where they meet.

pub mod barrier;
pub(crate) mod rank_info;
