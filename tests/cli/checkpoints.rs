//! Directories of checkpoints.

use std::fs;
use std::process::Command;
use std::sync::Arc;
use std::thread;

use strongroom::{CheckpointWriter, CheckpointWriterConfig, HookArguments, LocalBarrier, StateDict, Tensor};

use crate::room::{Room, text};

/// Damage that is written again would have the right checksum from then on.
#[test]
fn damage_is_not_passed_on() {
    let room = Room::with_run();
    let path = room.path("run/step-100/checkpoint_0.pt");
    let mut bytes = fs::read(&path).unwrap();
    let file = strongroom::File::open(&path).unwrap().load().unwrap();
    let payload = file.tensor("rng.torch").unwrap().bytes().unwrap().into_owned();
    let at = bytes.windows(payload.len()).position(|window| window == payload).unwrap();
    bytes[at] ^= 1;
    fs::write(&path, bytes).unwrap();
    for line in [
        "verify run/step-100",
        "load run/step-100 out.pt",
        "load run/step-100 out.pt --rank 0",
        "convert run/step-100/checkpoint_0.pt out.pt",
        "save run/step-100/checkpoint_0.pt run/step-200 --ranks 2",
    ] {
        let output = room.run(line);
        assert_eq!(output.status.code(), Some(1), "{line}");
        assert!(text(&output.stderr).contains("have checksum"), "{line}: {}", text(&output.stderr));
    }
}

#[test]
fn a_checkpoint_is_shared_over_ranks_and_brought_together_byte_for_byte() {
    let room = Room::with_run();
    let before = fs::read(room.path("full_checkpoint.pt")).unwrap();
    assert!(room.run("save full_checkpoint.pt run/step-100 --ranks 3 --overwrite").status.success());
    assert!(room.path("run/step-100/checkpoint_2.pt").exists());
    assert!(room.run("verify run/step-100").status.success());
    assert!(room.run("load run/step-100 model.pt").status.success());
    assert!(fs::read(room.path("model.pt")).unwrap() == before);
}

#[test]
fn the_newest_committed_checkpoint_is_the_latest() {
    let room = Room::with_run();
    assert!(room.run("save quantized.pt run/a-later-one --ranks 1").status.success());
    assert_eq!(text(&room.run("latest run").stdout), "run/a-later-one\n");
    fs::remove_file(room.path("run/a-later-one/strongroom.json")).unwrap();
    assert_eq!(text(&room.run("latest run").stdout), "run/step-100\n");
    for line in ["latest run", "list run"] {
        let said = text(&room.run(line).stderr);
        let lost = "note: passed over: run/a-later-one: it has no commit record (`strongroom.json`): it is a checkpoint \
                    that has lost its record, as one that was not copied to its end, with files of 1 rank\n";
        assert_eq!(said, lost, "{line}");
    }
    // One that is damaged may be the newest: that is not left unsaid.
    fs::write(room.path("run/a-later-one/strongroom.json"), "{").unwrap();
    for line in ["latest run", "list run", "prune run --keep-last 1", "prune run --keep-last 1 --dry-run"] {
        let output = room.run(line);
        let said = "note: passed over: run/a-later-one/strongroom.json: the commit record is damaged";
        assert!(output.status.success() && text(&output.stderr).starts_with(said), "{line}: {output:?}");
    }
    // Nor is one that has lost a file.
    assert!(room.run("save quantized.pt run/the-last-one --ranks 2").status.success());
    fs::remove_file(room.path("run/the-last-one/checkpoint_1.pt")).unwrap();
    let said = "note: passed over: run/the-last-one: checkpoint_1.pt is missing";
    assert!(text(&room.run("latest run").stderr).contains(said));
    assert_eq!(text(&room.run("latest run").stdout), "run/step-100\n");
}

