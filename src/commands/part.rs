//! What one rank has of a state dict that was shared over several.

use std::path::Path;

use strongroom::{Checkpoint, File};

use crate::context::Context;
use crate::output::note;

/// Says that what is taken is but a part.
pub fn tell(rank: usize, ranks: usize) {
    note(&format!("this is the part that rank {rank} has of a state dict shared over {ranks} ranks"));
}

/// Says it of a file, if its directory or what is in it says that it is one.
pub fn tell_of(context: &Context, file: &File) {
    if let Some((rank, ranks)) = shared(context, file.path()) {
        tell(rank, ranks);
    } else if file.state().is_part() {
        let path = file.path().display();
        note(&format!("{path}: this is a part of a state dict: there are values that other ranks have"));
    }
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
