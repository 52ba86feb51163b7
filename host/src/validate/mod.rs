//! Whether a file is only data: the component judges, this drives it, and adds
//! what only a host can find: what cannot be read, what is missing in a directory,
//! what is damaged or not a number in the payloads.

mod check;
mod deep;
mod digest;
mod distributed;
mod drive;
mod file;
mod kind;
mod level;
mod options;
mod report;
mod rule;
mod set;
mod weigh;

use std::collections::BTreeSet;
use std::path::Path;

use crate::store::{Local, Store};
use crate::{Engine, Result};

pub use distributed::Distributed;
pub use kind::Kind;
pub use level::Level;
pub use options::ValidateOptions;
pub use report::{Deep, Finding, NonFinite, Report};
pub(crate) use rule::Rules;
pub use rule::{Rule, Severity, Verdict};

/// Judges whether a file is only data, and says why if it is not. Nothing in it is
/// executed.
///
/// What is wrong with a file is never an error but a [`Finding`]: a file that cannot
/// be read, or that exhausts the sandbox, is [`Verdict::Unverified`]. The answer is
/// about one file; a directory is not one (see [`validate_set_in`]).
///
/// ```
/// use strongroom::{StateDict, Tensor, Verdict};
///
/// # fn main() -> strongroom::Result<()> {
/// # let directory = tempfile::tempdir().unwrap();
/// # let path = directory.path().join("model.pkl");
/// std::fs::write(&path, b"cos\nsystem\n(S'echo owned'\ntR.").unwrap();
/// let report = strongroom::validate(&path)?;
/// assert_eq!(report.verdict, Verdict::Unsafe);
/// for finding in &report.findings {
///     println!("{} at {}: {}", finding.id, finding.offset, finding.message);
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// Only if the sandbox cannot be set up.
pub fn validate(path: impl AsRef<Path>) -> Result<Report> {
    validate_in(Engine::shared()?, &Local, path.as_ref(), &ValidateOptions::default())
}

/// The same, with an engine, a store and options of one's own. The engine's own
/// limits do not count, those in the options do.
///
/// ```
/// use std::path::Path;
/// use strongroom::store::Memory;
/// use strongroom::validate::Level;
/// use strongroom::{Engine, ValidateOptions, validate_in};
///
/// # fn main() -> strongroom::Result<()> {
/// let store = Memory::default();
/// store.insert("pickle", *b"\x80\x02ccollections\nOrderedDict\n)R.");
/// let report = validate_in(Engine::shared()?, &store, Path::new("pickle"), &ValidateOptions::default())?;
/// assert_eq!(report.level, Some(Level::TensorsOnly));
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// If the options contradict each other, or the sandbox cannot be set up.
pub fn validate_in(
    engine: &Engine,
    store: &dyn Store,
    path: &Path,
    options: &ValidateOptions,
) -> Result<Report> {
    options.check()?;
    Ok(file::validate(&options.engine(engine), drive::rules(engine)?, store, path, options))
}

/// Judges a file of a directory of `torch.distributed.checkpoint` as [`validate_in`] does, and holds
/// its items against what the checkpoint's metadata says of them. The report of the metadata has
/// which files are missing.
///
/// ```
/// use std::path::Path;
/// use strongroom::store::Memory;
/// use strongroom::validate::Distributed;
/// use strongroom::{Engine, ValidateOptions, Verdict, validate_distributed_in};
///
/// # fn main() -> strongroom::Result<()> {
/// let (store, engine) = (Memory::default(), Engine::shared()?);
/// store.insert("step-100/.metadata", *b"cos\nsystem\n(S'echo owned'\ntR.");
/// let checkpoint = Distributed::find(&store, Path::new("step-100"))?.unwrap();
/// for path in checkpoint.metadata() {
///     let report =
///         validate_distributed_in(engine, &store, &checkpoint, path, &ValidateOptions::default())?;
///     assert_eq!(report.verdict, Verdict::Unsafe);
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// If the options contradict each other, or the sandbox cannot be set up.
pub fn validate_distributed_in(
    engine: &Engine,
    store: &dyn Store,
    checkpoint: &Distributed,
    path: &Path,
    options: &ValidateOptions,
) -> Result<Report> {
    options.check()?;
    Ok(checkpoint.validate(&options.engine(engine), drive::rules(engine)?, store, path, options))
}

/// Holds the directory `path` against its commit record, `strongroom.json`: no file
/// is missing, none is there that was not committed, all have the length they had;
/// with [`deep`](ValidateOptions::deep), the payloads and checksums as well. None if
/// there is no record.
///
/// The answer is about the set: **each file is still to be judged by itself**, but for the
/// [`validated_with_set`].
///
/// ```
/// use std::sync::Arc;
/// use strongroom::store::Local;
/// use strongroom::{Engine, SaveOptions, StateDict, ValidateOptions, Verdict, save_sharded, validate_set_in};
///
/// # fn main() -> strongroom::Result<()> {
/// # let directory = tempfile::tempdir().unwrap();
/// # let path = directory.path().join("step-100");
/// # let mut state = StateDict::new();
/// # state.insert("step", 100);
/// let engine = Engine::shared()?;
/// save_sharded(engine, Arc::new(Local), &path, &state, &SaveOptions { ranks: 2, overwrite: false })?;
/// std::fs::remove_file(path.join("checkpoint_1.pt")).unwrap();
///
/// let report = validate_set_in(engine, &Local, &path, &ValidateOptions::default())?.unwrap();
/// assert_eq!(report.verdict, Verdict::Malformed);
/// assert_eq!(report.findings[0].id, "SR-DIRECTORY-MISSING");
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// If the options contradict each other, or the sandbox cannot be set up.
pub fn validate_set_in(
    engine: &Engine,
    store: &dyn Store,
    path: &Path,
    options: &ValidateOptions,
) -> Result<Option<Report>> {
    options.check()?;
    Ok(set::validate(&options.engine(engine), drive::rules(engine)?, store, path, options))
}

/// The names of the files in the directory `path` that need not be judged by themselves where
/// [`validate_set_in`] judges it: its commit record, and those records of ranks' files that this
/// seals and that are what it says. Any other file is to be judged, whatever it is called.
///
/// ```
/// use std::path::Path;
/// use strongroom::store::Memory;
/// use strongroom::validate::validated_with_set;
///
/// let store = Memory::default();
/// store.insert("step-100/strongroom.json", *b"{}");
/// store.insert("step-100/checkpoint_0.json", *b"{}");
/// assert!(validated_with_set(&store, Path::new("step-100")).into_iter().eq(["strongroom.json"]));
/// ```
pub fn validated_with_set(store: &dyn Store, path: &Path) -> BTreeSet<String> {
    set::records(store, path)
}

/// Every rule there is, by subject.
///
/// ```
/// # fn main() -> strongroom::Result<()> {
/// let rules = strongroom::rules()?;
/// assert!(rules.iter().any(|rule| rule.id == "SR-PICKLE-IMPORT"));
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// If the sandbox cannot be set up.
pub fn rules() -> Result<Vec<Rule>> {
    rules_in(Engine::shared()?)
}

/// The rules of an engine of one's own, and those of this host.
///
/// # Errors
/// If the sandbox cannot be set up, or what the component says are no rules.
pub fn rules_in(engine: &Engine) -> Result<Vec<Rule>> {
    Ok(drive::rules(engine)?.all().to_vec())
}
