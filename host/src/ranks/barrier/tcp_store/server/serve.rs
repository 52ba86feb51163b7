use std::collections::BTreeMap;
use std::io::PipeReader;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::board::{Board, ClientId};
use super::connection::{Connection, Over};

/// The thread of a server: looks after all connections, and blocks on none.
#[derive(Debug)]
pub(super) struct Service {
    listener: TcpListener,
    stopped: PipeReader,
    clients: Arc<AtomicUsize>,
    board: Board,
    connections: BTreeMap<ClientId, Connection>,
    next: ClientId,
    /// Until when nobody is accepted.
    closed_until: Option<Instant>,
    scratch: Vec<u8>,
}

/// What may be done next.
struct Events {
    stopped: bool,
    arrivals: bool,
    clients: Vec<ClientId>,
}

/// Connections at a time.
const MOST_CONNECTIONS: usize = 16 << 10;
/// Bytes that all connections keep.
const MOST_HELD: usize = 1 << 29;
/// A look at least so often, for those who say nothing.
const TICK: Duration = Duration::from_secs(1);
/// Out of descriptors, a listener would be ready all the time.
const PAUSE: Duration = Duration::from_millis(100);

impl Service {
    pub(super) fn new(listener: TcpListener, stopped: PipeReader, clients: Arc<AtomicUsize>) -> Self {
        Self {
            listener,
            stopped,
            clients,
            board: Board::default(),
            connections: BTreeMap::new(),
            next: 0,
            closed_until: None,
            scratch: vec![0; 64 << 10],
        }
    }

    /// Serves until told to stop.
    pub(super) fn run(mut self) {
        loop {
            let events = self.poll();
            if events.stopped {
                return;
            }
            if events.arrivals {
                self.accept();
            }
            for id in events.clients {
                self.look_after(id);
            }
            self.dismiss();
            self.clients.store(self.connections.len(), Ordering::Relaxed);
        }
    }

    /// Waits until there is something to do.
    fn poll(&mut self) -> Events {
        self.closed_until = self.closed_until.filter(|&until| Instant::now() < until);
        let listens = if self.closed_until.is_some() { PollFlags::empty() } else { PollFlags::IN };
        let mut sockets =
            vec![PollFd::new(&self.stopped, PollFlags::IN), PollFd::new(&self.listener, listens)];
        sockets.extend(self.connections.values().map(|connection| {
            let mut wanted = PollFlags::empty();
            wanted.set(PollFlags::IN, connection.wants_to_read());
            wanted.set(PollFlags::OUT, connection.wants_to_write());
            PollFd::new(connection.stream(), wanted)
        }));
        let tick = if self.closed_until.is_some() { PAUSE } else { TICK };
        let timeout = Timespec::try_from(tick).ok();
        if poll(&mut sockets, timeout.as_ref()).is_err() {
            // A signal: look again. What polled is as it was.
            return Events { stopped: false, arrivals: false, clients: vec![] };
        }
        let mut ready = sockets.iter().map(|socket| !socket.revents().is_empty());
        let (stopped, arrivals) = (ready.next() == Some(true), ready.next() == Some(true));
        let clients = self.connections.keys().zip(ready).filter_map(|(&id, ready)| ready.then_some(id));
        Events { stopped, arrivals, clients: clients.collect() }
    }

    fn accept(&mut self) {
        loop {
            match self.listener.accept() {
                Ok((stream, _)) => {
                    let id = self.next;
                    if self.connections.len() < MOST_CONNECTIONS
                        && let Ok(connection) = Connection::new(stream, id)
                    {
                        self.next += 1;
                        self.connections.insert(id, connection);
                    }
                }
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return,
                Err(_) => {
                    self.closed_until = Some(Instant::now() + PAUSE);
                    return;
                }
            }
        }
    }

    /// Receives from a client, does what it asks, and sends the answers, also to
    /// those whose wait that ended.
    fn look_after(&mut self, id: ClientId) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let mut woken = Vec::new();
        let turn = turn(connection, &mut self.board, &mut self.scratch, &mut woken);
        if turn == Err(Over) {
            self.remove(id);
        }
        for id in woken {
            if let Some(connection) = self.connections.get_mut(&id) {
                connection.wake();
                if connection.send() == Err(Over) {
                    self.remove(id);
                }
            }
        }
    }

    /// Those who do not say who they are, and, if all of them keep too much, the one
    /// who keeps most.
    fn dismiss(&mut self) {
        let now = Instant::now();
        let late: Vec<ClientId> = self
            .connections
            .values()
            .filter(|connection| connection.is_late(now))
            .map(Connection::id)
            .collect();
        late.into_iter().for_each(|id| self.remove(id));
        while self.connections.values().map(Connection::held).sum::<usize>() > MOST_HELD {
            let Some(worst) = self.connections.values().max_by_key(|connection| connection.held()) else {
                return;
            };
            self.remove(worst.id());
        }
    }

    fn remove(&mut self, id: ClientId) {
        self.connections.remove(&id);
        self.board.leave(id);
    }
}

fn turn(
    connection: &mut Connection,
    board: &mut Board,
    scratch: &mut [u8],
    woken: &mut Vec<ClientId>,
) -> Result<(), Over> {
    connection.send()?;
    if connection.wants_to_read() {
        connection.receive(scratch)?;
    }
    loop {
        let held_back = connection.work(board, woken)?;
        connection.send()?;
        // If all answers are gone, no event will tell that there is more to do.
        if !held_back || connection.wants_to_write() {
            return Ok(());
        }
    }
}
