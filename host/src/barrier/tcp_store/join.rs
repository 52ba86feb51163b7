//! Joining a barrier.

use super::client::{Client, after};
use super::config::Meeting;
use super::keys::Keys;
use super::liveness::Beat;
use super::pool::Pool;
use super::rounds::Round;
use super::wire::INIT_KEY;
use super::{StoreName, TcpStoreBarrier, TcpStoreBarrierConfig, TcpStoreServer};
use crate::random::random;
use crate::{Error, RankInfo, Result};
use std::env;
use std::io;
use std::sync::Mutex;

impl TcpStoreBarrier {
    /// Joins as a rank. Rank 0 serves, unless the store is there already, and the
    /// others wait for that. Nobody waits for all to join, as PyTorch's rank 0 does:
    /// who is missing is told by whoever waits for them in a barrier.
    pub fn join(config: TcpStoreBarrierConfig, rank_info: RankInfo) -> Result<Self> {
        let meeting = config.meeting(|name| env::var(name).ok())?;
        Self::join_at(&meeting, &config, rank_info)
    }

    fn join_at(meeting: &Meeting, config: &TcpStoreBarrierConfig, rank_info: RankInfo) -> Result<Self> {
        let Meeting { place, prefix, agent } = meeting;
        let rank = rank_info.global_rank;
        let store = StoreName { name: format!("tcp_store {place}"), served_by_rank_0: !agent };
        let unreachable = |reason| Error::Unreachable { barrier: store.name.clone(), reason };
        let patience = config.liveness_timeout;
        let until = after(config.timeout_barrier_init);

        let server = if store.served_by_rank_0 && rank == 0 {
            let server = place.listen().and_then(TcpStoreServer::serve);
            Some(server.map_err(|error| unreachable(format!("rank 0 cannot serve here: {error}")))?)
        } else {
            None
        };
        let mut client = Client::connect_until(place, patience, until).map_err(|error| {
            let server = if *agent { "a store that is there already" } else { "rank 0, who serves it," };
            let waited = config.timeout_barrier_init.as_secs_f64();
            unreachable(format!("{server} could not be reached within {waited} s: {error}"))
        })?;
        let lost = |error: io::Error| store.failure(&error, rank, patience);
        let (joined, session, began) = agree(&mut client, prefix, rank).map_err(lost)?;
        let keys = Keys::new(prefix, joined, &session);
        let own = Client::connect(place, patience, until).map_err(lost)?;
        let beat = Beat::start(own, place.clone(), keys.beat(rank), patience).map_err(lost)?;
        // Where nobody counts the ranks, torch's own count is not disturbed.
        if store.served_by_rank_0 {
            client.add(INIT_KEY, 1).map_err(lost)?;
        }
        let pool = Pool::new(place.clone(), patience, client);
        Ok(Self {
            rank_info,
            session,
            began,
            store,
            timeout: config.timeout,
            liveness_timeout: patience,
            keys,
            pool,
            round: Mutex::new(Round::default()),
            beat: Mutex::new(Some(beat)),
            server: Mutex::new(server),
        })
    }
}

/// Agrees with the other ranks on a session: that of the first to come, of those who
/// joined as often as this rank. So those who join again do not take what is left of
/// the time before for the others of this time.
fn agree(client: &mut Client, prefix: &str, rank: usize) -> io::Result<(i64, String, bool)> {
    let joined = client.add(&Keys::joined(prefix, rank), 1)?;
    let proposed = random();
    let session = client.set_first(&Keys::session(prefix, joined), proposed.as_bytes())?;
    // It becomes part of file names, and anybody may have put it there.
    let fits = |session: &String| {
        (1..=64).contains(&session.len())
            && session.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let session = String::from_utf8(session).ok().filter(fits).ok_or_else(|| {
        io::Error::new(
            io::ErrorKind::InvalidData,
            "its name for the session is not of letters, digits and `-`",
        )
    })?;
    let began = session == proposed;
    Ok((joined, session, began))
}
