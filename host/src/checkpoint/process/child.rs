//! The checkpoint process itself.

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::Arc;

use super::CheckpointWriterSpec;
use super::channel::Channel;
use super::failure::Failure;
use super::protocol::{MOST_ARENAS, Place, Request, Response, VERSION, Write};
use crate::file::check;
use crate::sys::shared_memory::ReceivedMemory;
use crate::{CheckpointWriter, Engine, Error, HookArguments, Result, StateDict, Storage};

/// Set for a process that was started to serve.
pub(super) const VARIABLE: &str = "STRONGROOM_CHECKPOINT_PROCESS";

/// Serves as a checkpoint process, and does not return, if this process was started
/// as one by [`CheckpointProgram::ThisProgram`](crate::CheckpointProgram); in all
/// others it does nothing. Call it first in `main`.
///
/// `make` makes the writer. [`CheckpointWriterSpec::make`] is the one to pass unless
/// the writer is to have hooks of one's own; barriers of one's own are registered
/// before.
///
/// ```
/// use strongroom::{CheckpointWriterSpec, serve_checkpoint_process};
///
/// fn main() {
///     serve_checkpoint_process(CheckpointWriterSpec::make);
///     // Training.
/// }
/// ```
pub fn serve_checkpoint_process(make: impl FnOnce(&CheckpointWriterSpec) -> Result<CheckpointWriter>) {
    if env::var_os(VARIABLE).is_none() {
        return;
    }
    let served = serve(make);
    if let Err(error) = &served {
        eprintln!("error: {error}");
    }
    process::exit(i32::from(served.is_err()));
}

/// Serves the process at the other end of stdin, until it says that it is enough or
/// is gone.
pub(super) fn serve(make: impl FnOnce(&CheckpointWriterSpec) -> Result<CheckpointWriter>) -> Result<()> {
    let stdin = io::stdin().as_fd().try_clone_to_owned().map_err(|error| broken(&error))?;
    serve_over(UnixStream::from(stdin), make)
}

fn serve_over(
    stream: UnixStream,
    make: impl FnOnce(&CheckpointWriterSpec) -> Result<CheckpointWriter>,
) -> Result<()> {
    let mut channel = Channel::new(stream);
    let Some(writer) = init(&mut channel, make)? else { return Ok(()) };
    let mut serving = Serving { channel, writer, arenas: BTreeMap::new() };
    let terminated = serving.all();
    let closed = serving.writer.close();
    if !terminated? {
        return closed;
    }
    let answer = closed.map_or_else(|error| Response::Failed(error.into()), |()| Response::Closed);
    respond(&mut serving.channel, &answer).map(drop)
}

/// The first message, and the writer it asks for. None if the other process is gone.
fn init(
    channel: &mut Channel,
    make: impl FnOnce(&CheckpointWriterSpec) -> Result<CheckpointWriter>,
) -> Result<Option<CheckpointWriter>> {
    let made = match receive(channel)? {
        None => return Ok(None),
        Some(Request::Init { version: VERSION, spec }) => serde_json::from_str(&spec)
            .map_err(|error| unclear(format!("a writer that cannot be made: {error}")))
            .and_then(|spec| make(&spec)),
        Some(Request::Init { version, .. }) => Err(process(format!(
            "speaks version {VERSION} of the protocol, and the process that started it version {version}"
        ))),
        Some(_) => Err(unclear("something before `Init`")),
    };
    match made {
        Ok(writer) => {
            let there = respond(channel, &Response::Ready { version: VERSION })?;
            Ok(there.then_some(writer))
        }
        Err(error) => {
            let text = error.to_string();
            respond(channel, &Response::Failed(Failure::from(error)))?;
            Err(Error::Remote(text))
        }
    }
}

struct Serving {
    channel: Channel,
    writer: CheckpointWriter,
    /// Memory of the other process, by its name for it.
    arenas: BTreeMap<u64, Arc<ReceivedMemory>>,
}

