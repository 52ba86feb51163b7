//! Directories of checkpoints.

use std::fs;

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
    assert_eq!(names, 2, "encoder-6, and encoder-2 with its file");
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
    assert!(room.run("save quantized.pt run/encoder-7").status.success());
    fs::remove_file(room.path("run/encoder-7/checkpoint_0.pt")).unwrap();
    let said = text(&room.run("save quantized.pt run/encoder-8 --keep-last 9").stderr);
    assert_eq!(said, "note: passed over: run/encoder-7: checkpoint_0.pt is missing\n");
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
