use alloc::vec::Vec;

use crate::model::Segment;

/// Collects bytes that go to rising offsets: neighbours are joined, and no
/// segment grows too large to pass on in one go.
#[derive(Debug, Default)]
pub(crate) struct Segments {
    done: Vec<Segment>,
}

impl Segments {
    /// Adds `bytes` at `offset`, which must lie after all added before.
    pub(crate) fn push(&mut self, mut offset: u64, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let room = self.room(offset).min(bytes.len());
            let (now, later) = bytes.split_at_checked(room).unwrap_or((bytes, &[]));
            match self.done.last_mut() {
                Some(last) if room > 0 => last.bytes.extend_from_slice(now),
                _ => self.done.push(Segment { offset, bytes: Vec::new() }),
            }
            offset = offset.saturating_add(now.len() as u64);
            bytes = later;
        }
    }

    /// The segments.
    pub(crate) fn into_vec(self) -> Vec<Segment> {
        self.done
    }

    /// How many bytes at `offset` the last segment can take.
    fn room(&self, offset: u64) -> usize {
        let Some(last) = self.done.last() else { return 0 };
        let adjoins = last.offset.checked_add(last.bytes.len() as u64) == Some(offset);
        if adjoins { PIECE.saturating_sub(last.bytes.len()) } else { 0 }
    }
}

/// The largest segment.
const PIECE: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    #[test]
    fn neighbours_join_and_long_bytes_split() {
        let mut segments = Segments::default();
        segments.push(10, &[1, 2]);
        segments.push(12, &[3]);
        segments.push(13, &[]);
        segments.push(20, &vec![4; PIECE + 1]);
        segments.push(21 + PIECE as u64, &[5]);
        let segments = segments.into_vec();
        let shape: Vec<_> = segments.iter().map(|s| (s.offset, s.bytes.len())).collect();
        assert_eq!(shape, [(10, 3), (20, PIECE), (20 + PIECE as u64, 2)]);
        assert_eq!(segments.last().map(|s| &s.bytes[..]), Some(&[4, 5][..]));
    }
}
