use alloc::format;
use alloc::string::String;

use crate::step::Range;
use crate::zip::central::Central;
use crate::zip::extra;
use crate::zip::records::{CLAMPED, DESCRIPTOR, FLAG_DESCRIPTOR, Fields, LOCAL_HEADER_BYTES, LocalHeader};
use crate::zip::windows::Windows;
use crate::{Error, show};

/// The check of one record's local header and data descriptor against the
/// directory, in steps that each need some bytes.
#[derive(Debug)]
pub(super) struct Check {
    /// Which record, in directory order.
    pub(super) record: usize,
    /// Where the next record's header starts, or the directory: the record must
    /// end before. Checked for each, so no two records share a byte.
    limit: u64,
    /// Bytes of the local header's extra fields that are none of an archiver's.
    beside: u64,
    stage: Stage,
}

/// How far a [`Check`] is.
#[derive(Clone, Copy, Debug)]
enum Stage {
    Header,
    Descriptor {
        payload: u64,
    },
    /// The record ends at `end`.
    Done {
        payload: u64,
        end: u64,
    },
}

/// What a step of a [`Check`] comes to.
enum Next {
    Stage(Stage),
    /// These bytes are not in hand.
    Wants(Range),
}

impl Check {
    /// A check of the record with this index that must end before `limit`.
    pub(super) fn new(record: usize, limit: u64) -> Self {
        Self { record, limit, beside: 0, stage: Stage::Header }
    }

    /// Where the payload starts, once all is checked.
    pub(super) fn payload(&self) -> Option<u64> {
        match self.stage {
            Stage::Done { payload, .. } => Some(payload),
            _ => None,
        }
    }

    /// Bytes between the record's end and the next part, once all is checked.
    pub(super) fn gap(&self) -> u64 {
        match self.stage {
            Stage::Done { end, .. } => self.limit.saturating_sub(end),
            _ => 0,
        }
    }

    /// Whether all is checked.
    pub(super) fn is_done(&self) -> bool {
        matches!(self.stage, Stage::Done { .. })
    }

    /// Bytes of the local header's extra fields that are none of an archiver's.
    pub(super) fn beside(&self) -> u64 {
        self.beside
    }

    /// Goes as far as the bytes in hand allow; answers what is missing.
    pub(super) fn advance(&mut self, record: &Central, windows: &Windows) -> Result<Option<Range>, Error> {
        loop {
            let next = match self.stage {
                Stage::Header => self.header(record, windows)?,
                Stage::Descriptor { payload } => self.descriptor(record, payload, windows)?,
                Stage::Done { .. } => return Ok(None),
            };
            match next {
                Next::Stage(stage) => self.stage = stage,
                Next::Wants(range) => return Ok(Some(range)),
            }
        }
    }

    /// Where the descriptor lies if nothing lies between it and the next record:
    /// worth a guess, as the header says only later where it must be.
    pub(super) fn likely_descriptor(&self, record: &Central) -> Option<Range> {
        let described = matches!(self.stage, Stage::Header) && record.flags & FLAG_DESCRIPTOR != 0;
        let start = self.limit.saturating_sub(LONGEST_DESCRIPTOR).max(record.header);
        described.then(|| Range::new(start, self.limit.saturating_sub(start)))
    }

    fn header(&mut self, record: &Central, windows: &Windows) -> Result<Next, Error> {
        let start = record.header;
        let fixed = LOCAL_HEADER_BYTES.saturating_add(record.name.len() as u64);
        let room = self.room(record, start, fixed, "of header")?;
        let Some(bytes) = windows.get(Range::new(start, fixed)) else {
            return Ok(Next::Wants(Range::new(start, fixed.saturating_add(room.min(LIKELY_EXTRA)))));
        };
        let local = agreeing(record, bytes)?;
        let payload = start.saturating_add(fixed).saturating_add(local.extra.into());
        self.room(record, start.saturating_add(fixed), local.extra.into(), "of extra fields")?;
        self.room(record, payload, record.compressed, "of payload")?;
        let extra = Range::new(start.saturating_add(fixed), local.extra.into());
        let Some(extra) = windows.get(extra) else {
            return Ok(Next::Wants(Range::new(start, fixed.saturating_add(extra.length))));
        };
        same_numbers(record, local, extra)
            .map_err(|(expected, found)| Error::malformed(start, &*record.name, expected, found))?;
        self.beside = extra::foreign(extra, &stated(record));
        if record.flags & FLAG_DESCRIPTOR != 0 {
            return Ok(Next::Stage(Stage::Descriptor { payload }));
        }
        Ok(Next::Stage(Stage::Done { payload, end: payload.saturating_add(record.compressed) }))
    }

    fn descriptor(&self, record: &Central, payload: u64, windows: &Windows) -> Result<Next, Error> {
        let start = payload.saturating_add(record.compressed);
        let wanted = Range::new(start, self.limit.saturating_sub(start).min(LONGEST_DESCRIPTOR));
        let bytes = match windows.get(wanted) {
            Some(bytes) => bytes,
            None if wanted.length == 0 => &[],
            None => return Ok(Next::Wants(wanted)),
        };
        let descriptor = describes(record, bytes);
        // Writers that know a payload to be empty leave its descriptor out.
        if let Some(length) = descriptor.or((record.compressed == 0).then_some(0)) {
            return Ok(Next::Stage(Stage::Done { payload, end: start.saturating_add(length) }));
        }
        let expected = "a data descriptor with the directory's CRC-32 and sizes";
        Err(Error::malformed(start, &*record.name, expected, show::bytes(bytes)))
    }