#[test]
fn a_save_says_what_it_removes_and_what_it_does_not() {
    let room = Room::new();
    for (name, options) in
        [("decoder-1", ""), ("encoder-1", ""), ("encoder-2", ""), ("encoder-3", " --keep-last 9")]
    {
        let output = room.run(&format!("save quantized.pt run/{name}{options}"));
        assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    }
    fs::write(room.path("run/encoder-2/config.json"), "{}").unwrap();
    let saves = [
        ("encoder-4", "", "encoder-1"),
        ("encoder-5", " --async", "encoder-3"),
        ("encoder-6", " --process", "encoder-4"),
        ("encoder-7", " --ranks 2", "encoder-5"),
    ];
    for (name, how, gone) in saves {
        let output = room.run(&format!("save quantized.pt run/{name} --keep-last 2{how}"));
        let said = format!(
            "note: removed run/{gone}\nnote: run/encoder-2: it is not deleted, as what is not of the checkpoint is in \
             it: `config.json`\n"
        );
        assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), said), "{how}");
    }
    assert!(room.run("save quantized.pt run/other-1 --keep-last 1 --keep-in *oder-?").status.success());
    let names = text(&room.run("list run").stdout).matches("coder-").count();
    assert_eq!(names, 2, "encoder-7, and encoder-2 with its file");
    for line in ["list missing", "prune missing --keep-last 1", "prune missing"] {
        assert!(room.run(line).status.success(), "{line}");
    }
    for line in ["list missing", "prune missing --keep-last 1", "latest missing"] {
        let said = text(&room.run(line).stderr);
        assert!(said.ends_with("missing: there is no such directory\n"), "{line}: {said}");
    }
    assert_eq!(room.run("latest missing").status.code(), Some(1));
    for line in ["list quantized.pt", "prune quantized.pt", "latest quantized.pt"] {
        let said = text(&room.run(line).stderr);
        assert_eq!(said, "error: quantized.pt: is a file, not a directory of checkpoints\n");
    }
    // One that is passed over may be the newest.
    assert!(room.run("save quantized.pt run/encoder-8").status.success());
    fs::remove_file(room.path("run/encoder-8/checkpoint_0.pt")).unwrap();
    let said = text(&room.run("save quantized.pt run/encoder-9 --keep-last 9").stderr);
    assert_eq!(said, "note: passed over: run/encoder-8: checkpoint_0.pt is missing\n");
}

#[test]
fn a_file_of_another_save_is_not_part_of_the_checkpoint() {
    let room = Room::with_run();
    fs::copy(room.path("quantized.pt"), room.path("run/step-100/checkpoint_1.pt")).unwrap();
    let output = room.run("verify run/step-100");
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    assert!(text(&output.stderr).starts_with("error: run/step-100/checkpoint_1.pt: "));
}

#[test]
fn a_checkpoint_that_has_lost_a_part_is_said_to_have() {
    for lost in ["checkpoint_1.pt", "checkpoint_1.json", "outline.pkl"] {
        let room = Room::with_run();
        fs::remove_file(room.path("run/step-100").join(lost)).unwrap();
        for command in ["verify run/step-100", "load run/step-100 out.pt", "inspect run/step-100"] {
            let output = room.run(command);
            let said = format!("error: run/step-100/{lost}: it is missing: strongroom.json says that it is ");
            assert_eq!(output.status.code(), Some(1), "{command}");
            assert!(text(&output.stderr).starts_with(&said), "{command}: {}", text(&output.stderr));
        }
    }
    let room = Room::with_run();
    fs::remove_file(room.path("run/step-100/strongroom.json")).unwrap();
    let said = text(&room.run("inspect run/step-100").stderr);
    assert!(
        said.contains("a checkpoint that has lost its record") && said.contains("hint: copy it again"),
        "{said}"
    );
}

