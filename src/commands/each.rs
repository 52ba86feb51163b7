//! One answer for each of several paths.

use std::cell::Cell;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Result;
use serde::Serialize;
use strongroom::{DirectoryKind, Uncommitted};

use crate::context::Context;
use crate::failure::{self, Failed};
use crate::output::json::{self, Stream};
use crate::output::note;

/// Answers for each path in text, and with the highest exit code.
pub fn text<T>(
    out: &mut dyn Write,
    paths: &[PathBuf],
    one: impl Fn(&Path) -> Result<(T, u8)>,
    print: impl Fn(&mut dyn Write, &T) -> Result<()>,
) -> Result<u8> {
    let mut worst = 0;
    for path in paths {
        let code = match one(path) {
            Ok((answer, code)) => {
                print(out, &answer)?;
                code
            }
            Err(error) => {
                // What came before stands before it.
                out.flush()?;
                failure::report(&error)
            }
        };
        worst = worst.max(code);
    }
    Ok(worst)
}

/// The same in JSON: an object for one path, a list of objects for several.
pub fn json<T: Serialize>(
    out: &mut dyn Write,
    paths: &[PathBuf],
    one: impl Fn(&Path) -> Result<(T, u8)>,
) -> Result<u8> {
    let worst = Cell::new(0);
    let answer = |path: &PathBuf| {
        let (answer, code) = match one(path) {
            Ok((answer, code)) => (Answer::Found(answer), code),
            Err(error) => {
                let code = failure::report(&error);
                (Answer::Failed(Failed::new(path, &error, code)), code)
            }
        };
        worst.set(worst.get().max(code));
        answer
    };
    match paths {
        [path] => json::write(out, &answer(path))?,
        paths => json::write(out, &Stream(|| paths.iter().map(&answer)))?,
    }
    Ok(worst.get())
}

#[derive(Serialize)]
#[serde(untagged)]
enum Answer<T> {
    Found(T),
    Failed(Failed),
}

/// The paths with each directory that has no commit record in the place of its ranks'
/// files, which a note says: for who asks for what is uncommitted.
pub fn uncommitted(context: &Context, paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut all = Vec::new();
    for path in paths {
        match directory(context, path)? {
            None => all.push(path.clone()),
            Some(directory) => all.extend((0..directory.world_size()).map(|rank| directory.rank_path(rank))),
        }
    }
    Ok(all)
}

/// The files of ranks in a directory without commit record, which a note says. None for
/// a file, and for a checkpoint that was committed.
pub fn directory(context: &Context, path: &Path) -> Result<Option<Uncommitted>> {
    if !path.is_dir() || DirectoryKind::of(&context.store, path)? == DirectoryKind::Committed {
        return Ok(None);
    }
    let directory = context.uncommitted(path)?;
    note(&format!(
        "{}: not committed: nothing says that the files of its ranks are all there, whole, and of one save",
        path.display()
    ));
    Ok(Some(directory))
}