    /// What is left before the limit when `length` bytes from `start` are taken.
    fn room(&self, record: &Central, start: u64, length: u64, of: &str) -> Result<u64, Error> {
        start.checked_add(length).and_then(|end| self.limit.checked_sub(end)).ok_or_else(|| {
            let expected = format!("the record to end before {}, where the next part begins", self.limit);
            Error::malformed(start, &*record.name, expected, format!("{length} bytes {of}"))
        })
    }
}

/// The local header in `bytes`, if name, flags and method are the directory's.
fn agreeing(record: &Central, bytes: &[u8]) -> Result<LocalHeader, Error> {
    let Central { name, header, flags, method, .. } = record;
    let fault = |expected: String, found: String| Err(Error::malformed(*header, &**name, expected, found));
    let Some((local, local_name)) = LocalHeader::parse(bytes) else {
        return fault("a local header (`PK 03 04`)".into(), show::bytes(bytes));
    };
    if usize::from(local.name) != name.len() || local_name != name.as_bytes() {
        let found = show::name(&String::from_utf8_lossy(local_name));
        return fault("the name it has in the directory".into(), format!("{} bytes, {found}", local.name));
    }
    if (local.flags, local.method) != (*flags, *method) {
        let found = format!("flags {:#06x} and method {}", local.flags, local.method);
        return fault(format!("flags {flags:#06x} and method {method} as in the directory"), found);
    }
    Ok(local)
}

/// The numbers that a field of 64-bit ones in a record's local header may have: torch writes
/// where the header is, too.
fn stated(record: &Central) -> [u64; 4] {
    let open = if record.flags & FLAG_DESCRIPTOR == 0 { record.size } else { 0 };
    [record.size, record.compressed, record.header, open]
}

/// Whether the local header's checksum and sizes are the directory's, or zero
/// where a descriptor brings them.
fn same_numbers(record: &Central, local: LocalHeader, extra: &[u8]) -> Result<(), (String, String)> {
    let (mut size, mut compressed) = (u64::from(local.size), u64::from(local.compressed));
    if local.is_clamped() {
        let found =
            extra::zip64(extra).map_err(|found| ("extra fields one after another".into(), found.into()))?;
        let mut fields = Fields(found.unwrap_or_default());
        let (Some(long_size), Some(long_compressed)) = (fields.u64(), fields.u64()) else {
            return Err(("a zip64 field with both sizes".into(), "none".into()));
        };
        size = if local.size == CLAMPED { long_size } else { size };
        compressed = if local.compressed == CLAMPED { long_compressed } else { compressed };
    }
    let known = (record.crc32, record.compressed, record.size);
    let found = (local.crc32, compressed, size);
    // Info-ZIP leaves only the checksum open, torch and Python all three.
    let open = |value: u64| value == 0 && record.flags & FLAG_DESCRIPTOR != 0;
    if (local.crc32 == record.crc32 || open(local.crc32.into()))
        && (compressed == record.compressed || open(compressed))
        && (size == record.size || open(size))
    {
        return Ok(());
    }
    let show = |(crc32, compressed, size)| format!("CRC-32 {crc32:08x}, {compressed} of {size} bytes");
    Err((format!("{} as in the directory", show(known)), show(found)))
}

/// Bytes of the data descriptor with the record's numbers that starts here. It has four
/// forms: the signature may be absent, and sizes have 64 bits under zip64. The
/// numbers, known from the directory, tell them apart.
///
/// ```text
/// [PK 07 08] | crc32 | csize | size
/// ```
fn describes(record: &Central, bytes: &[u8]) -> Option<u64> {
    let signed = bytes.strip_prefix(&DESCRIPTOR).map(|bytes| (bytes, 4));
    let known = Some((record.crc32, record.compressed, record.size));
    signed.into_iter().chain([(bytes, 0)]).find_map(|(bytes, signature)| {
        let length = if wide(bytes) == known {
            20
        } else if narrow(bytes) == known {
            12
        } else {
            return None;
        };
        Some(length + signature)
    })
}

fn wide(bytes: &[u8]) -> Option<(u32, u64, u64)> {
    let mut fields = Fields(bytes);
    Some((fields.u32()?, fields.u64()?, fields.u64()?))
}

fn narrow(bytes: &[u8]) -> Option<(u32, u64, u64)> {
    let mut fields = Fields(bytes);
    Some((fields.u32()?, fields.u32()?.into(), fields.u32()?.into()))
}

/// Bytes of the longest data descriptor.
const LONGEST_DESCRIPTOR: u64 = 24;

/// Bytes of extra fields fetched with a header: enough for a zip64 field and the padding
/// that aligns a record of torch's to 64 bytes.
const LIKELY_EXTRA: u64 = 96;
