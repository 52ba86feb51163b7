//! Committed checkpoints, into which nothing is written, and what is read.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use strongroom::store::Local;
use strongroom::{
    Checkpoint, CheckpointWriter, CheckpointWriterConfig, Checkpointer, CheckpointerConfig, Engine, Error,
    HookArguments, RankInfo, StateDict, Tensor, TorchOptions, Value, WriteFormat, WriteOptions,
    make_async_checkpointer, make_sync_checkpointer, save, save_with,
};

use crate::common::process::built;
use crate::room::{Room, stderr};

/// What would ruin a committed checkpoint, with no word.
#[test]
fn nothing_is_written_into_a_committed_checkpoint() {
    let room = Room::new();
    room.done("save in.pt run/step-1 --ranks 2");
    symlink("run/step-1", room.path("dir")).unwrap();
    symlink("run/step-1/checkpoint_0.pt", room.path("link.pt")).unwrap();
    symlink("run/step-1/new.pt", room.path("dangling.pt")).unwrap();
    fs::create_dir(room.path("run/step-1/sub")).unwrap();
    symlink("run/step-1/sub", room.path("sub")).unwrap();
    fs::hard_link(room.path("run/step-1/checkpoint_0.pt"), room.path("hard.pt")).unwrap();
    fs::hard_link(room.path("run/step-1/outline.pkl"), room.path("outline.pt")).unwrap();
    let before = room.files("run/step-1").iter().map(|path| fs::read(path).unwrap()).collect::<Vec<_>>();
    for line in [
        "load run/step-1 run/step-1/checkpoint_0.pt",
        "load run/step-1 run/step-1/new.pt",
        "load dir run/step-1/checkpoint_0.pt",
        "load run/step-1 dir/checkpoint_0.pt",
        "load run/step-1 link.pt",
        "load run/step-1 hard.pt",
        "load run/step-1 outline.pt",
        "convert run/step-1/checkpoint_1.pt hard.pt",
        "convert in.pt run/step-1/checkpoint_1.pt",
        "convert in.pt run/step-1/sub/new.pt",
        "convert in.pt run/step-1/made/new.pt",
        "convert in.pt run/../run/step-1/new.pt",
        "convert in.pt sub/new.pt",
        "convert in.pt dangling.pt",
        "save in.pt run/step-1/sub/step-2",
        "save in.pt run/step-1/step-2 --ranks 2",
        "save in.pt sub/step-2",
        "save in.pt dir/step-2 --overwrite",
    ] {
        let output = room.run(line);
        assert_eq!(output.status.code(), Some(1), "{line}: {}", stderr(&output));
        let out = line.split(' ').nth(2).unwrap();
        assert!(stderr(&output).contains(&format!("{out}: it is ")), "{line}: {}", stderr(&output));
        let now = room.files("run/step-1").iter().map(|path| fs::read(path).unwrap()).collect::<Vec<_>>();
        assert!(now == before, "{line}");
    }
    assert!(fs::read_dir(room.path("run/step-1/sub")).unwrap().next().is_none());
    Checkpoint::open(room.path("run/step-1")).unwrap().verify().unwrap();
}

/// A directory without record is read, if only a rank's file of it, and nothing of it goes.
#[test]
fn nothing_is_written_over_what_is_rescued() {
    let room = Room::new();
    room.done("save in.pt torn --ranks 2");
    fs::remove_file(room.path("torn/strongroom.json")).unwrap();
    let before = fs::read(room.path("torn/checkpoint_1.pt")).unwrap();
    for output in ["checkpoint_1.pt", "strongroom.json --to torch", "new.pt"] {
        let output = room.run(&format!("load torn torn/{output} --uncommitted --rank 0"));
        assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
        assert!(stderr(&output).contains("which is being read"), "{}", stderr(&output));
    }
    assert_eq!(fs::read(room.path("torn/checkpoint_1.pt")).unwrap(), before);
    room.done("load torn rescued.pt --uncommitted --rank 0");
}

