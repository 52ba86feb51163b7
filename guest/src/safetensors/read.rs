use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use super::header::{self, Entry, Header};
use super::{LENGTH, element};
use crate::model::{Checkpoint, Format};
use crate::model::{Node, NodeId, StorageId, Stored, Tensor, Text};
use crate::step::{Next, Range};
use crate::{Error, Limits};

/// Reads a safetensors file, as strictly as the reference does.
///
/// Two rounds: the eight bytes that tell the header's length, then the header.
#[derive(Debug)]
pub(crate) struct SafetensorsReader {
    length: u64,
    limits: Limits,
    state: State,
}

#[derive(Debug)]
enum State {
    Start,
    Length,
    Header,
    Done,
}

impl SafetensorsReader {
    /// Starts on a file of `length` bytes.
    pub(crate) fn new(length: u64, limits: Limits) -> Self {
        Self { length, limits, state: State::Start }
    }

    /// The next state: what was fetched, in the order asked for; at first, nothing.
    pub(crate) fn resume(&mut self, parts: Vec<Vec<u8>>) -> Result<Next<Checkpoint>, Error> {
        let part = parts.into_iter().next().unwrap_or_default();
        match self.state {
            State::Start => self.start(),
            State::Length => self.length(&part),
            State::Header => self.header(&part),
            State::Done => Err(Error::misuse("the reading is over")),
        }
    }

    fn start(&mut self) -> Result<Next<Checkpoint>, Error> {
        if self.length < LENGTH {
            let found = format!("a file of {} bytes", self.length);
            return Err(Error::truncated(self.length, "header length", "8 bytes", found));
        }
        self.state = State::Length;
        Ok(Next::Fetch(vec![Range::new(0, LENGTH)]))
    }

    fn length(&mut self, part: &[u8]) -> Result<Next<Checkpoint>, Error> {
        let bytes = part.try_into().map_err(|_| Error::misuse("the header's length is 8 bytes"))?;
        let header = u64::from_le_bytes(bytes);
        let rest = self.length.saturating_sub(LENGTH);
        if header > rest {
            let found = format!("{rest} bytes after the length");
            return Err(Error::truncated(0, "header length", format!("a header of {header} bytes"), found));
        }
        if header > self.limits.directory_bytes {
            return Err(Error::limit(0, "directory_bytes", self.limits.directory_bytes));
        }
        if header == 0 {
            return Err(Error::malformed(0, "header length", "a header of 2 bytes or more", "0"));
        }
        self.state = State::Header;
        Ok(Next::Fetch(vec![Range::new(LENGTH, header)]))
    }

    fn header(&mut self, part: &[u8]) -> Result<Next<Checkpoint>, Error> {
        self.state = State::Done;
        let payload = LENGTH.saturating_add(part.len() as u64);
        let header = header::parse(part, self.length.saturating_sub(payload), &self.limits)?;
        // `parse` took the bytes for UTF-8.
        let text = core::str::from_utf8(part).unwrap_or_default();
        checkpoint(header, text, payload, &self.limits).map(Next::Done)
    }
}

/// The state dict of a header: the names in the order of `load_file`, which is
/// that of the bytes.
fn checkpoint(header: Header, text: &str, payload: u64, limits: &Limits) -> Result<Checkpoint, Error> {
    let Header { metadata, tensors, extras } = header;
    let count = u32::try_from(tensors.len()).ok();
    let fits = count.and_then(|count| count.checked_mul(2)?.checked_add(1)).filter(|n| *n <= limits.nodes);
    if fits.is_none() {
        return Err(Error::limit(LENGTH, "nodes", limits.nodes.into()));
    }
    let mut nodes = Vec::with_capacity(tensors.len().saturating_mul(2).saturating_add(1));
    nodes.push(Node::Dict(
        (1..).step_by(2).map(|key: NodeId| (key, key.saturating_add(1))).take(tensors.len()).collect(),
    ));
    let mut storages = Vec::with_capacity(tensors.len());
    for (storage, entry) in (0..).zip(tensors) {
        let (tensor, stored) = convert(&entry, storage, text, payload)?;
        let interned = entry.name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        nodes.push(Node::Text(Text { value: entry.name, interned }));
        nodes.push(Node::Tensor(Box::new(tensor)));
        storages.push(stored);
    }
    Ok(Checkpoint {
        format: Format::Safetensors,
        archive: String::new(),
        alignment: None,
        checksums: false,
        metadata,
        extras,
        irreproducible: None,
        undecoded: 0,
        root: 0,
        nodes,
        storages,
    })
}

fn convert(entry: &Entry, storage: StorageId, text: &str, payload: u64) -> Result<(Tensor, Stored), Error> {
    let unsupported =
        |expected: &str, found: String| Error::unsupported(entry.offset(text), entry.part(), expected, found);
    let dtype = entry.dtype;
    let last = || entry.shape.last().map_or_else(|| "no dimension".to_string(), ToString::to_string);
    let shape = element::to_torch(dtype, entry.shape.clone())
        .ok_or_else(|| unsupported("an even last dimension: torch holds F4 in pairs", last()))?;
    let stride = element::row_major(&shape)
        .ok_or_else(|| unsupported("sizes and strides below 2^63", "a larger shape".into()))?;
    let (start, end) = entry.data;
    let tensor = Tensor {
        storage: Some(storage),
        dtype,
        offset: 0,
        shape,
        stride,
        requires_grad: false,
        conj: false,
        neg: false,
    };
    let stored = Stored {
        range: Range::new(payload.saturating_add(start), end.saturating_sub(start)),
        checksum: None,
        swap: 1,
        location: "cpu".into(),
        name: entry.name.clone(),
    };
    Ok((tensor, stored))
}
