//! PyTorch's checkpoints: the zip archive, the legacy stream, and the meaning of
//! the pickle inside both.

mod archive;
mod bare;
mod emit;
mod interpret;
mod legacy;
mod notes;
mod order;
mod records;
mod serialization_id;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod whole;
mod write;

pub(crate) use archive::ArchiveReader;
pub(crate) use bare::{BareReader, lay_out as lay_out_pickle};
pub(crate) use emit::storage::has_one_type;
/// The attribute of an empty `OrderedDict` that stands for a value in another file.
const ABSENT: &str = "strongroom.absent";

pub(crate) use interpret::{About, Flaw, NamedStorage, Surveyed, survey};
pub(crate) use legacy::LegacyReader;
pub(crate) use write::ArchiveWriter;
