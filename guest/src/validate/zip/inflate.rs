use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

use miniz_oxide::inflate::stream::{InflateState, inflate};
use miniz_oxide::{DataFormat, MZError, MZFlush, MZStatus};

use super::member::Member;
use crate::validate::examine::Scope;
use crate::validate::finding::Rule;

/// Compressed bytes are one stream, of the size the directory says.
pub(super) static RULE: Rule = Rule::malformed(
    "SR-ZIP-INFLATE",
    "compressed bytes that do not decompress to what the directory says",
    "Readers differ on a stream that is broken, too long or too short: some give what they have, \
     others fail. What follows its end nobody reads.",
);

/// Decompresses one record, a piece at a time.
pub(in crate::validate) struct Inflate {
    state: Box<InflateState>,
    output: Vec<u8>,
    over: bool,
}

impl core::fmt::Debug for Inflate {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter.debug_struct("Inflate").field("over", &self.over).finish_non_exhaustive()
    }
}

impl Inflate {
    /// Starts on a record.
    pub(in crate::validate) fn new() -> Self {
        Self { state: InflateState::new_boxed(DataFormat::Raw), output: vec![0; PIECE], over: false }
    }

    /// Whether the stream has ended.
    pub(super) fn is_over(&self) -> bool {
        self.over
    }

    /// Takes from the front of `input`; answers what comes of it, and nothing
    /// once more input is needed. None if it is no deflate stream.
    pub(in crate::validate) fn next(&mut self, input: &mut &[u8]) -> Option<&[u8]> {
        if self.over {
            return Some(&[]);
        }
        let result = inflate(&mut self.state, input, &mut self.output, MZFlush::None);
        *input = input.get(result.bytes_consumed..).unwrap_or_default();
        match result.status {
            Ok(MZStatus::StreamEnd) => self.over = true,
            // Nothing to go on with is no fault.
            Ok(_) | Err(MZError::Buf) => {}
            Err(_) => return None,
        }
        self.output.get(..result.bytes_written)
    }
}

/// Reports what is wrong with a compressed record.
pub(super) fn report(message: &str, member: &Member, scope: &mut Scope<'_>) {
    scope.find(&RULE, &member.content(), 0, message);
}

/// Bytes decompressed at a time.
const PIECE: usize = 64 << 10;
