//! One file: the component says what is where, this reads, writes and checks it.

pub(crate) mod carry;
pub(crate) mod check;
pub(crate) mod drive;
pub(crate) mod pages;
pub(crate) mod protected;
pub(crate) mod read;
pub(crate) mod readback;
pub(crate) mod reserved;
pub(crate) mod weigh;
pub(crate) mod write;
