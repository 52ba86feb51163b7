//! What a hook may do.

use std::collections::HashSet;
use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Instant, SystemTime};

use super::{Outcome, Save};

static CALLS: AtomicUsize = AtomicUsize::new(0);

pub fn deed(name: &str, save: &Save, moment: &str) -> Option<Outcome> {
    Some(match name {
        "tell what it was told" => {
            let Save { path, directory, rank, world_size, arguments } = save;
            Err(format!("{path} {directory} {rank}/{world_size} {arguments}"))
        }
        "list the files" => list(&save.directory),
        "read its file" => fs::read(format!("{}/checkpoint_{}.pt", save.directory, save.rank))
            .map_err(|error| error.to_string())
            .and_then(|file| if file.starts_with(b"PK") { Ok(()) } else { Err("no zip".into()) }),
        "count its calls" => match CALLS.fetch_add(1, Ordering::Relaxed) {
            0 => Ok(()),
            calls => Err(format!("called {calls} times before")),
        },
        "know the time and chance" => know(),
        "print" => {
            println!("{moment} on rank {}", save.rank);
            eprintln!("and more");
            Ok(())
        }
        "print and fail" => {
            println!("\x1b[2J looked everywhere");
            Err("found \x1b[31mnothing".into())
        }
        _ => return None,
    })
}

fn list(directory: &str) -> Outcome {
    let entries = fs::read_dir(directory).map_err(|error| error.to_string())?;
    let mut names: Vec<String> =
        entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
    names.sort();
    Err(names.join(" "))
}

fn know() -> Outcome {
    let start = Instant::now();
    let since =
        SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_err(|error| error.to_string())?;
    let drawn: HashSet<u64> = (0..8).map(|_| wasip2::random::random::get_random_u64()).collect();
    let years = since.as_secs() / (365 * 24 * 3600);
    let knows = years >= 50 && drawn.len() == 8 && start.elapsed().as_secs() < 60;
    if knows { Ok(()) } else { Err(format!("{years} years since 1970, drew {drawn:?}")) }
}
