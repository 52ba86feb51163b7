//! Who may do what with what is written.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{PermissionsExt, chown, symlink};

use crate::room::{NOBODY, Room, mode, stderr};

#[test]
fn what_is_new_follows_the_umask_and_what_is_replaced_keeps_its_mode() {
    let room = Room::new();
    for (umask, file, directory) in [("022", 0o644, 0o755), ("002", 0o664, 0o775), ("077", 0o600, 0o700)] {
        room.done_under(umask, "convert in.pt new.pt");
        room.done_under(umask, "save in.pt new --ranks 2");
        assert_eq!(room.mode("new.pt"), file);
        assert_eq!(room.mode("new"), directory);
        assert!(room.files("new").iter().all(|path| mode(path) == file));
        fs::remove_file(room.path("new.pt")).unwrap();
        fs::remove_dir_all(room.path("new")).unwrap();
    }
    room.done("convert in.pt kept.pt");
    room.done("save in.pt kept --ranks 2");
    for (file, directory) in [(0o600, 0o700), (0o640, 0o750), (0o444, 0o555), (0o666, 0o777)] {
        fs::set_permissions(room.path("kept.pt"), Permissions::from_mode(file)).unwrap();
        for path in room.files("kept") {
            fs::set_permissions(path, Permissions::from_mode(file)).unwrap();
        }
        fs::set_permissions(room.path("kept"), Permissions::from_mode(directory)).unwrap();
        room.done_under("022", "convert in.pt kept.pt");
        // A rank more than before: its file is as the others.
        room.done_under("022", "save in.pt kept --ranks 3 --overwrite");
        room.done_under("022", "save in.pt kept --ranks 2 --overwrite");
        assert_eq!((room.mode("kept.pt"), room.mode("kept")), (file, directory));
        assert!(room.files("kept").iter().all(|path| mode(path) == file));
        assert_eq!(room.hidden(), [""; 0]);
    }
    fs::set_permissions(room.path("kept"), Permissions::from_mode(0o755)).unwrap();
}

/// Only root gives files away, so only root's run shows all of this.
#[test]
fn owners_and_groups_are_kept_and_a_directory_hands_its_group_down() {
    let room = Room::new();
    room.done("convert in.pt kept.pt");
    room.done("save in.pt kept");
    fs::create_dir(room.path("shared")).unwrap();
    let groups = groups();
    let Some(group) = groups.iter().copied().find(|group| *group != room.owner("in.pt").1) else { return };
    for name in ["kept.pt", "kept", "shared"] {
        chown(room.path(name), None, Some(group)).unwrap();
    }
    for name in ["kept", "shared"] {
        fs::set_permissions(room.path(name), Permissions::from_mode(0o2770)).unwrap();
    }
    let owner = chown(room.path("kept.pt"), Some(12), None).map_or(room.owner("in.pt").0, |()| 12);
    room.done("convert in.pt kept.pt");
    room.done("save in.pt kept --overwrite");
    room.done("convert in.pt shared/new.pt");
    room.done("save in.pt shared/new");
    assert_eq!(room.owner("kept.pt"), (owner, group));
    for name in ["kept", "shared/new.pt", "shared/new", "shared/new/checkpoint_0.pt"] {
        assert_eq!(room.owner(name).1, group, "{name}");
    }
    assert_eq!(room.mode("kept"), 0o2770);
    assert_eq!(room.mode("shared/new") & 0o2000, 0o2000);
}

/// Who may do what is kept where a list says so, of which the mode shows only the most that
/// anybody on it may.
#[test]
fn extended_attributes_are_kept_and_open_nothing() {
    let room = Room::new();
    room.done("convert in.pt kept.pt");
    let file = File::open(room.path("kept.pt")).unwrap();
    // The owner reads and writes, user 1000 reads, the group and all others do nothing.
    let everyone = u32::MAX;
    let entries = [(1, 6, everyone), (2, 4, 1000), (4, 0, everyone), (16, 4, everyone), (32, 0, everyone)];
    let mut list = 2u32.to_le_bytes().to_vec();
    for (tag, permitted, who) in entries {
        list.extend(u16::to_le_bytes(tag));
        list.extend(u16::to_le_bytes(permitted));
        list.extend(u32::to_le_bytes(who));
    }
    let list_of = |name: &str| {
        let mut value = vec![0; 256];
        let length = rustix::fs::getxattr(room.path(name), ACCESS, &mut value[..])?;
        value.truncate(length);
        rustix::io::Result::Ok(value)
    };
    let set =
        |name: &str, value: &[u8]| rustix::fs::fsetxattr(&file, name, value, rustix::fs::XattrFlags::empty());
    // Not every file system has any.
    if set("user.origin", b"run 7").is_err() || set(ACCESS, &list).is_err() {
        return;
    }
    assert_eq!(room.mode("kept.pt"), 0o640);
    room.done("convert in.pt kept.pt");
    assert_eq!(list_of("kept.pt").unwrap(), list);
    assert_eq!(room.mode("kept.pt"), 0o640);
    let mut note = [0; 16];
    let length = rustix::fs::getxattr(room.path("kept.pt"), "user.origin", &mut note[..]).unwrap();
    assert_eq!(&note[..length], b"run 7");
    // What had no list gets none from the directory that it is made in.
    fs::create_dir(room.path("open")).unwrap();
    room.done("convert in.pt open/closed.pt");
    fs::set_permissions(room.path("open/closed.pt"), Permissions::from_mode(0o600)).unwrap();
    let open = File::open(room.path("open")).unwrap();
    rustix::fs::fsetxattr(&open, "system.posix_acl_default", &list, rustix::fs::XattrFlags::empty()).unwrap();
    room.done("convert in.pt open/closed.pt");
    assert_eq!(room.mode("open/closed.pt"), 0o600);
    assert!(list_of("open/closed.pt").is_err());
}

