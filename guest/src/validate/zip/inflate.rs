use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::{
    TINFL_FLAG_HAS_MORE_INPUT, TINFL_FLAG_STOP_ON_BLOCK_BOUNDARY,
};
use miniz_oxide::inflate::core::{DecompressorOxide, decompress};

use super::member::Member;
use crate::validate::examine::Scope;
use crate::validate::finding::Rule;

/// Compressed bytes are one stream, of the size the directory says.
pub(super) static RULE: Rule = Rule::malformed(
    "SR-ZIP-INFLATE",
    "compressed bytes that do not decompress to what the directory says",
    "Readers differ on a stream that is broken, too long or too short: some give what they have, \
     others fail. What follows its end nobody reads, and what lies in empty blocks neither.",
);

/// Decompresses one record, a piece at a time.
pub(in crate::validate) struct Inflate {
    state: Box<DecompressorOxide>,
    /// The last bytes that came of it, in a ring: streams refer to them.
    output: Vec<u8>,
    /// Where the next ones go.
    at: usize,
    over: bool,
    blocks: Blocks,
}

/// The blocks of a stream, of which each should hold something.
#[derive(Debug, Default)]
struct Blocks {
    /// Bytes that came of the current one.
    bytes: usize,
    /// Empty ones, one after another: now, and the most there were.
    empty: usize,
    most: usize,
}

impl core::fmt::Debug for Inflate {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter.debug_struct("Inflate").field("over", &self.over).finish_non_exhaustive()
    }
}

impl Inflate {
    /// Starts on a record.
    pub(in crate::validate) fn new() -> Self {
        let (state, output) = (Box::default(), vec![0; PIECE]);
        Self { state, output, at: 0, over: false, blocks: Blocks::default() }
    }

    /// Whether the stream has ended.
    pub(super) fn is_over(&self) -> bool {
        self.over
    }

    /// Whether there are blocks that no writer makes: whoever flushes a stream and then ends it
    /// leaves two empty ones, and nobody more.
    pub(super) fn has_empty_blocks(&self) -> bool {
        self.blocks.most > FLUSHED
    }

    /// Takes from the front of `input`; answers what comes of it, and nothing
    /// once more input is needed. None if it is no deflate stream.
    pub(in crate::validate) fn next(&mut self, input: &mut &[u8]) -> Option<&[u8]> {
        let start = self.at;
        let mut end = start;
        while !self.over && end == start {
            let flags = TINFL_FLAG_HAS_MORE_INPUT | TINFL_FLAG_STOP_ON_BLOCK_BOUNDARY;
            let (status, taken, made) = decompress(&mut self.state, input, &mut self.output, start, flags);
            *input = input.get(taken..).unwrap_or_default();
            end = start.checked_add(made)?;
            self.blocks.bytes = self.blocks.bytes.saturating_add(made);
            match status {
                TINFLStatus::Done => {
                    self.blocks.end();
                    self.over = true;
                }
                TINFLStatus::BlockBoundary => self.blocks.end(),
                TINFLStatus::HasMoreOutput => {}
                TINFLStatus::NeedsMoreInput => break,
                _ => return None,
            }
        }
        self.at = if end == self.output.len() { 0 } else { end };
        self.output.get(start..end)
    }
}

impl Blocks {
    fn end(&mut self) {
        self.empty = if self.bytes == 0 { self.empty.saturating_add(1) } else { 0 };
        self.most = self.most.max(self.empty);
        self.bytes = 0;
    }
}

/// Reports what is wrong with a compressed record.
pub(super) fn report(message: &str, member: &Member, scope: &mut Scope<'_>) {
    scope.find(&RULE, &member.content(), 0, message);
}

/// Bytes decompressed at a time: a power of two, and more than streams refer back.
const PIECE: usize = 64 << 10;
/// The empty blocks that a writer leaves.
const FLUSHED: usize = 2;
