//! What is written goes where it was said to, and nothing else is touched: modes and
//! owners, links, pipes and devices, long names, and committed checkpoints.

mod common;

use std::fs::{self, File, Permissions};
use std::io::Read;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use common::process::built;
use strongroom::{
    Checkpoint, CheckpointWriter, CheckpointWriterConfig, Checkpointer, CheckpointerConfig, Engine, Error,
    HookArguments, RankInfo, StateDict, Tensor, TorchOptions, Value, WriteFormat, WriteOptions,
    make_async_checkpointer, make_sync_checkpointer, save, save_with, store::Local,
};

#[test]
fn what_is_new_follows_the_umask_and_what_is_replaced_keeps_its_mode() {
    let room = Room::new();
    for (umask, file, directory) in [("022", 0o644, 0o755), ("002", 0o664, 0o775), ("077", 0o600, 0o700)] {
        room.done_under(umask, "convert in.pt new.pt");
        room.done_under(umask, "save in.pt new --ranks 2");
        assert_eq!(room.mode("new.pt"), file);
        assert_eq!(room.mode("new"), directory);
        assert!(room.files("new").iter().all(|path| mode(path) == file));
        fs::remove_file(room.path("new.pt")).unwrap();
        fs::remove_dir_all(room.path("new")).unwrap();
    }
    room.done("convert in.pt kept.pt");
    room.done("save in.pt kept --ranks 2");
    for (file, directory) in [(0o600, 0o700), (0o640, 0o750), (0o444, 0o555), (0o666, 0o777)] {
        fs::set_permissions(room.path("kept.pt"), Permissions::from_mode(file)).unwrap();
        for path in room.files("kept") {
            fs::set_permissions(path, Permissions::from_mode(file)).unwrap();
        }
        fs::set_permissions(room.path("kept"), Permissions::from_mode(directory)).unwrap();
        room.done_under("022", "convert in.pt kept.pt");
        // A rank more than before: its file is as the others.
        room.done_under("022", "save in.pt kept --ranks 3 --overwrite");
        room.done_under("022", "save in.pt kept --ranks 2 --overwrite");
        assert_eq!((room.mode("kept.pt"), room.mode("kept")), (file, directory));
        assert!(room.files("kept").iter().all(|path| mode(path) == file));
        assert_eq!(room.hidden(), [""; 0]);
    }
    fs::set_permissions(room.path("kept"), Permissions::from_mode(0o755)).unwrap();
}

/// Only root gives files away, so only root's run shows all of this.
#[test]
fn owners_and_groups_are_kept_and_a_directory_hands_its_group_down() {
    let room = Room::new();
    room.done("convert in.pt kept.pt");
    room.done("save in.pt kept");
    fs::create_dir(room.path("shared")).unwrap();
    let groups = groups();
    let Some(group) = groups.iter().copied().find(|group| *group != room.owner("in.pt").1) else { return };
    for name in ["kept.pt", "kept", "shared"] {
        chown(room.path(name), None, Some(group)).unwrap();
    }
    for name in ["kept", "shared"] {
        fs::set_permissions(room.path(name), Permissions::from_mode(0o2770)).unwrap();
    }
    let owner = chown(room.path("kept.pt"), Some(12), None).map_or(room.owner("in.pt").0, |()| 12);
    room.done("convert in.pt kept.pt");
    room.done("save in.pt kept --overwrite");
    room.done("convert in.pt shared/new.pt");
    room.done("save in.pt shared/new");
    assert_eq!(room.owner("kept.pt"), (owner, group));
    for name in ["kept", "shared/new.pt", "shared/new", "shared/new/checkpoint_0.pt"] {
        assert_eq!(room.owner(name).1, group, "{name}");
    }
    assert_eq!(room.mode("kept"), 0o2770);
    assert_eq!(room.mode("shared/new") & 0o2000, 0o2000);
}

#[test]
fn links_are_written_through() {
    let room = Room::new();
    fs::create_dir(room.path("elsewhere")).unwrap();
    symlink("elsewhere/file.pt", room.path("link.pt")).unwrap();
    symlink("link.pt", room.path("second.pt")).unwrap();
    symlink("elsewhere/run", room.path("run")).unwrap();
    // First they lead nowhere.
    for line in
        ["convert in.pt second.pt", "convert in.pt second.pt", "save in.pt run", "save in.pt run --overwrite"]
    {
        room.done(line);
        assert!(["link.pt", "second.pt", "run"].iter().all(|name| room.path(name).is_symlink()), "{line}");
        assert!(room.path("elsewhere/file.pt").is_file(), "{line}");
    }
    Checkpoint::open(room.path("elsewhere/run")).unwrap().verify().unwrap();
    assert_eq!((room.hidden(), room.hidden_in("elsewhere")), (Vec::new(), Vec::new()));
    // Retention is that of the directory that it is in.
    room.done("save in.pt elsewhere/step-1");
    symlink("elsewhere/step-2", room.path("step-2")).unwrap();
    room.done("save in.pt step-3");
    room.done("save in.pt step-2 --keep-last 1");
    assert!(!room.path("elsewhere/step-1").exists() && room.path("step-3").exists());

    symlink("circle.pt", room.path("circle.pt")).unwrap();
    let output = room.run("convert in.pt circle.pt");
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    assert!(stderr(&output).starts_with("error: circle.pt: "), "{}", stderr(&output));
}

