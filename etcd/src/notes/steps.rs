//! How a rank joins, by what it knows.

use std::time::Duration;

use super::{Member, Notes, Place};
use strongroom::RankInfo;

/// What to do next to join.
#[derive(Debug, PartialEq, Eq)]
pub(in super::super) enum Step {
    /// Take the own place.
    Claim,
    /// Name a session, as rank 0.
    Open,
    /// Say that this rank is ready for this session.
    Ready(String),
    /// Say that all are ready for it, as rank 0.
    Complete(String),
    /// Wait for others.
    Wait,
    /// Nothing: this rank is in this session.
    Joined(String),
    /// Give up: a rank is told of another world.
    Conflict { rank: usize, world_size: usize },
    /// Give up: a process that lives is this rank.
    Taken,
}

impl Notes {
    /// Who has this rank's place, if it is another process.
    pub(in super::super) fn squatter(&self) -> Option<&Member> {
        let place = self.places.get(&self.rank_info.global_rank)?;
        (place.lease != self.lease).then_some(&place.member)
    }

    /// Whether this rank has its place.
    pub(in super::super) fn is_here(&self) -> bool {
        self.places.get(&self.rank_info.global_rank).is_some_and(|place| place.lease == self.lease)
    }

    /// Who has not come, or not answered rank 0. When all have, rank 0 is to go on.
    pub(in super::super) fn not_ready(&self) -> Vec<usize> {
        let open = self.session.as_ref().filter(|(session, _)| !session.complete);
        let ready = |rank: &usize| match open {
            Some((session, _)) => self.is_ready(*rank, &session.id),
            None => self.places.contains_key(rank),
        };
        let missing: Vec<usize> = (0..self.rank_info.global_world_size).filter(|rank| !ready(rank)).collect();
        if missing.is_empty() { vec![0] } else { missing }
    }

    /// A rank that was told of a world of another size, and of which: one that lived
    /// after the revision.
    pub(in super::super) fn stranger(&self, since: i64) -> Option<(usize, usize)> {
        self.other_world(|place| place.changed >= since)
    }

    fn other_world(&self, counts: impl Fn(&Place) -> bool) -> Option<(usize, usize)> {
        let sizes = self.places.iter().filter(|(_, place)| counts(place));
        let mut sizes = sizes.map(|(&rank, place)| (rank, place.member.world_size));
        sizes.find(|&(_, size)| size != self.rank_info.global_world_size)
    }

    /// What is in the way of joining and does not go, as what is left of the dead would
    /// in this time.
    pub(in super::super) fn obstacle(&self, time: Duration) -> Step {
        let stays = |place: &Place| place.lease != self.lease && place.seen.elapsed() >= time;
        if self.places.get(&self.rank_info.global_rank).is_some_and(stays) {
            return Step::Taken;
        }
        match self.other_world(stays) {
            Some((rank, world_size)) => Step::Conflict { rank, world_size },
            None => Step::Wait,
        }
    }

    /// How to go on with joining.
    ///
    /// Keys of processes that died moments ago are still there, so nothing that is
    /// there counts by itself. A rank takes its place only when it is free. When all
    /// places are taken, rank 0 names a session that never was, and each rank that
    /// lives says in its place that it is ready for it. One that has died does not;
    /// when its place was taken anew, rank 0 names another session. When all are
    /// ready, rank 0 says that the session is complete. That counts for a rank that was
    /// ready before: what a dead rank 0 has left does not.
    pub(in super::super) fn next_step(&self) -> Step {
        if let Some(session) = &self.joined {
            return Step::Joined(session.clone());
        }
        let RankInfo { global_rank, global_world_size } = self.rank_info;
        let own = match self.places.get(&global_rank) {
            None => return Step::Claim,
            Some(place) if place.lease != self.lease => return Step::Wait,
            Some(place) => place,
        };
        // Of those that were there before, some may be dead.
        if let Some((rank, world_size)) = self.stranger(own.claimed) {
            return Step::Conflict { rank, world_size };
        }
        let claims = (0..global_world_size).map(|rank| self.places.get(&rank).map(|place| place.claimed));
        // None while a place is free.
        let last_claim = claims.collect::<Option<Vec<i64>>>().and_then(|claims| claims.into_iter().max());
        let session = match &self.session {
            Some((session, opened)) if !session.complete && last_claim.is_none_or(|last| last < *opened) => {
                session
            }
            _ if global_rank == 0 && last_claim.is_some() => return Step::Open,
            _ => return Step::Wait,
        };
        if own.member.session.as_ref() != Some(&session.id) {
            return Step::Ready(session.id.clone());
        }
        let complete = (0..global_world_size).all(|rank| self.is_ready(rank, &session.id));
        if global_rank == 0 && complete { Step::Complete(session.id.clone()) } else { Step::Wait }
    }

    pub(super) fn is_ready(&self, rank: usize, session: &str) -> bool {
        self.places.get(&rank).is_some_and(|place| place.member.session.as_deref() == Some(session))
    }
}
