//! Zip archives: the directory read strictly, and laid out as torch does.

mod directory;
mod layout;

pub use directory::{Directory, Entry, Opening};
pub use layout::{Layout, Record};
