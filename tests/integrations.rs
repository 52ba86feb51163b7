//! `.pre-commit-hooks.yaml` and `action.yml` do what they say, with the program that was built.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_yaml_ng::Value as Yaml;
use tempfile::TempDir;

const EVIL: &[u8] = b"cos\nsystem\n(S'echo owned'\ntR.";

const POINTER: &str = "version https://git-lfs.github.com/spec/v1\noid sha256:0a1b\nsize 12345\n";

#[test]
fn the_hook_judges_the_files_that_it_is_for() {
    let hooks = yaml(".pre-commit-hooks.yaml");
    let hook = &hooks[0];
    let files = hook["files"].as_str().unwrap();
    let entry: Vec<&str> = hook["entry"].as_str().unwrap().split(' ').collect();
    let room = Room::new();
    for (name, bytes, code) in [("good.pkl", &b"\x80\x02}."[..], 0), ("evil.pkl", EVIL, 1)] {
        room.write(name, bytes);
        assert_eq!(entry[0], "strongroom");
        let mut command = Command::new(env!("CARGO_BIN_EXE_strongroom"));
        let output = command.args(&entry[1..]).arg(name).current_dir(&room.directory).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{name}");
    }
    let matches = |name: &str| {
        let script = "import re, sys; sys.exit(not re.search(sys.argv[1], sys.argv[2]))";
        Command::new("python3").args(["-c", script, files, name]).status().unwrap().success()
    };
    for name in [
        "a/model.pt",
        "model.safetensors",
        "model-00001-of-00002.safetensors",
        "model.safetensors.index.json",
        "pytorch_model.bin.index.json",
        "model.gguf",
        "step-100/.metadata",
        ".metadata",
        "step-100/__0.metadata",
        "step-100/__0_0.distcp",
        "weights.h5",
        "weights.hdf5",
        "model.keras",
        "model.onnx",
        "checkpoint.pth.tar",
        "model.nemo",
        "rust_model.ot",
        "flax_model.msgpack",
        "net.t7",
        "MODEL.PT",
        "a/--exclude=*.pt",
    ] {
        assert!(matches(name), "{name}");
    }
    for name in ["model.py", "index.json", "config.json", "metadata", "x.metadata", "model.pt.md", "pt"] {
        assert!(!matches(name), "{name}");
    }
    // A name that looks like an option is a name: pre-commit gives those that git has.
    room.write("--exclude=*.pkl", b"\x80\x02}.");
    room.write("--config=own.pkl", b"\x80\x02}.");
    for name in ["--exclude=*.pkl", "--config=own.pkl", "--allow=os.system"] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_strongroom"));
        let command = command.args(&entry[1..]).args([name, "good.pkl", "evil.pkl"]);
        let output = command.current_dir(&room.directory).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{name}: {output:?}");
    }
    // What the project leaves out is no reason to refuse a commit; a path that is not there is one.
    room.write("strongroom.toml", b"exclude = ['old/*']\n");
    room.write("old/evil.pkl", EVIL);
    for (name, code) in [("old/evil.pkl", 0), ("old/gone.pkl", 64), ("evil.pkl", 1)] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_strongroom"));
        let output = command.args(&entry[1..]).arg(name).current_dir(&room.directory).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{name}");
    }
}

#[test]
fn the_action_fails_on_what_is_not_safe_and_writes_a_summary() {
    let room = Room::new();
    room.write("models/good.pkl", b"\x80\x02}.");
    room.write("models/a b.pkl", b"c__builtin__\nrange\n(I3\ntR.");
    let output = room.action("models", "", &room.sha256());
    assert!(output.status.success(), "{output:?}");
    assert!(room.read("summary").ends_with("\n    2 files: 2 safe; all pass\n"), "{}", room.read("summary"));
    assert_eq!(room.read("output"), format!("sarif={}/strongroom.sarif\n", room.temporary().display()));
    assert!(room.temporary().join("strongroom.sarif").exists());
    let output = room.action("models", "--require=weights-only", &room.sha256());
    assert_eq!(output.status.code(), Some(1));
    let output = room.action("models/good.pkl\nmodels/a b.pkl", "--require\nno-code", &room.sha256());
    assert!(output.status.success(), "{output:?}");
    room.write("models/evil.pkl", EVIL);
    let output = room.action("models", "", &room.sha256());
    assert_eq!(output.status.code(), Some(1));
    let summary = room.read("summary");
    assert!(summary.contains("    models/evil.pkl: UNSAFE") && !summary.contains("good.pkl"), "{summary}");
    let output = room.action("models", "--only=failing", &room.sha256());
    assert_eq!(output.status.code(), Some(1), "it may be said again");
}

#[test]
fn the_action_takes_lines_for_what_they_are() {
    let room = Room::new();
    room.write("models/good.pkl", b"\x80\x02}.");
    room.write("models/deep/a b.pkl", b"\x80\x02}.");
    room.write("models/[1].pkl", b"\x80\x02}.");
    let shown = |paths: &str, arguments: &str| {
        let output = room.action(paths, arguments, &room.sha256());
        assert!(output.status.success(), "{output:?}");
        let summary = room.read("summary");
        let total = summary.lines().find_map(|line| line.strip_suffix("; all pass")?.trim().split_once(' '));
        total.and_then(|(count, _)| count.parse::<usize>().ok()).unwrap()
    };
    assert_eq!(shown("\n  models  \n\n", "\n--require=tensors-only\n\n"), 3);
    assert_eq!(
        [shown("models/g*.pkl", ""), shown("models/**/*.pkl", ""), shown("models/*/a b.*", "")],
        [1, 3, 1]
    );
    assert_eq!(shown("models/[1].pkl", ""), 1, "a name that is there is no pattern");
    room.write("models/.hidden.pkl", b"\x80\x02}.");
    room.write("models/--exclude=*.pkl", b"\x80\x02}.");
    room.write("--exclude=*.pkl", b"\x80\x02}.");
    assert_eq!(shown("models/*.pkl", ""), 4);
    assert_eq!([shown("*.pkl", ""), shown("**/*.pkl", "")], [1, 6]);
    assert_eq!(shown(".", ""), 6);
    // Whatever passes, what is not there does not.
    for (paths, code) in [("models/*.pt", 64), ("models\n*.pt", 2), ("modles", 64), ("\n", 64)] {
        let output = room.action(paths, "--fail-on=unsafe", &room.sha256());
        assert_eq!(output.status.code(), Some(code), "{paths:?}: {output:?}");
    }
}

