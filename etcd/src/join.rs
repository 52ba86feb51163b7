//! How the ranks of a run find each other: see [`Notes::next_step`](super::notes::Notes::next_step).

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use std::{process, thread};

use etcd_client::{Compare, CompareOp, PutOptions, Txn, TxnOp};
use serde::Serialize;

use super::connection::Connection;
use super::notes::{Member, Session, Step};
use strongroom::barrier::this_host;
use strongroom::{Error, RankInfo, Result};

/// How long to look away from a place that was free and is not any more.
const PAUSE: Duration = Duration::from_millis(100);

/// Returns the session that all ranks are in.
pub(super) fn join(connection: &Connection, rank_info: RankInfo, timeout: Duration) -> Result<String> {
    Joining { connection, rank_info, timeout, start: Instant::now() }.join()
}

struct Joining<'j> {
    connection: &'j Connection,
    rank_info: RankInfo,
    timeout: Duration,
    start: Instant,
}

impl Joining<'_> {
    fn join(&self) -> Result<String> {
        let keys = &self.connection.keys;
        let others: Vec<usize> = (0..self.rank_info.global_world_size).collect();
        let watch = self.connection.board.watch(&others);
        loop {
            let step = self.connection.board.next_step(self.left(), &watch)?;
            let done = match step {
                Step::Joined(session) => return Ok(session),
                // The keys of this rank are left to expire: those who gave up a moment
                // later should not miss it.
                _ if self.left().is_zero() && !matches!(step, Step::Conflict { .. }) => {
                    return Err(self.connection.board.not_joined(self.rank_info.global_rank, self.timeout));
                }
                Step::Wait => continue,
                Step::Conflict { rank: global_rank, world_size: global_world_size } => {
                    // A place that was there before may be a dead rank's: those who came
                    // later are told by this that it is not.
                    let place = keys.place(self.rank_info.global_rank);
                    if self.connection.board.is_here() {
                        let _ = self.put(place, &self.member(None));
                    }
                    let other = RankInfo { global_rank, global_world_size };
                    return Err(self.connection.board.conflict(other, self.rank_info));
                }
                Step::Taken => {
                    return Err(self.connection.board.not_joined(self.rank_info.global_rank, self.timeout));
                }
                Step::Claim => self.claim()?,
                Step::Open => self.put(keys.session(), &Session { id: self.new_id(), complete: false })?,
                Step::Complete(id) => self.put(keys.session(), &Session { id, complete: true })?,
                Step::Ready(id) => {
                    self.put(keys.place(self.rank_info.global_rank), &self.member(Some(id)))?
                }
            };
            self.connection.board.see(done, self.left());
        }
    }

    fn left(&self) -> Duration {
        self.timeout.saturating_sub(self.start.elapsed())
    }

    /// Takes this rank's place if it is free; answers the revision of that.
    fn claim(&self) -> Result<i64> {
        let key = self.connection.keys.place(self.rank_info.global_rank);
        let value = to_json(&self.member(None))?;
        let options = PutOptions::new().with_lease(self.connection.place_lease);
        let free = Compare::create_revision(key.clone(), CompareOp::Equal, 0);
        let txn = Txn::new().when([free]).and_then([TxnOp::put(key, value, Some(options))]);
        let claimed = self.connection.call(self.left(), move |mut client| {
            let txn = txn.clone();
            async move { client.txn(txn).await }
        })?;
        if !claimed.succeeded() {
            // Someone was faster, or an attempt did succeed and only its answer was lost.
            thread::sleep(PAUSE);
            return Ok(0);
        }
        Ok(claimed.header().map_or(0, etcd_client::ResponseHeader::revision))
    }

    /// Writes a key that ends with this rank; answers the revision of that.
    fn put(&self, key: String, value: &impl Serialize) -> Result<i64> {
        let value = to_json(value)?;
        let options = PutOptions::new().with_lease(self.connection.place_lease);
        let put = self.connection.call(self.left(), move |mut client| {
            let (key, value, options) = (key.clone(), value.clone(), options.clone());
            async move { client.put(key, value, Some(options)).await }
        })?;
        Ok(put.header().map_or(0, etcd_client::ResponseHeader::revision))
    }

    fn member(&self, session: Option<String>) -> Member {
        let world_size = self.rank_info.global_world_size;
        Member { world_size, session, host: this_host(), process: process::id() }
    }

    /// etcd gives no lease twice; the time tells from those of another etcd.
    fn new_id(&self) -> String {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        format!("{:x}-{:x}", self.connection.place_lease, since.as_nanos())
    }
}

fn to_json(value: &impl Serialize) -> Result<Vec<u8>> {
    serde_json::to_vec(value).map_err(|error| Error::Value(error.to_string()))
}
