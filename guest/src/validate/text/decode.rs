use alloc::string::String;
use alloc::vec::Vec;

use crate::foreign::is_control;

/// Takes the bytes of a text window by window, and hands on what they say, in UTF-8.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    encoding: Option<Encoding>,
    /// Bytes of a character that is not whole yet, and then a window.
    bytes: Vec<u8>,
    /// Where these are.
    at: u64,
    text: String,
    /// Where it is no UTF-8 any more.
    no_utf8: Option<NoText>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    Utf8,
    Utf16 {
        big: bool,
    },
    /// One of those whose bytes below 0x80 are ASCII's, if they are no part of a longer character: that of
    /// western Europe, which has a character for each byte, stands for all.
    Bytes,
}

/// Bytes that are no text, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NoText {
    pub(super) at: u64,
    pub(super) why: &'static str,
}

impl Decoder {
    /// The text of the next bytes; what is cut at their end comes with the next ones.
    pub(super) fn feed(&mut self, window: &[u8], last: bool) -> Result<&str, NoText> {
        self.bytes.extend_from_slice(window);
        let encoding = *self.encoding.get_or_insert(match window {
            [0xff, 0xfe, ..] => Encoding::Utf16 { big: false },
            [0xfe, 0xff, ..] => Encoding::Utf16 { big: true },
            _ => Encoding::Utf8,
        });
        self.text.clear();
        let used = match encoding {
            Encoding::Bytes => self.other()?,
            Encoding::Utf8 => self.utf8(last)?,
            Encoding::Utf16 { big } => self.utf16(big, last)?,
        };
        self.bytes.drain(..used);
        self.at = self.at.saturating_add(used as u64);
        Ok(&self.text)
    }

    /// Where it is no UTF-8, if it is none, nor UTF-16.
    pub(super) fn no_utf8(&self) -> Option<NoText> {
        self.no_utf8
    }

    fn utf8(&mut self, last: bool) -> Result<usize, NoText> {
        let (valid, cut) = match core::str::from_utf8(&self.bytes) {
            Ok(text) => (text, false),
            Err(error) => {
                let valid = self.bytes.get(..error.valid_up_to()).unwrap_or_default();
                if error.error_len().is_some() || last {
                    self.no_utf8 = Some(self.none(valid.len(), "no UTF-8"));
                    self.encoding = Some(Encoding::Bytes);
                    return self.other();
                }
                (core::str::from_utf8(valid).unwrap_or_default(), true)
            }
        };
        debug_assert!(cut || valid.len() == self.bytes.len());
        if let Some(at) = valid.bytes().position(is_control) {
            return Err(self.none(at, CONTROL));
        }
        let used = valid.len();
        self.text.push_str(valid);
        Ok(used)
    }

    fn other(&mut self) -> Result<usize, NoText> {
        if let Some(at) = self.bytes.iter().copied().position(is_control) {
            let none = self.none(at, CONTROL);
            return Err(self.no_utf8.filter(|first| first.at < none.at).unwrap_or(none));
        }
        self.text.extend(self.bytes.iter().copied().map(char::from));
        Ok(self.bytes.len())
    }

    fn utf16(&mut self, big: bool, last: bool) -> Result<usize, NoText> {
        let (pairs, rest) = self.bytes.as_chunks::<2>();
        if last && !rest.is_empty() {
            return Err(self.none(self.bytes.len(), "half a character of UTF-16"));
        }
        let unit = |pair: &[u8; 2]| if big { u16::from_be_bytes(*pair) } else { u16::from_le_bytes(*pair) };
        // The second half of a pair may be in the next window.
        let open = pairs.last().is_some_and(|pair| (0xd800..0xdc00).contains(&unit(pair))) && !last;
        let whole = pairs.get(..pairs.len().saturating_sub(usize::from(open))).unwrap_or_default();
        let mut used = 0;
        for c in char::decode_utf16(whole.iter().map(unit)) {
            let c = c.map_err(|_| self.none(used, "no UTF-16"))?;
            if u8::try_from(c).is_ok_and(is_control) {
                return Err(self.none(used, CONTROL));
            }
            used = used.saturating_add(c.len_utf16().saturating_mul(2));
            self.text.push(c);
        }
        Ok(used)
    }

    fn none(&self, at: usize, why: &'static str) -> NoText {
        NoText { at: self.at.saturating_add(at as u64), why }
    }
}

const CONTROL: &str = "a control character";

#[cfg(test)]
mod tests {
    use alloc::string::String;
    use alloc::vec::Vec;

    use super::Decoder;

    fn decode(bytes: &[u8], window: usize) -> Result<String, u64> {
        let mut decoder = Decoder::default();
        let mut text = String::new();
        let windows: Vec<_> = bytes.chunks(window).collect();
        for (index, window) in windows.iter().enumerate() {
            text.push_str(decoder.feed(window, index + 1 == windows.len()).map_err(|none| none.at)?);
        }
        Ok(text)
    }

    #[test]
    fn a_text_is_the_same_in_any_windows() {
        let utf16: Vec<u8> = "\u{feff}a😀ö".encode_utf16().flat_map(u16::to_le_bytes).collect();
        for window in 2..9 {
            assert_eq!(decode("a😀ö\n".as_bytes(), window).as_deref(), Ok("a😀ö\n"));
            assert_eq!(decode(&utf16, window).as_deref(), Ok("\u{feff}a😀ö"));
            assert_eq!(decode(b"abc\0", window), Err(3));
            assert_eq!(decode(b"abcde\xc3", window).as_deref(), Ok("abcde\u{c3}"));
            assert_eq!(decode(b"a\xe4bc\x07", window).as_deref(), Ok("a\u{e4}bc\x07"));
            assert_eq!(decode(b"ab\xe4bcdefghijk\x01", window), Err(2));
            assert_eq!(decode(b"\xffab", window).as_deref(), Ok("\u{ff}ab"));
            assert_eq!(decode(b"\xff\xfea\0\0\xdc", window), Err(4));
            assert_eq!(decode(b"\xff\xfea\0b", window), Err(5));
        }
    }
}
