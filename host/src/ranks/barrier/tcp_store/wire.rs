//! The protocol of PyTorch's `TCPStore`, as both sides need it.
//!
//! A request is one byte that says which operation, and its operands. Numbers
//! are little-endian; a key or a value is a `u64` length and so many bytes.

/// First operation on a connection, with [`MAGIC`]: this is a client of a store.
pub(super) const VALIDATE: u8 = 0;
pub(super) const SET: u8 = 1;
pub(super) const COMPARE_SET: u8 = 2;
pub(super) const GET: u8 = 3;
pub(super) const ADD: u8 = 4;
pub(super) const CHECK: u8 = 5;
pub(super) const WAIT: u8 = 6;
pub(super) const COUNT_KEYS: u8 = 7;
pub(super) const DELETE: u8 = 8;
pub(super) const APPEND: u8 = 9;
pub(super) const MULTI_GET: u8 = 10;
pub(super) const MULTI_SET: u8 = 11;
pub(super) const CANCEL_WAIT: u8 = 12;
pub(super) const PING: u8 = 13;
pub(super) const QUEUE_PUSH: u8 = 14;
pub(super) const QUEUE_POP: u8 = 15;
pub(super) const QUEUE_LENGTH: u8 = 16;
pub(super) const LIST_KEYS: u8 = 17;
pub(super) const BARRIER: u8 = 18;

pub(super) const MAGIC: u32 = 0x3C85_F7CE;

/// The answer to CHECK when all keys are there, and to WAIT when they are at last.
pub(super) const READY: u8 = 0;
/// The answer to CHECK when a key is not there.
pub(super) const NOT_READY: u8 = 1;
/// The answer to CANCEL_WAIT.
pub(super) const CANCELED: u8 = 1;

/// Where clients count themselves.
pub(super) const INIT_KEY: &str = "init/";

/// Bytes of a key.
pub(super) const LONGEST_KEY: usize = 8 << 10;
/// Bytes of a value.
pub(super) const LONGEST_VALUE: usize = 8 << 20;
/// Keys in a store, and in one request.
pub(super) const MOST_KEYS: usize = 128 << 10;

/// Requests on their way to a server.
#[derive(Debug, Default)]
pub(super) struct Requests(Vec<u8>);

impl Requests {
    pub(super) fn new() -> Self {
        Self::default()
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub(super) fn validate(self) -> Self {
        self.operation(VALIDATE).raw(&MAGIC.to_le_bytes())
    }

    pub(super) fn ping(self, nonce: u32) -> Self {
        self.operation(PING).raw(&nonce.to_le_bytes())
    }

    pub(super) fn set(self, key: &str, value: &[u8]) -> Self {
        self.operation(SET).key(key).bytes(value)
    }

    pub(super) fn compare_set(self, key: &str, expected: &[u8], desired: &[u8]) -> Self {
        self.operation(COMPARE_SET).key(key).bytes(expected).bytes(desired)
    }

    pub(super) fn add(self, key: &str, amount: i64) -> Self {
        self.operation(ADD).key(key).raw(&amount.to_le_bytes())
    }

    pub(super) fn delete(self, key: &str) -> Self {
        self.operation(DELETE).key(key)
    }

    pub(super) fn check(self, key: &str) -> Self {
        self.operation(CHECK).raw(&1u64.to_le_bytes()).key(key)
    }

    pub(super) fn wait(self, keys: &[String]) -> Self {
        self.operation(WAIT).keys(keys)
    }

    pub(super) fn cancel_wait(self) -> Self {
        self.operation(CANCEL_WAIT)
    }

    pub(super) fn multi_get(self, keys: &[String]) -> Self {
        self.operation(MULTI_GET).keys(keys)
    }

    pub(super) fn list_keys(self) -> Self {
        self.operation(LIST_KEYS)
    }

    fn operation(mut self, operation: u8) -> Self {
        self.0.push(operation);
        self
    }

    fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    fn bytes(mut self, bytes: &[u8]) -> Self {
        put_bytes(&mut self.0, bytes);
        self
    }

    /// Clients of PyTorch put a slash before each key but the one that counts them.
    fn key(mut self, key: &str) -> Self {
        let slash = if key == INIT_KEY { "" } else { "/" };
        put_length(&mut self.0, slash.len() + key.len());
        self.raw(slash.as_bytes()).raw(key.as_bytes())
    }

    fn keys(mut self, keys: &[String]) -> Self {
        put_length(&mut self.0, keys.len());
        keys.iter().fold(self, |requests, key| requests.key(key))
    }
}

/// Appends a length and so many bytes.
pub(super) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_length(out, bytes.len());
    out.extend_from_slice(bytes);
}

/// Appends how many follow.
pub(super) fn put_length(out: &mut Vec<u8>, length: usize) {
    out.extend_from_slice(&(length as u64).to_le_bytes());
}
