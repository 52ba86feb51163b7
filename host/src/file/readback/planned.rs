use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::file::drive::Layout;
use crate::sandbox::bindings::writer::Segment;
use crate::store::{Shared, Source};
use crate::{Error, Result};

/// A file that is not there yet: all of it but its payloads.
#[derive(Debug)]
pub(super) struct Planned {
    path: PathBuf,
    length: u64,
    /// By offset.
    segments: Arc<Vec<Segment>>,
    /// Whether a reader may still come across payloads on its way to something else,
    /// where it finds zeros.
    is_open: AtomicBool,
}

impl Planned {
    pub(super) fn new(path: &Path, layout: &Layout) -> Self {
        let segments = layout.segments.clone();
        Self { path: path.into(), length: layout.plan.length, segments, is_open: true.into() }
    }

    /// From here on bytes of payloads are an error.
    pub(super) fn close(&self) {
        self.is_open.store(false, Ordering::Relaxed);
    }
}

impl Source for Planned {
    fn path(&self) -> &Path {
        &self.path
    }

    fn length(&self) -> u64 {
        self.length
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        buffer.fill(0);
        let end = offset.saturating_add(buffer.len() as u64);
        let mut known = 0;
        let first = self.segments.partition_point(|segment| end_of(segment) <= offset);
        for segment in self.segments.iter().skip(first).take_while(|segment| segment.offset < end) {
            let (from, to) = (segment.offset.max(offset), end_of(segment).min(end));
            let part = |start| Some(usize::try_from(from - start).ok()?..usize::try_from(to - start).ok()?);
            let source = part(segment.offset).and_then(|range| segment.bytes.get(range));
            let target = part(offset).and_then(|range| buffer.get_mut(range));
            if let (Some(source), Some(target)) = (source, target) {
                target.copy_from_slice(source);
                known += source.len();
            }
        }
        if known == buffer.len() || (self.is_open.load(Ordering::Relaxed) && end <= self.length) {
            return Ok(());
        }
        Err(Error::Value(format!("{}: its payloads are not in memory", self.path.display())))
    }

    fn bytes(&self) -> Result<Option<Shared<'static>>> {
        Ok(None)
    }
}

fn end_of(segment: &Segment) -> u64 {
    segment.offset.saturating_add(segment.bytes.len() as u64)
}
