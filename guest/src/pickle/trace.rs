use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use super::Value;
use super::opcode as op;

/// What a tolerant machine noted on its way.
#[derive(Debug, Default)]
pub struct Trace {
    /// Instructions that a strict machine refuses and some reader may carry out.
    pub oddities: Vec<Oddity>,
    /// How many of them change a class or function, and how many do not.
    changes: usize,
    noted: usize,
    /// The first instruction of each opcode, and how many there were: 0 for none.
    opcodes: Vec<(u64, u64)>,
    /// The squares of the lengths of numbers written in digits: what it takes to read them.
    pub digits: u64,
    /// Values on the stack at the end, beside the result.
    pub left: usize,
    /// Marks on the stack at the end.
    pub marks: usize,
    /// Where joblib has put the bytes of an array between the instructions.
    pub array_of_joblib: Option<u64>,
    /// The first string of Python 2 that is not UTF-8.
    pub python2_bytes: Option<u64>,
    /// The first string of Python 2 that is more than ASCII, and UTF-8.
    pub python2_text: Option<u64>,
    /// Where the current frame ends.
    frame: u64,
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
    pub message: String,
    /// Whether all that is wrong is that it adds nothing to its target.
    pub idle: bool,
}

impl Trace {
    /// Counts an instruction.
    pub(super) fn ran(&mut self, code: u8, offset: u64, end: u64) {
        if self.opcodes.is_empty() {
            self.opcodes = vec![(0, 0); 256];
        }
        if let Some((first, count)) = self.opcodes.get_mut(usize::from(code)) {
            if *count == 0 {
                *first = offset;
            }
            *count = count.saturating_add(1);
        }
        if matches!(code, op::INT | op::LONG) {
            let length = end.saturating_sub(offset);
            self.digits = self.digits.saturating_add(length.saturating_mul(length));
        }
        // Readers fetch frame by frame: one that believes a length sees another
        // pickle than one that does not.
        if offset < self.frame && self.frame < end {
            self.note(offset, code, None, "expected it inside its frame, found the frame's end in it".into());
        }
        if code == op::STOP && self.frame > end {
            let beyond = self.frame.saturating_sub(end);
            self.note(
                offset,
                code,
                None,
                format!("expected a frame to end here, found {beyond} bytes more of it"),
            );
        }
    }

    /// Notes a frame of so many bytes after an instruction.
    pub(super) fn framed(&mut self, offset: u64, end: u64, length: u64) {
        if offset < self.frame {
            self.note(offset, op::FRAME, None, "expected it after the last frame, found it inside".into());
        }
        self.frame = end.saturating_add(length);
    }

    /// Looks at the index of a PUT, where the memo has so many entries. CPython
    /// keeps its memo in an array: five bytes can ask it for 64 GiB.
    pub(super) fn put(&mut self, offset: u64, code: u8, index: u64, entries: u64) {
        if index > FAR && index / 4 > entries {
            let message = format!("expected an index near the {entries} entries of the memo, found {index}");
            self.note(offset, code, None, message);
        }
    }

    /// Notes what a strict machine refuses.
    pub(super) fn note(&mut self, offset: u64, code: u8, target: Option<Value>, message: String) {
        if self.noted < KEPT {
            self.noted += 1;
            self.oddities.push(Oddity { offset, code, target, message, idle: false });
        }
    }

    /// Notes that nothing is added to an instance.
    pub(super) fn note_idle(&mut self, offset: u64, code: u8, target: Value) {
        if self.noted < KEPT {
            self.noted += 1;
            let message = "expected something to add, found nothing".into();
            self.oddities.push(Oddity { offset, code, target: Some(target), message, idle: true });
        }
    }

    /// Notes that a class or function is changed. Any number of other oddities must
    /// not hide it.
    pub(super) fn note_change(&mut self, offset: u64, code: u8, target: Value, message: String) {
        if self.changes < KEPT {
            self.changes += 1;
            self.oddities.push(Oddity { offset, code, target: Some(target), message, idle: false });
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
}

/// A memo of so many entries costs any reader next to nothing.
const FAR: u64 = 1 << 20;

/// Oddities of either sort that are kept: each says the same of a file.
const KEPT: usize = 1000;
