//! A barrier over [etcd](https://etcd.io), for clusters without PyTorch.
//!
//! A rank's *place* is a key on a lease of seconds that the rank keeps alive: when
//! the process is gone, so is the key, and all others see it. What a rank *says* is on
//! a lease of its own that runs a minute longer: a rank that voted and died has
//! voted, and one that is slow, or was cut off from etcd for a while, reads the same
//! as all others. So nothing is removed when a rank takes leave either, but for its
//! place; and when all are gone, so are all keys, two minutes later at most.
//!
//! Each rank follows the keys of its run with a watch and keeps a copy of them. It
//! misses no change: a watch that breaks goes on where it was. A restart of etcd
//! is such a break; leases outlive it.

#[cfg(feature = "etcd")]
mod background;
#[cfg(feature = "etcd")]
mod barrier;
#[cfg(feature = "etcd")]
mod board;
mod config;
#[cfg(feature = "etcd")]
mod connection;
#[cfg(feature = "etcd")]
mod join;
#[cfg(feature = "etcd")]
mod keep;
#[cfg(feature = "etcd")]
mod keys;
#[cfg(feature = "etcd")]
mod link;
#[cfg(feature = "etcd")]
mod notes;

#[cfg(feature = "etcd")]
pub use barrier::EtcdBarrier;
pub use config::EtcdBarrierConfig;
