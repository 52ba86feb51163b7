//! What a file system promises about the order in which changes reach the disk.

use std::collections::HashMap;

use super::history::{Effect, History, Slot};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Order {
    /// The least that POSIX allows. Each directory and each file is on disk when it
    /// was synced itself, not before; changes of different names reach it in any
    /// order. To sync a file does not bring its name to disk.
    Posix,
    /// As ext4, XFS and Btrfs do: changes of names and lengths go through one journal,
    /// and what is on disk is a prefix of it, up to the last change of any inode that
    /// was synced at least. Data of files that were not synced are as free as above.
    Journal,
}

impl Order {
    pub const ALL: [Self; 2] = [Self::Posix, Self::Journal];

    pub fn name(self) -> &'static str {
        match self {
            Self::Posix => "POSIX",
            Self::Journal => "journal",
        }
    }

    /// Which of the first `point` operations no power cut can undo.
    pub fn durable(self, history: &History, point: usize) -> Vec<bool> {
        let mut durable = vec![false; point];
        for sync in history.before(point) {
            let Effect::Sync(inode) = sync.effect else { continue };
            let covered = || history.before(sync.began).enumerate();
            for (index, operation) in covered() {
                durable[index] |= operation.effect.is_of(inode);
            }
            let last = covered().filter(|(_, operation)| operation.effect.touches(inode)).last();
            if let (Self::Journal, Some((last, _))) = (self, last) {
                let journal = covered().take(last + 1).filter(|(_, earlier)| earlier.effect.is_metadata());
                journal.for_each(|(index, _)| durable[index] = true);
            }
        }
        let needs = needs(history);
        for index in (0..point).rev().filter(|&index| durable[index]).collect::<Vec<_>>() {
            bring_along(index, &needs, &mut durable);
        }
        durable
    }
}

/// For each operation, those without which it cannot be: the last changes of the
/// same names.
pub fn needs(history: &History) -> Vec<Vec<usize>> {
    let mut last: HashMap<&Slot, usize> = HashMap::new();
    let each = history.operations.iter().enumerate().map(|(index, operation)| match &operation.effect {
        Effect::Names(slots) => slots.iter().filter_map(|(slot, _)| last.insert(slot, index)).collect(),
        _ => Vec::new(),
    });
    each.collect()
}

fn bring_along(index: usize, needs: &[Vec<usize>], durable: &mut [bool]) {
    for &needed in &needs[index] {
        if !durable[needed] {
            durable[needed] = true;
            bring_along(needed, needs, durable);
        }
    }
}
