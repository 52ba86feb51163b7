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

#![deny(unsafe_code)]

mod background;
mod barrier;
mod board;
mod config;
mod connection;
mod join;
mod keep;
mod keys;
mod link;
mod notes;

use strongroom::barrier::register_barrier;

pub use barrier::EtcdBarrier;
pub use config::EtcdBarrierConfig;

/// Registers it as `etcd`, for configurations that name the kind of barrier.
pub fn register() {
    register_barrier(EtcdBarrier::TYPE, EtcdBarrier::join_watched);
}
