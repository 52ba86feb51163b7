use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::{Barrier, DEFAULT_TIMEOUT, OnWait, Rounds, Waiting, worlds_differ};
use crate::error::Absence;
use crate::sys::random::random;
use crate::{Error, RankInfo, Result};

/// Configuration of the barrier for threads of one process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LocalBarrierConfig {
    /// Ranks of the same group meet.
    pub group: String,
    /// How long [`execute_barrier`](Barrier::execute_barrier) waits.
    #[serde(rename = "timeout_secs", with = "crate::seconds")]
    pub timeout: Duration,
}

impl Default for LocalBarrierConfig {
    fn default() -> Self {
        Self { group: "default".into(), timeout: DEFAULT_TIMEOUT }
    }
}

/// The barrier for ranks that are threads of one process.
///
/// A handle that is dropped is a rank that is gone: nobody waits for it any more.
///
/// ```
/// use strongroom::{Barrier, LocalBarrier};
///
/// std::thread::scope(|scope| {
///     for rank in LocalBarrier::world(4) {
///         scope.spawn(move || rank.execute_barrier());
///     }
/// });
/// ```
#[derive(Debug)]
pub struct LocalBarrier {
    board: Arc<Board>,
    rank_info: RankInfo,
    timeout: Duration,
    rounds: Rounds,
    on_wait: OnWait,
}

/// What all ranks share.
#[derive(Debug)]
struct Board {
    session: String,
    world_size: usize,
    notes: Mutex<Notes>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Notes {
    messages: BTreeMap<(String, usize), Vec<u8>>,
    joined: BTreeSet<usize>,
    gone: BTreeSet<usize>,
    /// Why nobody meets here.
    conflict: Option<String>,
}

/// Groups that ranks join one by one, by name.
static GROUPS: Mutex<BTreeMap<String, Weak<Board>>> = Mutex::new(BTreeMap::new());

impl LocalBarrier {
    /// The name it is registered under.
    pub const TYPE: &str = "local";

    /// The handles of all ranks of a new world.
    pub fn world(world_size: usize) -> Vec<Self> {
        let board = Arc::new(Board::new(world_size));
        let handle = |global_rank| {
            let rank_info = RankInfo { global_rank, global_world_size: world_size };
            Self::on(board.clone(), rank_info, DEFAULT_TIMEOUT, OnWait::default())
        };
        (0..world_size).map(handle).collect()
    }

    /// The handle of the only rank.
    pub fn single() -> Self {
        Self::on(Arc::new(Board::new(1)), RankInfo::single(), DEFAULT_TIMEOUT, OnWait::default())
    }

    /// Joins a group of this process as a rank. An error if the group has this rank
    /// already, or is a world of another size: all who are in it are told.
    ///
    /// A rank that left can come again: it waits for the others in a new world.
    pub fn join(config: LocalBarrierConfig, rank_info: RankInfo) -> Result<Self> {
        Self::join_watched(config, rank_info, OnWait::default())
    }

    /// The same, and somebody is told of long waits.
    pub(super) fn join_watched(
        config: LocalBarrierConfig,
        rank_info: RankInfo,
        on_wait: OnWait,
    ) -> Result<Self> {
        rank_info.check()?;
        let RankInfo { global_rank: rank, global_world_size: world_size } = rank_info;
        let mut groups = GROUPS.lock().unwrap_or_else(PoisonError::into_inner);
        groups.retain(|_, board| board.strong_count() > 0);
        let place = groups.entry(config.group.clone()).or_default();
        // What a rank was in before is over for it, and so for whoever comes after it.
        let board = place.upgrade().filter(|board| !board.is_over_for(rank));
        let board = board.unwrap_or_else(|| Arc::new(Board::new(world_size)));
        board
            .admit(rank_info)
            .map_err(|reason| Error::Conflict { barrier: format!("local {:?}", config.group), reason })?;
        *place = Arc::downgrade(&board);
        Ok(Self::on(board, rank_info, config.timeout, on_wait))
    }

