//! A hook that misbehaves: told the name of a misdeed, it tries it. Whatever it is
//! let do it has done without an error; what it was refused it says in one.
//!
//! tests/hostile_hooks.rs builds it, and expects the host to refuse or to stop each.

#![cfg(target_arch = "wasm32")]

mod files;
mod greed;
mod honest;
mod outside;

use bindings::exports::strongroom::hook::writer_hook::{Guest, Save};
use serde_json::Value;

#[allow(unsafe_code, missing_docs, unused_qualifications, clippy::all, clippy::pedantic)]
mod bindings {
    wit_bindgen::generate!({ path: "../../wit/hook", world: "hook" });
    use super::Hostile;
    export!(Hostile with_types_in self);
}

struct Hostile;

impl Guest for Hostile {
    fn pre_commit(save: Save) -> Result<(), String> {
        perform(&save, "pre-commit")
    }

    fn post_commit(save: Save) -> Result<(), String> {
        perform(&save, "post-commit")
    }
}

/// What a misdeed ends in, if it ends.
type Outcome = Result<(), String>;

/// Does what the arguments name for this moment, if anything.
fn perform(save: &Save, moment: &str) -> Outcome {
    let arguments: Value = serde_json::from_str(&save.arguments).map_err(|error| error.to_string())?;
    let Some(misdeed) = arguments[moment].as_str() else { return Ok(()) };
    let only = arguments["rank"].as_u64();
    if only.is_some_and(|rank| rank != save.rank) {
        return Ok(());
    }
    let port = arguments["port"].as_u64().and_then(|port| u16::try_from(port).ok()).unwrap_or_default();
    honest::deed(misdeed, save, moment)
        .or_else(|| files::misdeed(misdeed))
        .or_else(|| outside::misdeed(misdeed, port))
        .or_else(|| greed::misdeed(misdeed))
        .unwrap_or_else(|| Err(format!("no misdeed is called {misdeed:?}")))
}
