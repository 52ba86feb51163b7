//! Ranks that meet on a `TCPStore` of PyTorch.

mod client;
mod config;
mod join;
mod keys;
mod liveness;
mod pool;
mod rendezvous;
mod rounds;
mod server;
mod session;
mod wait;
mod wire;

use std::io;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::{Barrier, OnWait};
use crate::error::Absence;
use crate::{Error, RankInfo, Result};
use client::{Client, is_lost, is_timeout};
use config::Place;
use keys::Keys;
use liveness::Beat;
use pool::Pool;
use rounds::Round;

pub use config::TcpStoreBarrierConfig;
pub use server::TcpStoreServer;

/// The barrier over PyTorch's `TCPStore`: for processes on one machine or many.
///
/// Rank 0 serves, or the store is there already, as that of torchrun's agent is.
/// [`execute_barrier`](Barrier::execute_barrier) is the one of PyTorch's
/// `TCPStoreBarrier`, so ranks in Python and ranks in Rust can wait for each other;
/// which of them is rank 0 does not matter. What else ranks tell each other is for
/// ranks in Rust alone, who also give signs of life: one that dies is reported in
/// seconds, one in Python when time is up.
///
/// A rank 0 that serves stays in [`close`](Barrier::close), or where it is dropped,
/// until all others have left, at most 30 s: they may still be reading.
///
/// ```
/// use strongroom::{Barrier, RankInfo, TcpStoreBarrier, TcpStoreBarrierConfig, TcpStoreServer};
///
/// # fn main() -> strongroom::Result<()> {
/// let store = TcpStoreServer::bind("127.0.0.1:0")?;
/// let config = TcpStoreBarrierConfig {
///     master_address: Some("127.0.0.1".into()),
///     tcpstore_port: Some(store.local_addr().port()),
///     agent_store: Some(true),
///     ..TcpStoreBarrierConfig::default()
/// };
/// std::thread::scope(|scope| {
///     for rank in 0..4 {
///         let config = config.clone();
///         scope.spawn(move || {
///             let barrier = TcpStoreBarrier::join(config, RankInfo::new(rank, 4)?)?;
///             barrier.execute_barrier()
///         });
///     }
/// });
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct TcpStoreBarrier {
    rank_info: RankInfo,
    session: String,
    /// Whether this rank began the session, and tidies up.
    began: bool,
    store: StoreName,
    timeout: Duration,
    liveness_timeout: Duration,
    keys: Keys,
    pool: Pool,
    round: Mutex<Round>,
    /// None when closed.
    beat: Mutex<Option<Beat>>,
    server: Mutex<Option<TcpStoreServer>>,
    prefix: String,
    on_wait: OnWait,
}

/// How long rank 0 serves those who have not left yet.
const LINGER: Duration = Duration::from_secs(30);

impl TcpStoreBarrier {
    /// The name it is registered under.
    pub const TYPE: &str = "tcp_store";

    fn with<T>(&self, work: impl FnOnce(&mut Client) -> io::Result<T>) -> Result<T> {
        self.pool.with(work).map_err(|error| self.failure(&error))
    }

    /// What it means that the store does not answer.
    fn failure(&self, error: &io::Error) -> Error {
        if self.pool.is_closed() {
            return Error::Value(format!("rank {} has left the barrier", self.rank_info.global_rank));
        }
        self.store.failure(error, self.rank_info.global_rank, self.liveness_timeout)
    }

    fn missing<T>(&self, ranks: Vec<usize>, absence: Absence) -> Result<T> {
        Err(Error::Missing { barrier: self.store.name.clone(), ranks, absence })
    }

    /// Tells the others that this rank leaves, and tidies up after all if it is the
    /// last on a store that stays.
    fn leave(&self, client: &mut Client) -> io::Result<()> {
        client.set(&self.keys.gone(self.rank_info.global_rank), b"")?;
        let gone = client.add(&self.keys.gone_count(), 1)?;
        if self.store.served_by_rank_0
            || gone != i64::try_from(self.rank_info.global_world_size).unwrap_or(-1)
        {
            return Ok(());
        }
        let listed = client.list_keys()?;
        let own = listed.into_iter().filter_map(|key| String::from_utf8(key).ok());
        let own = own.filter_map(|key| Some(key.strip_prefix('/')?.to_owned()));
        let mut keys: Vec<String> = own.filter(|key| self.keys.have(key)).collect();
        let current = Keys::current(&self.prefix);
        let last = client.look(&current)?.and_then(|last| session::Session::parse(&last).ok());
        keys.extend(last.filter(|last| last.id == self.session).map(|_| current));
        client.delete(&keys)
    }
}

