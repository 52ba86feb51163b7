//! One call of a component.

use std::path::Path;
use std::thread;

use tokio::runtime::Builder;
use wasmtime_wasi::p2::pipe::MemoryOutputPipe;

use super::machine::{HookPre, Save};
use super::sandbox::{MOUNTED, Sandbox};
use super::{ComponentCause, ComponentFailure, HookContext, HookLimits};

/// Which of a hook's two functions.
#[derive(Clone, Copy, Debug)]
pub(super) enum Moment {
    PreCommit,
    PostCommit,
}

/// Calls a fresh instance of the component; answers what it printed.
pub(super) fn call(
    component: &HookPre<Sandbox>,
    limits: &HookLimits,
    moment: Moment,
    checkpoint: &HookContext<'_>,
) -> Result<String, ComponentFailure> {
    let printed = MemoryOutputPipe::new(limits.output);
    let called = checkpoint.directory.ok_or(ComponentCause::NoDirectory).and_then(|directory| {
        let save = save(checkpoint)?;
        let call = || Call { component, limits, moment, save: &save, directory, printed: &printed }.run();
        on_a_thread(call)
    });
    let printed = String::from_utf8_lossy(&printed.contents()).into_owned();
    match called {
        Ok(()) => Ok(printed),
        Err(cause) => Err(ComponentFailure { cause, printed }),
    }
}

/// What the component is told.
fn save(checkpoint: &HookContext<'_>) -> Result<Save, ComponentCause> {
    let arguments = serde_json::to_string(checkpoint.arguments);
    Ok(Save {
        path: checkpoint.path.to_string_lossy().into_owned(),
        directory: MOUNTED.into(),
        rank: checkpoint.rank_info.global_rank as u64,
        world_size: checkpoint.rank_info.global_world_size as u64,
        arguments: arguments.map_err(|error| ComponentCause::Setup(error.to_string()))?,
    })
}

/// Runs `call` on a thread of its own: the caller's may be one of a tokio runtime,
/// and no other can be waited for there.
fn on_a_thread(call: impl FnOnce() -> Result<(), ComponentCause> + Send) -> Result<(), ComponentCause> {
    thread::scope(|scope| {
        let thread = thread::Builder::new().name("strongroom-hook".into()).spawn_scoped(scope, call);
        let thread =
            thread.map_err(|error| ComponentCause::Setup(format!("cannot start a thread: {error}")))?;
        let crashed = |_| Err(ComponentCause::Setup("the thread that ran it panicked".into()));
        thread.join().unwrap_or_else(crashed)
    })
}

struct Call<'c> {
    component: &'c HookPre<Sandbox>,
    limits: &'c HookLimits,
    moment: Moment,
    save: &'c Save,
    directory: &'c Path,
    printed: &'c MemoryOutputPipe,
}

impl Call<'_> {
    fn run(&self) -> Result<(), ComponentCause> {
        // Time only: nothing here waits for the network.
        let runtime = Builder::new_current_thread().enable_time().max_blocking_threads(READERS).build();
        let runtime = runtime.map_err(|error| ComponentCause::Setup(error.to_string()))?;
        // Epochs alone would not end a component that waits in the host: the timer does.
        let sandbox = self.sandbox()?;
        let call =
            async { tokio::time::timeout(self.limits.deadline, self.instantiate_and_call(sandbox)).await };
        let called = runtime.block_on(call);
        // Without waiting for a read that a hung disk may never answer.
        runtime.shutdown_background();
        match called {
            Err(_) => Err(ComponentCause::Deadline(self.limits.deadline)),
            Ok(Err(error)) => Err(ComponentCause::of(&error, self.limits, self.printed)),
            Ok(Ok(Err(text))) => Err(ComponentCause::Returned(text)),
            Ok(Ok(Ok(()))) => Ok(()),
        }
    }

    fn sandbox(&self) -> Result<Sandbox, ComponentCause> {
        Sandbox::new(self.directory, self.limits, self.printed).map_err(|error| {
            ComponentCause::Setup(format!("cannot open {}: {error:#}", self.directory.display()))
        })
    }

    async fn instantiate_and_call(&self, sandbox: Sandbox) -> wasmtime::Result<Result<(), String>> {
        let mut store = sandbox.into_store(self.component.engine());
        let instance = self.component.instantiate_async(&mut store).await?;
        let hook = instance.strongroom_hook_writer_hook();
        match self.moment {
            Moment::PreCommit => hook.call_pre_commit(&mut store, self.save).await,
            Moment::PostCommit => hook.call_post_commit(&mut store, self.save).await,
        }
    }
}

/// Threads on which a call reads files.
const READERS: usize = 4;
