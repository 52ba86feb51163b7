//! Connections to a store for all threads of a rank.

use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::client::{Client, after};
use super::config::Place;

/// Connections that are not in use. One that waits is not there for others, so
/// there are as many as threads that wait at a time.
#[derive(Debug)]
pub(super) struct Pool {
    place: Place,
    patience: Duration,
    /// None when closed.
    idle: Mutex<Option<Vec<Client>>>,
}

impl Pool {
    /// A pool with its first connection.
    pub(super) fn new(place: Place, patience: Duration, first: Client) -> Self {
        Self { place, patience, idle: Mutex::new(Some(vec![first])) }
    }

    /// Uses a connection: one that is idle, or a new one.
    pub(super) fn with<T>(&self, work: impl FnOnce(&mut Client) -> io::Result<T>) -> io::Result<T> {
        let idle = self.lock().as_mut().ok_or_else(closed)?.pop();
        let mut client = match idle {
            Some(client) => client,
            None => self.connect()?,
        };
        let done = work(&mut client)?;
        if let Some(idle) = self.lock().as_mut() {
            idle.push(client);
        }
        Ok(done)
    }

    /// A connection of one's own.
    pub(super) fn connect(&self) -> io::Result<Client> {
        Client::connect(&self.place, self.patience, after(self.patience))
    }

    /// Ends all connections, those in use as soon as they are not any more.
    pub(super) fn close(&self) {
        *self.lock() = None;
    }

    pub(super) fn is_closed(&self) -> bool {
        self.lock().is_none()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Vec<Client>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn closed() -> io::Error {
    io::Error::new(io::ErrorKind::NotConnected, "this rank has closed it")
}