#[test]
fn pipes_and_devices_are_written_to_and_never_replaced() {
    let room = Room::new();
    let expected = fs::read(room.path("in.pt")).unwrap();
    make_pipe(&room.path("pipe.pt"));
    let read = thread::spawn({
        let pipe = room.path("pipe.pt");
        move || fs::read(pipe).unwrap()
    });
    room.done("convert in.pt pipe.pt");
    assert_eq!(named(&read.join().unwrap()), named(&expected));
    assert!(fs::symlink_metadata(room.path("pipe.pt")).unwrap().file_type().is_fifo());

    // Nobody reads from it: that is not waited for.
    let start = Instant::now();
    let output = room.run("convert in.pt pipe.pt");
    assert_eq!(output.status.code(), Some(3));
    assert!(stderr(&output).contains("pipe.pt: cannot open: it is a pipe, and nobody reads from it"));
    assert!(start.elapsed() < Duration::from_secs(9));

    symlink("/dev/null", room.path("null.pt")).unwrap();
    room.done("convert in.pt null.pt");
    assert!(fs::metadata("/dev/null").unwrap().file_type().is_char_device());

    // Others write to what is open, and what they wrote stays.
    symlink("/dev/stdout", room.path("stdout.pt")).unwrap();
    let (mut log, path) = (File::create(room.path("log")).unwrap(), room.path("log"));
    std::io::Write::write_all(&mut log, b"before").unwrap();
    let mut command = room.command("convert in.pt stdout.pt");
    assert!(command.stdout(File::options().append(true).open(&path).unwrap()).status().unwrap().success());
    let written = fs::read(&path).unwrap();
    assert_eq!(named(written.strip_prefix(b"before").unwrap()), named(&expected));
    let mut child = room.command("convert in.pt stdout.pt").stdout(Stdio::piped()).spawn().unwrap();
    let mut read = Vec::new();
    child.stdout.take().unwrap().read_to_end(&mut read).unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(named(&read), named(&expected));

    let listener = std::os::unix::net::UnixListener::bind(room.path("socket.pt")).unwrap();
    let output = room.run("convert in.pt socket.pt");
    assert_eq!(output.status.code(), Some(3));
    assert!(stderr(&output).contains("socket.pt: cannot create: it is neither a file nor a pipe"));
    drop(listener);
    assert_eq!(room.hidden(), [""; 0]);
}

/// What is open is written to where it stands: others write before and after.
#[test]
fn a_stream_is_written_to_at_its_position() {
    let room = Room::new();
    let bytes =
        room.shell("(echo before; \"$0\" convert in.pt /dev/stdout --to torch; echo after) > log; cat log");
    let bytes = bytes.stdout;
    assert!(bytes.starts_with(b"before\nPK") && bytes.ends_with(b"after\n"), "{}", bytes.len());
    fs::write(room.path("alone.pt"), &bytes[7..bytes.len() - 6]).unwrap();
    room.done("verify alone.pt");
    for line in [
        "\"$0\" convert in.pt /dev/stdout --to torch > o.pt",
        "\"$0\" convert in.pt /dev/fd/5 --to torch 5> o.pt",
    ] {
        assert!(room.shell(line).status.success(), "{line}");
        room.done("verify o.pt");
    }
}

