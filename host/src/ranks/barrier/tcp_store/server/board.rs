//! The keys of a store, and who waits for which. Knows no sockets.

use std::collections::{HashMap, HashSet, VecDeque};

use super::super::wire::{self, CANCELED, NOT_READY, READY, put_bytes, put_length};
use super::request::Request;
use super::waiting::Waiting;

/// A connection, for those who wait.
pub(super) type ClientId = u64;

/// Whoever asked is no client to keep.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refused;

/// Keys with a value, keys with a queue, and those who wait.
#[derive(Debug, Default)]
pub(super) struct Board {
    values: HashMap<Vec<u8>, Vec<u8>>,
    queues: HashMap<Vec<u8>, VecDeque<Vec<u8>>>,
    waiting: Waiting,
    /// Bytes of all keys, values and queued values.
    held: usize,
}

/// The bytes a store holds.
const MOST_HELD: usize = 1 << 30;
/// The bytes of one answer.
const LONGEST_ANSWER: usize = 8 * wire::LONGEST_VALUE;
/// What an entry costs besides its bytes. Else empty values in a queue were free.
const OVERHEAD: usize = 64;

impl Board {
    /// Does what `client` asks. Its answer, if there is one already, goes to
    /// `out`; those whose wait is over are added to `woken`.
    pub(super) fn answer(
        &mut self,
        client: ClientId,
        request: Request<'_>,
        out: &mut Vec<u8>,
        woken: &mut Vec<ClientId>,
    ) -> Result<(), Refused> {
        match request {
            // Only the first thing that a client says.
            Request::Validate(_) => return Err(Refused),
            Request::Set(key, value) => self.set(key, value.to_vec(), woken)?,
            Request::CompareSet { key, expected, desired } => {
                let stores = match self.values.get(key) {
                    Some(current) => current == expected,
                    None => expected.is_empty(),
                };
                if stores {
                    self.set(key, desired.to_vec(), woken)?;
                }
                put_bytes(out, self.values.get(key).map_or(expected, Vec::as_slice));
            }
            Request::Get(key) => put_bytes(out, self.value(key)),
            Request::Add(key, amount) => {
                let sum = self.add(key, amount)?;
                self.waiting.wake_all(key, woken);
                out.extend_from_slice(&sum.to_le_bytes());
            }
            Request::Check(keys) => {
                let ready = keys.iter().all(|key| self.exists(key));
                out.push(if ready { READY } else { NOT_READY });
            }
            Request::Wait(keys) => {
                let missing = keys.into_iter().filter(|key| !self.exists(key)).collect();
                self.wait(client, missing, out)?;
            }
            Request::CountKeys => put_length(out, self.values.len()),
            Request::Delete(key) => {
                let deleted = self.values.remove(key);
                if let Some(value) = &deleted {
                    self.held -= OVERHEAD + key.len() + value.len();
                }
                put_length(out, usize::from(deleted.is_some()));
            }
            Request::Append(key, value) => self.append(key, value, woken)?,
            Request::MultiGet(keys) => {
                let length: usize = keys.iter().map(|key| 8 + self.value(key).len()).sum();
                if length > LONGEST_ANSWER {
                    return Err(Refused);
                }
                keys.iter().for_each(|key| put_bytes(out, self.value(key)));
            }
            Request::MultiSet(entries) => {
                for (key, value) in entries {
                    self.set(key, value.to_vec(), woken)?;
                }
            }
            Request::CancelWait => {
                self.waiting.cancel(client);
                out.push(CANCELED);
            }
            Request::Ping(nonce) => out.extend_from_slice(nonce),
            Request::QueuePush(key, value) => self.push(key, value, woken)?,
            Request::QueuePop(key) => self.pop(key, out),
            Request::QueueLength(key) => put_length(out, self.queues.get(key).map_or(0, VecDeque::len)),
            Request::ListKeys => {
                if self.values.keys().map(|key| 8 + key.len()).sum::<usize>() > LONGEST_ANSWER {
                    return Err(Refused);
                }
                put_length(out, self.values.len());
                self.values.keys().for_each(|key| put_bytes(out, key));
            }
            Request::Barrier { key, world_size } => {
                if self.add(key, 1)? >= world_size {
                    self.waiting.wake_all(key, woken);
                    out.push(READY);
                } else {
                    self.wait(client, HashSet::from([key]), out)?;
                }
            }
        }
        Ok(())
    }

