//! Whether bytes can do anything when they are run as a pickle, told without running them.

use super::opcode::{self, Operand, operand, unsigned};

/// Goes over bytes from instruction to instruction and carries none out.
///
/// It goes at least as far as any reader of pickles: where it stops, all of them have. It keeps
/// nothing, so that it has an answer for every length.
#[derive(Debug)]
pub(crate) struct Skim {
    /// Bytes that could be a pickle's.
    length: u64,
    /// Where it is.
    position: u64,
    /// Lines that are still to end in the instruction that it is in.
    lines: u8,
}

/// What a [`Skim`] comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Skimmed {
    /// It goes on with the bytes from here on.
    More(u64),
    /// Nothing in them is named, and so nothing is called, until no reader goes on.
    Idle,
    /// Here is an instruction that names something.
    Active(u64),
}

impl Skim {
    /// Starts on so many bytes.
    pub(crate) fn new(length: u64) -> Self {
        Self { length, position: 0, lines: 0 }
    }

    /// Takes bytes from where it is, not all of which may be of use.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Skimmed {
        let start = self.position;
        let end = start.saturating_add(bytes.len() as u64);
        loop {
            let at = usize::try_from(self.position.saturating_sub(start)).unwrap_or(usize::MAX);
            let left = match bytes.get(at..) {
                _ if self.position >= self.length => return Skimmed::Idle,
                Some(left) if !left.is_empty() => left,
                _ => return Skimmed::More(self.position),
            };
            if self.lines > 0 {
                match left.iter().position(|&byte| byte == b'\n') {
                    Some(newline) => {
                        self.lines -= 1;
                        self.position = self.position.saturating_add(newline as u64 + 1);
                    }
                    None => self.position = end,
                }
                continue;
            }
            if let Some(skimmed) = self.instruction(left) {
                return skimmed;
            }
        }
    }

    /// Passes over the instruction that `bytes` start with, or says why not.
    fn instruction(&mut self, bytes: &[u8]) -> Option<Skimmed> {
        let (&code, rest) = bytes.split_first()?;
        if NAMING.contains(&code) {
            return Some(Skimmed::Active(self.position));
        }
        // Nobody's: plain readers have no ids, and PyTorch's are no lines.
        if code == opcode::PERSID {
            return Some(Skimmed::Idle);
        }
        let Some(operand) = operand(code) else { return Some(Skimmed::Idle) };
        let length = match operand {
            Operand::Nothing => 0,
            Operand::Fixed(width) => width.into(),
            Operand::Counted(width) => match counted(rest, width) {
                Some(length) => length,
                None => return Some(self.more(bytes)),
            },
            // A count below zero ends the reading.
            Operand::SignedCounted => match counted(rest, 4) {
                Some(length) if length <= LONGEST => length,
                Some(_) => return Some(Skimmed::Idle),
                None => return Some(self.more(bytes)),
            },
            Operand::Number | Operand::Text => {
                self.lines = 1;
                0
            }
            Operand::Names => {
                self.lines = 2;
                0
            }
        };
        self.position = self.position.saturating_add(1).saturating_add(length);
        None
    }

    /// An instruction that is not whole in the last bytes never will be.
    fn more(&self, bytes: &[u8]) -> Skimmed {
        if self.position.saturating_add(bytes.len() as u64) >= self.length {
            return Skimmed::Idle;
        }
        Skimmed::More(self.position)
    }
}

/// The count at the start of some bytes, and its own width.
fn counted(bytes: &[u8], width: u8) -> Option<u64> {
    let count = bytes.get(..width.into())?;
    Some(unsigned(count).saturating_add(width.into()))
}

/// The largest signed count of 4 bytes, and its width.
const LONGEST: u64 = i32::MAX as u64 + 4;

/// The instructions without which nothing is called.
const NAMING: &[u8] =
    &[opcode::GLOBAL, opcode::INST, opcode::STACK_GLOBAL, opcode::EXT1, opcode::EXT2, opcode::EXT4];

#[cfg(test)]
mod tests {
    use super::*;

    fn skim(bytes: &[u8]) -> Skimmed {
        Skim::new(bytes.len() as u64).feed(bytes)
    }

    #[test]
    fn what_names_something_is_found_behind_anything() {
        let long = [&b"I"[..], &[b'7'; 100_000], b"\ncos\nsystem\n"].concat();
        for (bytes, at) in [
            (&b"cos\nsystem\n"[..], 0),
            (b"\x80\x02X\x03\0\0\0abc.\x93", 11),
            (b"N.S'd'\n(ios\nsystem\n", 8),
            (b"\x8a\x02ab\x95\0\0\0\0\0\0\0\0\x82\x01", 13),
            (&long, 100_002),
        ] {
            assert_eq!(skim(bytes), Skimmed::Active(at), "{}", bytes.escape_ascii());
            // However the bytes come.
            let mut skim = Skim::new(bytes.len() as u64);
            let mut from = 0;
            let found = loop {
                let piece = bytes.get(from..bytes.len().min(from + 9)).unwrap_or_default();
                match skim.feed(piece) {
                    Skimmed::More(next) => from = usize::try_from(next).unwrap(),
                    found => break found,
                }
            };
            assert_eq!(found, Skimmed::Active(at), "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn what_no_reader_goes_on_with_is_idle() {
        for bytes in [
            &b""[..],
            b"\0cos\n",
            b"(((((((",
            b"P id\ncos\nsystem\n",
            b"I12",
            b"X\x03\0\0\0ab",
            b"X\x03\0",
            b"\x8b\xff\xff\xff\xffcos\nsystem\n",
            b"\x8e\xff\xff\xff\xff\xff\xff\xff\xffc",
            b"}q\0.",
        ] {
            assert_eq!(skim(bytes), Skimmed::Idle, "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn what_is_counted_is_passed_over() {
        let mut skim = Skim::new(1 << 40);
        assert_eq!(skim.feed(b"B\0\0\0\x80abc"), Skimmed::More(5 + (1 << 31)));
        assert_eq!(skim.feed(b"\x93"), Skimmed::Active(5 + (1 << 31)));
    }
}
