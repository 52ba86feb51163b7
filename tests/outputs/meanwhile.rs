//! What others do in the middle of a write.

use std::fmt;
use std::fs::{self, Permissions};
use std::num::NonZeroUsize;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use strongroom::store::{Local, Shared, Source, Store};
use strongroom::{
    CheckpointWriter, CheckpointWriterConfig, DType, Engine, HookArguments, HookContext, HookError,
    LocalBarrier, Retention, StateDict, Storage, Tensor, WriteOptions, WriterHook, save_with,
};

use crate::common::meddling::{Meddling, Moment};
use crate::room::{Room, make_pipe};

/// What is replaced is what was looked at, wherever a link leads by then.
#[test]
fn a_link_that_changes_during_a_save_is_not_followed_again() {
    let room = Room::new();
    room.done("save in.pt first");
    room.done("save in.pt second");
    symlink("first", room.path("current")).unwrap();
    let config = CheckpointWriterConfig { overwrite: true, ..CheckpointWriterConfig::default() };
    let writer = CheckpointWriter::new(config, Arc::new(LocalBarrier::single())).unwrap();
    let writer = writer.with_hook(Arc::new(Elsewhere(room.path(""))));
    let saved = writer.write(room.path("current"), &StateDict::new(), &HookArguments::new());
    let error = saved.unwrap_err().to_string();
    assert!(error.contains("first: something is here already") && error.contains("notes.txt"), "{error}");
    assert_eq!(fs::read_to_string(room.path("first/notes.txt")).unwrap(), "precious");
    room.done("verify first");
    room.done("verify second");
}

/// What goes beside a new checkpoint is beside where that is.
#[test]
fn a_link_that_changes_during_a_save_leads_to_no_removal() {
    let room = Room::new();
    for name in ["first/step-1", "second/step-1", "second/step-2", "third/step-3"] {
        room.done(&format!("save in.pt {name}"));
    }
    symlink("first", room.path("current")).unwrap();
    let retention = Some(Retention::last(NonZeroUsize::MIN));
    let config = CheckpointWriterConfig { retention, ..CheckpointWriterConfig::default() };
    let writer = CheckpointWriter::new(config, Arc::new(LocalBarrier::single())).unwrap();
    let writer = writer.with_hook(Arc::new(Elsewhere(room.path(""))));
    writer.write(room.path("current/step-9"), &StateDict::new(), &HookArguments::new()).unwrap();
    assert!(room.path("current/step-2").exists(), "the link leads to the second");
    for name in ["first/step-9", "second/step-1", "second/step-2"] {
        room.done(&format!("verify {name}"));
    }
    assert!(!room.path("first/step-1").exists());
}

/// Where a file goes is asked about before it is made, and the link to it may change then and
/// while its bytes come.
#[test]
fn a_link_that_changes_during_a_write_leads_into_no_checkpoint() {
    let room = Room::new();
    room.done("save in.pt step-1");
    let before = fs::read(room.path("step-1/checkpoint_0.pt")).unwrap();
    let turn = |target: &str| {
        let _ = fs::remove_file(room.path("current"));
        symlink(target, room.path("current")).unwrap();
    };
    let out = room.path("current/checkpoint_0.pt");
    let options = WriteOptions::for_path(&out).unwrap();
    let write = |store: &dyn Store, state: &StateDict<'_>| {
        save_with(Engine::shared().unwrap(), store, &out, state, &options)
    };
    fs::create_dir(room.path("open")).unwrap();

    turn("open");
    let error = write(&Meddling::new(Moment::Placed, || turn("step-1")), &StateDict::new()).unwrap_err();
    assert!(error.to_string().contains("a committed checkpoint, as"), "{error}");
    assert!(fs::read_dir(room.path("open")).unwrap().next().is_none());

    turn("open");
    let meddle = Meddle::new(&room.path("current"), |link| {
        fs::remove_file(link).unwrap();
        symlink("step-1", link).unwrap();
    });
    let storage = Storage::from_source(Arc::new(meddle), "cpu");
    let mut state = StateDict::new();
    state.insert("weight", Tensor::new(storage, DType::Uint8, &[1 << 20]).unwrap());
    write(&Local, &state).unwrap();
    assert_eq!(fs::read_link(room.path("current")).unwrap(), Path::new("step-1"));
    assert!(fs::metadata(room.path("open/checkpoint_0.pt")).unwrap().len() > 1 << 20);

    assert_eq!(fs::read(room.path("step-1/checkpoint_0.pt")).unwrap(), before);
    room.done("verify step-1");
    assert_eq!(room.hidden_in("step-1"), [""; 0]);
}

