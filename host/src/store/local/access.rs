//! Who may do what with a file or directory.

use std::fs::{File, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use rustix::fs::{Access as Permitted, AtFlags, CWD, StatxAttributes, StatxFlags, accessat, statx};
use rustix::io::Errno;
use rustix::process::geteuid;

use super::attributes::Attributes;
use super::sync::parent;

/// The mode, the owner and the attributes of what is replaced, which its successor gets: a
/// file that only its owner may read stays one.
#[derive(Clone, Debug)]
pub(super) struct Access {
    mode: u32,
    owner: u32,
    group: u32,
    attributes: Attributes,
}

impl Access {
    /// Of what `path` leads to, as all may do all with a link; none if nothing is there.
    pub(super) fn of(path: &Path) -> io::Result<Option<Self>> {
        match path.metadata() {
            Ok(there) => Ok(Some(Self {
                mode: there.mode() & 0o7777,
                owner: there.uid(),
                group: there.gid(),
                attributes: Attributes::of(path)?,
            })),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// What nobody may who may not with each of some files: of what comes beside them.
    pub(super) fn strictest(files: &[PathBuf]) -> io::Result<Option<Self>> {
        let each = files.iter().filter_map(|path| Self::of(path).transpose());
        let each = each.collect::<io::Result<Vec<Self>>>()?;
        let mode = each.iter().fold(0o7777, |mode, access| mode & access.mode);
        let permits = |access: &&Self| ((access.mode & 0o077).count_ones(), !access.attributes.has_list());
        Ok(each.iter().min_by_key(permits).map(|access| Self { mode, ..access.clone() }))
    }

    /// The same, and its owner may do all with it: for a directory that is yet to be filled.
    pub(super) fn while_written(self) -> Self {
        Self { mode: self.mode | 0o700, ..self }
    }

    /// Gives them to another. Who may not give a file to its owner or group keeps it, and
    /// opens it to nobody else for that.
    pub(super) fn give(&self, file: &File) -> io::Result<()> {
        let now = file.metadata()?;
        let owner = now.uid() == self.owner || fchown(file, Some(self.owner), None).is_ok();
        let group = now.gid() == self.group || fchown(file, None, Some(self.group)).is_ok();
        let mut mode = self.mode;
        if !owner {
            mode &= !SET_UID;
        }
        if !group {
            mode &= !SET_GID;
        }
        if self.attributes.has_list() {
            // What the list gives nobody is to have for a moment.
            file.set_permissions(Permissions::from_mode(mode & !0o070))?;
        }
        let listed = self.attributes.give_list(file);
        if !group || !listed {
            // Who was of the group is one of the others now, and who was one of those may be of
            // the new group: each may what both could.
            let both = mode & (mode >> 3) & 0o007;
            mode = mode & !0o077 | both << 3 | both;
        }
        self.attributes.give_rest(file);
        // A new owner costs a file these bits.
        if file.metadata()?.mode() & 0o7777 == mode {
            return Ok(());
        }
        file.set_permissions(Permissions::from_mode(mode))
    }
}

/// Why this process may not remove all of a directory, if it may not: it may be another
/// user's, or somebody has said that nothing in it changes. A name can be taken away all the
/// same, and what had it would stay for ever.
pub(super) fn undeletable(directory: &Path) -> io::Result<Option<String>> {
    if let Some(attribute) = unchangeable(directory)? {
        return Ok(Some(format!("it is {attribute}")));
    }
    let own = geteuid();
    let is_own = |metadata: &Metadata| own.is_root() || metadata.uid() == own.as_raw();
    let there = directory.metadata()?;
    let is_owner = is_own(&there);
    let above = parent(directory).metadata()?;
    if !is_owner && !is_own(&above) && above.mode() & STICKY != 0 {
        return Ok(Some(format!("it is user {}'s, and only that user may delete it there", there.uid())));
    }
    // An owner who may not write may permit it.
    if !is_owner
        && accessat(CWD, directory, Permitted::WRITE_OK | Permitted::EXEC_OK, AtFlags::EACCESS).is_err()
    {
        return Ok(Some(format!(
            "it is user {}'s, and only that user may delete what is in it",
            there.uid()
        )));
    }
    for entry in directory.read_dir()? {
        let entry = entry?;
        let name = entry.file_name();
        if let Some(attribute) = unchangeable(&entry.path())? {
            return Ok(Some(format!("`{}` in it is {attribute}", name.display())));
        }
        let of_others = || entry.metadata().is_ok_and(|metadata| !is_own(&metadata));
        if !is_owner && there.mode() & STICKY != 0 && of_others() {
            return Ok(Some(format!("`{}` in it is another user's", name.display())));
        }
    }
    Ok(None)
}

/// What keeps even root from removing what is at `path`.
fn unchangeable(path: &Path) -> io::Result<Option<&'static str>> {
    let status = match statx(CWD, path, AtFlags::SYMLINK_NOFOLLOW, StatxFlags::empty()) {
        // A kernel, or a sandbox, that has no such call.
        Err(Errno::NOSYS) => return Ok(None),
        status => status?,
    };
    let has = |attribute| status.stx_attributes.contains(attribute);
    if has(StatxAttributes::IMMUTABLE) {
        return Ok(Some("immutable (`chattr +i`)"));
    }
    Ok(has(StatxAttributes::APPEND).then_some("for appending only (`chattr +a`)"))
}

const STICKY: u32 = 0o1000;
const SET_UID: u32 = 0o4000;
const SET_GID: u32 = 0o2000;
