//! Who is alive: each rank changes a key of its own in short intervals, and those
//! who wait for it look whether it does.

use std::collections::BTreeMap;
use std::io;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::client::{Client, after};
use super::config::Place;
use super::keys::Keys;

/// Signs of life in the time after which a rank without one is taken for dead.
const SIGNS: u32 = 6;

/// Between two signs of life.
pub(super) fn interval(liveness_timeout: Duration) -> Duration {
    liveness_timeout / SIGNS
}

/// The thread that gives the signs of life of this rank. It ends when this is
/// dropped.
#[derive(Debug)]
pub(super) struct Beat {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Beat {
    /// Gives the first sign, then goes on in a thread with a connection of its own:
    /// the others may wait for long.
    pub(super) fn start(
        mut client: Client,
        place: Place,
        key: String,
        patience: Duration,
    ) -> io::Result<Self> {
        client.add(&key, 1)?;
        let (stop, stopped) = mpsc::channel();
        let thread = thread::Builder::new().name("tcp_store beat".into()).spawn(move || {
            let mut client = Some(client);
            while stopped.recv_timeout(interval(patience)) == Err(RecvTimeoutError::Timeout) {
                // What breaks may be whole again before the others miss a sign.
                let connected = client.take().map_or_else(|| reconnect(&place, patience), Ok);
                client = connected.and_then(|mut client| client.add(&key, 1).map(|_| client)).ok();
            }
        })?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

fn reconnect(place: &Place, patience: Duration) -> io::Result<Client> {
    Client::connect(place, patience, after(interval(patience)))
}

impl Drop for Beat {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// What those of some ranks last gave as a sign of life that give any.
pub(super) fn signs(
    client: &mut Client,
    keys: &Keys,
    ranks: Vec<usize>,
) -> io::Result<BTreeMap<usize, Vec<u8>>> {
    let there = client.check_each(&ranks.iter().map(|&rank| keys.beat(rank)).collect::<Vec<_>>())?;
    let living = ranks.into_iter().zip(there).filter(|(_, there)| *there).map(|(rank, _)| rank).collect();
    last_signs(client, keys, living)
}

/// What ranks last gave as a sign of life, who all give some.
pub(super) fn last_signs(
    client: &mut Client,
    keys: &Keys,
    ranks: Vec<usize>,
) -> io::Result<BTreeMap<usize, Vec<u8>>> {
    let beats: Vec<String> = ranks.iter().map(|&rank| keys.beat(rank)).collect();
    Ok(ranks.into_iter().zip(client.get(&beats)?).collect())
}

/// What somebody who waits has seen of those it waits for.
#[derive(Debug)]
pub(super) struct Vigil {
    limit: Duration,
    seen: BTreeMap<usize, Seen>,
}

#[derive(Debug)]
struct Seen {
    beat: Vec<u8>,
    silence: Duration,
    looked: Instant,
}

impl Vigil {
    /// Takes ranks for dead that gave no sign for so long.
    pub(super) fn new(limit: Duration) -> Self {
        Self { limit, seen: BTreeMap::new() }
    }

    /// Has looked at what ranks last gave as a sign. Those that are not among them
    /// are not waited for any more.
    pub(super) fn look(&mut self, beats: BTreeMap<usize, Vec<u8>>, now: Instant) {
        self.seen.retain(|rank, _| beats.contains_key(rank));
        for (rank, beat) in beats {
            let fresh = Seen { beat: beat.clone(), silence: Duration::ZERO, looked: now };
            let seen = self.seen.entry(rank).or_insert(fresh);
            // Who slept does not know that the others did not: what counts is the time
            // in which this rank was awake itself.
            let awake = now.duration_since(seen.looked).min(2 * interval(self.limit));
            seen.silence = if seen.beat == beat { seen.silence + awake } else { Duration::ZERO };
            (seen.beat, seen.looked) = (beat, now);
        }
    }

    /// Those to be taken for dead. Ranks that died together are not found so at the
    /// same moment: when one is, all others must have either been silent as long or
    /// given a sign.
    pub(super) fn silent(&self) -> Vec<usize> {
        let doubtful = |seen: &Seen| seen.silence > self.limit / 2 && seen.silence < self.limit;
        if self.seen.values().any(doubtful) {
            return vec![];
        }
        let silent = self.seen.iter().filter(|(_, seen)| seen.silence >= self.limit);
        silent.map(|(&rank, _)| rank).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(6);

    /// What is found when ranks give these signs, one look a second.
    fn found(looks: &[&[(usize, &str)]]) -> Vec<Vec<usize>> {
        let (mut vigil, start) = (Vigil::new(LIMIT), Instant::now());
        let look = |(second, beats): (u64, &&[(usize, &str)])| {
            let beats = beats.iter().map(|&(rank, beat)| (rank, beat.into())).collect();
            vigil.look(beats, start + Duration::from_secs(second));
            vigil.silent()
        };
        (0..).zip(looks).map(look).collect()
    }

    #[test]
    fn a_rank_that_gives_no_sign_is_found_at_the_limit() {
        let mut looks: Vec<&[(usize, &str)]> = vec![&[(1, "5"), (2, "5")]];
        looks.extend([[(1, "5"), (2, "6")].as_slice(), [(1, "5"), (2, "7")].as_slice()].repeat(4));
        let found = found(&looks);
        assert!(found[..6].iter().all(Vec::is_empty), "{found:?}");
        assert!(found[6..].iter().all(|silent| silent == &[1]), "{found:?}");
    }

    #[test]
    fn ranks_that_died_together_are_found_together() {
        let found = found(&[
            &[(1, "5"), (2, "5")],
            &[(1, "5"), (2, "6")],
            &[(1, "5"), (2, "6")],
            &[(1, "5"), (2, "6")],
            &[(1, "5"), (2, "6")],
            &[(1, "5"), (2, "6")],
            &[(1, "5"), (2, "6")],
            &[(1, "5"), (2, "6")],
        ]);
        assert!(found[6].is_empty());
        assert_eq!(found[7], [1, 2]);
    }

    #[test]
    fn the_time_in_which_one_slept_does_not_count() {
        let (mut vigil, start) = (Vigil::new(LIMIT), Instant::now());
        let beats = || BTreeMap::from([(1, b"5".to_vec())]);
        vigil.look(beats(), start);
        vigil.look(beats(), start + Duration::from_secs(3600));
        assert!(vigil.silent().is_empty());
    }
}
