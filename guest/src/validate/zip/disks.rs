use crate::validate::examine::{Part, Scope};
use crate::validate::finding::Rule;
use crate::zip::records::{EndRecord, Zip64End, Zip64Locator};

use super::member::Member;

/// An archive is one file.
pub(super) static RULE: Rule = Rule::malformed(
    "SR-ZIP-DISKS",
    "an archive on several disks",
    "Readers differ on archives that say to be on several disks: some refuse them, others ignore \
     what is said and read the rest.",
);

/// Checks an end record.
pub(super) fn end(record: EndRecord, offset: u64, scope: &mut Scope<'_>) {
    let EndRecord { disk, directory_disk, entries_here, entries, .. } = record;
    if (disk, directory_disk) != (0, 0) || entries_here != entries {
        report(offset, scope);
    }
}

/// Checks a zip64 end record.
pub(super) fn zip64(record: Zip64End, offset: u64, scope: &mut Scope<'_>) {
    let Zip64End { disk, directory_disk, entries_here, entries, .. } = record;
    if (disk, directory_disk) != (0, 0) || entries_here != entries {
        report(offset, scope);
    }
}

/// Checks a zip64 locator.
pub(super) fn locator(record: Zip64Locator, offset: u64, scope: &mut Scope<'_>) {
    if record.disk != 0 || record.disks > 1 {
        report(offset, scope);
    }
}

/// Checks a directory entry.
pub(super) fn entry(disk: u16, member: &Member, scope: &mut Scope<'_>) {
    if disk != 0 {
        scope.find(&RULE, &member.in_directory(), 0, alloc::format!("a record on disk {disk}"));
    }
}

fn report(offset: u64, scope: &mut Scope<'_>) {
    scope.find(&RULE, &Part::whole(), offset, "expected an archive on one disk, found one of several");
}
