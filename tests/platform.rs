//! What a machine and its system give, or do not. The component runs as machine code that is part of
//! the program: at once, in little address space, and where the machine does not take it, interpreted.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use sha2::{Digest, Sha256};
use strongroom::store::{Local, Store};
use strongroom::{Engine, Limits, MachineCode};
use tempfile::TempDir;

#[test]
fn the_code_that_is_shipped_for_this_machine_runs() {
    let engine = Engine::new(Limits::default()).unwrap();
    assert_eq!(engine.machine_code(), MachineCode::Native);
    assert!(engine.is_shipped());
}

#[test]
fn the_command_says_what_it_is_made_of() {
    let output = strongroom().args(["version", "--json"]).output().unwrap();
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let component = fs::read(made("strongroom.wasm")).unwrap();
    assert_eq!(told["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(told["component"]["sha256"], hex(&component));
    assert_eq!(
        told["machine_code"]["target"],
        format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS)
    );
    assert_eq!(told["machine_code"]["sha256"].as_str().unwrap().len(), 64);
    let lock = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.lock")).unwrap();
    let wasmtime = told["wasmtime"].as_str().unwrap();
    assert!(lock.contains(&format!("name = \"wasmtime\"\nversion = \"{wasmtime}\"\n")), "{wasmtime}");
}

/// As many a cluster gives a job no more, whatever it uses of it.
#[test]
fn two_gigabytes_of_address_space_are_enough() {
    let file = checkpoint();
    let script = format!("ulimit -v 2097152 && exec '{}' validate '{}'", program(), file.display());
    let output = Command::new("sh").args(["-c", &script]).output().unwrap();
    assert_eq!(said(&output), format!("{}: safe (torch-zip, tensors-only)\n", file.display()));
}

#[test]
fn nothing_is_kept_in_a_home() {
    let home = TempDir::new().unwrap();
    let output = strongroom()
        .arg("validate")
        .arg(checkpoint())
        .env("HOME", home.path())
        .env_remove("XDG_CACHE_HOME")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0);
}

/// Hardened systems let no memory become executable that was written to.
#[test]
#[cfg(target_os = "linux")]
#[allow(unsafe_code)]
fn where_no_memory_may_become_executable_the_component_is_interpreted() {
    const PR_SET_MDWE: i32 = 65;
    const PR_MDWE_REFUSE_EXEC_GAIN: u64 = 1;
    let hardened = |command: &mut Command| {
        // SAFETY: a system call, as may be made between fork and exec.
        unsafe {
            command.pre_exec(|| match libc::prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0) {
                0 => Ok(()),
                _ => Err(std::io::Error::last_os_error()),
            });
        }
    };
    let mut version = strongroom();
    hardened(&mut version);
    let output = match version.args(["version", "--json"]).output() {
        Ok(output) => output,
        // Linux knows it since 6.3.
        Err(error) if error.raw_os_error() == Some(libc::EINVAL) => return,
        Err(error) => panic!("{error}"),
    };
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(told["machine_code"]["target"], "pulley64");
    let inspect = |harden: bool| {
        let mut command = strongroom();
        command.arg("inspect").arg(checkpoint()).arg("--json");
        if harden {
            hardened(&mut command);
        }
        said(&command.output().unwrap())
    };
    assert_eq!(inspect(true), inspect(false));
}

/// Workers that a process forks have its memory, and whatever it would make names of.
#[test]
#[allow(unsafe_code)]
fn forked_processes_write_under_names_of_their_own() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("model.pt");
    // It has made names before.
    drop(Local.create(&path, 8).unwrap());
    let workers = [(); 2].map(|()| {
        // SAFETY: the child writes a file and waits to be killed: it takes no lock that another
        // thread may have held, but the allocator's, which the C library frees when it forks.
        match unsafe { libc::fork() } {
            0 => {
                let _sink = Local.create(&path, 8);
                loop {
                    thread::sleep(Duration::from_secs(1));
                }
            }
            worker => worker,
        }
    });
    let hidden = || fs::read_dir(&directory).unwrap().count();
    let start = Instant::now();
    while hidden() < 2 && start.elapsed() < Duration::from_secs(10) {
        thread::sleep(Duration::from_millis(10));
    }
    let count = hidden();
    for worker in workers {
        // SAFETY: processes of this test, which it has not waited for yet.
        unsafe {
            libc::kill(worker, libc::SIGKILL);
            libc::waitpid(worker, std::ptr::null_mut(), 0);
        }
    }
    assert_eq!(count, 2, "two workers took one name");
}

fn strongroom() -> Command {
    Command::new(program())
}

fn program() -> &'static str {
    env!("CARGO_BIN_EXE_strongroom")
}

fn checkpoint() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/good/full_checkpoint/model.pt")
}

fn made(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("component/made").join(name)
}

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}
