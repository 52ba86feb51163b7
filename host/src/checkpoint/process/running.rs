use std::borrow::Cow;
use std::env;
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Weak;
use std::thread;
use std::time::{Duration, Instant};

use super::channel::Channel;
use super::child::VARIABLE;
use super::protocol::{MOST_ARENAS, Request, Response, VERSION};
use super::words::Words;
use super::{CheckpointProcessConfig, CheckpointProgram};
use crate::checkpoint::stager::Arena;
use crate::{Error, Result};

/// A checkpoint process, seen from the one that started it.
#[derive(Debug)]
pub(super) struct Running {
    /// None when it has been waited for.
    child: Option<Child>,
    channel: Channel,
    words: Words,
    /// Memory it was given, and what is gone when that is.
    arenas: Vec<(u64, Weak<u64>)>,
    /// Whether it may be looking at shared memory.
    busy: bool,
}

/// How often a wait looks whether the process is still there, and whether it is time
/// to give up.
const TICK: Duration = Duration::from_millis(100);

/// What a process gets to end after it has let go of its socket.
const LAST_BREATH: Duration = Duration::from_secs(5);

impl Running {
    /// Starts a process and has it make its writer.
    pub(super) fn start(config: &CheckpointProcessConfig, spec: &str) -> Result<Self> {
        if env::var_os(VARIABLE).is_some() {
            let reason = format!(
                "cannot be started: this is one itself ({VARIABLE} is set), whose `main` should have called \
                 `serve_checkpoint_process` first"
            );
            return Err(Error::Process { reason, last_words: String::new() });
        }
        let program = match &config.program {
            CheckpointProgram::Command(program) => program.as_path(),
            // The program as it is now, even if its file has been replaced.
            CheckpointProgram::ThisProgram => Path::new("/proc/self/exe"),
        };
        let mut running = Self::spawn(program, &config.program)
            .map_err(|error| Error::io(program, "start as the checkpoint process", error))?;
        let init = Request::Init { version: VERSION, spec: Cow::Borrowed(spec) };
        let timeout = Some(config.subprocess_init_timeout);
        match running.ask(&init, timeout, "while it started")? {
            Response::Ready { version: VERSION } => Ok(running),
            Response::Failed(failure) => Err(failure.into()),
            other => Err(running.lost(Lost::Unclear(format!("{other:?}")), "while it started")),
        }
    }

    fn spawn(program: &Path, kind: &CheckpointProgram) -> io::Result<Self> {
        let (ours, theirs) = UnixStream::pair()?;
        let words = Words::new()?;
        let mut command = Command::new(program);
        match kind {
            CheckpointProgram::Command(_) => command.arg("checkpoint-process"),
            CheckpointProgram::ThisProgram => command.arg0(env::args_os().next().unwrap_or_default()),
        };
        command
            .env(VARIABLE, "1")
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(words.stdio()?)
            .stderr(words.stdio()?)
            // Ctrl-C is for the training: what it has staged is still to be written.
            .process_group(0);
        let channel = Channel::with_tick(ours, TICK)?;
        let child = Some(command.spawn()?);
        Ok(Self { child, channel, words, arenas: Vec::new(), busy: false })
    }

