//! Messages over a socket, each a `u32` length, least byte first, and so many bytes
//! of postcard. A descriptor may come with one.

use std::collections::TryReserveError;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::net::Shutdown;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, recvmsg, sendmsg,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// One end of the socket.
#[derive(Debug)]
pub(super) struct Channel {
    stream: UnixStream,
    received: Option<OwnedFd>,
}

/// Called again and again while the other side keeps this one waiting; an error
/// ends the wait.
pub(super) type Idle<'i> = &'i mut dyn FnMut() -> io::Result<()>;

/// Bytes of one message: those of a tree of ten million values.
const LONGEST: u32 = 1 << 30;

/// How much memory a message gets before that much of it has come.
const STEP: usize = 1 << 20;

impl Channel {
    /// A channel that waits as long as it takes.
    pub(super) fn new(stream: UnixStream) -> Self {
        Self { stream, received: None }
    }

    /// A channel that looks up from waiting this often.
    pub(super) fn with_tick(stream: UnixStream, tick: Duration) -> io::Result<Self> {
        stream.set_read_timeout(Some(tick))?;
        stream.set_write_timeout(Some(tick))?;
        Ok(Self::new(stream))
    }

    /// Sends a message, and with it a descriptor.
    pub(super) fn send(
        &mut self,
        message: &impl Serialize,
        descriptor: Option<BorrowedFd<'_>>,
        idle: Idle<'_>,
    ) -> io::Result<()> {
        let mut frame = postcard::to_extend(message, vec![0; 4]).map_err(unclear)?;
        let length = u32::try_from(frame.len() - 4).ok().filter(|&length| length <= LONGEST);
        let length = length.ok_or_else(|| unclear(format!("a message of {} bytes", frame.len())))?;
        frame[..4].copy_from_slice(&length.to_le_bytes());
        let mut descriptor = descriptor;
        let mut rest = &frame[..];
        while !rest.is_empty() {
            let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
            let mut ancillary = SendAncillaryBuffer::new(&mut space);
            if let Some(descriptor) = &descriptor {
                ancillary.push(SendAncillaryMessage::ScmRights(std::slice::from_ref(descriptor)));
            }
            match sendmsg(&self.stream, &[IoSlice::new(rest)], &mut ancillary, SendFlags::NOSIGNAL) {
                Ok(sent) => {
                    // It went with the first byte.
                    descriptor = None;
                    rest = rest.get(sent..).unwrap_or_default();
                }
                Err(Errno::AGAIN) => idle()?,
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// The next message; none if the other side is gone.
    pub(super) fn receive<T: DeserializeOwned>(&mut self, idle: Idle<'_>) -> io::Result<Option<T>> {
        let mut length = [0; 4];
        if !self.fill(&mut length, idle)? {
            return Ok(None);
        }
        let length = u32::from_le_bytes(length);
        if length > LONGEST {
            return Err(unclear(format!("a message of {length} bytes")));
        }
        let length = usize::try_from(length).map_err(unclear)?;
        let mut body = Vec::new();
        while body.len() < length {
            let start = body.len();
            let step = STEP.min(length - start);
            body.try_reserve(step).map_err(|error: TryReserveError| io::Error::other(error))?;
            body.resize(start + step, 0);
            if !self.fill(&mut body[start..], idle)? {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        match postcard::take_from_bytes(&body) {
            Ok((message, [])) => Ok(Some(message)),
            Ok(_) => Err(unclear("a message with something after it")),
            Err(error) => Err(unclear(error)),
        }
    }

    /// The descriptor that came with a message, if one did.
    pub(super) fn descriptor(&mut self) -> Option<OwnedFd> {
        self.received.take()
    }

    /// Lets the other side know that nobody is here any more.
    pub(super) fn hang_up(&self) -> io::Result<()> {
        self.stream.shutdown(Shutdown::Both)
    }

    /// Fills `buffer`. False if the other side is gone, and was before the first byte.
    fn fill(&mut self, buffer: &mut [u8], idle: Idle<'_>) -> io::Result<bool> {
        let mut filled = 0;
        while filled < buffer.len() {
            let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
            let mut ancillary = RecvAncillaryBuffer::new(&mut space);
            let into = &mut [IoSliceMut::new(&mut buffer[filled..])];
            match recvmsg(&self.stream, into, &mut ancillary, RecvFlags::CMSG_CLOEXEC) {
                Ok(message) if message.bytes == 0 && filled == 0 => return Ok(false),
                Ok(message) if message.bytes == 0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(message) => filled += message.bytes,
                Err(Errno::AGAIN) => idle()?,
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            for message in ancillary.drain() {
                let RecvAncillaryMessage::ScmRights(descriptors) = message else { continue };
                for descriptor in descriptors {
                    if self.received.replace(descriptor).is_some() {
                        return Err(unclear("descriptors that go with no message"));
                    }
                }
            }
        }
        Ok(true)
    }
}

/// What the other side said is not of the protocol.
fn unclear(what: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}
