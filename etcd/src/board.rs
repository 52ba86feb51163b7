//! Where the callers of a barrier wait for what its background learns.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::notes::{Event, Member, Notes, Step};
use strongroom::Absence;
use strongroom::barrier::{OnWait, Waiting, Watch, worlds_differ};
use strongroom::{Error, RankInfo, Result};

/// etcd looks for leases that have run out every half second.
const ETCD_LOOKS: Duration = Duration::from_millis(600);

/// How late a sign of life may be on a busy machine.
const BUSY: Duration = Duration::from_millis(1400);

#[derive(Debug)]
pub(super) struct Board {
    /// What errors call the barrier.
    name: String,
    /// How long a rank was silent that is gone.
    ttl: Duration,
    /// How long etcd may be away.
    patience: Duration,
    on_wait: OnWait,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    notes: Notes,
    /// What does not get through to etcd, since when, and why.
    lost: BTreeMap<Line, (Instant, String)>,
    /// Why this handle is of no use any more.
    over: Option<String>,
}

impl State {
    /// Those of the ranks that are waited for that can be known to be missing: none while etcd is away.
    fn missing(&self, ranks: &[usize]) -> Vec<usize> {
        if self.lost.is_empty() { ranks.into() } else { vec![] }
    }
}

/// What the background keeps up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Line {
    Watch,
    Place,
    Messages,
}

impl Board {
    pub(super) fn new(name: &str, ttl: Duration, patience: Duration, notes: Notes, on_wait: OnWait) -> Self {
        let state = State { notes, lost: BTreeMap::new(), over: None };
        Self { name: name.into(), ttl, patience, on_wait, state: Mutex::new(state), changed: Condvar::new() }
    }

    /// A wait for ranks begins.
    pub(super) fn watch(&self, ranks: &[usize]) -> Watch {
        self.on_wait.watch(Waiting { ranks: ranks.into(), place: self.name.clone(), server: false })
    }

    /// Waits until all of `from` have said something about `topic`.
    pub(super) fn collect(&self, topic: &str, from: &[usize], timeout: Duration) -> Result<Vec<Vec<u8>>> {
        let start = Instant::now();
        let watch = self.watch(from);
        let mut state = self.lock();
        loop {
            let said = state.notes.messages(topic);
            let message = |rank: &usize| said.and_then(|said| said.get(rank));
            let missing: Vec<usize> = from.iter().copied().filter(|rank| message(rank).is_none()).collect();
            if missing.is_empty() {
                return Ok(from.iter().filter_map(message).cloned().collect());
            }
            watch.now(&state.missing(&missing), !state.lost.is_empty());
            let left = timeout.saturating_sub(start.elapsed());
            let wait = self.what_to_wait_for(&state, &missing, timeout, left)?;
            state = self.wait(state, wait);
        }
    }

    /// The ranks of `from` that have said nothing about `topic` and are not known to be gone,
    /// with their leases.
    pub(super) fn silent(&self, topic: &str, from: &[usize]) -> Vec<(usize, i64)> {
        let state = self.lock();
        let said = state.notes.messages(topic);
        let silent = from.iter().filter(|rank| said.is_none_or(|said| !said.contains_key(rank)));
        silent.filter_map(|&rank| Some((rank, state.notes.lease_of(rank)?))).collect()
    }

    /// How long it makes sense to wait for ranks, or why it makes none any more.
    fn what_to_wait_for(
        &self,
        state: &State,
        missing: &[usize],
        timeout: Duration,
        left: Duration,
    ) -> Result<Duration> {
        let patience = self.patience_left(state)?;
        let absent =
            |ranks: Vec<usize>, absence| Err(Error::Missing { barrier: self.name.clone(), ranks, absence });
        if left.is_zero() {
            // Without etcd nobody knows whether they came.
            return match state.lost.values().next() {
                Some((since, why)) => Err(self.away(*since, why)),
                None => absent(missing.into(), Absence::Late(timeout)),
            };
        }
        let gone = || missing.iter().filter_map(|&rank| Some((rank, state.notes.gone(rank)?)));
        let Some(first) = gone().map(|(_, gone)| gone.seen).min() else { return Ok(left.min(patience)) };
        let grace = self.grace().saturating_sub(first.elapsed());
        if !grace.is_zero() {
            return Ok(left.min(patience).min(grace));
        }
        let left_all = gone().all(|(_, gone)| gone.left);
        let absence = if left_all { Absence::Ended } else { Absence::Silent(self.ttl) };
        absent(gone().map(|(rank, _)| rank).collect(), absence)
    }

    /// How long to look for more once one rank is gone: leases of ranks that died
    /// together run out as far apart as their last signs of life were.
    fn grace(&self) -> Duration {
        signs_of_life(self.ttl) + ETCD_LOOKS + BUSY
    }