    /// Its process id.
    pub(super) fn id(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Whether it can be asked again, as far as is known here.
    pub(super) fn is_usable(&self) -> bool {
        self.child.is_some()
    }

    /// Whether it has not ended.
    pub(super) fn is_alive(&mut self) -> bool {
        self.child.as_mut().is_some_and(|child| !matches!(child.try_wait(), Ok(Some(_))))
    }

    /// Gives it the memory it is going to look into, if it does not have it, and
    /// takes back what is gone on this side.
    pub(super) fn give(&mut self, arena: &Arena, doing: &str) -> Result<()> {
        let shared = arena.shared().ok_or_else(|| {
            Error::Value("a checkpoint process writes what was staged with `use_shared_memory`".into())
        })?;
        let gone = self.arenas.extract_if(.., |(_, life)| life.strong_count() == 0);
        let gone: Vec<_> = gone.map(|(name, _)| name).collect();
        for name in gone {
            self.say(&Request::Forget(name), None, None, doing)?;
        }
        if !self.arenas.iter().any(|(name, _)| *name == arena.name()) {
            if self.arenas.len() >= MOST_ARENAS {
                let (name, _) = self.arenas.remove(0);
                self.say(&Request::Forget(name), None, None, doing)?;
            }
            self.say(&Request::Arena(arena.name()), Some(shared.descriptor()), None, doing)?;
            self.arenas.push((arena.name(), arena.life()));
        }
        Ok(())
    }

    /// Has it write, and waits until it has.
    pub(super) fn write(
        &mut self,
        request: &Request<'_>,
        timeout: Option<Duration>,
        doing: &str,
    ) -> Result<()> {
        self.words.limit();
        self.busy = true;
        let response = self.ask(request, timeout, doing)?;
        self.busy = false;
        match response {
            Response::Written => Ok(()),
            Response::Failed(failure) => Err(failure.into()),
            other => Err(self.lost(Lost::Unclear(format!("{other:?}")), doing)),
        }
    }

    /// Whether it answers.
    pub(super) fn ping(&mut self, timeout: Duration) -> Result<()> {
        let doing = "when it was asked for a sign of life";
        match self.ask(&Request::Ping, Some(timeout), doing)? {
            Response::Pong => Ok(()),
            other => Err(self.lost(Lost::Unclear(format!("{other:?}")), doing)),
        }
    }

    /// Has it close its writer and end.
    pub(super) fn terminate(mut self, timeout: Duration) -> Result<()> {
        let doing = "when it was to end";
        let deadline = Instant::now() + timeout;
        let closed = match self.ask(&Request::Terminate, Some(timeout), doing)? {
            Response::Closed => Ok(()),
            Response::Failed(failure) => Err(failure.into()),
            other => return Err(self.lost(Lost::Unclear(format!("{other:?}")), doing)),
        };
        match self.wait(deadline) {
            Some(_) => closed,
            None => Err(self.lost(Lost::Late(timeout), doing)),
        }
    }

    /// Asks, and waits for the answer. After an error the process is gone.
    fn ask(&mut self, request: &Request<'_>, timeout: Option<Duration>, doing: &str) -> Result<Response> {
        let start = Instant::now();
        self.say(request, None, timeout, doing)?;
        let left = timeout.map(|timeout| timeout.saturating_sub(start.elapsed()));
        let mut child = self.child.as_mut();
        let mut idle = watch(&mut child, left);
        let heard = self.channel.receive(&mut idle);
        drop(idle);
        match heard {
            Ok(Some(response)) => Ok(response),
            Ok(None) => Err(self.lost(Lost::Ended, doing)),
            Err(error) => Err(self.lost(Lost::of(&error, timeout), doing)),
        }
    }

    fn say(
        &mut self,
        request: &Request<'_>,
        descriptor: Option<BorrowedFd<'_>>,
        timeout: Option<Duration>,
        doing: &str,
    ) -> Result<()> {
        let mut child = self.child.as_mut();
        let mut idle = watch(&mut child, timeout);
        let said = self.channel.send(request, descriptor, &mut idle);
        drop(idle);
        said.map_err(|error| self.lost(Lost::of(&error, timeout), doing))
    }

    /// The error for a process that is of no use any more; it is gone afterwards.
    fn lost(&mut self, lost: Lost, doing: &str) -> Error {
        let status = match lost {
            Lost::Ended => self.wait(Instant::now() + LAST_BREATH),
            Lost::Late(_) | Lost::Unclear(_) => None,
        };
        self.kill();
        let reason = match (lost, status) {
            (Lost::Ended, Some(status)) => format!("ended {doing} ({status})"),
            (Lost::Ended, None) => format!("hung up {doing}, and was killed"),
            (Lost::Late(timeout), _) => {
                format!("did not answer within {} s {doing}, and was killed", timeout.as_secs_f64())
            }
            (Lost::Unclear(what), _) => format!("gave no clear answer {doing}, and was killed: {what}"),
        };
        Error::Process { reason, last_words: self.words.last() }
    }

    /// Waits until it has ended.
    fn wait(&mut self, deadline: Instant) -> Option<ExitStatus> {
        let child = self.child.as_mut()?;
        loop {
            match child.try_wait() {
                Ok(None) => {}
                ended => {
                    self.child = None;
                    // An error is that somebody else has waited for it.
                    return ended.ok().flatten();
                }
            }
            if Instant::now() >= deadline {
                return None;
            }
            thread::sleep(Duration::from_millis(5));
        }
    }

    fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Drop for Running {
    /// A process that may be looking at shared memory is killed, for the memory is
    /// about to be used again. Any other hears that nobody is there any more, and ends.
    fn drop(&mut self) {
        if self.busy {
            self.kill();
        }
        let _ = self.channel.hang_up();
        if let Some(mut child) = self.child.take() {
            // So that it is no zombie for as long as this process runs.
            let _ = thread::Builder::new().name("strongroom-reaper".into()).spawn(move || child.wait());
        }
    }
}

/// How a process came to be of no use.
enum Lost {
    Ended,
    Late(Duration),
    Unclear(String),
}

impl Lost {
    fn of(error: &io::Error, timeout: Option<Duration>) -> Self {
        match (error.kind(), timeout) {
            (io::ErrorKind::TimedOut, Some(timeout)) => Self::Late(timeout),
            (
                io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset | io::ErrorKind::UnexpectedEof,
                _,
            ) => Self::Ended,
            _ => Self::Unclear(error.to_string()),
        }
    }
}

/// Ends a wait when time is up, and when the process is gone: its socket may live on
/// in a process that it started.
fn watch<'w>(
    child: &'w mut Option<&mut Child>,
    timeout: Option<Duration>,
) -> impl FnMut() -> io::Result<()> + 'w {
    let start = Instant::now();
    let mut gone = false;
    move || {
        // Twice, for its answer may have come in between.
        if gone {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        gone = child.as_mut().is_none_or(|child| matches!(child.try_wait(), Ok(Some(_))));
        match timeout {
            Some(timeout) if start.elapsed() >= timeout => Err(io::ErrorKind::TimedOut.into()),
            _ => Ok(()),
        }
    }
}
