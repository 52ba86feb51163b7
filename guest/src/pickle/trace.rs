use alloc::vec::Vec;

use super::{ObjectId, Value};

/// What a tolerant machine noted on its way.
#[derive(Debug, Default)]
pub struct Trace {
    /// Names that were looked up: where, and what object stands for each. The
    /// second time of the same name is not noted.
    pub imports: Vec<(u64, ObjectId)>,
    /// Instructions that a strict machine refuses and some reader may carry out.
    pub oddities: Vec<Oddity>,
    /// The first instruction of each opcode, and how many there were: 0 for none.
    opcodes: Vec<(u64, u64)>,
    /// Values on the stack at the end, beside the result.
    pub left: usize,
}

/// An instruction that a strict machine refuses.
#[derive(Debug)]
pub struct Oddity {
    /// Where it is.
    pub offset: u64,
    /// Its code.
    pub code: u8,
    /// What it works on, where it would change something.
    pub target: Option<Value>,
    /// What is wrong with it.
    pub message: alloc::string::String,
}

impl Trace {
    /// Counts an instruction.
    pub(super) fn ran(&mut self, code: u8, offset: u64) {
        if self.opcodes.is_empty() {
            self.opcodes = alloc::vec![(0, 0); 256];
        }
        if let Some((first, count)) = self.opcodes.get_mut(usize::from(code)) {
            if *count == 0 {
                *first = offset;
            }
            *count = count.saturating_add(1);
        }
    }

    /// The opcodes that ran: each with the offset of its first instruction, and
    /// how many there were.
    pub fn opcodes(&self) -> impl Iterator<Item = (u8, u64, u64)> {
        (0..=u8::MAX)
            .zip(&self.opcodes)
            .filter(|(_, (_, count))| *count > 0)
            .map(|(code, &(first, count))| (code, first, count))
    }

    /// Whether there are as many oddities as are worth keeping.
    pub(super) fn is_full(&self) -> bool {
        self.oddities.len() >= KEPT
    }
}

/// Oddities that are kept: each says the same of a file.
const KEPT: usize = 1000;
