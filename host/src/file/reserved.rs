//! Names that a checkpoint directory has for its own files: no format has a say in them.

/// The name of the commit record in a checkpoint directory.
pub(crate) const RECORD: &str = "strongroom.json";

/// The name of the outline of a state dict that was shared over ranks.
pub(crate) const OUTLINE: &str = "outline.pkl";
