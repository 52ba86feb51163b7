//! What runs components: the one that understands formats, and those that are hooks.

pub(crate) mod bindings;
mod convert;
mod engine;
pub(crate) mod instance;
mod machine;

pub use engine::Engine;

pub use machine::MachineCode;
#[cfg(feature = "compiler")]
pub(crate) use machine::machine;
#[cfg(feature = "compiler")]
pub(crate) use machine::setup;
