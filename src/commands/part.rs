//! What one rank has of a state dict that was shared over several.

use std::path::Path;

use strongroom::{Checkpoint, DirectoryKind, File, FileRecord};

use crate::context::Context;
use crate::output::note;

/// Says that what is taken is but a part.
pub fn tell(path: &Path, rank: usize, ranks: usize) {
    let path = path.display();
    note(&format!("{path}: this is the part that rank {rank} has of a state dict shared over {ranks} ranks"));
}

/// Says it of a file, if its directory or what is in it says that it is one.
pub fn tell_of(context: &Context, file: &File) {
    let path = file.path().display();
    if let Some((rank, ranks)) = shared(context, file.path()) {
        tell(file.path(), rank, ranks);
    } else if has_lost_others(context, file.path()) {
        note(&format!(
            "{path}: this is one rank's file of a state dict shared over ranks, and the checkpoint has lost its \
             record, which says of how many"
        ));
    } else if file.state().is_part() {
        note(&format!("{path}: this is a part of a state dict: there are values that other ranks have"));
    }
}

/// Whether a file's own record says that its state dict was shared, where there is no commit
/// record any more.
fn has_lost_others(context: &Context, path: &Path) -> bool {
    let record = FileRecord::beside(&context.store, path).ok().flatten();
    let directory = path.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."));
    record.is_some_and(|record| record.storages.outline.is_some())
        && matches!(DirectoryKind::of(&context.store, directory), Ok(DirectoryKind::LostRecord(_)))
}

/// Which rank of how many has the file, by the record of a checkpoint that was shared.
fn shared(context: &Context, path: &Path) -> Option<(usize, usize)> {
    // By whatever links it leads there.
    let path = path.canonicalize().ok()?;
    let checkpoint = context.checkpoint(path.parent()?).ok()?;
    let name = path.file_name()?.to_str()?;
    let rank = (0..checkpoint.world_size()).find(|rank| Checkpoint::rank_file(*rank) == name)?;
    (checkpoint.is_shared() && checkpoint.world_size() > 1).then_some((rank, checkpoint.world_size()))
}
