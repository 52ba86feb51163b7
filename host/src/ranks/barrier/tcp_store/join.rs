//! Joining a barrier on a store that rank 0 serves: a store of its own, and with it a
//! session. See [`rendezvous`](super::rendezvous) for a store that was there before.

use std::env;
use std::io;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use super::client::{Client, after};
use super::config::Meeting;
use super::keys::Keys;
use super::liveness::{Beat, interval};
use super::pool::Pool;
use super::rounds::Round;
use super::session::{Member, Session};
use super::wire::INIT_KEY;
use super::{StoreName, TcpStoreBarrier, TcpStoreBarrierConfig, TcpStoreServer, linger};
use crate::error::Absence;
use crate::ranks::barrier::{NAMELESS, OnWait, Waiting, worlds_differ};
use crate::{Error, RankInfo, Result};

/// Between two attempts to connect.
const RETRY: Duration = Duration::from_millis(50);
/// Between two looks whether the store of the run before is gone.
const PAUSE: Duration = Duration::from_millis(200);

impl TcpStoreBarrier {
    /// Joins as a rank. Rank 0 serves, unless the store is there already, and the
    /// others wait for that. Nobody waits for all to join, as PyTorch's rank 0 does:
    /// who is missing is told by whoever waits for them in a barrier.
    ///
    /// On a store that is there already, this returns when all ranks have come, and
    /// what ranks left there before is of no effect.
    ///
    /// [`Error::Conflict`] for a world of another size than the others were told of,
    /// and for a rank that is there already.
    pub fn join(config: TcpStoreBarrierConfig, rank_info: RankInfo) -> Result<Self> {
        Self::join_watched(config, rank_info, OnWait::default())
    }

    /// The same, and somebody is told of long waits.
    pub(in crate::ranks::barrier) fn join_watched(
        config: TcpStoreBarrierConfig,
        rank_info: RankInfo,
        on_wait: OnWait,
    ) -> Result<Self> {
        rank_info.check()?;
        let meeting = config.meeting(|name| env::var(name).ok())?;
        let store = StoreName::new(&meeting.place, !meeting.agent);
        let server = match (meeting.agent, rank_info.global_rank) {
            (false, 0) => {
                let server = meeting.place.listen().and_then(TcpStoreServer::serve);
                Some(
                    server
                        .map_err(|error| store.unreachable(format!("rank 0 cannot serve here: {error}")))?,
                )
            }
            _ => None,
        };
        let until = after(config.timeout_barrier_init);
        let joining =
            Joining { meeting, config, rank_info, store, on_wait, until, member: Member::new().to_text() };
        let joined = if joining.meeting.agent { joining.meet() } else { joining.enter() };
        if let (Err(Error::Conflict { .. }), Some(server)) = (&joined, &server) {
            // Those whom it concerns read the reason in this store.
            linger(server);
        }
        Ok(joining.done(joined?, server))
    }
}

/// A rank on its way.
pub(super) struct Joining {
    pub(super) meeting: Meeting,
    pub(super) config: TcpStoreBarrierConfig,
    pub(super) rank_info: RankInfo,
    pub(super) store: StoreName,
    pub(super) on_wait: OnWait,
    pub(super) until: Instant,
    /// What this rank says of itself.
    pub(super) member: String,
}

/// What it arrives with.
pub(super) struct Joined {
    pub(super) session: String,
    /// Whether this rank began the session.
    pub(super) began: bool,
    pub(super) keys: Keys,
    pub(super) client: Client,
    pub(super) beat: Beat,
}

impl Joining {
    fn done(self, joined: Joined, server: Option<TcpStoreServer>) -> TcpStoreBarrier {
        let Joined { session, began, keys, client, beat } = joined;
        let patience = self.config.liveness_timeout;
        TcpStoreBarrier {
            rank_info: self.rank_info,
            session,
            began,
            store: self.store,
            timeout: self.config.timeout,
            liveness_timeout: patience,
            keys,
            pool: Pool::new(self.meeting.place, patience, client),
            round: Mutex::new(Round::default()),
            beat: Mutex::new(Some(beat)),
            server: Mutex::new(server),
            prefix: self.meeting.prefix,
            on_wait: self.on_wait,
        }
    }

    /// Enters the session of the store that rank 0 serves.
    fn enter(&self) -> Result<Joined> {
        let serving = Waiting { ranks: vec![0], place: self.store.address.clone(), server: true };
        let _watch = self.on_wait.watch(serving);
        // A store that served the run before, and will go.
        let mut over = None;
        loop {
            let mut client = self.connect()?;
            let own = Session::new(self.rank_info);
            let lost = |error| self.lost(&error);
            let key = Keys::session(&self.meeting.prefix);
            let session = client.set_first(&key, own.to_text().as_bytes());
            let session = session.and_then(|text| Session::parse(&text)).map_err(lost)?;
            if over.as_ref() != Some(&session.id) {
                let keys = Keys::alone(&self.meeting.prefix, &session.id);
                self.expect_same_world(&mut client, &keys, &session)?;
                if self.claim(&mut client, &keys)? {
                    let beat = self.beat(&keys)?;
                    // So PyTorch counts clients.
                    client.add(INIT_KEY, 1).map_err(lost)?;
                    return Ok(Joined { began: session == own, session: session.id, keys, client, beat });
                }
                over = Some(session.id);
            }
            // It stays as long as it has clients.
            drop(client);
            if Instant::now() + PAUSE >= self.until {
                return Err(self.late(vec![0]));
            }
            thread::sleep(PAUSE);
        }
    }