const ACCESS: &str = "system.posix_acl_access";

/// All may do all with a link, which says nothing of what it leads to.
#[test]
fn a_link_in_a_checkpoint_opens_nothing_to_others() {
    let room = Room::new();
    room.done_under("077", "save in.pt kept");
    for name in ["checkpoint_0.pt", "checkpoint_0.json"] {
        let (moved, link) = (room.path(&format!("moved-{name}")), room.path("kept").join(name));
        fs::rename(&link, &moved).unwrap();
        symlink(&moved, &link).unwrap();
        room.done("save in.pt kept --ranks 2 --overwrite");
        assert!(room.files("kept").iter().all(|path| mode(path) == 0o600));
    }
}

/// Who was of the group is one of the others then, and who was none may be of the new group.
#[test]
fn where_a_group_cannot_be_kept_each_may_what_both_could() {
    let room = Room::new();
    for (before, after) in [(0o664, 0o644), (0o640, 0o600), (0o604, 0o600), (0o755, 0o755), (0o646, 0o644)] {
        room.done("convert in.pt kept.pt");
        fs::set_permissions(room.path("kept.pt"), Permissions::from_mode(before)).unwrap();
        if chown(room.path("kept.pt"), Some(NOBODY), Some(12)).is_err() {
            return;
        }
        let Some(output) = room.run_as_nobody("convert in.pt kept.pt") else { return };
        assert!(output.status.success(), "{}", stderr(&output));
        assert_eq!((room.owner("kept.pt"), room.mode("kept.pt")), ((NOBODY, NOBODY), after), "{before:o}");
        fs::remove_file(room.path("kept.pt")).unwrap();
    }
}

/// What a checkpoint did not have comes beside what it has.
#[test]
fn new_files_in_a_checkpoint_are_as_closed_as_the_most_closed_there() {
    let room = Room::new();
    room.done_under("022", "save in.pt kept");
    fs::set_permissions(room.path("kept/checkpoint_0.pt"), Permissions::from_mode(0o600)).unwrap();
    room.done_under("022", "save in.pt kept --overwrite --ranks 2");
    for name in ["checkpoint_0.pt", "checkpoint_1.pt", "checkpoint_1.json", "outline.pkl"] {
        assert_eq!(room.mode(&format!("kept/{name}")), 0o600, "{name}");
    }
    assert_eq!(room.mode("kept/checkpoint_0.json"), 0o644);
}

/// Who may write into a directory and not list it cannot sync it by itself.
#[test]
fn a_directory_need_not_be_readable() {
    let room = Room::new();
    fs::create_dir(room.path("open")).unwrap();
    fs::set_permissions(room.path("open"), Permissions::from_mode(0o733)).unwrap();
    for _ in 0..2 {
        let Some(output) = room.run_as_nobody("convert in.pt open/out.pt") else { return };
        assert!(output.status.success(), "{}", stderr(&output));
    }
    assert_eq!(room.owner("open/out.pt").0, NOBODY);
}

/// Who may write a directory may replace a file in it that only another may read.
#[test]
fn notes_that_may_not_be_read_are_not_kept() {
    let room = Room::new();
    room.done("convert in.pt kept.pt");
    fs::set_permissions(room.path("kept.pt"), Permissions::from_mode(0o600)).unwrap();
    let none = rustix::fs::XattrFlags::empty();
    if rustix::fs::setxattr(room.path("kept.pt"), "user.origin", b"run 7", none).is_err() {
        return;
    }
    let Some(output) = room.run_as_nobody("convert in.pt kept.pt") else { return };
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!((room.owner("kept.pt").0, room.mode("kept.pt")), (NOBODY, 0o600));
    assert!(rustix::fs::getxattr(room.path("kept.pt"), "user.origin", &mut [0; 16][..]).is_err());
}

/// The groups that a file may be given to.
fn groups() -> Vec<u32> {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let of =
        |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().to_owned();
    let root = of("Uid:").split_whitespace().nth(1) == Some("0");
    let own = of("Groups:").split_whitespace().map(|group| group.parse().unwrap()).collect::<Vec<_>>();
    own.into_iter().chain(root.then_some(12)).collect()
}
