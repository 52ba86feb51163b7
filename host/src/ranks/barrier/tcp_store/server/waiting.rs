//! Who waits for which keys.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use super::board::{ClientId, Refused};

/// Clients, and the keys that each of them waits for.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    /// For each client its keys, and when it came for them.
    keys: HashMap<ClientId, Wait>,
    /// For each key its clients, in the order in which they came: leaving costs no search.
    clients: HashMap<Arc<[u8]>, BTreeMap<Turn, ClientId>>,
    next: Turn,
    /// Bytes of all that is kept.
    held: usize,
}

#[derive(Debug)]
struct Wait {
    turn: Turn,
    missing: HashSet<Arc<[u8]>>,
}

/// A place in the order of coming.
type Turn = u64;

/// Bytes of those who wait, all together: a rank waits for a key of each other one.
const MOST_HELD: usize = 256 << 20;
/// What a key of a client costs besides its bytes.
const OVERHEAD: usize = 160;

impl Waiting {
    /// A client waits until all these keys have come.
    pub(super) fn add(&mut self, client: ClientId, missing: HashSet<&[u8]>) -> Result<(), Refused> {
        let cost: usize = missing.iter().map(|key| cost(key)).sum();
        self.held = self.held.checked_add(cost).filter(|&held| held <= MOST_HELD).ok_or(Refused)?;
        let turn = self.next;
        self.next += 1;
        let shared =
            |key: &[u8]| self.clients.get_key_value(key).map_or_else(|| key.into(), |(key, _)| key.clone());
        let missing: HashSet<Arc<[u8]>> = missing.into_iter().map(shared).collect();
        for key in &missing {
            self.clients.entry(key.clone()).or_default().insert(turn, client);
        }
        self.keys.insert(client, Wait { turn, missing });
        Ok(())
    }

    /// A client waits no more.
    pub(super) fn cancel(&mut self, client: ClientId) {
        let Some(Wait { turn, missing }) = self.keys.remove(&client) else { return };
        for key in missing {
            self.held -= cost(&key);
            if let Some(clients) = self.clients.get_mut(&key) {
                clients.remove(&turn);
                if clients.is_empty() {
                    self.clients.remove(&key);
                }
            }
        }
    }

    /// A key has come; those whose last one it is are added to `woken`.
    pub(super) fn wake_all(&mut self, key: &[u8], woken: &mut Vec<ClientId>) {
        for client in self.clients.remove(key).unwrap_or_default().into_values() {
            self.came(client, key, woken);
        }
    }

    /// The same for one of those who wait, the first.
    pub(super) fn wake_first(&mut self, key: &[u8], woken: &mut Vec<ClientId>) {
        let Some(clients) = self.clients.get_mut(key) else { return };
        let first = clients.pop_first();
        if clients.is_empty() {
            self.clients.remove(key);
        }
        if let Some((_, client)) = first {
            self.came(client, key, woken);
        }
    }

    fn came(&mut self, client: ClientId, key: &[u8], woken: &mut Vec<ClientId>) {
        let Some(wait) = self.keys.get_mut(&client) else { return };
        if wait.missing.remove(key) {
            self.held -= cost(key);
        }
        if wait.missing.is_empty() {
            self.keys.remove(&client);
            woken.push(client);
        }
    }

    /// Whether nobody waits, and nothing is kept.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.keys.is_empty() && self.clients.is_empty() && self.held == 0
    }
}

fn cost(key: &[u8]) -> usize {
    OVERHEAD + key.len()
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn what_waits_is_counted_and_capped() {
        let mut waiting = Waiting::default();
        let keys: Vec<Vec<u8>> =
            (0..1000u32).map(|number| [&[0; 8000][..], &number.to_le_bytes()].concat()).collect();
        let all = || keys.iter().map(Vec::as_slice).collect::<HashSet<_>>();
        let room = MOST_HELD / keys.iter().map(|key| cost(key)).sum::<usize>();
        for client in 0..room as u64 {
            waiting.add(client, all()).unwrap();
        }
        assert_eq!(waiting.add(1000, all()), Err(Refused));
        waiting.cancel(0);
        waiting.add(1000, all()).unwrap();
        let mut woken = Vec::new();
        keys.iter().for_each(|key| waiting.wake_all(key, &mut woken));
        assert_eq!(woken.len(), room);
        assert!(waiting.is_empty());
    }

    /// Each of them would have searched through all others, for each key.
    #[test]
    fn many_leave_as_fast_as_they_came() {
        let mut waiting = Waiting::default();
        let keys: Vec<[u8; 4]> = (0..2000u32).map(u32::to_le_bytes).collect();
        let start = Instant::now();
        let clients = 0..500;
        for client in clients.clone() {
            waiting.add(client, keys.iter().map(|key| &key[..]).collect()).unwrap();
        }
        let came = start.elapsed();
        let start = Instant::now();
        clients.rev().for_each(|client| waiting.cancel(client));
        assert!(start.elapsed() < came * 10, "{:?} to come, {:?} to leave", came, start.elapsed());
        assert!(waiting.is_empty());
    }
}