    /// Takes this rank's place. False if it was taken by a process that has ended: it is
    /// of a run that is over.
    fn claim(&self, client: &mut Client, keys: &Keys) -> Result<bool> {
        let rank = self.rank_info.global_rank;
        let lost = |error| self.lost(&error);
        let held = client.set_first(&keys.member(rank), self.member.as_bytes()).map_err(lost)?;
        if held == self.member.as_bytes() {
            return Ok(true);
        }
        if self.lives(client, keys, rank).map_err(lost)? {
            return Err(self.conflict(client, keys, Member::is_here_already(rank, &held, &self.member)));
        }
        Ok(false)
    }

    /// Connects, again and again until the store is there or time is up.
    pub(super) fn connect(&self) -> Result<Client> {
        let place = &self.meeting.place;
        let (start, mut known) = (Instant::now(), false);
        loop {
            let addresses = place.addresses();
            match &addresses {
                Err(error) if !known && start.elapsed() + RETRY >= NAMELESS => {
                    return Err(self
                        .store
                        .unreachable(format!("the name {:?} is not known: {error}", place.host)));
                }
                Err(_) => {}
                Ok(_) => known = true,
            }
            let connected = addresses.and_then(|addresses| {
                Client::connect_to(&addresses, self.config.liveness_timeout, self.until)
            });
            match connected {
                Ok(client) => return Ok(client),
                Err(error) if Instant::now() + RETRY >= self.until => {
                    let server = if self.meeting.agent {
                        "a store that is there already"
                    } else {
                        "rank 0, who serves it,"
                    };
                    let waited = self.config.timeout_barrier_init.as_secs_f64();
                    let reason = format!("{server} could not be reached within {waited} s: {error}");
                    return Err(self.store.unreachable(reason));
                }
                Err(_) => thread::sleep(RETRY),
            }
        }
    }

    /// Begins to give signs of life.
    pub(super) fn beat(&self, keys: &Keys) -> Result<Beat> {
        let (place, patience) = (&self.meeting.place, self.config.liveness_timeout);
        let own = Client::connect(place, patience, after(patience));
        let key = keys.beat(self.rank_info.global_rank);
        own.and_then(|own| Beat::start(own, place.clone(), key, patience)).map_err(|error| self.lost(&error))
    }

    /// Whether a rank of a session gives signs of life. It may take as long as a rank may
    /// be silent.
    pub(super) fn lives(&self, client: &mut Client, keys: &Keys, rank: usize) -> io::Result<bool> {
        let patience = self.config.liveness_timeout;
        let until = after(patience);
        let left = [keys.gone(rank), keys.gone(0)];
        let first = client.look(&keys.beat(rank))?;
        while Instant::now() < until {
            if client.has_any(&left)? {
                return Ok(false);
            }
            thread::sleep(interval(patience) / 2);
            if client.look(&keys.beat(rank))? != first {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// An error if a session is one of a world of another size.
    pub(super) fn expect_same_world(
        &self,
        client: &mut Client,
        keys: &Keys,
        session: &Session,
    ) -> Result<()> {
        if session.by.global_world_size == self.rank_info.global_world_size {
            return Ok(());
        }
        let reason = worlds_differ(session.by, self.rank_info);
        let members: Vec<String> =
            (0..session.by.global_world_size.min(MOST_LOOKED_AT)).map(|rank| keys.member(rank)).collect();
        let there = client.check_each(&members).map_err(|error| self.lost(&error))?;
        // Ranks that all met are not disturbed by one who comes later.
        if there.contains(&false) {
            return Err(self.conflict(client, keys, reason));
        }
        Err(self.store.conflict(reason))
    }

    /// Tells all others of a session why they cannot be together; answers the error.
    pub(super) fn conflict(&self, client: &mut Client, keys: &Keys, reason: String) -> Error {
        // Who cannot be told finds out by waiting.
        let _ = client.set_first(&keys.conflict(), reason.as_bytes());
        self.store.conflict(reason)
    }

    pub(super) fn lost(&self, error: &io::Error) -> Error {
        self.store.failure(error, self.rank_info.global_rank, self.config.liveness_timeout)
    }

    pub(super) fn late(&self, ranks: Vec<usize>) -> Error {
        let absence = Absence::Late(self.config.timeout_barrier_init);
        Error::Missing { barrier: self.store.name.clone(), ranks, absence }
    }
}

/// Members of a session that somebody who does not belong to it asks for.
const MOST_LOOKED_AT: usize = 1 << 16;
