//! One connection to a store.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process;
use std::time::{Duration, Instant};

use super::config::Place;
use super::wire::{self, Requests};

/// A connection to a store. After an error it is of no use any more: nobody knows
/// which answer comes next.
#[derive(Debug)]
pub(super) struct Client {
    stream: BufReader<Timed>,
    /// How long the store may take to answer.
    patience: Duration,
}

/// A machine that does not answer is not waited for if the name has another.
const LONGEST_CONNECT: Duration = Duration::from_secs(5);
/// Middle boxes forget a connection on which nothing happens, and a run may save
/// once in hours.
const KEEPALIVE: Duration = Duration::from_secs(60);

impl Client {
    /// Connects to the first of the place's addresses where a store answers.
    pub(super) fn connect(place: &Place, patience: Duration, until: Instant) -> io::Result<Self> {
        Self::connect_to(&place.addresses()?, patience, until)
    }

    /// Connects to the first of these addresses where a store answers.
    pub(super) fn connect_to(
        addresses: &[SocketAddr],
        patience: Duration,
        until: Instant,
    ) -> io::Result<Self> {
        let mut failure = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        for address in addresses {
            let left = until.saturating_duration_since(Instant::now()).min(LONGEST_CONNECT);
            if left.is_zero() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            let connected = TcpStream::connect_timeout(address, left);
            match connected.and_then(|stream| Self::greet(stream, patience, until)) {
                Ok(client) => return Ok(client),
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    fn greet(stream: TcpStream, patience: Duration, until: Instant) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        rustix::net::sockopt::set_socket_keepalive(&stream, true)?;
        rustix::net::sockopt::set_tcp_keepidle(&stream, KEEPALIVE)?;
        let stream = BufReader::new(Timed { stream, until });
        let left = until.saturating_duration_since(Instant::now());
        let mut client = Self { stream, patience: patience.min(left) };
        client.ask(&Requests::new().validate().ping(process::id()))?;
        client.pong()?;
        client.patience = patience;
        Ok(client)
    }

    /// Stores a value, and knows that it is stored: the answer to what follows says
    /// so, as storing itself has none.
    pub(super) fn set(&mut self, key: &str, value: &[u8]) -> io::Result<()> {
        self.ask(&Requests::new().set(key, value).ping(process::id()))?;
        self.pong()
    }

    /// Sends requests that have no answer, then adds to a number; answers the sum.
    pub(super) fn add_after(&mut self, before: Requests, key: &str, amount: i64) -> io::Result<i64> {
        self.ask(&before.add(key, amount))?;
        self.number()
    }

    pub(super) fn add(&mut self, key: &str, amount: i64) -> io::Result<i64> {
        self.add_after(Requests::new(), key, amount)
    }

    /// Stores `desired` if the key has no value; answers the value it has then.
    pub(super) fn set_first(&mut self, key: &str, desired: &[u8]) -> io::Result<Vec<u8>> {
        self.replace(key, b"", desired)
    }

    /// Stores `desired` if the key has the value `expected`; answers the value it has
    /// then.
    pub(super) fn replace(&mut self, key: &str, expected: &[u8], desired: &[u8]) -> io::Result<Vec<u8>> {
        self.ask(&Requests::new().compare_set(key, expected, desired))?;
        self.value()
    }

    /// The value of a key, if it has one: what is asked for otherwise is waited for.
    pub(super) fn look(&mut self, key: &str) -> io::Result<Option<Vec<u8>>> {
        // No value of ours. Where there is none, what was expected is the answer.
        const NONE: &[u8] = b"\0none";
        let value = self.replace(key, NONE, NONE)?;
        Ok((value != NONE).then_some(value))
    }

    /// Whether any of the keys is there.
    pub(super) fn has_any(&mut self, keys: &[String]) -> io::Result<bool> {
        Ok(self.check_each(keys)?.contains(&true))
    }

    pub(super) fn delete(&mut self, keys: &[String]) -> io::Result<()> {
        self.ask(&keys.iter().fold(Requests::new(), |requests, key| requests.delete(key)))?;
        keys.iter().try_for_each(|_| self.number().map(drop))
    }

    /// Which of the keys are there. They are looked at one after the other.
    pub(super) fn check_each(&mut self, keys: &[String]) -> io::Result<Vec<bool>> {
        self.ask(&keys.iter().fold(Requests::new(), |requests, key| requests.check(key)))?;
        keys.iter().map(|_| Ok(self.byte()? == wire::READY)).collect()
    }

    /// The values of keys, all of which are there.
    pub(super) fn get(&mut self, keys: &[String]) -> io::Result<Vec<Vec<u8>>> {
        if keys.is_empty() {
            return Ok(vec![]);
        }
        self.ask(&Requests::new().multi_get(keys))?;
        keys.iter().map(|_| self.value()).collect()
    }

    /// Waits until all keys are there. Answers whether they are.
    pub(super) fn wait(&mut self, keys: &[String], timeout: Duration) -> io::Result<bool> {
        self.ask(&Requests::new().wait(keys))?;
        self.stream.get_mut().until = after(timeout);
        match self.stream.fill_buf() {
            Ok(_) => return self.byte().map(|answer| answer == wire::READY),
            Err(error) if is_timeout(&error) => {}
            Err(error) => return Err(error),
        }
        self.ask(&Requests::new().cancel_wait())?;
        // The keys may have come before the server heard of it.
        let ready = self.byte()? == wire::READY;
        if ready {
            self.byte()?;
        }
        Ok(ready)
    }

    pub(super) fn list_keys(&mut self) -> io::Result<Vec<Vec<u8>>> {
        self.ask(&Requests::new().list_keys())?;
        let count = self.number()?;
        (0..count).map(|_| self.value()).collect()
    }

    /// Sends requests; what answers must come within the store's time.
    fn ask(&mut self, requests: &Requests) -> io::Result<()> {
        let timed = self.stream.get_mut();
        timed.until = after(self.patience);
        timed.write_all(requests.as_bytes())
    }

    fn pong(&mut self) -> io::Result<()> {
        match u32::from_le_bytes(self.array()?) == process::id() {
            true => Ok(()),
            false => Err(nonsense("it is no store: it answers a ping with something else")),
        }
    }

    fn array<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.stream.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    fn byte(&mut self) -> io::Result<u8> {
        self.array().map(|[byte]| byte)
    }

    fn number(&mut self) -> io::Result<i64> {
        self.array().map(i64::from_le_bytes)
    }

    fn value(&mut self) -> io::Result<Vec<u8>> {
        let length = u64::from_le_bytes(self.array()?);
        if length > wire::LONGEST_VALUE as u64 {
            return Err(nonsense("it is no store: it sends a value that is longer than any may be"));
        }
        let mut value = Vec::new();
        (&mut self.stream).take(length).read_to_end(&mut value)?;
        if value.len() as u64 == length { Ok(value) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }
}

/// A stream on which everything ends at a time, however slowly bytes come.
#[derive(Debug)]
struct Timed {
    stream: TcpStream,
    until: Instant,
}

impl Timed {
    /// What is left. A socket takes no time at all for no limit.
    fn left(&self) -> io::Result<Duration> {
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
    }
}

impl Read for Timed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            self.stream.set_read_timeout(Some(self.left()?))?;
            match self.stream.read(buffer) {
                // A socket with a timeout ends its wait at a signal, whatever its handler says.
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => return read,
            }
        }
    }
}

impl Write for Timed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(Some(self.left()?))?;
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// When so long has passed. A time beyond all clocks is a year.
pub(super) fn after(timeout: Duration) -> Instant {
    const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);
    Instant::now() + timeout.min(YEAR)
}

/// Whether time was up. A socket says that it would block.
pub(super) fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock)
}

/// Whether the server has ended.
pub(super) fn is_lost(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionRefused, ConnectionReset, UnexpectedEof};
    let kinds = [BrokenPipe, ConnectionAborted, ConnectionRefused, ConnectionReset, UnexpectedEof];
    kinds.contains(&error.kind())
}

fn nonsense(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}