    fn on(board: Arc<Board>, rank_info: RankInfo, timeout: Duration, on_wait: OnWait) -> Self {
        Self { board, rank_info, timeout, rounds: Rounds::default(), on_wait }
    }
}

impl Barrier for LocalBarrier {
    fn rank_info(&self) -> RankInfo {
        self.rank_info
    }

    fn session(&self) -> &str {
        &self.board.session
    }

    fn announce(&self, topic: &str, message: &[u8]) -> Result<()> {
        self.board.lock().messages.insert((topic.into(), self.rank_info.global_rank), message.into());
        self.board.changed.notify_all();
        Ok(())
    }

    fn collect(&self, topic: &str, from: &[usize], timeout: Duration) -> Result<Vec<Vec<u8>>> {
        let start = Instant::now();
        let waiting = Waiting { ranks: from.into(), place: "the local barrier".into(), server: false };
        let watch = self.on_wait.watch(waiting);
        let mut notes = self.board.lock();
        loop {
            if let Some(reason) = &notes.conflict {
                return Err(Error::Conflict { barrier: "local".into(), reason: reason.clone() });
            }
            let missing: Vec<usize> =
                from.iter().copied().filter(|&rank| notes.get(topic, rank).is_none()).collect();
            if missing.is_empty() {
                return Ok(from.iter().filter_map(|&rank| notes.get(topic, rank).cloned()).collect());
            }
            watch.missing(&missing);
            let absent = |ranks, absence| Err(Error::Missing { barrier: "local".into(), ranks, absence });
            let gone: Vec<usize> = missing.iter().copied().filter(|rank| notes.gone.contains(rank)).collect();
            if !gone.is_empty() {
                return absent(gone, Absence::Ended);
            }
            let Some(left) = timeout.checked_sub(start.elapsed()) else {
                return absent(missing, Absence::Late(timeout));
            };
            notes = self.board.changed.wait_timeout(notes, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn forget(&self, topic: &str) -> Result<()> {
        self.board.lock().messages.remove(&(topic.to_owned(), self.rank_info.global_rank));
        Ok(())
    }

    fn execute_barrier(&self) -> Result<()> {
        self.rounds.execute(self, self.timeout)
    }

    fn close(&self) -> Result<()> {
        self.board.lock().gone.insert(self.rank_info.global_rank);
        self.board.changed.notify_all();
        Ok(())
    }
}

impl Drop for LocalBarrier {
    fn drop(&mut self) {
        let _ = self.close();
    }
}

impl Board {
    fn new(world_size: usize) -> Self {
        Self { session: random(), world_size, notes: Mutex::default(), changed: Condvar::new() }
    }

    /// Takes a rank in, or says why not, to all who are here too.
    fn admit(&self, rank_info: RankInfo) -> std::result::Result<(), String> {
        let RankInfo { global_rank: rank, global_world_size: world_size } = rank_info;
        let mut notes = self.lock();
        if world_size != self.world_size && notes.joined.iter().any(|rank| !notes.gone.contains(rank)) {
            let other = notes.joined.first().copied().unwrap_or_default();
            let reason =
                worlds_differ(RankInfo { global_rank: other, global_world_size: self.world_size }, rank_info);
            // Those who all met are not disturbed by one who comes later.
            if notes.joined.len() < self.world_size {
                notes.conflict = Some(reason.clone());
                self.changed.notify_all();
            }
            return Err(reason);
        }
        if !notes.joined.insert(rank) {
            return Err(format!("rank {rank} is here already"));
        }
        Ok(())
    }

    /// Whether nobody meets here any more, as far as a rank can tell.
    fn is_over_for(&self, rank: usize) -> bool {
        let notes = self.lock();
        notes.conflict.is_some() || notes.gone.contains(&rank) || notes.joined.is_subset(&notes.gone)
    }

    fn lock(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Notes {
    fn get(&self, topic: &str, rank: usize) -> Option<&Vec<u8>> {
        self.messages.get(&(topic.to_owned(), rank))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    use super::*;

    #[test]
    fn no_rank_passes_before_all_have_come() {
        let arrived = AtomicUsize::new(0);
        thread::scope(|scope| {
            for barrier in LocalBarrier::world(4) {
                let arrived = &arrived;
                scope.spawn(move || {
                    for round in 1..=100 {
                        arrived.fetch_add(1, Ordering::SeqCst);
                        barrier.execute_barrier().unwrap();
                        assert!(arrived.load(Ordering::SeqCst) >= 4 * round);
                    }
                });
            }
        });
    }

    #[test]
    fn ranks_that_do_not_come_are_named() {
        let mut world = LocalBarrier::world(3);
        let late = world.remove(0).collect("topic", &[1, 2], Duration::from_millis(20)).unwrap_err();
        assert_eq!(late.to_string(), "barrier local: missing ranks: 1, 2: did not come within 0.02 s");
    }

    #[test]
    fn a_rank_that_is_gone_is_named_at_once_and_its_messages_stay() {
        let mut world = LocalBarrier::world(3);
        let last = world.pop().unwrap();
        last.announce("before", b"here").unwrap();
        drop(last);
        let first = &world[0];
        assert_eq!(first.collect("before", &[2], DEFAULT_TIMEOUT).unwrap(), [b"here"]);
        let error = first.collect("after", &[1, 2], DEFAULT_TIMEOUT).unwrap_err();
        assert_eq!(error.to_string(), "barrier local: missing ranks: 2: ended");
    }

    #[test]
    fn who_is_ahead_does_not_take_back_what_others_have_yet_to_read() {
        let mut world = LocalBarrier::world(2);
        world[0].timeout = Duration::from_millis(1);
        for _ in 0..4 {
            world[0].execute_barrier().unwrap_err();
        }
        world[1].timeout = Duration::from_secs(10);
        for _ in 0..4 {
            world[1].execute_barrier().unwrap();
        }
    }

    #[test]
    fn a_group_has_each_rank_once() {
        let config = LocalBarrierConfig { group: "once".into(), ..Default::default() };
        let rank = RankInfo::new(0, 2).unwrap();
        let first = LocalBarrier::join(config.clone(), rank).unwrap();
        assert!(LocalBarrier::join(config.clone(), rank).is_err());
        drop(first);
        LocalBarrier::join(config, rank).unwrap();
    }

    #[test]
    fn worlds_of_different_sizes_are_an_error_that_names_both() {
        let config = LocalBarrierConfig { group: "sizes".into(), ..Default::default() };
        let join = |rank, size| LocalBarrier::join(config.clone(), RankInfo::new(rank, size).unwrap());
        let expected = "rank 0 was started in a world of 2 ranks, and rank 1 in one of 3";
        let first = join(0, 2).unwrap();
        let error = join(1, 3).unwrap_err().to_string();
        assert_eq!(error, format!("barrier local \"sizes\": {expected}"));
        let error = first.collect("topic", &[1], DEFAULT_TIMEOUT).unwrap_err().to_string();
        assert_eq!(error, format!("barrier local: {expected}"));
        // Those who come after it are not troubled.
        let again = [join(0, 3).unwrap(), join(1, 3).unwrap()];
        again[1].announce("topic", b"").unwrap();
        again[0].collect("topic", &[1], DEFAULT_TIMEOUT).unwrap();
    }

    #[test]
    fn who_left_can_come_again_and_waits_for_the_others() {
        let config = LocalBarrierConfig { group: "again".into(), ..Default::default() };
        let join = |rank| LocalBarrier::join(config.clone(), RankInfo::new(rank, 2).unwrap()).unwrap();
        let (first, second) = (join(0), join(1));
        second.announce("vote", b"old").unwrap();
        second.close().unwrap();
        let second = join(1);
        first.close().unwrap();
        let first = join(0);
        assert!(first.collect("vote", &[1], Duration::ZERO).is_err());
        second.announce("vote", b"new").unwrap();
        assert_eq!(first.collect("vote", &[1], DEFAULT_TIMEOUT).unwrap(), [b"new"]);
    }
}
