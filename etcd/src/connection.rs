//! A rank's standing in etcd: its leases, its copy of the run, and its calls.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use etcd_client::Client;

use super::EtcdBarrierConfig;
use super::background::Background;
use super::board::{Board, Line};
use super::keep::{follow, keep_alive};
use super::keys::Keys;
use super::link::{Answer, Link, expect_known, name_of};
use super::notes::Notes;
use strongroom::barrier::{OnWait, Waiting};
use strongroom::{RankInfo, Result};

/// How much longer than a rank lives what it said: long enough for one that lost
/// its connection to come back and read it.
const AFTERLIFE: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(super) struct Connection {
    background: Background,
    link: Link,
    pub(super) board: Arc<Board>,
    pub(super) keys: Keys,
    /// The lease on the rank's place: it ends with the process.
    pub(super) place_lease: i64,
    /// The lease on what the rank says.
    pub(super) message_lease: i64,
}

impl Connection {
    /// Gets leases and begins to follow the run. Nobody sees this rank yet.
    pub(super) fn open(config: &EtcdBarrierConfig, rank_info: RankInfo, on_wait: OnWait) -> Result<Self> {
        let answering = Waiting { ranks: vec![], place: name_of(config), server: true };
        let watch = on_wait.watch(answering);
        expect_known(config)?;
        let background = Background::start()?;
        let opening = config.clone();
        let opened = background.run(async move {
            let link = Link::new(&opening).await?;
            let place = grant(&link, opening.init_timeout, opening.lease_ttl).await?;
            let message = grant(&link, opening.init_timeout, AFTERLIFE + 2 * place.1).await?;
            Ok((link, place, message))
        });
        let (link, (place_lease, ttl), (message_lease, long_ttl)) = opened.unwrap_or_else(|| {
            Err(strongroom::Error::Setup("the thread of the etcd barrier ended".into()))
        })?;
        drop(watch);
        let keys = Keys::new(config);
        let notes = Notes::new(keys.clone(), rank_info, place_lease);
        let board = Arc::new(Board::new(&link.name, ttl, config.reconnect_timeout, notes, on_wait));
        background.spawn(follow(link.clone(), board.clone(), keys.root().into()));
        background.spawn(keep_alive(link.clone(), board.clone(), Line::Place, place_lease, ttl));
        background.spawn(keep_alive(link.clone(), board.clone(), Line::Messages, message_lease, long_ttl));
        Ok(Self { background, link, board, keys, place_lease, message_lease })
    }

    /// Calls etcd until there is an answer, or for so long.
    pub(super) fn call<T, F>(
        &self,
        timeout: Duration,
        operation: impl FnMut(Client) -> F + Send + 'static,
    ) -> Result<T>
    where
        T: Send + 'static,
        F: Future<Output = Answer<T>> + Send,
    {
        let link = self.link.clone();
        let called = self.background.run(async move { link.call(timeout, operation).await });
        called.unwrap_or_else(|| Err(self.board.unreachable("this rank has taken leave".into())))
    }

    /// Gives no sign of life any more.
    pub(super) fn stop(&self) {
        self.background.stop();
    }
}

/// A lease, and the time to live it was given.
async fn grant(link: &Link, timeout: Duration, ttl: Duration) -> Result<(i64, Duration)> {
    let seconds = i64::try_from(ttl.as_millis().div_ceil(1000)).unwrap_or(i64::MAX).max(1);
    let granted = link.call(timeout, |mut client| async move { client.lease_grant(seconds, None).await });
    let granted = granted.await?;
    Ok((granted.id(), Duration::from_secs(u64::try_from(granted.ttl()).unwrap_or(1).max(1))))
}
