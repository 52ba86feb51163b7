//! What a rank knows of its run: a copy of the run's keys in etcd, event by event.

mod steps;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::keys::{Key, Keys};
use strongroom::RankInfo;

pub(super) use steps::Step;

/// What the process in a place says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Member {
    pub(super) world_size: usize,
    /// The session it is ready for.
    pub(super) session: Option<String>,
    pub(super) host: String,
    pub(super) process: u32,
}

/// The session as rank 0 writes it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Session {
    pub(super) id: String,
    /// All ranks are ready for it.
    pub(super) complete: bool,
}

/// A change of a key.
#[derive(Clone, Debug)]
pub(super) struct Event {
    pub(super) key: Vec<u8>,
    pub(super) revision: i64,
    /// What it became; None if it was removed.
    pub(super) now: Option<Content>,
}

#[derive(Clone, Debug)]
pub(super) struct Content {
    pub(super) value: Vec<u8>,
    pub(super) lease: i64,
    /// The revision since which the key is there.
    pub(super) created: i64,
}

/// A place as it is in etcd.
#[derive(Debug)]
struct Place {
    member: Member,
    lease: i64,
    claimed: i64,
    /// The last change of it.
    changed: i64,
    /// Since when this process has been seen here.
    seen: Instant,
}

/// A rank that nobody needs to wait for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gone {
    /// It has taken leave, and was not just silent.
    pub(super) left: bool,
    /// When this was seen here.
    pub(super) seen: Instant,
}

#[derive(Debug)]
pub(super) struct Notes {
    keys: Keys,
    rank_info: RankInfo,
    /// The lease on the own place.
    lease: i64,
    /// The last change that is in here; 0 before the first look.
    revision: i64,
    places: BTreeMap<usize, Place>,
    session: Option<(Session, i64)>,
    /// The session this rank is in, and the leases of its members.
    joined: Option<String>,
    members: BTreeMap<usize, i64>,
    gone: BTreeMap<usize, Gone>,
    /// By topic and rank.
    messages: BTreeMap<String, BTreeMap<usize, Vec<u8>>>,
}

impl Notes {
    pub(super) fn new(keys: Keys, rank_info: RankInfo, lease: i64) -> Self {
        Self {
            keys,
            rank_info,
            lease,
            revision: 0,
            places: BTreeMap::new(),
            session: None,
            joined: None,
            members: BTreeMap::new(),
            gone: BTreeMap::new(),
            messages: BTreeMap::new(),
        }
    }

    pub(super) fn revision(&self) -> i64 {
        self.revision
    }

    pub(super) fn rank_info(&self) -> RankInfo {
        self.rank_info
    }

    pub(super) fn joined(&self) -> Option<&str> {
        self.joined.as_deref()
    }

    /// The lease on the place of a rank of the session, if it is not gone.
    pub(super) fn lease_of(&self, rank: usize) -> Option<i64> {
        self.members.get(&rank).copied().filter(|_| !self.gone.contains_key(&rank))
    }

    pub(super) fn gone(&self, rank: usize) -> Option<Gone> {
        self.gone.get(&rank).copied()
    }

    pub(super) fn messages(&self, topic: &str) -> Option<&BTreeMap<usize, Vec<u8>>> {
        self.messages.get(topic)
    }

    /// Takes over all keys as they are at a revision.
    pub(super) fn replace(&mut self, mut events: Vec<Event>, revision: i64) {
        let there: BTreeSet<Vec<u8>> = events.iter().map(|event| event.key.clone()).collect();
        // In the order in which a watch would have told it.
        events.sort_by_key(|event| event.revision);
        events.into_iter().for_each(|event| self.apply(event));
        // Places first: what a rank that is gone has said stays.
        let mut known: Vec<String> = self.places.keys().map(|&rank| self.keys.place(rank)).collect();
        known.extend(self.session.is_some().then(|| self.keys.session()));
        if let Some(session) = &self.joined {
            known.extend(self.messages.iter().flat_map(|(topic, messages)| {
                messages.keys().map(|&rank| self.keys.message(session, rank, topic))
            }));
        }
        for key in known.into_iter().map(String::into_bytes).filter(|key| !there.contains(key)) {
            self.apply(Event { key, revision, now: None });
        }
        self.revision = self.revision.max(revision);
    }

    pub(super) fn apply(&mut self, event: Event) {
        let Event { key, revision, now } = event;
        self.revision = self.revision.max(revision);
        let keys = self.keys.clone();
        match keys.parse(&key) {
            Some(Key::Place { rank }) => self.apply_place(rank, now, revision),
            Some(Key::Session) => {
                self.session = now.and_then(|now| Some((serde_json::from_slice(&now.value).ok()?, revision)));
                self.enter();
            }
            Some(Key::Left { session, rank }) if now.is_some() && self.joined() == Some(session) => {
                self.mark_gone(rank, true);
            }
            Some(Key::Message { session, rank, topic }) if self.joined() == Some(session) => {
                self.apply_message(rank, topic, now);
            }
            // Of another session, or none of ours.
            _ => {}
        }
    }

    fn apply_place(&mut self, rank: usize, now: Option<Content>, changed: i64) {
        let lease = now.as_ref().map(|now| now.lease);
        match now {
            None => drop(self.places.remove(&rank)),
            Some(Content { value, lease, created: claimed }) => {
                let member = serde_json::from_slice(&value).unwrap_or_default();
                let before = self.places.get(&rank).filter(|before| before.lease == lease);
                let seen = before.map_or_else(Instant::now, |before| before.seen);
                self.places.insert(rank, Place { member, lease, claimed, changed, seen });
            }
        }
        // Whoever comes to the place of a dead member is another process.
        if self.members.get(&rank).is_some_and(|&member| lease != Some(member)) {
            self.mark_gone(rank, false);
        }
    }

    fn apply_message(&mut self, rank: usize, topic: &str, now: Option<Content>) {
        match now {
            Some(Content { value, .. }) => {
                self.messages.entry(topic.into()).or_default().insert(rank, value);
            }
            // What is left of a rank that is gone expires in etcd. It is not the
            // rank that removed it, and someone slow may have yet to read it.
            None if self.gone.contains_key(&rank) => {}
            None => {
                if let Some(messages) = self.messages.get_mut(topic) {
                    messages.remove(&rank);
                    if messages.is_empty() {
                        self.messages.remove(topic);
                    }
                }
            }
        }
    }

    /// Enters the session if it was completed with this rank.
    fn enter(&mut self) {
        let Some((Session { id, complete: true }, _)) = &self.session else { return };
        let own = self.places.get(&self.rank_info.global_rank);
        let counts =
            own.is_some_and(|own| own.lease == self.lease && own.member.session.as_ref() == Some(id));
        if self.joined.is_some() || !counts {
            return;
        }
        let id = id.clone();
        for rank in 0..self.rank_info.global_world_size {
            match self.places.get(&rank) {
                Some(place) if self.is_ready(rank, &id) => drop(self.members.insert(rank, place.lease)),
                // It died between its last word and rank 0's.
                _ => self.mark_gone(rank, false),
            }
        }
        self.joined = Some(id);
    }

    fn mark_gone(&mut self, rank: usize, left: bool) {
        self.gone.entry(rank).or_insert(Gone { left, seen: Instant::now() });
    }
}
