use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::error::Unfit;
use crate::model::Global;
use crate::show;

/// What a file holds beside the state dict, as far as it is listed.
#[derive(Debug, Default)]
pub(crate) struct Extras {
    listed: Vec<Unfit>,
    more: u64,
}

impl Extras {
    /// Adds a part of the file, and what it is.
    pub(crate) fn add(&mut self, path: &str, reason: impl FnOnce() -> String) {
        if self.listed.len() < LISTED {
            self.listed.push(Unfit { path: show::cut(path), reason: reason() });
        } else {
            self.more = self.more.saturating_add(1);
        }
    }

    /// Adds the sources that came with classes.
    pub(crate) fn sources(&mut self, classes: &[Global]) {
        for Global { module, name } in classes {
            let reason = || "the source of the class, which PyTorch compares and does not need".into();
            self.add(&format!("{module}.{name}"), reason);
        }
    }

    /// All that was added.
    pub(crate) fn into_vec(mut self) -> Vec<Unfit> {
        if self.more > 0 {
            let reason = "further parts that belong to no value".into();
            self.listed.push(Unfit { path: format!("{} more", self.more), reason });
        }
        self.listed
    }
}

/// Parts that are listed: more tell nothing new.
const LISTED: usize = 100;
