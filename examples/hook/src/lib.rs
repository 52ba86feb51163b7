//! A hook that refuses checkpoints which are too large, and says what was committed.
//!
//! Built with `cargo build --release --target wasm32-wasip2`; docs/hooks.md tells
//! how hooks work and how they are used. Arguments of the save that it knows:
//!
//! - `max_bytes`: the most bytes that one rank's file may have.
//!
//! Other arguments are for other hooks.

mod policy;
mod summary;

use std::path::Path;

use bindings::exports::strongroom::hook::writer_hook::{Guest, Save};

#[allow(unsafe_code, missing_docs, unused_qualifications, clippy::all, clippy::pedantic)]
mod bindings {
    wit_bindgen::generate!({ path: "../../wit/hook", world: "hook" });
    #[cfg(target_arch = "wasm32")]
    use super::SizeLimit;
    // What is exported has names that only a component can have.
    #[cfg(target_arch = "wasm32")]
    export!(SizeLimit with_types_in self);
}

struct SizeLimit;

impl Guest for SizeLimit {
    /// This rank's file is there, has bytes, and has no more than it may.
    fn pre_commit(save: Save) -> Result<(), String> {
        let arguments = policy::Arguments::parse(&save.arguments)?;
        policy::check(&rank_file(&save), &arguments)
    }

    /// Rank 0 says for all what there is now.
    fn post_commit(save: Save) -> Result<(), String> {
        if save.rank == 0 {
            println!("{}: {}", save.path, summary::of(Path::new(&save.directory))?);
        }
        Ok(())
    }
}

fn rank_file(save: &Save) -> std::path::PathBuf {
    Path::new(&save.directory).join(format!("checkpoint_{}.pt", save.rank))
}
