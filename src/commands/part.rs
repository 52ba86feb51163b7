//! What one rank has of a state dict that was shared over several.

use std::path::Path;

use strongroom::{Checkpoint, File, shared_rank};

use crate::context::Context;
use crate::output::note;

/// Says that what is taken is but a part.
pub fn tell(path: &Path, rank: usize, ranks: usize) {
    let path = path.display();
    note(&format!("{path}: this is the part that rank {rank} has of a state dict shared over {ranks} ranks"));
}

/// Says it of a file, if its directory or what is in it says that it is one.
pub fn tell_of(context: &Context, file: &File) {
    // By whatever links it leads there.
    let path = file.path().canonicalize().unwrap_or_else(|_| file.path().into());
    let committed = path.parent().and_then(|directory| context.checkpoint(directory).ok());
    let shown = file.path().display();
    if let Some((rank, ranks)) = committed.as_ref().and_then(|checkpoint| shared(checkpoint, &path)) {
        tell(file.path(), rank, ranks);
    } else if file.state().is_part() {
        note(&format!("{shown}: this is a part of a state dict: there are values that other ranks have"));
    } else if let Some(rank) = shared_rank(&context.store, &path).filter(|_| committed.is_none()) {
        note(&format!(
            "{shown}: this is what rank {rank} has of a state dict that was shared: other ranks may have the rest"
        ));
    }
}

/// Which rank of how many has the file, by the record of a checkpoint that was shared.
fn shared(checkpoint: &Checkpoint, path: &Path) -> Option<(usize, usize)> {
    let name = path.file_name()?.to_str()?;
    let rank = (0..checkpoint.world_size()).find(|rank| Checkpoint::rank_file(*rank) == name)?;
    (checkpoint.is_shared() && checkpoint.world_size() > 1).then_some((rank, checkpoint.world_size()))
}