    /// A client is gone.
    pub(super) fn leave(&mut self, client: ClientId) {
        self.waiting.cancel(client);
    }

    fn exists(&self, key: &[u8]) -> bool {
        self.values.contains_key(key) || self.queues.contains_key(key)
    }

    fn value(&self, key: &[u8]) -> &[u8] {
        self.values.get(key).map_or(&[], Vec::as_slice)
    }

    fn set(&mut self, key: &[u8], value: Vec<u8>, woken: &mut Vec<ClientId>) -> Result<(), Refused> {
        self.put(key, value)?;
        self.waiting.wake_all(key, woken);
        Ok(())
    }

    fn put(&mut self, key: &[u8], value: Vec<u8>) -> Result<(), Refused> {
        let before = self.values.get(key).map_or(0, |before| OVERHEAD + key.len() + before.len());
        let held = self.held - before + OVERHEAD + key.len() + value.len();
        if held > MOST_HELD || (before == 0 && self.is_full()) {
            return Err(Refused);
        }
        self.held = held;
        self.values.insert(key.to_vec(), value);
        Ok(())
    }

    fn is_full(&self) -> bool {
        self.values.len() + self.queues.len() >= wire::MOST_KEYS
    }

    fn add(&mut self, key: &[u8], amount: i64) -> Result<i64, Refused> {
        let current = self.values.get(key).map_or(Some(0), |text| leading_number(text)).ok_or(Refused)?;
        let sum = current.wrapping_add(amount);
        self.put(key, sum.to_string().into_bytes())?;
        Ok(sum)
    }

    fn append(&mut self, key: &[u8], value: &[u8], woken: &mut Vec<ClientId>) -> Result<(), Refused> {
        let Some(current) = self.values.get_mut(key) else {
            return self.set(key, value.to_vec(), woken);
        };
        if current.len() + value.len() > wire::LONGEST_VALUE || self.held + value.len() > MOST_HELD {
            return Err(Refused);
        }
        self.held += value.len();
        current.extend_from_slice(value);
        self.waiting.wake_all(key, woken);
        Ok(())
    }

    fn push(&mut self, key: &[u8], value: &[u8], woken: &mut Vec<ClientId>) -> Result<(), Refused> {
        let held = self.held + OVERHEAD + key.len() + value.len();
        if held > MOST_HELD || (!self.queues.contains_key(key) && self.is_full()) {
            return Err(Refused);
        }
        self.held = held;
        self.queues.entry(key.to_vec()).or_default().push_back(value.to_vec());
        // One value is for one of those who wait.
        self.waiting.wake_first(key, woken);
        Ok(())
    }

    fn pop(&mut self, key: &[u8], out: &mut Vec<u8>) {
        let Some(queue) = self.queues.get_mut(key) else { return put_length(out, 0) };
        put_length(out, queue.len());
        if let Some(value) = queue.pop_front() {
            self.held -= OVERHEAD + key.len() + value.len();
            put_bytes(out, &value);
        }
        if queue.is_empty() {
            self.queues.remove(key);
        }
    }

    fn wait(&mut self, client: ClientId, missing: HashSet<&[u8]>, out: &mut Vec<u8>) -> Result<(), Refused> {
        self.waiting.cancel(client);
        if missing.is_empty() {
            out.push(READY);
            return Ok(());
        }
        self.waiting.add(client, missing)
    }
}

