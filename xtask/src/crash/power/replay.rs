//! From system calls on paths to a history of inodes.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

use super::history::{Change, Content, Effect, History, Inode, ROOT, Slot};
use super::log::{Call, Event};
use super::names::{self, Directories};

/// The calls that change a file system or bring it to disk, and `execve`, which says
/// who saves. Those that [`Replay`] cannot follow are here too: it says so.
pub const CALLS: &str = "execve,openat,open,creat,mkdir,mkdirat,write,pwrite64,lseek,ftruncate,fallocate,\
    fsync,fdatasync,rename,renameat,renameat2,unlink,unlinkat,rmdir,\
    truncate,writev,pwritev,pwritev2,copy_file_range,sendfile,splice,link,linkat,symlink,symlinkat,\
    mknod,mknodat,sync,syncfs,io_uring_enter";

/// What `events` did under the directory `top`, which is on disk as it was before.
/// A process that was started as `COMMAND save` acknowledges when it exits well.
pub struct Replay {
    top: String,
    history: History,
    /// As it is now, by inode.
    directories: Directories,
    /// Where the next `write` to a file goes. One descriptor writes to it at a time.
    positions: HashMap<Inode, usize>,
    saving: HashSet<u32>,
}

impl Replay {
    pub fn new(top: &Path) -> Result<Self> {
        let mut history = History::new();
        history.inodes[ROOT] = read(top, &mut history)?;
        Self::after(top, history)
    }

    /// Goes on with a history whose end is what `top` holds.
    pub fn after(top: &Path, history: History) -> Result<Self> {
        let all = vec![true; history.operations.len()];
        let directories = names::directories(&history, &all);
        let top = top.to_str().context("a path that is no UTF-8")?.into();
        Ok(Self { top, history, directories, positions: HashMap::new(), saving: HashSet::new() })
    }

    /// The history of all `events`.
    pub fn follow(mut self, events: &[Event]) -> Result<History> {
        // How many operations there were after each event.
        let mut lengths = vec![self.history.operations.len()];
        for event in events {
            match event {
                Event::Exit { process, code: 0 } if self.saving.contains(process) => {
                    self.history.then(Effect::Acknowledge, "the save is said to be done");
                }
                Event::Exit { .. } => {}
                Event::Call(call) => {
                    let began = lengths[call.began];
                    self.call(call, began).with_context(|| format!("cannot follow {}", call.name))?;
                }
            }
            lengths.push(self.history.operations.len());
        }
        Ok(self.history)
    }

