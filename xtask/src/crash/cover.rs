//! Every point of a job is to be disturbed once.

use anyhow::Result;

use super::outcome::Outcome;
use super::parallel;
use super::table::Row;
use super::trace::Point;

/// What a run disturbed, and what came of it.
pub struct Hit {
    /// Mostly one call; with errors, the call of the same number in each thread.
    pub whats: Vec<String>,
    pub outcome: Outcome,
}

/// Disturbs all points that an undisturbed run shows, `threads` at a time, and adds
/// them to the row under `prefix`.
pub fn cover(
    row: &mut Row,
    prefix: &str,
    points: impl Fn() -> Result<Vec<Point>>,
    threads: usize,
    disturb: impl Fn(&Point) -> Result<Option<Hit>> + Sync,
) -> Result<()> {
    let mut tries = points()?;
    let mut missing = tries.clone();
    for _ in 0..ATTEMPTS {
        tries.retain(|point| point.trigger.is_some() && missing.iter().any(|it| it.what == point.what));
        let hits = parallel::each(&tries, threads, &disturb)?;
        for Hit { whats, outcome } in hits.into_iter().flatten() {
            for what in whats {
                let first = missing.iter().any(|missing| missing.what == what);
                missing.retain(|missing| missing.what != what);
                // A second one counts only if it shows something.
                if first || !outcome.passed() {
                    row.add(&format!("{prefix}{what}"), &outcome);
                }
            }
        }
        if missing.is_empty() {
            break;
        }
        // Threads take turns as they like, and strace counts the calls of each by itself.
        tries = points()?;
    }
    for point in &missing {
        row.not_hit(&format!("{prefix}{}", point.what));
    }
    Ok(())
}

const ATTEMPTS: usize = 5;
