use alloc::format;
use alloc::vec::Vec;

use super::member::{Member, NUMPY, STORED};
use super::{descriptor, extra, hidden, local};
use crate::show;
use crate::step::Range;
use crate::validate::examine::Scope;
use crate::validate::pickle::Suspicion;
use crate::zip::records::{LOCAL_HEADER_BYTES, LocalHeader};
use crate::zip::windows::Windows;

/// The check of one record where it lies, in steps that each need some bytes.
#[derive(Debug)]
pub(super) struct Check {
    /// Which record.
    pub(super) member: usize,
    /// Where the next part of the archive starts, if all is well.
    limit: u64,
    stage: Stage,
}

#[derive(Clone, Copy, Debug)]
enum Stage {
    Header,
    /// What follows the header: first bytes and descriptor.
    Body {
        payload: u64,
    },
    Done,
}

/// Bytes that are not in hand.
struct Wants(Vec<Range>);

impl Check {
    /// A check of the record with this index, after which another part starts at `limit`.
    pub(super) fn new(member: usize, limit: u64) -> Self {
        Self { member, limit, stage: Stage::Header }
    }

    /// Goes as far as the bytes in hand allow; answers what is missing.
    pub(super) fn advance(
        &mut self,
        member: &mut Member,
        windows: &Windows,
        scope: &mut Scope<'_>,
    ) -> Vec<Range> {
        loop {
            let next = match self.stage {
                Stage::Header => header(member, windows, scope),
                Stage::Body { payload } => body(member, payload, self.limit, windows, scope),
                Stage::Done => return Vec::new(),
            };
            match next {
                Ok(stage) => self.stage = stage,
                Err(Wants(ranges)) => return ranges,
            }
        }
    }
}

fn header(member: &mut Member, windows: &Windows, scope: &mut Scope<'_>) -> Result<Stage, Wants> {
    let start = member.header;
    let fault = |message: &str, scope: &mut Scope<'_>| {
        scope.find(&local::RULE, &member.in_directory(), 0, message);
        Ok(Stage::Done)
    };
    let left = scope.length.saturating_sub(start);
    if left < LOCAL_HEADER_BYTES {
        return fault(&format!("no local header: {start} is beyond the end of the file"), scope);
    }
    let Some(fixed) = windows.get(Range::new(start, LOCAL_HEADER_BYTES)) else {
        // The descriptor of the record before is close, and so is what follows.
        let before = start.min(descriptor::LONGEST);
        let likely = LOCAL_HEADER_BYTES + LIKELY_EXTRA + hidden::HEAD;
        let likely = likely.saturating_add(member.name.len() as u64).min(left);
        return Err(Wants([Range::new(start.saturating_sub(before), likely.saturating_add(before))].into()));
    };
    let Some((header, _)) = LocalHeader::parse(fixed) else {
        let message =
            format!("expected a local header (`PK 03 04`) at {start}, found {}", show::bytes(fixed));
        return fault(&message, scope);
    };
    let (name, extra) = (u64::from(header.name), u64::from(header.extra));
    let length = LOCAL_HEADER_BYTES.saturating_add(name).saturating_add(extra);
    if length.saturating_add(member.compressed) > left {
        let message = format!("{} bytes from {start} on, beyond the end of the file", member.compressed);
        return fault(&message, scope);
    }
    let whole = windows.get(Range::new(start, length));
    let Some(rest) = whole.and_then(|bytes| bytes.get(fixed.len()..)) else {
        return Err(Wants([Range::new(start, length.saturating_add(hidden::HEAD).min(left))].into()));
    };
    let (name, fields) = rest.split_at_checked(usize::from(header.name)).unwrap_or((rest, &[]));
    local::check(header, name, fields, member, scope);
    let open = if member.is_described() { 0 } else { member.size };
    // torch writes where the header is, too.
    let numbers = [member.size, member.compressed, member.header, open];
    extra::check(fields, &numbers, &member.in_place(), scope);
    let payload = start.saturating_add(length);
    member.payload = Some(payload);
    member.end = payload.saturating_add(member.compressed);
    Ok(Stage::Body { payload })
}

fn body(
    member: &mut Member,
    payload: u64,
    limit: u64,
    windows: &Windows,
    scope: &mut Scope<'_>,
) -> Result<Stage, Wants> {
    let end = member.end;
    let head = if member.method == STORED { member.compressed.min(hidden::HEAD) } else { 0 };
    let tail =
        if member.is_described() { scope.length.saturating_sub(end).min(descriptor::LONGEST) } else { 0 };
    let wanted = [Range::new(payload, head), Range::new(end, tail)];
    let found = wanted.map(|range| if range.length == 0 { Some(&[][..]) } else { windows.get(range) });
    let [Some(first), Some(after)] = found else {
        return Err(Wants(wanted.into_iter().filter(|range| range.length > 0).collect()));
    };
    member.suspicion = Suspicion::of(first, member.compressed);
    member.numpy = first.starts_with(NUMPY);
    if member.is_described() {
        let length = descriptor::check(after, end, limit, member, scope);
        member.end = end.saturating_add(length);
    }
    Ok(Stage::Done)
}

/// Bytes of extra fields fetched with a header: torch's, at its usual alignment.
const LIKELY_EXTRA: u64 = 96;
