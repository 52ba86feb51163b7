//! The barrier of PyTorch's `TCPStoreBarrier`, key for key.

use std::io;
use std::sync::{MutexGuard, PoisonError};

use super::TcpStoreBarrier;
use super::client::Client;
use super::keys::Keys;
use super::wait::Came;
use super::wire::Requests;
use crate::error::Absence;
use crate::{Error, Result};

/// Which round a rank is in.
#[derive(Debug, Default)]
pub(super) struct Round {
    number: u64,
    /// Whether the others were told that this rank came to it. After a failure it
    /// must not be counted twice.
    counted: bool,
}

impl TcpStoreBarrier {
    /// Waits for all ranks.
    pub(super) fn next_round(&self) -> Result<()> {
        let mut round = self.round();
        let number = round.number;
        if !round.counted {
            round.counted = true;
            self.count_in(number)?;
        }
        let world_size = self.rank_info.global_world_size;
        let came: Came = (0..world_size).map(|rank| (rank, self.keys.came(number, rank))).collect();
        let last = [self.keys.torch_last(number)];
        let waited = self.wait(&last, &came, self.timeout, |client| self.release(client, number));
        waited.or_else(|error| self.without_those_who_came(error, number))?;
        *round = Round { number: number + 1, counted: false };
        self.tidy(number)
    }

    pub(super) fn round(&self) -> MutexGuard<'_, Round> {
        self.round.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says that this rank came.
    fn count_in(&self, number: u64) -> Result<()> {
        let rank = self.rank_info.global_rank;
        let said = Requests::new()
            .set(&Keys::torch_rank(rank), number.to_string().as_bytes())
            .set(&self.keys.came(number, rank), b"");
        let members = self.keys.torch_members(number);
        let count = self.with(|client| {
            let count = client.add_after(said, &members, 1)?;
            if self.is_world(count) {
                client.set(&self.keys.torch_last(number), VALUE)?;
            }
            Ok(count)
        })?;
        let world_size = self.rank_info.global_world_size;
        if i64::try_from(world_size).is_ok_and(|size| count > size) {
            return Err(Error::Value(format!(
                "barrier {}: {count} ranks came to round {number} of a world of {world_size}: do two runs, or two \
                 prefixes that differ in digits at their end, use one store?",
                self.store.name
            )));
        }
        Ok(())
    }

    fn is_world(&self, count: i64) -> bool {
        usize::try_from(count) == Ok(self.rank_info.global_world_size)
    }

    /// Says that all came, should the last have died before it could.
    fn release(&self, client: &mut Client, number: u64) -> io::Result<()> {
        let count = client.add(&self.keys.torch_members(number), 0)?;
        if self.is_world(count) { client.set(&self.keys.torch_last(number), VALUE) } else { Ok(()) }
    }

    /// Ranks in Python leave no keys but PyTorch's, which say in which round a rank is
    /// of whatever prefix it used last.
    fn without_those_who_came(&self, error: Error, number: u64) -> Result<()> {
        let Error::Missing { ranks, absence: Absence::Late(timeout), .. } = &error else { return Err(error) };
        let in_round = self.with(|client| {
            let keys: Vec<String> = ranks.iter().map(|&rank| Keys::torch_rank(rank)).collect();
            let there = client.check_each(&keys)?;
            let (ranks, keys): (Vec<usize>, Vec<String>) = ranks
                .iter()
                .zip(keys)
                .zip(there)
                .filter(|(_, there)| *there)
                .map(|((&rank, key), _)| (rank, key))
                .unzip();
            Ok(ranks.into_iter().zip(client.get(&keys)?).collect::<Vec<_>>())
        })?;
        let number = number.to_string();
        let came = |rank| in_round.iter().any(|(came, round)| *came == rank && *round == number.as_bytes());
        let missing: Vec<usize> = ranks.iter().copied().filter(|&rank| !came(rank)).collect();
        if missing.is_empty() { Err(error) } else { self.missing(missing, Absence::Late(*timeout)) }
    }

    /// Removes the keys of the round before: whoever came to this one is past it.
    fn tidy(&self, number: u64) -> Result<()> {
        let Some(past) = number.checked_sub(1) else { return Ok(()) };
        let mut keys = vec![self.keys.came(past, self.rank_info.global_rank)];
        if self.began {
            keys.extend([self.keys.torch_members(past), self.keys.torch_last(past)]);
        }
        self.with(|client| client.delete(&keys))
    }
}

/// What PyTorch's barrier stores when all came.
const VALUE: &[u8] = b"<val_ignored>";
