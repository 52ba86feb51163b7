//! A prune or a save that is interrupted names what it has removed.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};

use crate::common::process::{built, wait_for};
use crate::root::{Root, state};

/// As far as it had come: each of three directories takes long to delete, whichever thread does it. `strace` sees to
/// that, where it is.
#[test]
fn what_was_removed_is_named() {
    for (line, signal) in [
        ("prune run --keep-last 1", "INT"),
        ("prune run --keep-last 1 --json", "TERM"),
        ("save in.pt run/step-5 --keep-last 2", "HUP"),
    ] {
        let root = Root::with(&["step-1", "step-2", "step-3", "step-4"]);
        let directory = root.path.parent().unwrap();
        strongroom::save(directory.join("in.pt"), &state("step-5")).unwrap();
        let mut command = Command::new("strace");
        command.args(["-f", "-qq", "-o", "/dev/null", "-e", "trace=rmdir"]);
        command.args(["-e", "inject=rmdir:delay_enter=3000000"]);
        command.arg(built("strongroom")).args(line.split(' ')).current_dir(directory);
        let Ok(mut traced) = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn() else { return };
        let children = format!("/proc/{0}/task/{0}/children", traced.id());
        let mut gone = false;
        wait_for("the removal", || {
            let named = root.names().iter().filter(|name| name.starts_with("step-")).count();
            gone = named < 3;
            gone || traced.try_wait().unwrap().is_some()
        });
        if !gone {
            // No process may be traced here.
            return;
        }
        let child = fs::read_to_string(children).unwrap().trim().to_owned();
        assert!(Command::new("kill").args([&format!("-{signal}"), &child]).status().unwrap().success());
        let output = traced.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        let code = output.status.code().or(output.status.signal().map(|signal| 128 + signal));
        assert!(matches!(code, Some(129 | 130 | 143)), "{line}: {code:?}: {said}");
        for name in ["step-1", "step-2", "step-3"] {
            let is_gone = !root.path.join(name).exists();
            assert!(is_gone && said.contains(&format!("note: removed run/{name}\n")), "{line}: {said}");
        }
        assert!(output.stdout.is_empty());
        assert!(root.names().iter().all(|name| !name.starts_with('.')), "{:?}", root.names());
    }
}