#[test]
fn the_library_does_not_write_into_one_either() {
    let room = Room::new();
    room.done("save in.pt run/step-1");
    let state = StateDict::new();
    let refused = |result: strongroom::Result<()>| matches!(result, Err(Error::Checkpoint { .. }));
    assert!(refused(save(room.path("run/step-1/new.pt"), &state).map(drop)));
    let format = WriteFormat::Torch(TorchOptions::default());
    let options = WriteOptions { format, durable: false };
    let engine = Engine::shared().unwrap();
    assert!(refused(save_with(engine, &Local, &room.path("run/step-1/new"), &state, &options).map(drop)));
    let writer = CheckpointWriter::single().unwrap();
    assert!(refused(writer.write(room.path("run/step-1/sub"), &state, &HookArguments::new())));
    // What is read from a checkpoint does not replace a part of it under another name.
    fs::hard_link(room.path("run/step-1/checkpoint_0.pt"), room.path("hard.pt")).unwrap();
    let merged = Checkpoint::open(room.path("run/step-1")).unwrap().merged().unwrap();
    assert!(refused(save(room.path("hard.pt"), &merged).map(drop)));
    // A file that stands for itself is replaced in one step.
    let own = strongroom::File::open(room.path("in.pt")).unwrap();
    save(room.path("in.pt"), own.state()).unwrap();
    strongroom::File::open(room.path("in.pt")).unwrap().verify().unwrap();
}

/// All of it would go for a part of it.
#[test]
fn a_checkpoint_is_not_replaced_by_what_is_read_from_it() {
    let room = Room::new();
    room.done("save in.pt ck --ranks 2");
    symlink("ck/checkpoint_1.pt", room.path("link.pt")).unwrap();
    fs::hard_link(room.path("ck/checkpoint_1.pt"), room.path("hard.pt")).unwrap();
    symlink("ck", room.path("there")).unwrap();
    let ways = ["", " --async", " --process", " --ranks 3"];
    let sources = ["ck/checkpoint_0.pt", "ck/checkpoint_1.pt", "there/checkpoint_0.pt", "link.pt", "hard.pt"];
    for line in sources.iter().flat_map(|source| ways.map(|way| format!("save {source} ck --overwrite{way}")))
    {
        let output = room.run(&line);
        assert_eq!(output.status.code(), Some(1), "{line}: {}", stderr(&output));
        assert!(stderr(&output).contains("as what is to be saved is read from it"), "{}", stderr(&output));
        room.done("verify ck");
    }
    assert_eq!(room.hidden(), [""; 0]);
    // Nor by the library, in front of training or behind it.
    let part = Checkpoint::open(room.path("ck")).unwrap().file(1).unwrap();
    let config = CheckpointWriterConfig { overwrite: true, ..CheckpointWriterConfig::default() };
    let config = CheckpointerConfig { writer_config: config, ..CheckpointerConfig::default() };
    let (path, arguments) = (room.path("ck"), HookArguments::new());
    let mut front = make_sync_checkpointer(&config, RankInfo::single(), &[]).unwrap();
    let mut behind = make_async_checkpointer(&config, RankInfo::single(), &[]).unwrap();
    assert!(matches!(front.save(&path, part.state(), &arguments), Err(Error::Checkpoint { .. })));
    assert!(matches!(behind.save(&path, part.state(), &arguments), Err(Error::Checkpoint { .. })));
    let written = behind.save_owned(&path, part.state().clone(), &arguments).unwrap().wait();
    assert!(written.is_err());
    // What is in memory may take the place of what it was loaded from.
    let _ = front.save(&path, &part.load().unwrap(), &arguments).unwrap();
    Checkpoint::open(path).unwrap().verify().unwrap();
}

#[test]
fn what_is_but_a_part_is_said_to_be_one() {
    let room = Room::new();
    room.done("save in.pt ck --ranks 2");
    fs::copy(room.path("ck/checkpoint_1.pt"), room.path("alone.pt")).unwrap();
    let part = "this is the part that rank 1 has of a state dict shared over 2 ranks";
    let said = format!("note: ck/checkpoint_1.pt: {part}\n");
    for line in [
        "load ck out.pt --rank 1",
        "convert ck/checkpoint_1.pt out.pt",
        "save ck/checkpoint_1.pt new",
        "inspect ck/checkpoint_1.pt",
        "verify ck/checkpoint_1.pt",
    ] {
        assert_eq!(stderr(&room.run(line)), said, "{line}");
    }
    let list = Value::list([Value::from(tensor(1000)), Value::from(tensor(1000))]);
    save(room.path("list.pt"), &StateDict::from_value(list)).unwrap();
    room.done("save list.pt lists --ranks 2");
    fs::copy(room.path("lists/checkpoint_1.pt"), room.path("alone.pt")).unwrap();
    let said = "note: alone.pt: this is a part of a state dict: there are values that other ranks have\n";
    assert_eq!(stderr(&room.run("convert alone.pt out.pt")), said);
    assert_eq!(stderr(&room.run("convert in.pt out.pt")), "");
}