impl Barrier for TcpStoreBarrier {
    fn rank_info(&self) -> RankInfo {
        self.rank_info
    }

    fn session(&self) -> &str {
        &self.session
    }

    fn announce(&self, topic: &str, message: &[u8]) -> Result<()> {
        let key = self.keys.message(topic, self.rank_info.global_rank);
        if key.len() >= wire::LONGEST_KEY || message.len() > wire::LONGEST_VALUE {
            return Err(Error::Value(format!(
                "a store has no place for a topic of {} bytes and a message of {}: up to {} with what is put \
                 before it, and up to {}",
                topic.len(),
                message.len(),
                wire::LONGEST_KEY,
                wire::LONGEST_VALUE
            )));
        }
        // The store has it when this returns: else the note that this rank left could
        // come before it, on another connection.
        self.with(|client| client.set(&key, message))
    }

    fn collect(&self, topic: &str, from: &[usize], timeout: Duration) -> Result<Vec<Vec<u8>>> {
        let messages: Vec<String> = from.iter().map(|&rank| self.keys.message(topic, rank)).collect();
        let came = from.iter().copied().zip(messages.iter().cloned()).collect();
        self.wait(&messages, &came, timeout, |_| Ok(()))?;
        self.with(|client| client.get(&messages))
    }

    fn forget(&self, topic: &str) -> Result<()> {
        let key = self.keys.message(topic, self.rank_info.global_rank);
        self.with(|client| client.delete(&[key]))
    }

    fn execute_barrier(&self) -> Result<()> {
        self.next_round()
    }

    fn close(&self) -> Result<()> {
        let beat = self.beat.lock().unwrap_or_else(PoisonError::into_inner).take();
        if beat.is_none() {
            return Ok(());
        }
        drop(beat);
        // A store that is gone has nobody left to be told.
        let _ = self.pool.with(|client| self.leave(client));
        self.pool.close();
        let server = self.server.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(server) = server {
            linger(&server);
        }
        Ok(())
    }
}

/// Serves until all others that came have left.
fn linger(server: &TcpStoreServer) {
    let start = Instant::now();
    while server.clients() > 0 && start.elapsed() < LINGER {
        thread::sleep(Duration::from_millis(10));
    }
}

impl Drop for TcpStoreBarrier {
    fn drop(&mut self) {
        let _ = self.close();
    }
}

/// The store, for errors.
#[derive(Clone, Debug)]
struct StoreName {
    /// The barrier's kind, and the store's address.
    name: String,
    /// The address, as the command takes it.
    address: String,
    /// Whether rank 0 is gone when the store is.
    served_by_rank_0: bool,
}

impl StoreName {
    fn new(place: &Place, served_by_rank_0: bool) -> Self {
        Self { name: format!("tcp-store {place}"), address: format!("tcp-store://{place}"), served_by_rank_0 }
    }

    fn unreachable(&self, reason: String) -> Error {
        Error::Unreachable { barrier: self.name.clone(), reason }
    }

    fn conflict(&self, reason: String) -> Error {
        Error::Conflict { barrier: self.name.clone(), reason }
    }

    /// The same with a reason that another rank left.
    fn conflict_of(&self, reason: &[u8]) -> Error {
        self.conflict(String::from_utf8_lossy(reason).chars().take(LONGEST_REASON).collect())
    }

    fn failure(&self, error: &io::Error, rank: usize, patience: Duration) -> Error {
        let barrier = self.name.clone();
        let lost = is_lost(error);
        if self.served_by_rank_0 && rank != 0 && (lost || is_timeout(error)) {
            let absence = if lost { Absence::Ended } else { Absence::Silent(patience) };
            return Error::Missing { barrier, ranks: vec![0], absence };
        }
        let reason = if lost {
            format!("the store is gone: {error}")
        } else if is_timeout(error) {
            format!("the store has not answered for {} s", patience.as_secs_f64())
        } else {
            format!("the store cannot be used: {error}")
        };
        Error::Unreachable { barrier, reason }
    }
}

/// Characters of what another rank says.
const LONGEST_REASON: usize = 1000;
