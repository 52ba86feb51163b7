//! Which old checkpoints were removed.

use std::path::PathBuf;

use strongroom::Listed;
use strongroom::store::{Local, Store};

use crate::output::note;
use crate::signals;

/// The checkpoints that there were before.
///
/// Whoever writes removes, which may be another process: what went is what is there no more.
#[derive(Clone)]
pub struct Removed(Vec<PathBuf>);

impl Removed {
    /// Remembers what there is. If a signal ends this process, it names what went.
    pub fn watch(before: &[Listed]) -> Self {
        let removed = Self(before.iter().map(|listed| listed.path.clone()).collect());
        let interrupted = removed.clone();
        signals::say_first(move || interrupted.words());
        removed
    }

    /// Says on stderr which of it went.
    pub fn tell(&self) {
        self.words().iter().for_each(|words| note(words));
    }

    fn words(&self) -> Vec<String> {
        let gone = self.0.iter().filter(|path| matches!(Local.look(path), Ok(None)));
        gone.map(|path| format!("removed {}", path.display())).collect()
    }
}
