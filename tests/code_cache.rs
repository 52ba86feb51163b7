//! Compiled code is kept in the user's cache directory, used from there, and never
//! believed when somebody else could have written it.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
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
    for place in [file.as_path(), file.parent().unwrap()] {
        let before = fs::metadata(kept(cache.path())).unwrap().ino();
        fs::set_permissions(place, Permissions::from_mode(0o777)).unwrap();
        validate(cache.path());
        assert_ne!(
            fs::metadata(kept(cache.path())).unwrap().ino(),
            before,
            "{} was believed",
            place.display()
        );
        fs::set_permissions(file.parent().unwrap(), Permissions::from_mode(0o700)).unwrap();
    }
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