    fn call(&mut self, call: &Call, began: usize) -> Result<()> {
        match call.name.as_str() {
            "execve" => {
                let save = call.argument(1)?.split(", ").nth(1) == Some(r#""\x73\x61\x76\x65""#);
                self.saving.extend(save.then_some(call.process));
            }
            "open" | "creat" | "openat" => self.open(call, began)?,
            "mkdir" | "mkdirat" => {
                let Some(slot) = self.slot(call, 0)? else { return Ok(()) };
                let new = self.history.add(Content::Directory(BTreeMap::new()));
                self.directories.insert(new, BTreeMap::new());
                self.name(call, began, vec![(slot, Some(new))])?;
            }
            "write" | "pwrite64" => self.write(call, began)?,
            "lseek" => {
                if let Some(file) = self.descriptor(call)? {
                    self.positions.insert(file, call.returned()?);
                }
            }
            "ftruncate" => {
                let Some(file) = self.descriptor(call)? else { return Ok(()) };
                self.push(call, began, Effect::Change(file, Change::Length(call.number(1)?)))?;
            }
            "fallocate" => {
                let Some(file) = self.descriptor(call)? else { return Ok(()) };
                ensure!(call.argument(1)? == "0", "its mode is {}", call.argument(1)?);
                let end = call.number(2)? + call.number(3)?;
                self.push(call, began, Effect::Change(file, Change::Reserve(end)))?;
            }
            "fsync" | "fdatasync" => {
                let Some(inode) = self.descriptor(call)? else { return Ok(()) };
                self.push(call, began, Effect::Sync(inode))?;
            }
            "rename" | "renameat" | "renameat2" => self.rename(call, began)?,
            "unlink" | "unlinkat" | "rmdir" => {
                let Some(slot) = self.slot(call, 0)? else { return Ok(()) };
                self.name(call, began, vec![(slot, None)])?;
            }
            _ => ensure!(!self.concerns(call)?, "the model does not know it"),
        }
        Ok(())
    }

    fn open(&mut self, call: &Call, began: usize) -> Result<()> {
        let flags = match call.name.as_str() {
            "creat" => "O_CREAT|O_TRUNC",
            "open" => call.argument(1)?,
            _ => call.argument(2)?,
        };
        let has = |flag: &str| flags.split('|').any(|one| one == flag);
        let Some(slot) = self.slot(call, 0)? else { return Ok(()) };
        ensure!(!flags.contains("O_TMPFILE") && !has("O_APPEND"), "the model does not know {flags}");
        let known = self.directories[&slot.directory].get(&slot.name).copied();
        let file = match known {
            None if has("O_CREAT") => {
                let file = self.history.add(Content::File([].into()));
                self.name(call, began, vec![(slot, Some(file))])?;
                file
            }
            None => bail!("there is no {}", slot.name),
            Some(file) => {
                if has("O_TRUNC") {
                    self.push(call, began, Effect::Change(file, Change::Length(0)))?;
                }
                file
            }
        };
        self.positions.insert(file, 0);
        Ok(())
    }

    fn write(&mut self, call: &Call, began: usize) -> Result<()> {
        let Some(file) = self.descriptor(call)? else { return Ok(()) };
        let mut bytes = call.bytes(1)?;
        bytes.truncate(call.returned()?);
        let offset = match call.name.as_str() {
            "pwrite64" => call.number(3)?,
            _ => {
                let position = self.positions.entry(file).or_default();
                *position += bytes.len();
                *position - bytes.len()
            }
        };
        self.push(call, began, Effect::Change(file, Change::Write { offset, bytes: bytes.into() }))
    }

    fn rename(&mut self, call: &Call, began: usize) -> Result<()> {
        let to = if call.name == "rename" { 1 } else { 2 };
        let (from, to) = match (self.slot(call, 0)?, self.slot(call, to)?) {
            (Some(from), Some(to)) => (from, to),
            (None, None) => return Ok(()),
            _ => bail!("it crosses the border of what is looked at"),
        };
        let held = |slot: &Slot| self.directories[&slot.directory].get(&slot.name).copied();
        let moved = held(&from).with_context(|| format!("there is no {}", from.name))?;
        let left = match call.argument(4) {
            Ok("RENAME_EXCHANGE") => held(&to),
            Ok("RENAME_NOREPLACE" | "0") | Err(_) => None,
            Ok(flags) => bail!("the model does not know {flags}"),
        };
        self.name(call, began, vec![(from, left), (to, Some(moved))])
    }

    fn name(&mut self, call: &Call, began: usize, slots: Vec<(Slot, Option<Inode>)>) -> Result<()> {
        for (slot, held) in &slots {
            let entries = self.directories.get_mut(&slot.directory).context("no such directory")?;
            match held {
                Some(inode) => entries.insert(slot.name.clone(), *inode),
                None => entries.remove(&slot.name),
            };
        }
        self.push(call, began, Effect::Names(slots))
    }

    fn push(&mut self, call: &Call, began: usize, effect: Effect) -> Result<()> {
        let mut words = vec![call.name.clone()];
        for (index, argument) in call.arguments.iter().enumerate() {
            let path = if argument.starts_with('"') { call.text(index).ok() } else { path_of(call, index)? };
            words.extend(
                path.and_then(|path| Some(path.strip_prefix(&self.top)?.trim_start_matches('/').into())),
            );
        }
        self.history.push(began, effect, words.join(" "));
        Ok(())
    }

    /// The inode of the descriptor that is the first argument, if it is under `top`.
    fn descriptor(&self, call: &Call) -> Result<Option<Inode>> {
        let Some(path) = call.path(0)? else { return Ok(None) };
        let Some(path) = self.below(&path) else { return Ok(None) };
        Ok(Some(self.find(path)?))
    }

    /// The name that the path at `index` is, if it is under `top`. Calls with `at` in
    /// their names have the directory's descriptor before the path.
    fn slot(&self, call: &Call, index: usize) -> Result<Option<Slot>> {
        let path = match call.argument(index)?.starts_with('"') {
            true => call.text(index)?,
            false => {
                let directory = call.path(index)?.context("a directory without a name")?;
                let path = call.text(index + 1)?;
                if path.starts_with('/') { path } else { format!("{directory}/{path}") }
            }
        };
        ensure!(path.starts_with('/'), "{path} is not absolute");
        let path = upwards(&path);
        let Some(path) = self.below(&path) else { return Ok(None) };
        let (directory, name) = path.rsplit_once('/').unwrap_or(("", path));
        Ok((!name.is_empty()).then_some(Slot::new(self.find(directory)?, name)))
    }

    fn find(&self, path: &str) -> Result<Inode> {
        path.split('/').filter(|name| !name.is_empty()).try_fold(ROOT, |directory, name| {
            let inode = self.directories.get(&directory).and_then(|entries| entries.get(name));
            inode.copied().with_context(|| format!("there is no {path}"))
        })
    }

    fn below<'p>(&self, path: &'p str) -> Option<&'p str> {
        let rest = path.strip_prefix(&self.top)?;
        (rest.is_empty() || rest.starts_with('/')).then(|| rest.trim_matches('/'))
    }

    /// Whether any path of a call is under `top`.
    fn concerns(&self, call: &Call) -> Result<bool> {
        for (index, argument) in call.arguments.iter().enumerate() {
            let path = if argument.starts_with('"') { call.text(index).ok() } else { path_of(call, index)? };
            if path.is_some_and(|path| self.below(&path).is_some() || !path.starts_with('/')) {
                return Ok(true);
            }
        }
        // These reach all files.
        Ok(matches!(call.name.as_str(), "sync" | "io_uring_enter"))
    }
}

/// A path without `..`, where no name on the way is a link, as those of descriptors are not.
fn upwards(path: &str) -> String {
    let mut names: Vec<&str> = Vec::new();
    for name in path.split('/').filter(|name| !name.is_empty()) {
        match name {
            ".." => drop(names.pop()),
            name => names.push(name),
        }
    }
    format!("/{}", names.join("/"))
}

fn path_of(call: &Call, index: usize) -> Result<Option<String>> {
    if call.argument(index)?.contains('<') { call.path(index) } else { Ok(None) }
}

fn read(path: &Path, history: &mut History) -> Result<Content> {
    if path.is_file() {
        return Ok(Content::File(fs::read(path)?.into()));
    }
    let mut entries = BTreeMap::new();
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let content = read(&entry.path(), history)?;
        entries.insert(entry.file_name().to_string_lossy().into(), history.add(content));
    }
    Ok(Content::Directory(entries))
}

#[cfg(test)]
mod tests;
