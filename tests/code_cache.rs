//! Compiled code is kept in the user's cache directory, used from there, and never
//! believed when somebody else could have written it.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use tempfile::TempDir;

#[test]
fn code_is_kept_and_used_again() {
    let cache = TempDir::new().unwrap();
    validate(cache.path());
    let file = kept(cache.path());
    assert_eq!(fs::metadata(&file).unwrap().mode() & 0o777, 0o600);
    let before = fs::metadata(&file).unwrap().ino();
    validate(cache.path());
    assert_eq!(fs::metadata(kept(cache.path())).unwrap().ino(), before, "it was compiled again");
}

#[test]
fn code_that_is_damaged_is_made_again() {
    let cache = TempDir::new().unwrap();
    validate(cache.path());
    let file = kept(cache.path());
    let whole = fs::read(&file).unwrap();
    for damaged in [&b""[..], b"nonsense", &vec![0; whole.len()]] {
        // In a file of its own, as another program would leave it.
        fs::remove_file(&file).unwrap();
        fs::write(&file, damaged).unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
        validate(cache.path());
        assert!(fs::read(&file).unwrap() == whole, "{} bytes stayed", damaged.len());
    }
}

#[test]
fn code_that_others_could_have_written_is_not_used() {
    let cache = TempDir::new().unwrap();
    validate(cache.path());
    let file = kept(cache.path());
    let before = fs::metadata(&file).unwrap().ino();
    fs::set_permissions(&file, Permissions::from_mode(0o666)).unwrap();
    validate(cache.path());
    assert_ne!(fs::metadata(kept(cache.path())).unwrap().ino(), before, "it was believed");
    // Nor is anything read or written where others can put something.
    let directories = [cache.path(), file.parent().unwrap()];
    for directory in directories {
        fs::set_permissions(directory, Permissions::from_mode(0o777)).unwrap();
        untouched(cache.path(), &file);
        fs::set_permissions(directory, Permissions::from_mode(0o700)).unwrap();
    }
    // As under `sudo` with a kept home. Only root can make it so.
    if rustix::process::geteuid().is_root() {
        for directory in directories {
            chown(directory, Some(1), None).unwrap();
            untouched(cache.path(), &file);
            chown(directory, Some(0), None).unwrap();
        }
    }
    fs::remove_file(&file).unwrap();
    validate(cache.path());
    assert!(file.exists());
}

/// Checks that neither is used nor made anew what is in the place of code.
fn untouched(cache: &Path, file: &Path) {
    fs::remove_file(file).unwrap();
    fs::write(file, "nonsense").unwrap();
    fs::set_permissions(file, Permissions::from_mode(0o600)).unwrap();
    validate(cache);
    assert_eq!(fs::read(file).unwrap(), b"nonsense");
}

#[test]
fn no_link_is_followed() {
    let (cache, elsewhere) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let theirs = elsewhere.path().join("theirs.new");
    fs::File::create(&theirs).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
    symlink(elsewhere.path(), cache.path().join("strongroom")).unwrap();
    validate(cache.path());
    assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 1, "something was kept or removed elsewhere");
    fs::remove_file(cache.path().join("strongroom")).unwrap();
    validate(cache.path());
    let file = kept(cache.path());
    let moved = elsewhere.path().join("code");
    fs::rename(&file, &moved).unwrap();
    fs::write(&moved, "nonsense").unwrap();
    symlink(&moved, &file).unwrap();
    validate(cache.path());
    assert!(fs::symlink_metadata(&file).unwrap().is_file(), "the link was kept");
    assert_eq!(fs::read(&moved).unwrap(), b"nonsense");
}

#[test]
fn what_a_killed_process_left_goes_when_code_is_next_kept() {
    let cache = TempDir::new().unwrap();
    validate(cache.path());
    let file = kept(cache.path());
    fs::remove_file(&file).unwrap();
    let [old, young] = ["0.new", "1.new"].map(|extension| file.with_extension(extension));
    for (path, hours) in [(&old, 2), (&young, 0)] {
        let left = fs::File::create(path).unwrap();
        left.set_modified(SystemTime::now() - Duration::from_secs(hours * 60 * 60)).unwrap();
    }
    validate(cache.path());
    assert!(!old.exists(), "it was left two hours ago");
    assert!(young.exists(), "another process may be writing it");
    assert!(file.exists());
}

#[test]
fn nothing_is_lost_where_nothing_can_be_kept() {
    let room = TempDir::new().unwrap();
    let file = room.path().join("no directory");
    fs::write(&file, "").unwrap();
    validate(&file);
}

/// Judges a harmless pickle with this cache directory.
fn validate(cache: &Path) {
    let pickle = TempDir::new().unwrap();
    let path = pickle.path().join("model.pkl");
    fs::write(&path, b"\x80\x02}.").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_strongroom"))
        .arg("validate")
        .arg(&path)
        .env("XDG_CACHE_HOME", cache)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The one file of code in a cache directory.
fn kept(cache: &Path) -> PathBuf {
    let mut files = fs::read_dir(cache.join("strongroom")).unwrap().map(|entry| entry.unwrap().path());
    let file = files.next().expect("code is kept");
    assert!(files.next().is_none(), "more than one file is kept");
    file
}
