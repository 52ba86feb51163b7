use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use etcd_client::{Compare, CompareOp, PutOptions, Txn, TxnOp};

use super::EtcdBarrierConfig;
use super::connection::Connection;
use super::join::join;
use strongroom::Absence;
use strongroom::barrier::{Barrier, OnWait, Rounds};
use strongroom::{Error, RankInfo, Result};

/// The barrier for ranks that can reach an etcd cluster.
///
/// A rank that dies is noticed by all others when its lease runs out, some seconds
/// later. When a handle is dropped, its rank takes leave.
///
/// ```no_run
/// use strongroom::{Barrier, RankInfo};
/// use strongroom_etcd::{EtcdBarrier, EtcdBarrierConfig};
///
/// # fn main() -> strongroom::Result<()> {
/// let barrier = EtcdBarrier::join(EtcdBarrierConfig::from_env(), RankInfo::from_env()?)?;
/// barrier.execute_barrier()?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct EtcdBarrier {
    connection: Connection,
    rank_info: RankInfo,
    session: String,
    timeout: Duration,
    reconnect_timeout: Duration,
    said: Mutex<Said>,
    rounds: Rounds,
    closed: AtomicBool,
}

/// This rank's messages in etcd.
#[derive(Debug, Default)]
struct Said {
    topics: BTreeSet<String>,
    /// Those that nobody needs. They are removed with the next write, which costs
    /// etcd nothing: each write of its log waits for the disk.
    forgotten: BTreeSet<String>,
}

/// Keys that are removed with one write: etcd takes 128 operations.
const MOST_FORGOTTEN: usize = 100;

/// Ranks that are asked for when one is gone: more are not named either. And how long it
/// may take for each.
const MOST_ASKED_FOR: usize = 64;
const ASKING: Duration = Duration::from_millis(500);

/// How long taking leave tries: those who do not hear of it notice anyway.
const LEAVE: Duration = Duration::from_secs(5);

impl EtcdBarrier {
    /// The name it is registered under.
    pub const TYPE: &str = "etcd";

    /// Joins a run as a rank. Returns when all ranks have come, or with
    /// [`Error::Missing`](strongroom::Error::Missing) when some have not within
    /// [`init_timeout`](EtcdBarrierConfig::init_timeout).
    ///
    /// After a crash, the run can be started again at once, under the same name: this
    /// waits for the leases of the dead to run out.
    /// [`Error::Conflict`](strongroom::Error::Conflict) if another process that lives is this
    /// rank, or if ranks were told of worlds of different sizes.
    pub fn join(config: EtcdBarrierConfig, rank_info: RankInfo) -> Result<Self> {
        Self::join_watched(config, rank_info, OnWait::default())
    }

    /// The same, and somebody is told of long waits.
    pub fn join_watched(config: EtcdBarrierConfig, rank_info: RankInfo, on_wait: OnWait) -> Result<Self> {
        rank_info.check()?;
        let connection = Connection::open(&config, rank_info, on_wait)?;
        let session = join(&connection, rank_info, config.init_timeout)?;
        Ok(Self {
            connection,
            rank_info,
            session,
            timeout: config.timeout,
            reconnect_timeout: config.reconnect_timeout,
            said: Mutex::default(),
            rounds: Rounds::default(),
            closed: AtomicBool::new(false),
        })
    }

    /// Writes something of this rank, and removes what is forgotten.
    fn write(&self, key: Option<String>, value: &[u8], timeout: Duration) -> Result<()> {
        let forgotten: Vec<String> = self.said().forgotten.iter().take(MOST_FORGOTTEN).cloned().collect();
        let put = |key| {
            let options = PutOptions::new().with_lease(self.connection.message_lease);
            TxnOp::put(key, value, Some(options))
        };
        let mut operations: Vec<TxnOp> = key.into_iter().map(put).collect();
        operations.extend(forgotten.iter().map(|topic| TxnOp::delete(self.key(topic), None)));
        // A rank that the others take for dead says nothing more: some have given up
        // on it, and the rest should not hear from it that all is well.
        let place = self.connection.keys.place(self.rank_info.global_rank);
        let lives = Compare::lease(place, CompareOp::Equal, self.connection.place_lease);
        let txn = Txn::new().when([lives]).and_then(operations);
        let written = self.connection.call(timeout, move |mut client| {
            let txn = txn.clone();
            async move { client.txn(txn).await }
        })?;
        if !written.succeeded() {
            return Err(self.connection.board.ran_out());
        }
        let mut said = self.said();
        said.forgotten.retain(|topic| !forgotten.contains(topic));
        Ok(())
    }

    /// Adds those whose leases have run out, too, though etcd has not said so yet: it ends
    /// leases one after another, and a busy one takes seconds.
    fn and_those_that_ran_out(&self, mut ranks: Vec<usize>, topic: &str, from: &[usize]) -> Vec<usize> {
        for (rank, lease) in self.connection.board.silent(topic, from).into_iter().take(MOST_ASKED_FOR) {
            let left = self
                .connection
                .call(ASKING, move |mut client| async move { client.lease_time_to_live(lease, None).await });
            if left.is_ok_and(|left| left.ttl() <= 0) {
                ranks.push(rank);
            }
        }
        ranks.sort_unstable();
        ranks
    }

    fn key(&self, topic: &str) -> String {
        self.connection.keys.message(&self.session, self.rank_info.global_rank, topic)
    }

    fn said(&self) -> MutexGuard<'_, Said> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Barrier for EtcdBarrier {
    fn rank_info(&self) -> RankInfo {
        self.rank_info
    }

    fn session(&self) -> &str {
        &self.session
    }

    fn announce(&self, topic: &str, message: &[u8]) -> Result<()> {
        self.said().topics.insert(topic.into());
        self.write(Some(self.key(topic)), message, self.reconnect_timeout)
    }

    fn collect(&self, topic: &str, from: &[usize], timeout: Duration) -> Result<Vec<Vec<u8>>> {
        match self.connection.board.collect(topic, from, timeout) {
            Err(Error::Missing { barrier, ranks, absence: absence @ Absence::Silent(_) }) => {
                let ranks = self.and_those_that_ran_out(ranks, topic, from);
                Err(Error::Missing { barrier, ranks, absence })
            }
            collected => collected,
        }
    }

    fn forget(&self, topic: &str) -> Result<()> {
        let full = {
            let mut said = self.said();
            if said.topics.remove(topic) {
                said.forgotten.insert(topic.into());
            }
            said.forgotten.len() >= MOST_FORGOTTEN
        };
        if full { self.write(None, &[], self.reconnect_timeout) } else { Ok(()) }
    }

    fn execute_barrier(&self) -> Result<()> {
        self.rounds.execute(self, self.timeout)
    }

    fn close(&self) -> Result<()> {
        if self.closed.swap(true, Ordering::Relaxed) {
            return Ok(());
        }
        let left = self.connection.keys.left(&self.session, self.rank_info.global_rank);
        let lease = self.connection.place_lease;
        let told = self.write(Some(left), &[], LEAVE).and_then(|()| {
            self.connection.call(LEAVE, move |mut client| async move { client.lease_revoke(lease).await })
        });
        self.connection.board.end("this rank has taken leave");
        self.connection.stop();
        told.map(drop)
    }
}

impl Drop for EtcdBarrier {
    fn drop(&mut self) {
        let _ = self.close();
    }
}
