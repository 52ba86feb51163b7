//! Hooks that are WASI components: in any language, and in a sandbox.

mod call;
mod failure;
mod file;
mod limits;
mod machine;
mod sandbox;

use std::fmt;
use std::path::Path;
use std::sync::Arc;

pub use failure::{ComponentCause, ComponentFailure};
pub use limits::HookLimits;

use super::{HookContext, HookError, WriterHook};
use crate::Result;
use call::Moment;
use machine::{HookPre, compile};
use sandbox::Sandbox;

/// A hook that is a component: the world `hook` of `wit/`, for `wasm32-wasip2`.
///
/// It can read the checkpoint's directory, at `/checkpoint`, and knows the time and
/// random numbers, without which the libraries of most languages do not start.
/// It has no other file, no network, no environment and no input, and runs under
/// [`HookLimits`]. Every call is in a fresh instance. A hook that goes beyond its
/// limits is stopped, and fails with a [`ComponentFailure`].
///
/// ```no_run
/// use std::sync::Arc;
/// use strongroom::{CheckpointWriter, ComponentHook, HookArguments, StateDict};
///
/// # fn main() -> strongroom::Result<()> {
/// let hook = ComponentHook::open("size_limit.wasm")?.with_output(|text| print!("{text}"));
/// let writer = CheckpointWriter::single()?.with_hook(Arc::new(hook));
/// let arguments = HookArguments::from([("max_bytes".into(), 5_000_000_000_u64.into())]);
/// writer.write("run/step-100", &StateDict::new(), &arguments)?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct ComponentHook {
    name: String,
    component: HookPre<Sandbox>,
    limits: HookLimits,
    output: Option<Arc<Output>>,
}

/// Takes what a hook printed.
type Output = dyn Fn(&str) + Send + Sync;

impl ComponentHook {
    /// Compiles the component in the file `path`, or takes what the cache has of
    /// it. Errors call it by the file's name without its extension.
    ///
    /// An error if it does not export the interface `writer-hook`, or imports what
    /// WASI 0.2 does not have. Files of more than 128 MiB are refused. Compiling is
    /// not under the deadline of a call.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let name = path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        Ok(Self::compiled(name, compile(path, &file::read(path)?)?))
    }

    /// The same from memory. `name` is what errors call it.
    pub fn from_bytes(name: &str, component: &[u8]) -> Result<Self> {
        let path = Path::new(name);
        file::check_length(path, component.len() as u64)?;
        Ok(Self::compiled(name.to_owned(), compile(path, component)?))
    }

    /// The same hook under other limits.
    #[must_use]
    pub fn limited(self, limits: HookLimits) -> Self {
        Self { limits, ..self }
    }

    /// The same hook, with what it prints in a call handed to `output` when the
    /// call was successful: as it is, with whatever controls a terminal. Without
    /// this it is dropped. What a call printed that failed is in its error, where
    /// control characters are escaped.
    #[must_use]
    pub fn with_output(self, output: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self { output: Some(Arc::new(output)), ..self }
    }

    /// What each call may use.
    pub fn limits(&self) -> &HookLimits {
        &self.limits
    }

    fn compiled(name: String, component: HookPre<Sandbox>) -> Self {
        Self { name, component, limits: HookLimits::default(), output: None }
    }

    fn call(&self, moment: Moment, checkpoint: &HookContext<'_>) -> std::result::Result<(), HookError> {
        let printed = call::call(&self.component, &self.limits, moment, checkpoint)?;
        if let Some(output) = self.output.as_ref().filter(|_| !printed.is_empty()) {
            output(&printed);
        }
        Ok(())
    }
}

impl WriterHook for ComponentHook {
    fn name(&self) -> &str {
        &self.name
    }

    fn pre_commit(&self, checkpoint: &HookContext<'_>) -> std::result::Result<(), HookError> {
        self.call(Moment::PreCommit, checkpoint)
    }

    fn post_commit(&self, checkpoint: &HookContext<'_>) -> std::result::Result<(), HookError> {
        self.call(Moment::PostCommit, checkpoint)
    }
}

impl fmt::Debug for ComponentHook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, limits, .. } = self;
        f.debug_struct("ComponentHook").field("name", name).field("limits", limits).finish_non_exhaustive()
    }
}
