//! A server of PyTorch's `TCPStore`.

mod board;
mod connection;
mod request;
mod serve;
mod waiting;

use std::io::{self, PipeWriter};
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};

use crate::{Error, Result};

/// A server of PyTorch's `TCPStore`, for clients in any language. It stops when it
/// is dropped.
///
/// One thread serves all clients, and none of them can make it wait. A key has up
/// to 8 KiB, a value 8 MiB, a store 131,072 keys and 1 GiB in all; whoever asks
/// for more, or does not speak the protocol, is disconnected.
///
/// The protocol knows no passwords: who can connect can read and write all keys.
/// Bind it to an address that only the machines of the run can reach.
///
/// ```
/// use strongroom::TcpStoreServer;
///
/// # fn main() -> strongroom::Result<()> {
/// let server = TcpStoreServer::bind("127.0.0.1:0")?;
/// println!("torch.distributed.TCPStore('127.0.0.1', {})", server.local_addr().port());
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct TcpStoreServer {
    address: SocketAddr,
    clients: Arc<AtomicUsize>,
    /// The thread ends when this is dropped.
    stop: Option<PipeWriter>,
    thread: Option<JoinHandle<()>>,
}

impl TcpStoreServer {
    /// Serves at an address; port 0 is one that is free.
    pub fn bind(address: impl ToSocketAddrs) -> Result<Self> {
        let failed = |error| Error::Unreachable {
            barrier: "tcp-store".into(),
            reason: format!("cannot serve: {error}"),
        };
        TcpListener::bind(address).and_then(Self::serve).map_err(failed)
    }

    /// Serves on a socket that listens already.
    pub(super) fn serve(listener: TcpListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let (stopped, stop) = io::pipe()?;
        let clients = Arc::new(AtomicUsize::new(0));
        let service = serve::Service::new(listener, stopped, clients.clone());
        let thread = thread::Builder::new().name("tcp_store server".into()).spawn(|| service.run())?;
        Ok(Self { address, clients, stop: Some(stop), thread: Some(thread) })
    }

    /// Where it serves.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// How many clients are connected.
    pub fn clients(&self) -> usize {
        self.clients.load(Ordering::Relaxed)
    }
}

impl Drop for TcpStoreServer {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic there was printed there.
            let _ = thread.join();
        }
    }
}
