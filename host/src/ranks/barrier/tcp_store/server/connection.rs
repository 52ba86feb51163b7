use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::super::wire;
use super::board::{Board, ClientId, Refused};
use super::request::{Halt, Looked, Request};

/// One client: what it sent and was not done yet, what it is to get and did not
/// take yet. No more than a request and an answer or so, whatever it does.
#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    id: ClientId,
    since: Instant,
    validated: bool,
    input: Vec<u8>,
    /// How long the input must be before it is worth another look.
    needed: usize,
    /// What is known of the request that it starts with.
    looked: Looked,
    output: Vec<u8>,
    /// How much of the output is gone.
    sent: usize,
}

/// The connection is over.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Over;

/// Nothing more is done for a client who does not take so many bytes.
const BACKLOG: usize = 1 << 20;
/// Buffers keep this much when they are empty.
const KEPT: usize = 64 << 10;
/// How long somebody may be connected without having said that they are a client.
pub(super) const TIME_TO_VALIDATE: Duration = Duration::from_secs(10);

impl Connection {
    pub(super) fn new(stream: TcpStream, id: ClientId) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        stream.set_nodelay(true)?;
        // A machine that lost its power says nothing: its connections would stay.
        rustix::net::sockopt::set_socket_keepalive(&stream, true)?;
        let (since, needed) = (Instant::now(), 1);
        let (input, looked, output) = (vec![], Looked::default(), vec![]);
        Ok(Self { stream, id, since, validated: false, input, needed, looked, output, sent: 0 })
    }

    pub(super) fn id(&self) -> ClientId {
        self.id
    }

    pub(super) fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Bytes it keeps.
    pub(super) fn held(&self) -> usize {
        self.input.len() + self.output.len()
    }

    pub(super) fn is_late(&self, now: Instant) -> bool {
        !self.validated && now.duration_since(self.since) > TIME_TO_VALIDATE
    }

    pub(super) fn wants_to_read(&self) -> bool {
        self.backlog() < BACKLOG
    }

    pub(super) fn wants_to_write(&self) -> bool {
        self.backlog() > 0
    }

    /// Takes what has come, once: others have their turn too.
    pub(super) fn receive(&mut self, scratch: &mut [u8]) -> Result<(), Over> {
        match self.stream.read(scratch) {
            Ok(0) => Err(Over),
            Ok(length) => {
                self.input.extend_from_slice(scratch.get(..length).ok_or(Over)?);
                Ok(())
            }
            Err(error) if is_passing(&error) => Ok(()),
            Err(_) => Err(Over),
        }
    }

    /// Does what it asks, as long as it takes the answers. Answers whether something
    /// is left because it did not take them.
    pub(super) fn work(&mut self, board: &mut Board, woken: &mut Vec<ClientId>) -> Result<bool, Over> {
        let mut done = 0;
        let mut held_back = false;
        loop {
            let rest = self.input.get(done..).unwrap_or_default();
            if rest.len() < self.needed {
                break;
            }
            held_back = self.backlog() >= BACKLOG;
            if held_back {
                break;
            }
            // Nothing is kept for those who are no clients.
            if !self.validated && rest.first() != Some(&wire::VALIDATE) {
                return Err(Over);
            }
            match self.looked.parse(rest) {
                Err(Halt::Refused) => return Err(Over),
                Err(Halt::More(needed)) => self.needed = needed,
                Ok((request, length)) => {
                    if self.validated {
                        board.answer(self.id, request, &mut self.output, woken).map_err(|Refused| Over)?;
                    } else if request == Request::Validate(wire::MAGIC) {
                        self.validated = true;
                    } else {
                        return Err(Over);
                    }
                    self.needed = 1;
                    done += length;
                }
            }
        }
        self.input.drain(..done);
        shrink(&mut self.input);
        Ok(held_back)
    }

    /// What it waited for has come.
    pub(super) fn wake(&mut self) {
        self.output.push(wire::READY);
    }

    /// Sends what it takes now.
    pub(super) fn send(&mut self) -> Result<(), Over> {
        while let Some(rest) = self.output.get(self.sent..).filter(|rest| !rest.is_empty()) {
            match self.stream.write(rest) {
                Ok(0) => return Err(Over),
                Ok(length) => self.sent += length,
                Err(error) if is_passing(&error) => break,
                Err(_) => return Err(Over),
            }
        }
        if self.backlog() == 0 || self.sent > BACKLOG {
            self.output.drain(..self.sent);
            self.sent = 0;
        }
        shrink(&mut self.output);
        Ok(())
    }

    fn backlog(&self) -> usize {
        self.output.len() - self.sent
    }
}

/// Gives back the memory of a large request or answer.
fn shrink(buffer: &mut Vec<u8>) {
    if buffer.len() < KEPT {
        buffer.shrink_to(KEPT);
    }
}

fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}