/// Somebody puts a link where a checkpoint is about to appear.
#[test]
fn a_link_that_comes_during_a_save_stays() {
    let room = Room::new();
    for overwrite in [false, true] {
        let config = CheckpointWriterConfig { overwrite, ..CheckpointWriterConfig::default() };
        let writer = CheckpointWriter::new(config, Arc::new(LocalBarrier::single())).unwrap();
        for (name, target) in [("dangling", "nowhere"), ("leading", "in.pt")] {
            let link = room.path(name);
            let _ = fs::remove_file(&link);
            let hook = Arc::new(AtLast(link.clone(), target));
            let saved = writer.clone().with_hook(hook).write(&link, &StateDict::new(), &HookArguments::new());
            let error = saved.unwrap_err().to_string();
            assert!(error.contains("something is here already"), "{error}");
            assert_eq!(fs::read_link(&link).unwrap(), Path::new(target));
        }
    }
    assert_eq!(room.hidden(), [""; 0]);
}

/// Somebody puts something into the place of a file while its bytes come.
#[test]
fn what_comes_into_a_files_place_meanwhile_is_not_lost() {
    let room = Room::new();
    let out = room.path("out.pt");
    let options = WriteOptions::for_path(&out).unwrap();
    let write = |meddle: Meddle| {
        let _ = fs::remove_file(&out);
        let storage = Storage::from_source(Arc::new(meddle), "cpu");
        let mut state = StateDict::new();
        state.insert("weight", Tensor::new(storage, DType::Uint8, &[1 << 20]).unwrap());
        save_with(Engine::shared().unwrap(), &Local, &out, &state, &options)
    };
    let pipe = write(Meddle::new(&out, make_pipe)).unwrap_err().to_string();
    assert!(pipe.contains("something that is no file has come to its place"), "{pipe}");
    let link = write(Meddle::new(&out, |out| symlink("in.pt", out).unwrap())).unwrap_err().to_string();
    assert!(link.contains("something that is no file has come to its place"), "{link}");
    let private = |out: &Path| {
        fs::write(out, "").unwrap();
        fs::set_permissions(out, Permissions::from_mode(0o600)).unwrap();
    };
    write(Meddle::new(&out, private)).unwrap();
    assert_eq!(room.mode("out.pt"), 0o600);
    assert_eq!(room.hidden(), [""; 0]);
}

/// Somebody puts a file into a checkpoint when it was looked at for the last time.
#[test]
fn what_comes_into_a_checkpoint_as_it_is_replaced_is_in_the_new_one() {
    let room = Room::new();
    room.done("save in.pt step-1");
    let stage = Local.stage(&room.path("step-1"), "token").unwrap();
    stage.create("new.txt", 3).unwrap().finish(false).unwrap();
    let last = || {
        fs::write(room.path("step-1/config.json"), "precious").unwrap();
        Ok(())
    };
    stage.commit(&last).unwrap();
    drop(stage);
    let names: Vec<PathBuf> = room.files("step-1");
    assert_eq!(names, [room.path("step-1/config.json"), room.path("step-1/new.txt")]);
    assert_eq!(room.hidden(), [""; 0]);
}

/// Puts a link with this target somewhere before a commit.
#[derive(Debug)]
struct AtLast(PathBuf, &'static str);

impl WriterHook for AtLast {
    fn name(&self) -> &str {
        "at last"
    }

    fn pre_commit(&self, _: &HookContext<'_>) -> Result<(), HookError> {
        Ok(symlink(self.1, &self.0)?)
    }

    fn post_commit(&self, _: &HookContext<'_>) -> Result<(), HookError> {
        Ok(())
    }
}

/// Bytes while which are read something is done, once.
struct Meddle {
    path: PathBuf,
    act: fn(&Path),
    done: AtomicBool,
}

impl Meddle {
    fn new(path: &Path, act: fn(&Path)) -> Self {
        Self { path: path.into(), act, done: AtomicBool::new(false) }
    }
}

impl fmt::Debug for Meddle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Meddle")
    }
}

impl Source for Meddle {
    fn path(&self) -> &Path {
        Path::new("meddle")
    }

    fn length(&self) -> u64 {
        1 << 20
    }

    fn read_at(&self, _: u64, buffer: &mut [u8]) -> strongroom::Result<()> {
        if !self.done.swap(true, Ordering::SeqCst) {
            (self.act)(&self.path);
        }
        buffer.fill(7);
        Ok(())
    }

    fn bytes(&self) -> strongroom::Result<Option<Shared<'static>>> {
        Ok(None)
    }
}

/// Writes a note into `first`, and has `current` lead to `second` by then.
#[derive(Debug)]
struct Elsewhere(PathBuf);

impl WriterHook for Elsewhere {
    fn name(&self) -> &str {
        "elsewhere"
    }

    fn pre_commit(&self, _: &HookContext<'_>) -> Result<(), HookError> {
        fs::write(self.0.join("first/notes.txt"), "precious")?;
        fs::remove_file(self.0.join("current"))?;
        Ok(symlink("second", self.0.join("current"))?)
    }

    fn post_commit(&self, _: &HookContext<'_>) -> Result<(), HookError> {
        Ok(())
    }
}
