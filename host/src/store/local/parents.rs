//! The directories above a new file or directory, where there are none yet.

use std::fs;
use std::io;
use std::path::Path;

use super::sync::{parent, sync_ancestors};
use super::under_way::hold;
use crate::Result;

/// Makes what is missing above `place`, and then what `make` makes there. If that fails, nothing was
/// made.
///
/// Other ranks take away again what they had made for a save that has failed, perhaps just before
/// something comes into it: then it is made once more.
pub(super) fn make<T>(place: &Path, mut make: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    let mut made = missing(place).and_then(|()| make());
    for _ in 0..ATTEMPTS {
        match made {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                made = missing(place).and_then(|()| make());
            }
            _ => break,
        }
    }
    made.inspect_err(|_| unmake(place))
}

/// How often what was made may have gone before anything came into it.
const ATTEMPTS: usize = 100;

fn missing(place: &Path) -> io::Result<()> {
    let above =
        parent(place).ancestors().take_while(|above| !above.as_os_str().is_empty() && !above.exists());
    let missing: Vec<&Path> = above.collect();
    for directory in missing.into_iter().rev() {
        let mut under_way = hold();
        match fs::create_dir(directory) {
            Ok(()) => drop(under_way.made.insert(directory.into())),
            // Another rank was faster, or it is `made/..`.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Whether this process has made something above `place` that may have to go again.
pub(super) fn are_made(place: &Path) -> bool {
    let under_way = hold();
    parent(place).ancestors().any(|directory| under_way.made.contains(directory))
}

/// Removes again what was made above `place`, which is not there, as far as nothing else
/// is in it.
pub(super) fn unmake(place: &Path) {
    let mut under_way = hold();
    for directory in parent(place).ancestors() {
        if under_way.made.contains(directory) && fs::remove_dir(directory).is_ok() {
            under_way.made.remove(directory);
        }
    }
}

/// Says that `place` is there: what was made above it stays, and with `durable` its names
/// are on disk.
pub(super) fn keep(place: &Path, durable: bool) -> Result<()> {
    let mut under_way = hold();
    let before = under_way.made.len();
    under_way.made.retain(|directory| !place.starts_with(directory));
    let any = under_way.made.len() < before;
    drop(under_way);
    if any && durable { sync_ancestors(place) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn what_others_take_away_is_made_again() {
        let directory = tempfile::tempdir().unwrap();
        thread::scope(|scope| {
            for name in ["a", "b", "c", "d"] {
                let place = directory.path().join("run/deep").join(name);
                scope.spawn(move || {
                    for _ in 0..500 {
                        make(&place, || fs::write(&place, b"")).unwrap();
                        fs::remove_file(&place).unwrap();
                        unmake(&place);
                    }
                });
            }
        });
        assert_eq!(fs::read_dir(&directory).unwrap().count(), 0);
    }
}
