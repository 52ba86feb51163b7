//! What kind of file system something is on.

use std::fs::File;
use std::path::Path;

use rustix::fs::{StatFs, fstatfs, statfs};

/// Whether `path` is the kernel's own, not a file of anybody.
pub(super) fn is_in_proc(path: &Path) -> bool {
    const PROC: i128 = 0x9FA0;
    statfs(path).is_ok_and(|status| magic(&status) == PROC)
}

/// Whether only processes of this machine can use the file.
pub(super) fn is_local(file: &File) -> bool {
    // From linux/magic.h, where the file systems' own sources do not say it: ext2 to
    // ext4, XFS, Btrfs, F2FS, bcachefs, ZFS, tmpfs, ramfs, overlayfs.
    const LOCAL: [i128; 9] = [
        0xEF53,
        0x5846_5342,
        0x9123_683E,
        0xF2F5_2010,
        0xCA45_1A4E,
        0x2FC1_2FC1,
        0x0102_1994,
        0x8584_58F6,
        0x794C_7630,
    ];
    fstatfs(file).is_ok_and(|status| LOCAL.contains(&magic(&status)))
}

/// The kind's number, which has 32 bits.
fn magic(status: &StatFs) -> i128 {
    // The field is as wide as a register, and signed on most machines.
    i128::from(status.f_type) & 0xFFFF_FFFF
}