/// What would end in a file that nobody can read, or in none.
#[test]
fn streams_that_others_use_are_refused() {
    let room = Room::new();
    room.done("save in.pt ck --ranks 2");
    fs::copy(room.path("in.pt"), room.path("self.pt")).unwrap();
    let before = fs::read(room.path("self.pt")).unwrap();
    let cases = [
        ("convert in.pt /dev/stdout --to torch --json > j", 2, "/dev/stdout: this is standard output"),
        ("convert in.pt /dev/fd/5 --to torch --json 5>&1 | cat", 0, "/dev/fd/5: this is standard output"),
        ("convert in.pt /dev/stderr --to torch", 2, "/dev/stderr: this is standard error"),
        ("convert in.pt /dev/stdout --to torch >&2", 2, "/dev/stdout: this is standard error"),
        ("convert in.pt /dev/stdout --to torch >&-", 3, "cannot write to standard output: it is closed"),
        ("load ck /dev/stdout --to torch >&-", 3, "cannot write to standard output: it is closed"),
        ("convert in.pt /dev/stdout --to torch >> ck/checkpoint_0.pt", 1, "a committed checkpoint"),
        ("load ck /dev/stdout --to torch >> ck/checkpoint_0.pt", 1, "a part of ck"),
        ("convert self.pt /dev/fd/3 --to torch 3<>self.pt", 2, "/dev/fd/3: is the input itself"),
        (
            "convert in.pt /dev/fd/3 --to torch 3< self.pt",
            3,
            "/dev/fd/3: cannot open: it is open for reading only",
        ),
    ];
    for (line, code, said) in cases {
        let output = room.shell(&format!("\"$0\" {line}"));
        assert_eq!(output.status.code(), Some(code), "{line}: {}", stderr(&output));
        assert!(stderr(&output).contains(said), "{line}: {}", stderr(&output));
    }
    room.done("verify ck");
    assert!(fs::read(room.path("self.pt")).unwrap() == before);
    // The library sees it, too.
    let own = strongroom::File::open(room.path("self.pt")).unwrap();
    let open = File::options().read(true).write(true).open(room.path("self.pt")).unwrap();
    let path = PathBuf::from(format!("/proc/self/fd/{}", open.as_raw_fd()));
    let options = WriteOptions { format: WriteFormat::Torch(TorchOptions::default()), durable: false };
    let written = save_with(Engine::shared().unwrap(), &Local, &path, own.state(), &options);
    assert!(matches!(written, Err(Error::Checkpoint { .. })), "{written:?}");
}

#[test]
fn names_may_be_as_long_as_the_file_system_allows() {
    let room = Room::new();
    for letter in ["n", "重"] {
        let file = letter.repeat(252 / letter.len()) + ".pt";
        let directory = letter.repeat(255 / letter.len());
        for _ in 0..2 {
            room.done(&format!("convert in.pt {file}"));
            room.done(&format!("save in.pt {directory} --ranks 2 --overwrite"));
        }
        Checkpoint::open(room.path(&directory)).unwrap().verify().unwrap();
        let output = room.run(&format!("convert in.pt {letter}{letter}{file}"));
        assert_eq!(output.status.code(), Some(3));
        let said = format!("error: {letter}{letter}{file}: ");
        assert!(stderr(&output).starts_with(&said), "{}", stderr(&output));
    }
    assert_eq!(room.hidden(), [""; 0]);
}

#[test]
fn missing_directories_are_made_and_removed_again_if_nothing_comes_of_it() {
    let room = Room::new();
    room.done("save in.pt a/b/step-1 --ranks 2");
    room.done("convert in.pt c/d/out.pt");
    room.done("load a/b/step-1 e/f/out.pt");
    fs::create_dir(room.path("empty")).unwrap();
    for line in [
        "convert cut.pt x/y/out.pt",
        "save cut.pt x/y/step-1 --ranks 2",
        "convert damaged.pt x/y/out.pt",
        "save damaged.pt x/y/step-1 --ranks 2",
        "save damaged.pt x/y/step-1",
        "save damaged.pt empty/y/step-1 --async",
        "load damaged x/y/out.pt",
    ] {
        let output = room.run(line);
        assert_eq!(output.status.code(), Some(1), "{line}: {}", stderr(&output));
        assert!(!room.path("x").exists() && room.path("empty").exists(), "{line}");
        assert!(!room.path("empty/y").exists(), "{line}");
    }
    let output = room.run("convert in.pt in.pt/out.pt");
    assert!(stderr(&output).starts_with("error: in.pt/out.pt: cannot create: "), "{}", stderr(&output));
}

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
    let said = "note: this is the part that rank 1 has of a state dict shared over 2 ranks\n";
    for line in
        ["load ck out.pt --rank 1", "convert ck/checkpoint_1.pt out.pt", "save ck/checkpoint_1.pt new"]
    {
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

#[test]
fn a_path_may_say_that_it_is_one_of_a_directory() {
    let room = Room::new();
    for name in ["out.pt/", "out.pt/.", "out/ --to torch"] {
        let output = room.run(&format!("convert in.pt {name}"));
        assert_eq!(output.status.code(), Some(2), "{name}");
        assert!(stderr(&output).contains("is the name of a directory; a file is to be written"), "{name}");
    }
    room.done("save in.pt new/.");
    room.done("save in.pt newer/");
    for name in ["new", "newer"] {
        room.done(&format!("verify {name}"));
    }
    assert_eq!(room.hidden(), [""; 0]);
    let output = room.run("convert in.pt /proc/out.pt");
    assert!(stderr(&output).starts_with("error: /proc/out.pt: cannot create: "), "{}", stderr(&output));
}

fn tensor(numbers: u16) -> Tensor<'static> {
    Tensor::from_vec(vec![f32::from(numbers); numbers.into()], &[numbers.into()]).unwrap()
}