    /// How much longer to wait for etcd.
    fn patience_left(&self, state: &State) -> Result<Duration> {
        if let Some(reason) = &state.over {
            return Err(self.unreachable(reason.clone()));
        }
        let Some((since, why)) = state.lost.values().min() else { return Ok(self.patience) };
        let left = self.patience.saturating_sub(since.elapsed());
        if left.is_zero() { Err(self.away(*since, why)) } else { Ok(left) }
    }

    fn away(&self, since: Instant, why: &str) -> Error {
        self.unreachable(format!("etcd has been away for {:.0} s: {why}", since.elapsed().as_secs_f64()))
    }

    pub(super) fn unreachable(&self, reason: String) -> Error {
        Error::Unreachable { barrier: self.name.clone(), reason }
    }

    /// Waits for a step of joining that is not [`Step::Wait`], which is what time runs out with.
    pub(super) fn next_step(&self, timeout: Duration, watch: &Watch) -> Result<Step> {
        let start = Instant::now();
        let mut state = self.lock();
        loop {
            if let Some(reason) = &state.over {
                return Err(self.unreachable(reason.clone()));
            }
            let looked = state.notes.revision() > 0;
            let mut step = if looked { state.notes.next_step() } else { Step::Wait };
            if step == Step::Wait {
                step = state.notes.obstacle(self.ttl + self.grace());
            }
            let left = timeout.saturating_sub(start.elapsed());
            if step != Step::Wait || left.is_zero() {
                return Ok(step);
            }
            watch.now(&state.missing(&state.notes.not_ready()), !looked || !state.lost.is_empty());
            state = self.wait(state, left.min(ETCD_LOOKS));
        }
    }

    /// Whether this rank has its place.
    pub(super) fn is_here(&self) -> bool {
        self.lock().notes.is_here()
    }

    /// Waits until a change is known here, or for so long.
    pub(super) fn see(&self, revision: i64, timeout: Duration) {
        let start = Instant::now();
        let mut state = self.lock();
        while state.notes.revision() < revision {
            let left = timeout.saturating_sub(start.elapsed());
            if left.is_zero() {
                return;
            }
            state = self.wait(state, left);
        }
    }

    /// What a rank that could not join says.
    pub(super) fn not_joined(&self, rank: usize, timeout: Duration) -> Error {
        let state = self.lock();
        if let Some((since, why)) = state.lost.values().next() {
            return self.away(*since, why);
        }
        if let Some(Member { host, process, .. }) = state.notes.squatter() {
            let reason = format!("rank {rank} is here already: process {process} on {host}");
            return Error::Conflict { barrier: self.name.clone(), reason };
        }
        if let Some((other, global_world_size)) = state.notes.stranger(0) {
            return self
                .conflict(RankInfo { global_rank: other, global_world_size }, state.notes.rank_info());
        }
        let ranks = state.notes.not_ready();
        Error::Missing { barrier: self.name.clone(), ranks, absence: Absence::Late(timeout) }
    }

    pub(super) fn conflict(&self, one: RankInfo, other: RankInfo) -> Error {
        Error::Conflict { barrier: self.name.clone(), reason: worlds_differ(one, other) }
    }

    pub(super) fn revision(&self) -> i64 {
        self.lock().notes.revision()
    }

    pub(super) fn replace(&self, events: Vec<Event>, revision: i64) {
        self.change(|state| state.notes.replace(events, revision));
    }

    pub(super) fn apply(&self, events: impl Iterator<Item = Event>) {
        self.change(|state| events.for_each(|event| state.notes.apply(event)));
    }

    /// A line to etcd works.
    pub(super) fn found(&self, line: Line) {
        self.change(|state| drop(state.lost.remove(&line)));
    }

    /// A line to etcd does not work.
    pub(super) fn lost(&self, line: Line, why: String) {
        self.change(|state| {
            let since = state.lost.get(&line).map_or_else(Instant::now, |(since, _)| *since);
            state.lost.insert(line, (since, why));
        });
    }

    /// Others were told that this rank is dead, so it is of no use any more.
    pub(super) fn ran_out(&self) -> Error {
        let ttl = self.ttl.as_secs();
        let reason = format!("this rank gave etcd no sign of life for {ttl} s: the others take it for dead");
        self.end(&reason);
        self.unreachable(reason)
    }

    /// This handle is of no use any more. The first reason counts.
    pub(super) fn end(&self, reason: &str) {
        self.change(|state| {
            state.over.get_or_insert_with(|| reason.into());
        });
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }

    fn wait<'s>(&self, state: MutexGuard<'s, State>, timeout: Duration) -> MutexGuard<'s, State> {
        self.changed.wait_timeout(state, timeout).unwrap_or_else(PoisonError::into_inner).0
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How often a rank gives a sign of life.
pub(super) fn signs_of_life(ttl: Duration) -> Duration {
    ttl / 5
}
