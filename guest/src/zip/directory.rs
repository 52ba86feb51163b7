use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use crate::step::{Next, Range};
use crate::zip::central::{self, Central};
use crate::zip::eocd::{self, End};
use crate::zip::local::Check;
use crate::zip::windows::{self, Windows};
use crate::{Error, Limits};

/// Reads the directory of a zip archive and checks every record's local header
/// and data descriptor against it.
///
/// Readers that believe different copies of a name or a size see different
/// files in one archive. So all copies must agree, every byte belongs to at most
/// one record, and the directory ends where the end records begin.
#[derive(Debug)]
pub struct Opening {
    length: u64,
    limits: Limits,
    state: State,
}

/// The records of an archive, none overlapping another, in directory order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directory {
    /// The records.
    pub entries: Vec<Entry>,
    /// Bytes of the comment at the end.
    pub comment: u64,
    /// Bytes before, between and behind the records that are no part of the archive.
    pub between: u64,
}

/// One record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its whole name.
    pub name: String,
    /// Where its local header starts.
    pub header: u64,
    /// Where its bytes lie, as stored.
    pub payload: Range,
    /// Its bytes when decompressed; the payload's length for method 0.
    pub size: u64,
    /// Its compression method: 0 is none, 8 is deflate.
    pub method: u16,
    /// CRC-32 of its decompressed bytes.
    pub crc32: u32,
    /// Bytes of its comment, and of extra fields that are none of an archiver's.
    pub beside: u64,
}

#[derive(Debug)]
enum State {
    Start,
    /// The end of the file is on its way.
    Tail(Range),
    /// The directory is on its way: the tail does not hold it.
    Directory(End),
    /// Headers and descriptors are on their way.
    Records {
        comment: u64,
        records: Vec<Central>,
        checks: Vec<Check>,
        /// So many of them, the first ones, are over.
        done: usize,
        asked: Vec<Range>,
    },
    Over,
}

impl Opening {
    /// Starts on a file of `length` bytes.
    pub fn new(length: u64, limits: &Limits) -> Self {
        Self { length, limits: *limits, state: State::Start }
    }

    /// The next state: what was fetched, in the order asked for; at first, nothing.
    pub fn resume(&mut self, parts: Vec<Vec<u8>>) -> Result<Next<Directory>, Error> {
        match core::mem::replace(&mut self.state, State::Over) {
            State::Start => Ok(self.start()),
            State::Tail(range) => self.tail(range, parts),
            State::Directory(end) => {
                self.directory(end, parts.first().map_or(&[], Vec::as_slice), Windows::default())
            }
            State::Records { comment, records, checks, done, asked } => {
                self.records(comment, records, checks, done, &Windows::new(&asked, parts))
            }
            State::Over => Err(Error::misuse("the directory is read")),
        }
    }

    fn start(&mut self) -> Next<Directory> {
        let length = self.length.min(eocd::TAIL);
        let range = Range::new(self.length.saturating_sub(length), length);
        self.state = State::Tail(range);
        Next::Fetch(vec![range])
    }

    fn tail(&mut self, range: Range, parts: Vec<Vec<u8>>) -> Result<Next<Directory>, Error> {
        let end = eocd::locate(parts.first().map_or(&[], Vec::as_slice), range.offset)?;
        let Limits { entries, directory_bytes, .. } = self.limits;
        if end.entries > entries.into() {
            return Err(Error::limit(end.directory.offset, "entries", entries.into()));
        }
        if end.directory.length > directory_bytes {
            return Err(Error::limit(end.directory.offset, "directory_bytes", directory_bytes));
        }
        let windows = Windows::new(&[range], parts);
        match windows.get(end.directory).map(<[u8]>::to_vec) {
            Some(bytes) => self.directory(end, &bytes, windows),
            None => {
                self.state = State::Directory(end);
                Ok(Next::Fetch(vec![end.directory]))
            }
        }
    }

    fn directory(&mut self, end: End, bytes: &[u8], windows: Windows) -> Result<Next<Directory>, Error> {
        let records = central::parse(bytes, end)?;
        let mut order: Vec<_> = records.iter().map(|record| record.header).zip(0..).collect();
        order.sort_unstable();
        let limits = order.iter().skip(1).map(|&(header, _)| header).chain([end.directory.offset]);
        let checks =
            order.iter().zip(limits).map(|(&(_, record), limit)| Check::new(record, limit)).collect();
        self.records(end.comment, records, checks, 0, &windows)
    }

    fn records(
        &mut self,
        comment: u64,
        records: Vec<Central>,
        mut checks: Vec<Check>,
        done: usize,
        windows: &Windows,
    ) -> Result<Next<Directory>, Error> {
        let (mut wanted, mut bytes) = (Vec::new(), 0);
        for check in checks.iter_mut().skip(done) {
            let Some(record) = records.get(check.record) else { continue };
            if let Some(range) = check.advance(record, windows)? {
                let also = check.likely_descriptor(record);
                bytes += range.length + also.map_or(0, |range| range.length);
                wanted.extend([range].into_iter().chain(also));
            }
            if bytes >= ROUND {
                break;
            }
        }
        if wanted.is_empty() {
            return Ok(Next::Done(finished(comment, records, &checks)));
        }
        let done = done + checks.iter().skip(done).take_while(|check| check.is_done()).count();
        let asked = windows::merge(wanted);
        self.state = State::Records { comment, records, checks, done, asked: asked.clone() };
        Ok(Next::Fetch(asked))
    }
}

/// The entries in directory order, payloads found.
fn finished(comment: u64, records: Vec<Central>, checks: &[Check]) -> Directory {
    let mut found = vec![(0, 0); records.len()];
    let before = records.iter().map(|record| record.header).min().unwrap_or_default();
    let between = checks.iter().map(Check::gap).fold(before, u64::saturating_add);
    for check in checks {
        if let (Some(place), Some(payload)) = (found.get_mut(check.record), check.payload()) {
            *place = (payload, check.beside());
        }
    }
    let entry = |(record, (payload, local)): (Central, (u64, u64))| {
        let Central { name, header, method, crc32, compressed, size, beside, .. } = record;
        let beside = beside.saturating_add(local);
        Entry { name, header, payload: Range::new(payload, compressed), size, method, crc32, beside }
    };
    Directory { entries: records.into_iter().zip(found).map(entry).collect(), comment, between }
}

/// Bytes that one round asks for: extra fields may take 64 KiB a record.
const ROUND: u64 = 16 << 20;
