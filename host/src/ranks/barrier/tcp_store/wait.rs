//! Waiting for ranks, and finding out why they do not come.

use std::collections::BTreeMap;
use std::io;
use std::time::{Duration, Instant};

use super::TcpStoreBarrier;
use super::client::{Client, after};
use super::keys::Keys;
use super::liveness::{Vigil, interval, last_signs};
use crate::Result;
use crate::error::Absence;
use crate::ranks::barrier::Waiting;

/// The key by which each rank shows that it came.
pub(super) type Came = BTreeMap<usize, String>;

/// Who has not come.
#[derive(Debug, Default)]
struct Absent {
    missing: Vec<usize>,
    /// Those of them that took leave.
    gone: Vec<usize>,
    /// What those of them that give signs of life gave last.
    beats: BTreeMap<usize, Vec<u8>>,
}

impl TcpStoreBarrier {
    /// Waits until all keys `awaited` are there, for ranks that each leave the key
    /// `came` on their way. In between, `nudge` may do what a rank that died left
    /// undone.
    pub(super) fn wait(
        &self,
        awaited: &[String],
        came: &Came,
        timeout: Duration,
        nudge: impl Fn(&mut Client) -> io::Result<()>,
    ) -> Result<()> {
        let until = after(timeout);
        let mut vigil = Vigil::new(self.liveness_timeout);
        let ranks = came.keys().copied().collect();
        let watch = self.on_wait.watch(Waiting { ranks, place: self.store.address.clone(), server: false });
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let slice = left.min(interval(self.liveness_timeout));
            let absent = self.with(|client| {
                let there = client.wait(awaited, slice)?;
                if let Some(reason) = client.look(&self.keys.conflict())? {
                    return Ok(Err(reason));
                }
                if there {
                    return Ok(Ok(None));
                }
                nudge(client)?;
                absent(client, &self.keys, came).map(|absent| Ok(Some(absent)))
            })?;
            let absent = absent.map_err(|reason| self.store.conflict_of(&reason))?;
            let Some(Absent { missing, gone, beats }) = absent else { return Ok(()) };
            watch.missing(&missing);
            if !gone.is_empty() {
                return self.missing(gone, Absence::Ended);
            }
            vigil.look(beats, Instant::now());
            let silent = vigil.silent();
            if !silent.is_empty() {
                return self.missing(silent, Absence::Silent(self.liveness_timeout));
            }
            if left.is_zero() && !missing.is_empty() {
                return self.missing(missing, Absence::Late(timeout));
            }
        }
    }
}

/// Looks who has not come. First who left, then who came: who came and then left is
/// not taken for one who left without.
fn absent(client: &mut Client, keys: &Keys, came: &Came) -> io::Result<Absent> {
    let gone = came.keys().map(|&rank| keys.gone(rank));
    let beats = came.keys().map(|&rank| keys.beat(rank));
    let there = client.check_each(&gone.chain(came.values().cloned()).chain(beats).collect::<Vec<_>>())?;
    let count = came.len();
    let is = |at: usize| there.get(at).copied().unwrap_or_default();
    let mut absent = Absent::default();
    let mut living = vec![];
    for (at, &rank) in came.keys().enumerate() {
        if is(count + at) {
            continue;
        }
        absent.missing.push(rank);
        if is(at) {
            absent.gone.push(rank);
        }
        if is(2 * count + at) {
            living.push(rank);
        }
    }
    absent.beats = last_signs(client, keys, living)?;
    Ok(absent)
}
