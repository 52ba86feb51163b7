//! Zip archives: the directory read strictly, and laid out as torch does.

mod central;
mod directory;
mod eocd;
mod extra;
mod layout;
mod local;
pub(crate) mod records;
mod segments;
#[cfg(test)]
mod tests;
pub(crate) mod windows;

pub use directory::{Directory, Entry, Opening};
pub(crate) use extra::is_known as is_known_extra;
pub use layout::{Layout, Record};
pub(crate) use layout::{end_of, placed};
pub(crate) use segments::Segments;