#[test]
fn the_action_says_in_its_summary_why_nothing_was_judged() {
    let room = Room::new();
    room.write("models/good.pkl", b"\x80\x02}.");
    let output = room.action("models", "--require=much", &room.sha256());
    assert_eq!(output.status.code(), Some(64));
    let summary = room.read("summary");
    assert!(summary.contains("exit code 64") && summary.contains("    error: "), "{summary}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("much"), "{output:?}");
    assert_eq!(room.read("output"), "");
}

#[test]
fn the_action_runs_no_other_program_and_judges_no_pointers() {
    let room = Room::new();
    room.write("models/good.pkl", b"\x80\x02}.");
    let output = room.action("models", "", &"0".repeat(64));
    assert!(!output.status.success() && !room.temporary().join("strongroom.sarif").exists());
    room.write("notes.md", format!("A pointer is\n{POINTER}").as_bytes());
    assert!(room.action("models", "", &room.sha256()).status.success());
    room.write("models/large.pkl", POINTER.as_bytes());
    let output = room.action("models", "", &room.sha256());
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(!output.status.success() && printed.contains("models/large.pkl"), "{output:?}");
}

/// Whoever asks to take a change may change `strongroom.toml` as well.
#[test]
fn the_action_goes_by_no_settings_but_those_that_it_is_given() {
    let room = Room::new();
    room.write("models/evil.pkl", EVIL);
    room.write("strongroom.toml", b"allow = ['os.system']\n");
    for paths in [".", "models"] {
        assert_eq!(room.action(paths, "", &room.sha256()).status.code(), Some(1), "{paths}");
    }
    let config = |config: &str| room.action_with("models", config, "", &room.sha256()).status.code();
    assert_eq!([config("strongroom.toml"), config("gone.toml")], [Some(0), Some(3)]);
}

fn yaml(name: &str) -> Yaml {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    serde_yaml_ng::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// A repository.
struct Room {
    directory: TempDir,
    runner: TempDir,
}

impl Room {
    fn new() -> Self {
        let room = Self { directory: tempfile::tempdir().unwrap(), runner: tempfile::tempdir().unwrap() };
        room.git(&["init", "--quiet"]);
        room
    }

    fn git(&self, arguments: &[&str]) {
        assert!(Command::new("git").args(arguments).current_dir(&self.directory).status().unwrap().success());
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        let path = self.directory.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
        self.git(&["add", "."]);
    }

    /// What the action wrote for its runner.
    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.runner.path().join(name)).unwrap()
    }

    fn temporary(&self) -> PathBuf {
        self.runner.path().join("temporary")
    }

    fn sha256(&self) -> String {
        let output = Command::new("sha256sum").arg(env!("CARGO_BIN_EXE_strongroom")).output().unwrap();
        String::from_utf8(output.stdout).unwrap().split(' ').next().unwrap().to_owned()
    }

    fn action(&self, paths: &str, arguments: &str, sha256: &str) -> Output {
        self.action_with(paths, "", arguments, sha256)
    }

    /// Runs the steps as a runner does, up to the first that fails.
    fn action_with(&self, paths: &str, config: &str, arguments: &str, sha256: &str) -> Output {
        let _ = fs::remove_dir_all(self.temporary());
        fs::create_dir(self.temporary()).unwrap();
        for file in ["summary", "output"] {
            fs::write(self.runner.path().join(file), "").unwrap();
        }
        let url = format!("file://{}", env!("CARGO_BIN_EXE_strongroom"));
        let action = yaml("action.yml");
        let mut last = None;
        for step in action["runs"]["steps"].as_sequence().unwrap() {
            assert_eq!(step["shell"], "bash");
            let script = step["run"].as_str().unwrap();
            assert!(!script.contains("${{"), "what is given is no part of a script");
            let mut command = Command::new("bash");
            command.args(["--noprofile", "--norc", "-eo", "pipefail", "-c", script]);
            command.current_dir(&self.directory).env("RUNNER_TEMP", self.temporary());
            command.env("GITHUB_STEP_SUMMARY", self.runner.path().join("summary"));
            command.env("GITHUB_OUTPUT", self.runner.path().join("output"));
            for (name, value) in step["env"].as_mapping().into_iter().flatten() {
                let value = match value.as_str().unwrap() {
                    "${{ inputs.url }}" => &url,
                    "${{ inputs.sha256 }}" => sha256,
                    "${{ inputs.paths }}" => paths,
                    "${{ inputs.config }}" => config,
                    "${{ inputs.arguments }}" => arguments,
                    other => panic!("nothing is given for {other}"),
                };
                command.env(name.as_str().unwrap(), value);
            }
            let output = command.output().unwrap();
            if !output.status.success() {
                return output;
            }
            last = Some(output);
        }
        last.unwrap()
    }
}
