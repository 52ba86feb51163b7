//! A link is a promise: what it leads to stays as long as the link does.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use strongroom::store::Local;
use strongroom::{Checkpoint, latest, prunable_in, prune};

use crate::common::process::built;
use crate::root::{Root, keep};

#[test]
fn what_a_link_leads_to_stays() {
    let root = Root::with(&["step-1", "step-2", "step-3", "step-4", "step-5"]);
    let link = |target: &str, name: &str| {
        let _ = fs::remove_file(root.path.join(name));
        symlink(target, root.path.join(name)).unwrap();
    };
    link("step-1", "best");
    link("../step-3/checkpoint_0.pt", "step-5/checkpoint_0.pt");
    link("../step-2/checkpoint_0.pt", "step-3/checkpoint_0.pt");
    let planned = prunable_in(&Local, &root.path, &keep(1, None)).unwrap();
    let pruned = prune(&root.path, &keep(1, None)).unwrap();
    for pruned in [planned, pruned] {
        assert_eq!(pruned.removed, [root.path.join("step-4")]);
        let spared: Vec<String> = pruned.spared.iter().map(ToString::to_string).collect();
        assert!(spared.iter().all(|spared| spared.ends_with(" leads to it")), "{spared:?}");
        assert!(spared[0].contains("step-1: ") && spared[0].contains("best"), "{spared:?}");
        assert_eq!(spared.len(), 3);
    }
    assert_eq!(latest(&root.path).unwrap(), Some(root.path.join("step-5")));
    fs::remove_file(root.path.join("best")).unwrap();
    link("../step-1/checkpoint_0.pt", "step-5/checkpoint_0.pt");
    // What one that goes needs goes after it.
    for gone in ["step-3", "step-2"] {
        assert_eq!(prune(&root.path, &keep(1, None)).unwrap().removed, [root.path.join(gone)]);
    }
    assert_eq!(root.names(), ["step-1", "step-5"]);
}

/// It need not be at the end of the link, if it is on the way.
#[test]
fn what_a_link_leads_through_stays() {
    let root = Root::with(&["step-1", "step-2", "step-3"]);
    symlink("step-1/../step-3", root.path.join("best")).unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let through = root.path.canonicalize().unwrap().join("step-2/../step-3");
    symlink(through, elsewhere.path().join("second")).unwrap();
    symlink(elsewhere.path().join("second"), root.path.join("first")).unwrap();
    let pruned = prune(&root.path, &keep(1, None)).unwrap();
    assert!(pruned.removed.is_empty(), "{:?}", pruned.removed);
    assert_eq!(pruned.spared.len(), 2);
    assert!(
        root.path.join("best/strongroom.json").exists() && root.path.join("first/strongroom.json").exists()
    );
}

/// A link to a checkpoint beside it is no second one: what it leads to would go for it.
#[test]
fn links_are_no_checkpoints() {
    let root = Root::with(&["step-1", "step-2", "step-3"]);
    for link in ["a-link", "latest"] {
        symlink("step-3", root.path.join(link)).unwrap();
    }
    assert_eq!(latest(&root.path).unwrap(), Some(root.path.join("step-3")));
    assert_eq!(prune(&root.path, &keep(2, None)).unwrap().removed, [root.path.join("step-1")]);
    assert_eq!(prune(&root.path, &keep(1, None)).unwrap().removed, [root.path.join("step-2")]);
    assert_eq!(root.names(), ["a-link", "latest", "step-3"]);
    Checkpoint::open(root.path.join("latest")).unwrap().verify().unwrap();
}

/// In whatever directory of the run it is, and whatever that is called.
#[test]
fn a_link_counts_however_deep_it_is() {
    let places = ["step-3/extra/base.pt", "exports/best/model.pt", ".cache/a/b/c/d"];
    for place in places {
        let root = Root::with(&["step-1", "step-2", "step-3"]);
        let link = root.path.join(place);
        fs::create_dir_all(link.parent().unwrap()).unwrap();
        symlink(root.path.canonicalize().unwrap().join("step-1/checkpoint_0.pt"), &link).unwrap();
        let pruned = prune(&root.path, &keep(1, None)).unwrap();
        assert_eq!(pruned.removed, [root.path.join("step-2")], "{place}");
        let [spared] = pruned.spared.as_slice() else { panic!("{:?}", pruned.spared) };
        let said = format!("the link {} leads to it", link.display());
        assert!(spared.to_string().ends_with(&said), "{spared}");
    }
}

/// It says where the directory is by one mount, and the prune comes by another.
#[test]
fn a_link_counts_by_whatever_mount_it_leads_there() {
    let root = Root::with(&["step-1", "step-2", "step-3"]);
    let data = root.path.parent().unwrap();
    fs::create_dir(data.join("mnt")).unwrap();
    symlink(root.path.join("step-1"), root.path.join("best")).unwrap();
    let script = "mount --bind . mnt || exit 9; exec \"$0\" prune mnt/run --keep-last 1";
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", script]).arg(built("strongroom")).current_dir(data);
    let Ok(output) = command.output() else { return };
    // Who may not mount cannot try it.
    if matches!(output.status.code(), Some(1 | 9)) {
        return;
    }
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(root.names(), ["best", "step-1", "step-3"], "{said}");
    assert!(said.contains("note: mnt/run/step-1: it is not deleted, as the link mnt/run/best"), "{said}");
}

/// Another user's directory may have links in it that nobody else sees. Only root's run can be two
/// users.
#[test]
fn what_a_link_that_nobody_sees_may_lead_to_stays() {
    let root = Root::with(&["step-1", "step-2"]);
    let other = Some(65534);
    if chown(&root.path, other, other).is_err() {
        return;
    }
    let permit = |path: &Path, mode| fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    permit(root.path.parent().unwrap(), 0o755);
    for checkpoint in ["step-1", "step-2"] {
        chown(root.path.join(checkpoint), other, other).unwrap();
    }
    let program = root.path.parent().unwrap().join("strongroom");
    fs::copy(built("strongroom"), &program).unwrap();
    let prune = || {
        let mut command = Command::new(&program);
        command.args(["prune", ".", "--keep-last", "1"]).current_dir(&root.path);
        let output = command.uid(65534).gid(65534).env("HOME", "/nowhere").output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    let hide = |name: &str| {
        fs::create_dir_all(root.path.join(name)).unwrap();
        permit(&root.path.join(name), 0o700);
    };
    hide("exports");
    let said = prune();
    assert!(said.contains("step-1: it is not deleted, as a link that is not seen may lead to it"), "{said}");
    assert!(said.contains("./exports: cannot list: Permission denied"), "{said}");
    // Nor is it seen where a link leads that goes through such a directory.
    permit(&root.path.join("exports"), 0o755);
    hide("secret");
    fs::rename(root.path.join("secret"), root.path.parent().unwrap().join("secret")).unwrap();
    symlink("../secret/best", root.path.join("best")).unwrap();
    let said = prune();
    assert!(said.contains("./best: cannot look at: Permission denied"), "{said}");
    assert_eq!(root.names(), ["best", "exports", "step-1", "step-2"]);
    // What a file system puts at the top of a disk is no such thing.
    fs::remove_file(root.path.join("best")).unwrap();
    hide("lost+found");
    let said = prune();
    assert!(!said.contains("it is not deleted"), "{said}");
    assert_eq!(root.names(), ["exports", "lost+found", "step-2"]);
}