/// Of a save that has lost its record the rest tells it.
#[test]
fn what_may_be_a_part_is_said_to_be_one() {
    let room = Room::new();
    room.done("save in.pt lost --ranks 2");
    fs::remove_file(room.path("lost/strongroom.json")).unwrap();
    let said = "this is what rank 1 has of a state dict that was shared: other ranks may have the rest\n";
    let is_said = |line: &str| stderr(&room.run(line)).ends_with(said);
    assert!(is_said("load lost out.pt --uncommitted --rank 1"));
    for command in
        ["convert lost/checkpoint_1.pt out.pt", "inspect lost/checkpoint_1.pt", "verify lost/checkpoint_1.pt"]
    {
        assert!(is_said(command), "{command}");
    }
    fs::remove_file(room.path("lost/outline.pkl")).unwrap();
    assert!(is_said("convert lost/checkpoint_1.pt out.pt"));
    fs::remove_file(room.path("lost/checkpoint_1.json")).unwrap();
    assert!(!is_said("convert lost/checkpoint_1.pt out.pt"));
}

/// It has another path there. Only root's run can mount anything.
#[test]
fn what_is_read_is_not_written_to_by_another_mount() {
    let room = Room::new();
    room.done("save in.pt run/ck --ranks 2");
    room.done("save in.pt run/lost --ranks 2");
    fs::remove_file(room.path("run/lost/strongroom.json")).unwrap();
    fs::create_dir(room.path("mnt")).unwrap();
    let before = fs::read_dir(room.path("run/lost")).unwrap().count();
    for line in [
        "load run/lost mnt/lost/checkpoint_2.pt --uncommitted --rank 0",
        "load run/ck mnt/ck/checkpoint_2.pt",
        "save run/ck/checkpoint_0.pt mnt/ck --overwrite",
    ] {
        let mut mounted = Command::new("unshare");
        let script = "mount --bind run mnt || exit 9; exec \"$0\" \"$@\"";
        mounted.args(["--mount", "sh", "-c", script]).arg(built("strongroom")).args(line.split(' '));
        let Ok(output) = mounted.current_dir(room.path("")).output() else { return };
        let said = stderr(&output);
        if output.status.code() == Some(9) || said.starts_with("unshare") {
            return;
        }
        assert_eq!(output.status.code(), Some(1), "{line}: {said}");
        assert_eq!(fs::read_dir(room.path("run/lost")).unwrap().count(), before);
        room.done("verify run/ck");
    }
}

/// `--overwrite` is not offered where it would not help.
#[test]
fn what_is_no_checkpoint_is_not_replaced_and_no_hint_says_otherwise() {
    let room = Room::new();
    room.done("save in.pt old");
    fs::create_dir_all(room.path("work")).unwrap();
    fs::write(room.path("work/notes.txt"), "").unwrap();
    for (record, directory) in [("{}", "other"), ("{\"version\":1}", "before")] {
        fs::create_dir(room.path(directory)).unwrap();
        fs::write(room.path(directory).join("strongroom.json"), record).unwrap();
        fs::write(room.path(directory).join("checkpoint_9.pt"), "precious").unwrap();
    }
    for place in ["work", "in.pt", ".", "/", "other", "before"] {
        for option in ["", " --overwrite"] {
            let output = room.run(&format!("save in.pt {place}{option}"));
            assert_eq!(output.status.code(), Some(1), "{place}{option}");
            let said = stderr(&output);
            assert!(
                said.contains(&format!("{place}: something is here already, and is not replaced, as ")),
                "{said}"
            );
            assert!(!said.contains("hint: "), "{said}");
        }
    }
    assert!(room.path("work/notes.txt").exists() && room.path("other/checkpoint_9.pt").exists());
    assert!(stderr(&room.run("save in.pt old")).contains("hint: --overwrite replaces it"));
    room.done("save in.pt old --overwrite");
}

fn tensor(numbers: u16) -> Tensor<'static> {
    Tensor::from_vec(vec![f32::from(numbers); numbers.into()], &[numbers.into()]).unwrap()
}