/// Files to work on.
struct Room {
    directory: tempfile::TempDir,
}

impl Room {
    fn new() -> Self {
        let room = Self { directory: tempfile::tempdir().unwrap() };
        let mut state = StateDict::new();
        state.insert("weight", Tensor::from_slice(&[1.5f32; 1000], &[1000]).unwrap());
        state.insert("bias", Tensor::from_slice(&[0.5f32; 100], &[100]).unwrap());
        save(room.path("in.pt"), &state).unwrap();
        let mut bytes = fs::read(room.path("in.pt")).unwrap();
        fs::write(room.path("cut.pt"), &bytes[..bytes.len() / 2]).unwrap();
        let place = bytes.windows(8).position(|bytes| bytes == [0, 0, 192, 63, 0, 0, 192, 63]).unwrap();
        bytes[place + 1] ^= 1;
        fs::write(room.path("damaged.pt"), bytes).unwrap();
        room.done("save in.pt damaged");
        let bytes = fs::read(room.path("damaged.pt")).unwrap();
        fs::write(room.path("damaged/checkpoint_0.pt"), bytes).unwrap();
        room
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn command(&self, line: &str) -> Command {
        let mut command = Command::new(built("strongroom"));
        command.args(line.split(' ')).current_dir(self.directory.path()).stdin(Stdio::null());
        command
    }

    fn run(&self, line: &str) -> Output {
        self.command(line).output().unwrap()
    }

    /// Runs a script, in which the command is `$0`.
    fn shell(&self, script: &str) -> Output {
        let mut command = Command::new("sh");
        command.args(["-c", script]).arg(built("strongroom"));
        command.current_dir(self.directory.path()).stdin(Stdio::null()).output().unwrap()
    }

    fn done(&self, line: &str) {
        let output = self.run(line);
        assert!(output.status.success(), "{line}: {}", stderr(&output));
    }

    fn done_under(&self, umask: &str, line: &str) {
        let script = format!("umask {umask}; exec \"$@\"");
        let mut command = Command::new("sh");
        command.args(["-c", &script, "sh"]).arg(built("strongroom")).args(line.split(' '));
        let output = command.current_dir(self.directory.path()).output().unwrap();
        assert!(output.status.success(), "{line}: {}", stderr(&output));
    }

    fn mode(&self, name: &str) -> u32 {
        mode(&self.path(name))
    }

    fn owner(&self, name: &str) -> (u32, u32) {
        let metadata = fs::metadata(self.path(name)).unwrap();
        (metadata.uid(), metadata.gid())
    }

    /// The files in a directory.
    fn files(&self, name: &str) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.path(name)).unwrap().map(|entry| entry.unwrap().path());
        let mut files: Vec<PathBuf> = entries.filter(|path| path.is_file()).collect();
        files.sort();
        files
    }

    fn hidden(&self) -> Vec<String> {
        self.hidden_in("")
    }

    fn hidden_in(&self, name: &str) -> Vec<String> {
        let names = fs::read_dir(self.path(name)).unwrap().map(|entry| entry.unwrap().file_name());
        names
            .filter(|name| name.as_bytes().starts_with(b"."))
            .map(|name| name.into_string().unwrap())
            .collect()
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o7777
}

/// The groups that a file may be given to.
fn groups() -> Vec<u32> {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let of =
        |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().to_owned();
    let root = of("Uid:").split_whitespace().nth(1) == Some("0");
    let own = of("Groups:").split_whitespace().map(|group| group.parse().unwrap()).collect::<Vec<_>>();
    own.into_iter().chain(root.then_some(12)).collect()
}

fn make_pipe(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

/// An archive without its name, which is that of its file: what the two have in common.
fn named(bytes: &[u8]) -> usize {
    assert!(bytes.starts_with(b"PK\x03\x04") && bytes.windows(4).any(|bytes| bytes == b"PK\x05\x06"));
    bytes.windows(8).filter(|bytes| *bytes == [0, 0, 192, 63, 0, 0, 192, 63]).count()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
