//! What is no whole checkpoint is passed over, and said, and keeps nobody from the others.

use std::fs;
use std::os::unix::fs::{FileExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;

use strongroom::store::Local;
use strongroom::{Checkpoint, latest, list, prunable_in, prune};

use crate::root::{Root, keep};

/// Whole ones are what counts: neither the latest nor kept is what has lost a file, or a
/// part of one, as an interrupted copy has; and it is not deleted either.
#[test]
fn what_has_lost_a_file_is_passed_over_and_stays() {
    let lose: [fn(&Path); 4] = [
        |path| fs::remove_file(path.join("checkpoint_0.pt")).unwrap(),
        |path| {
            fs::File::options().write(true).open(path.join("checkpoint_0.pt")).unwrap().set_len(7).unwrap();
        },
        |path| {
            fs::remove_file(path.join("checkpoint_0.pt")).unwrap();
            fs::create_dir(path.join("checkpoint_0.pt")).unwrap();
        },
        |path| {
            fs::remove_file(path.join("checkpoint_0.pt")).unwrap();
            symlink("nowhere", path.join("checkpoint_0.pt")).unwrap();
        },
    ];
    for lose in lose {
        let root = Root::with(&["step-1", "step-2", "step-3"]);
        lose(&root.path.join("step-3"));
        let listing = list(&root.path).unwrap();
        let [error] = listing.passed_over.as_slice() else { panic!("{:?}", listing.passed_over) };
        assert!(error.to_string().contains("step-3: checkpoint_0.pt "), "{error}");
        assert_eq!(latest(&root.path).unwrap(), Some(root.path.join("step-2")));
        assert_eq!(prune(&root.path, &keep(1, None)).unwrap().removed, [root.path.join("step-1")]);
        assert_eq!(root.names(), ["step-2", "step-3"]);
    }
}

/// Nor is one whose record is cut short, or damaged behind its head, of which a list reads no
/// more than that.
#[test]
fn what_has_a_damaged_record_is_passed_over_and_stays() {
    let cut = |path: &Path, length: u64| {
        let file = fs::File::options().write(true).open(path).unwrap();
        file.set_len(length).unwrap();
    };
    type Damage<'d> = &'d dyn Fn(&Path);
    let damage: [(bool, Damage<'_>); 4] = [
        (true, &|path| cut(path, 200)),
        (true, &|path| cut(path, path.metadata().unwrap().len() - 1)),
        (true, &|path| cut(path, path.metadata().unwrap().len() + 1)),
        (false, &|path| {
            let record = fs::read_to_string(path).unwrap();
            let damaged = record.replacen("\"record_crc32\":[", "\"record_crc32\":[1", 1);
            assert_ne!(record, damaged);
            fs::write(path, damaged).unwrap();
        }),
    ];
    for (listed, damage) in damage {
        let root = Root::with(&["step-1", "step-2", "step-3"]);
        damage(&root.path.join("step-3/strongroom.json"));
        if listed {
            let listing = list(&root.path).unwrap();
            let [error] = listing.passed_over.as_slice() else { panic!("{:?}", listing.passed_over) };
            assert!(error.to_string().contains("the commit record is damaged"), "{error}");
        }
        assert_eq!(latest(&root.path).unwrap(), Some(root.path.join("step-2")));
        let keep = keep(1, None);
        let planned = prunable_in(&Local, &root.path, &keep).unwrap();
        assert_eq!(planned.removed, [root.path.join("step-1")]);
        assert_eq!(prune(&root.path, &keep).unwrap().removed, [root.path.join("step-1")]);
        assert_eq!(root.names(), ["step-2", "step-3"]);
    }
}

/// A record with the right head and end, and a hole between them that no memory holds.
#[test]
fn a_record_beyond_all_measure_is_not_read() {
    let root = Root::with(&["step-1", "step-2"]);
    let path = root.path.join("step-2/strongroom.json");
    let whole = fs::read(&path).unwrap();
    let record = fs::OpenOptions::new().write(true).open(&path).unwrap();
    record.set_len(1 << 42).unwrap();
    record.write_all_at(&whole, (1 << 42) - whole.len() as u64).unwrap();
    assert_eq!(latest(&root.path).unwrap(), Some(root.path.join("step-1")));
    let pruned = prune(&root.path, &keep(1, None)).unwrap();
    assert!(pruned.removed.is_empty());
    let [passed_over] = pruned.passed_over.as_slice() else { panic!("{:?}", pruned.passed_over) };
    assert!(passed_over.to_string().contains("it is longer than what there is to say"), "{passed_over}");
    assert!(Checkpoint::open(root.path.join("step-2")).is_err());
}

/// What has the name of a record may be anything. It keeps nobody from the others.
#[test]
fn what_has_a_record_that_is_no_file_is_passed_over_and_stays() {
    type Make<'m> = &'m dyn Fn(&Path);
    let kinds: [(&str, Make<'_>); 6] = [
        ("it is not a regular file", &|path| {
            assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
        }),
        ("it is not a regular file", &|path| fs::create_dir(path).unwrap()),
        ("it is not a regular file", &|path| drop(UnixListener::bind(path).unwrap())),
        ("it is not a regular file", &|path| symlink("/dev/null", path).unwrap()),
        ("it is a link that leads nowhere", &|path| symlink("nowhere", path).unwrap()),
        ("Too many levels of symbolic links", &|path| symlink("strongroom.json", path).unwrap()),
    ];
    for (reason, make) in kinds {
        let root = Root::with(&["step-1", "step-2", "step-3"]);
        let record = root.path.join("step-3/strongroom.json");
        fs::remove_file(&record).unwrap();
        make(&record);
        let listing = list(&root.path).unwrap();
        let [error] = listing.passed_over.as_slice() else { panic!("{:?}", listing.passed_over) };
        assert!(error.to_string().contains(reason), "{error}");
        assert_eq!(latest(&root.path).unwrap(), Some(root.path.join("step-2")));
        let pruned = prune(&root.path, &keep(1, None)).unwrap();
        assert_eq!((pruned.removed, pruned.passed_over.len()), (vec![root.path.join("step-1")], 1));
        assert_eq!(root.names(), ["step-2", "step-3"]);
    }
}