#[test]
fn what_fails_leaves_everything_as_it_was() {
    let room = Room::with_run();
    fs::write(room.path("out.safetensors"), "precious").unwrap();
    let names = || {
        let mut names: Vec<_> =
            fs::read_dir(room.path("")).unwrap().map(|file| file.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let before = names();
    for line in [
        "convert full_checkpoint.pt out.safetensors",
        "convert damaged.pt out.safetensors",
        "convert damaged.pt out.pt",
        "save damaged.pt new --ranks 2",
        "convert truncated.pt out.safetensors",
        "save truncated.pt new --ranks 2",
        "save full_checkpoint.pt run --ranks 2",
    ] {
        assert!(!room.run(line).status.success(), "{line}");
        assert_eq!(names(), before, "{line}");
    }
    assert_eq!(fs::read(room.path("out.safetensors")).unwrap(), b"precious");
}

/// `.` has a name, too: that of the directory that it is.
#[test]
fn the_directory_that_is_worked_in_can_be_saved_to() {
    let room = Room::new();
    let save = |place: &str, more: &[&str]| {
        let arguments = [&["save", "../quantized.pt", place], more].concat();
        room.command(&arguments).current_dir(room.path("run")).output().unwrap()
    };
    for (number, place) in [".", "./.", "../run", "../run/."].into_iter().enumerate() {
        fs::create_dir(room.path("run")).unwrap();
        for more in [
            &["--keep-last", "1"][..],
            &["--overwrite"],
            &["--overwrite", "--ranks", "2", "--keep-last", "1"],
        ] {
            let output = save(place, more);
            assert!(output.status.success() && output.stderr.is_empty(), "{place}: {output:?}");
        }
        assert!(room.run("verify run").status.success());
        fs::rename(room.path("run"), room.path(&format!("old{number}"))).unwrap();
    }
    // Once it is replaced, whoever works in it is nowhere.
    fs::create_dir(room.path("run")).unwrap();
    let save_it = format!("{} save \"$OLDPWD/quantized.pt\" .", env!("CARGO_BIN_EXE_strongroom"));
    let script = format!("cd run && {save_it} && {save_it}");
    let output = Command::new("sh").args(["-c", &script]).current_dir(room.path("")).output().unwrap();
    assert!(text(&output.stderr).starts_with("error: .: cannot look at: "), "{output:?}");
    fs::create_dir_all(room.path("run/step-1")).unwrap();
    let output = save("..", &[]);
    assert!(text(&output.stderr).starts_with("error: ..: something is here already"), "{output:?}");
}

/// A checkpoint for which each of two ranks has a state dict of its own.
fn save_apart(room: &Room, name: &str) {
    let names = ["0.weight", "1.weight"];
    thread::scope(|scope| {
        for (barrier, name_of_tensor) in LocalBarrier::world(2).into_iter().zip(names) {
            let path = room.path(name);
            scope.spawn(move || {
                let mut state = StateDict::new();
                state.insert(name_of_tensor, Tensor::from_slice(&[1.0f32], &[1]).unwrap());
                let writer =
                    CheckpointWriter::new(CheckpointWriterConfig::default(), Arc::new(barrier)).unwrap();
                writer.write(path, &state, &HookArguments::new()).unwrap();
            });
        }
    });
}

#[test]
fn files_of_ranks_of_their_own_are_filtered_and_loaded_one_by_one() {
    let room = Room::new();
    save_apart(&room, "apart");
    let output = room.run("inspect apart --filter 0.*");
    let (found, said) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success() && said.is_empty(), "{output:?}");
    assert!(found.contains("\n1 tensor, 1 element, 4 B"), "{found}");
    let output = room.run("inspect apart --filter 2.*");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(text(&output.stderr), "note: apart: nothing in it has a path like `2.*`\n");
    let output = room.run("load apart out.pt");
    assert!(text(&output.stderr).ends_with("\nhint: --rank R takes what one rank saved\n"), "{output:?}");
    assert!(room.run("load apart out.pt --rank 1").status.success());
}

#[test]
fn the_parts_of_a_checkpoint_are_named_for_what_they_are() {
    let room = Room::with_run();
    let run = room.path("run/step-100");
    for line in ["verify run/step-100/outline.pkl", "convert run/step-100/outline.pkl out.pt"] {
        let output = room.run(line);
        let said = text(&output.stderr);
        assert!(
            said.contains("the outline of a checkpoint directory")
                && said.contains("`strongroom load DIR OUT`"),
            "{said}"
        );
    }
    let said = text(&room.run("inspect run/step-100/strongroom.json").stderr);
    assert!(said.contains("the commit record of a checkpoint directory"), "{said}");
    let said = text(&room.run("inspect run/step-100/checkpoint_1.json").stderr);
    assert!(said.contains("the record of a rank's file in a checkpoint directory"), "{said}");
    fs::create_dir(room.path("runs")).unwrap();
    fs::rename(run.parent().unwrap(), room.path("runs/first")).unwrap();
    let said = text(&room.run("inspect runs").stderr);
    assert!(
        said.contains("a directory of others, among them `first`: a directory of 1 checkpoint"),
        "{said}"
    );
}
