//! Where ranks wait for each other, and tell each other how they did.
//!
//! A [`Barrier`] is a board on which each rank leaves short messages under a
//! topic, and on which it waits for those of others. Whoever waits learns which
//! ranks are missing, and why.

mod config;
mod local;
mod rounds;
mod tcp_store;
mod waiting;

use std::fmt;
use std::time::Duration;

use crate::{RankInfo, Result};

pub use config::{BarrierConfig, create_barrier_from_config, register_barrier};
pub use local::{LocalBarrier, LocalBarrierConfig};
pub(crate) use rounds::Left;
pub use rounds::Rounds;
pub use tcp_store::{TcpStoreBarrier, TcpStoreBarrierConfig, TcpStoreServer};
pub use waiting::{OnWait, Waiting, Watch};

/// How long ranks wait for each other unless told otherwise.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(600);

/// How long a host may have no name: some get theirs only when they start.
pub const NAMELESS: Duration = Duration::from_secs(10);

/// Where the ranks of a run meet. Each rank has its own handle.
///
/// All methods may be called from several threads. What waits ends with
/// [`Error::Missing`](crate::Error::Missing) when a rank it waits for is known to
/// be dead or when time is up, and with
/// [`Error::Unreachable`](crate::Error::Unreachable) when the place where ranks
/// meet is gone itself.
///
/// ```
/// use std::time::Duration;
///
/// use strongroom::{Barrier, LocalBarrier};
///
/// # fn main() -> strongroom::Result<()> {
/// let [first, second] = <[LocalBarrier; 2]>::try_from(LocalBarrier::world(2)).unwrap();
/// second.announce("loss", b"0.25")?;
/// assert_eq!(first.collect("loss", &[1], Duration::from_secs(10))?, [b"0.25"]);
/// // The other is gone, and will never say more.
/// drop(second);
/// let error = first.execute_barrier().unwrap_err();
/// assert_eq!(error.to_string(), "barrier local: missing ranks: 1: ended");
/// # Ok(())
/// # }
/// ```
pub trait Barrier: fmt::Debug + Send + Sync {
    /// Which rank this handle is of.
    fn rank_info(&self) -> RankInfo;

    /// A name that all ranks of this run share and no other run has: letters,
    /// digits and `-` only.
    fn session(&self) -> &str;

    /// Leaves a message of this rank under `topic`, for all to see. A rank leaves
    /// one message under a topic.
    fn announce(&self, topic: &str, message: &[u8]) -> Result<()>;

    /// Waits until all of the ranks `from` have left their message under `topic`;
    /// answers the messages in that order.
    fn collect(&self, topic: &str, from: &[usize], timeout: Duration) -> Result<Vec<Vec<u8>>>;

    /// Removes this rank's message under `topic`, which nobody needs any more.
    fn forget(&self, topic: &str) -> Result<()>;

    /// Returns when all ranks have called it as often as this one.
    fn execute_barrier(&self) -> Result<()>;

    /// Takes leave: the others need not wait for this rank any more. Messages it
    /// left can still be read by those who wait for them.
    fn close(&self) -> Result<()>;
}

/// What ranks are told that were started with different world sizes.
pub fn worlds_differ(one: RankInfo, other: RankInfo) -> String {
    format!(
        "rank {} was started in a world of {} ranks, and rank {} in one of {}",
        one.global_rank, one.global_world_size, other.global_rank, other.global_world_size
    )
}

/// What this machine calls itself.
pub fn this_host() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default().trim().into()
}