/// The number at the start of a text, after white space, as C reads it.
fn leading_number(text: &[u8]) -> Option<i64> {
    let text = text.trim_ascii_start();
    let signs = text.iter().take(1).filter(|sign| b"+-".contains(sign)).count();
    let digits = text.iter().skip(signs).take_while(|digit| digit.is_ascii_digit()).count();
    std::str::from_utf8(text.get(..signs + digits)?).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(board: &mut Board, client: ClientId, request: Request<'_>) -> (Vec<u8>, Vec<ClientId>) {
        let (mut out, mut woken) = (Vec::new(), Vec::new());
        board.answer(client, request, &mut out, &mut woken).unwrap();
        (out, woken)
    }

    fn refused(board: &mut Board, request: Request<'_>) -> bool {
        board.answer(0, request, &mut Vec::new(), &mut Vec::new()) == Err(Refused)
    }

    #[test]
    fn a_wait_is_over_when_all_its_keys_have_come() {
        let mut board = Board::default();
        ask(&mut board, 0, Request::Set(b"a", b""));
        assert_eq!(ask(&mut board, 1, Request::Wait(vec![b"a", b"b", b"c", b"b"])), (vec![], vec![]));
        assert!(ask(&mut board, 2, Request::Wait(vec![b"b"])).0.is_empty());
        assert_eq!(ask(&mut board, 0, Request::Add(b"b", 1)).1, [2]);
        assert_eq!(ask(&mut board, 0, Request::Append(b"c", b"")).1, [1]);
        assert_eq!(ask(&mut board, 1, Request::Wait(vec![b"a", b"b", b"c"])).0, [READY]);
    }

    #[test]
    fn a_wait_that_is_canceled_or_left_is_forgotten() {
        let mut board = Board::default();
        ask(&mut board, 1, Request::Wait(vec![b"a", b"b"]));
        ask(&mut board, 2, Request::Wait(vec![b"a"]));
        assert_eq!(ask(&mut board, 1, Request::CancelWait).0, [CANCELED]);
        board.leave(2);
        assert!(ask(&mut board, 0, Request::Set(b"a", b"")).1.is_empty());
        assert!(board.waiting.is_empty());
    }

    #[test]
    fn a_value_in_a_queue_wakes_one() {
        let mut board = Board::default();
        for client in [1, 2] {
            ask(&mut board, client, Request::Wait(vec![b"queue"]));
        }
        assert_eq!(ask(&mut board, 0, Request::QueuePush(b"queue", b"x")).1, [1]);
        assert_eq!(ask(&mut board, 0, Request::QueuePush(b"queue", b"y")).1, [2]);
    }

    #[test]
    fn what_is_held_is_counted_and_capped() {
        let mut board = Board::default();
        let value = vec![0; wire::LONGEST_VALUE];
        let most = MOST_HELD / wire::LONGEST_VALUE - 1;
        for number in 0..most {
            let key = number.to_string();
            ask(&mut board, 0, Request::Set(key.as_bytes(), &value));
        }
        assert!(refused(&mut board, Request::Set(b"more", &value)));
        assert!(refused(&mut board, Request::QueuePush(b"more", &value)));
        assert!(refused(&mut board, Request::Append(b"1", &[0])));
        ask(&mut board, 0, Request::Set(b"0", b""));
        ask(&mut board, 0, Request::QueuePush(b"more", &value));
        ask(&mut board, 0, Request::QueuePop(b"more"));
        for number in 0..most {
            let key = number.to_string();
            ask(&mut board, 0, Request::Delete(key.as_bytes()));
        }
        assert_eq!(board.held, 0);
    }

    #[test]
    fn keys_are_capped_in_number() {
        let mut board = Board::default();
        for number in 0..wire::MOST_KEYS {
            ask(&mut board, 0, Request::Set(&number.to_le_bytes(), b""));
        }
        assert!(refused(&mut board, Request::Set(b"more", b"")));
        assert!(refused(&mut board, Request::QueuePush(b"more", b"")));
        ask(&mut board, 0, Request::Set(&0usize.to_le_bytes(), b"again"));
    }

    #[test]
    fn numbers_are_read_as_c_does() {
        let cases: [(&[u8], Option<i64>); 7] = [
            (b"12", Some(12)),
            (b" \n-12abc", Some(-12)),
            (b"+7", Some(7)),
            (b"", None),
            (b"abc", None),
            (b"-", None),
            (b"99999999999999999999", None),
        ];
        for (text, number) in cases {
            assert_eq!(leading_number(text), number, "{text:?}");
        }
    }
}
