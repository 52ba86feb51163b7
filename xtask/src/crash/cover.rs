//! Every point of a job is to be disturbed once.

use anyhow::Result;

use super::outcome::Outcome;
use super::parallel;
use super::table::Row;
use super::trace::Point;

/// What a run disturbed, and what came of it.
pub struct Hit {
    /// Mostly one call; with errors, the call of the same number in each thread.
    pub points: Vec<Point>,
    pub outcome: Outcome,
}

/// How a call is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// By its number in its thread: all calls can be, but not in all threads.
    Counted,
    /// By its name: those that go through the C library can be.
    Named,
}

/// How hard the points are tried.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    threads: usize,
    attempts: usize,
}

impl Effort {
    /// `threads` points at a time, until each was hit, or nine times.
    pub fn of(threads: usize) -> Self {
        Self { threads, attempts: 9 }
    }
}

/// Disturbs those that `choose` takes of the points that an undisturbed run shows, and adds
/// them to the row under `prefix`. They are chosen once: threads make their calls in another
/// order each time.
pub fn cover(
    row: &mut Row,
    prefix: &str,
    effort: Effort,
    points: impl Fn() -> Result<Vec<Point>>,
    choose: impl Fn(Vec<Point>) -> Vec<Point>,
    disturb: impl Fn(&Point, How) -> Result<Option<Hit>> + Sync,
) -> Result<()> {
    let mut tries = choose(points()?);
    let mut missing = tries.clone();
    for attempt in 1..=effort.attempts {
        tries.retain(|point| missing.iter().any(|it| it.what == point.what));
        // Threads take turns as they like, and strace counts the calls of each by itself.
        let how = if attempt % 2 == 1 { How::Counted } else { How::Named };
        let hits = parallel::each(&tries, effort.threads, |point| disturb(point, how))?;
        for Hit { points, outcome } in hits.into_iter().flatten() {
            for Point { what, .. } in points {
                let first = missing.iter().any(|missing| missing.what == what);
                missing.retain(|missing| missing.what != what);
                // A second one counts only if it shows something.
                if first || !outcome.passed() {
                    row.add(&format!("{prefix}{what}"), &outcome);
                }
            }
        }
        if missing.is_empty() || attempt == effort.attempts {
            break;
        }
        tries = points()?;
    }
    for point in missing {
        row.not_hit(&format!("{prefix}{}", point.what));
    }
    Ok(())
}
