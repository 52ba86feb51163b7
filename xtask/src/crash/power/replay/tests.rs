//! Logs whose history is known.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process;

use anyhow::Result;

use super::super::history::{Content, Effect, History, Operation, ROOT};
use super::super::log;
use super::super::states::at_the_end;
use super::Replay;

/// A directory with `step-1/file` in it.
struct Start(PathBuf);

impl Start {
    fn new(name: &str) -> Self {
        let top = env::temp_dir().join(format!("strongroom-replay-{}-{name}", process::id()));
        fs::create_dir_all(top.join("step-1")).unwrap();
        fs::write(top.join("step-1/file"), "old").unwrap();
        Self(top)
    }

    /// Follows a log in which `'a'` stands for the string a, and `<a>` for the path of
    /// a descriptor; `TOP` is the directory.
    fn follow(&self, script: &str) -> Result<History> {
        let mut log = String::new();
        let mut open = None;
        for character in script.replace("TOP", self.0.to_str().unwrap()).chars() {
            match (open, character) {
                (None, '\'' | '<') => {
                    open = Some(if character == '<' { '>' } else { character });
                    log.push(if character == '<' { '<' } else { '"' });
                }
                (Some(close), _) if close == character => {
                    open = None;
                    log.push(if character == '>' { '>' } else { '"' });
                }
                (Some(_), _) => log += &format!("\\x{:02x}", u32::from(character)),
                (None, _) => log.push(character),
            }
        }
        Replay::new(&self.0)?.follow(&log::parse(&log)?)
    }
}

impl Drop for Start {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_replacing_save_is_followed_to_its_end() {
    let start = Start::new("replace");
    let history = start
        .follow(
            "7 execve('/bin/strongroom', ['strongroom', 'save', 'x'], 0x7ff /* 3 vars */) = 0\n\
             8 execve('/bin/strongroom', ['strongroom', 'checkpoint-process', 'x'], 0x7ff) = 0\n\
             7 mkdir('TOP/.stage', 0777) = 0\n\
             7 openat(AT_FDCWD</>, 'TOP/.stage/tmp', O_WRONLY|O_CREAT|O_EXCL, 0666) = 5<TOP/.stage/tmp>\n\
             7 openat(AT_FDCWD</>, 'TOP-2/other', O_WRONLY|O_CREAT, 0666) = 6<TOP-2/other>\n\
             7 fallocate(5<TOP/.stage/tmp>, 0, 0, 5) = 0\n\
             7 pwrite64(5<TOP/.stage/tmp>, 'new', 3, 1) = 3\n\
             8 pwrite64(6<TOP-2/other>, 'new', 3, 1) = 3\n\
             7 fsync(5<TOP/.stage/tmp>) = 0\n\
             7 rename('TOP/.stage/tmp', 'TOP/.stage/file') = 0\n\
             7 renameat2(AT_FDCWD</>, 'TOP/.stage', AT_FDCWD</>, 'TOP/step-1', RENAME_EXCHANGE) = 0\n\
             7 fsync(5<TOP>) = 0\n\
             7 unlinkat(5<TOP/.stage>, 'file', 0) = 0\n\
             7 rmdir('TOP/.stage') = 0\n\
             8 +++ exited with 0 +++\n\
             7 +++ exited with 0 +++\n",
        )
        .unwrap();
    let file = Some(b"\0new\0".to_vec());
    assert_eq!(at_the_end(&history), [("step-1".into(), None), ("step-1/file".into(), file)].into());
    let done = |operation: &Operation| matches!(operation.effect, Effect::Acknowledge);
    assert_eq!(history.operations.iter().map(done).collect::<Vec<_>>(), {
        let mut done = vec![false; history.operations.len()];
        done[10] = true;
        done
    });
    // The new file's directory is another inode than the old one's.
    let Effect::Names(unlinked) = &history.operations[8].effect else { panic!() };
    let Content::Directory(root) = &history.inodes[ROOT] else { panic!() };
    assert_eq!(unlinked[0].0.directory, root["step-1"]);
}

#[test]
fn what_the_model_does_not_know_is_an_error_where_it_matters() {
    let start = Start::new("unknown");
    assert!(start.follow("7 symlink('x', '/elsewhere/a') = 0\n").is_err());
    assert!(start.follow("7 symlink('/x', '/elsewhere/a') = 0\n").unwrap().operations.is_empty());
    let inside = start.follow("7 copy_file_range(3</x>, NULL, 4<TOP/step-1/file>, NULL, 9, 0) = 9\n");
    assert!(format!("{:#}", inside.unwrap_err()).contains("the model does not know it"));
    assert!(start.follow("7 fsync(4<TOP/step-1/nothing>) = 0\n").is_err());
}