impl Serving {
    /// Does what is asked. Whether it ended because that was asked, too.
    fn all(&mut self) -> Result<bool> {
        loop {
            let answer = match receive(&mut self.channel)? {
                None => return Ok(false),
                Some(Request::Terminate) => return Ok(true),
                Some(Request::Init { .. }) => return Err(unclear("`Init` twice")),
                Some(Request::Arena(name)) => {
                    self.keep(name)?;
                    continue;
                }
                Some(Request::Forget(name)) => {
                    self.arenas.remove(&name);
                    continue;
                }
                Some(Request::Ping) => Response::Pong,
                Some(Request::Write(write)) => answer(self.write(*write)),
                Some(Request::Refuse { number, path, reason }) => {
                    self.writer.resume_at(number);
                    answer(self.writer.refuse(path_of(&path), reason.into()))
                }
            };
            if !respond(&mut self.channel, &answer)? {
                return Ok(false);
            }
        }
    }

    fn keep(&mut self, name: u64) -> Result<()> {
        let descriptor = self.channel.descriptor().ok_or_else(|| unclear("memory without a descriptor"))?;
        if self.arenas.len() >= MOST_ARENAS {
            return Err(unclear(format!("more than {MOST_ARENAS} pieces of memory")));
        }
        let memory = ReceivedMemory::new(&File::from(descriptor))
            .map_err(|error| process(format!("cannot map the memory it was given: {error}")))?;
        self.arenas.insert(name, Arc::new(memory));
        Ok(())
    }

    fn write(&self, write: Write<'_>) -> Result<()> {
        let path = path_of(&write.path);
        let (number, shared) = (write.number, write.shared);
        self.writer.resume_at(number);
        match self.state(&path, write) {
            Ok((state, arguments)) if shared => self.writer.write_shared(path, &state, &arguments),
            Ok((state, arguments)) => self.writer.write(path, &state, &arguments),
            // The other ranks are told, or they would wait.
            Err(error) => self.writer.refuse(&path, error),
        }
    }

    /// The state dict that is to be written, which must be one.
    fn state(&self, path: &Path, write: Write<'_>) -> Result<(StateDict<'static>, HookArguments)> {
        let arguments = serde_json::from_str(&write.arguments)
            .map_err(|error| unclear(format!("arguments that are none: {error}")))?;
        let arena = self.arenas.get(&write.arena).ok_or_else(|| unclear("memory it does not have"))?;
        let storage = |place: &Place<'_>| {
            let start = usize::try_from(place.offset).ok()?;
            let end = start.checked_add(usize::try_from(place.length).ok()?)?;
            Storage::part(arena.clone(), start..end, &place.location, true)
        };
        let storages: Option<Vec<_>> = write.storages.iter().map(storage).collect();
        let storages = storages.ok_or_else(|| unclear("a storage outside the memory"))?;
        let nodes = write.nodes.into_owned();
        check::nodes(path, &nodes, write.root, &storages)?;
        let state = StateDict::from_parts(nodes, storages, write.root, write.metadata.into_owned());
        check::tree(path, &state, &Engine::shared()?.limits().format)?;
        Ok((state, arguments))
    }
}

fn answer(written: Result<()>) -> Response {
    written.map_or_else(|error| Response::Failed(error.into()), |()| Response::Written)
}

fn path_of(bytes: &[u8]) -> PathBuf {
    PathBuf::from(OsString::from_vec(bytes.to_vec()))
}

fn receive(channel: &mut Channel) -> Result<Option<Request<'static>>> {
    channel.receive(&mut || Ok(())).map_err(|error| broken(&error))
}

/// Answers. False if the other process is gone, which is no failure of this one.
fn respond(channel: &mut Channel, answer: &Response) -> Result<bool> {
    match channel.send(answer, None, &mut || Ok(())) {
        Ok(()) => Ok(true),
        Err(error) if matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset) => {
            Ok(false)
        }
        Err(error) => Err(broken(&error)),
    }
}

fn broken(error: &io::Error) -> Error {
    if error.raw_os_error() == Some(rustix::io::Errno::NOTSOCK.raw_os_error()) {
        return process("is not started by hand, but by a program that saves: its stdin is a socket");
    }
    process(format!("cannot hear the process that started it: {error}"))
}

fn unclear(what: impl Into<String>) -> Error {
    process(format!("was told {}", what.into()))
}

fn process(reason: impl Into<String>) -> Error {
    Error::Process { reason: reason.into(), last_words: String::new() }
}

#[cfg(test)]
mod tests;
