//! Pictures, sounds and fonts: no reader of models opens them.

use super::Described;
use crate::foreign::Kind;

/// What the first bytes are of, of a file of `length`. What could as well be the start of anything
/// else is not among them.
pub(super) fn describe(head: &[u8], length: u64) -> Option<Described> {
    let (kind, what) = match head {
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => (Kind::Image, "a PNG image"),
        [0xff, 0xd8, 0xff, 0xc0..=0xfe, ..] => (Kind::Image, "a JPEG image"),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => (Kind::Image, "a GIF image"),
        [b'R', b'I', b'F', b'F', _, _, _, _, form @ ..] => riff(form)?,
        [b'B', b'M', rest @ ..] if is_bmp(rest, length) => (Kind::Image, "a BMP image"),
        [b'I', b'I', b'*' | b'+', 0, ..] | [b'M', b'M', 0, b'*' | b'+', ..] if is_tiff(head, length) => {
            (Kind::Image, "a TIFF image")
        }
        [0, 0, 1, 0, 1..=64, 0, ..] if is_icon(head, length) => (Kind::Image, "an icon"),
        [_, _, _, _, b'f', b't', b'y', b'p', brand @ ..] => brand_of(brand),
        [b'P', b'1'..=b'6', rest @ ..] if is_netpbm(rest) => (Kind::Image, "a PPM, PGM or PBM image"),
        [b'v', b'/', b'1', 1, 2, ..] => (Kind::Image, "an OpenEXR image"),
        _ if [&b"#?RADIANCE\n"[..], b"#?RGBE\n"].iter().any(|start| head.starts_with(start)) => {
            (Kind::Image, "a Radiance image")
        }
        [0, 0, 0, 12, b'j', b'P', b' ', b' ', b'\r', b'\n', 0x87, b'\n', ..]
        | [0xff, 0x4f, 0xff, 0x51, 0, ..] => (Kind::Image, "a JPEG 2000 image"),
        [b'O', b'g', b'g', b'S', 0, ..] => (Kind::Audio, "an Ogg sound or video"),
        [b'f', b'L', b'a', b'C', 0 | 0x80, ..] => (Kind::Audio, "a FLAC sound"),
        [b'I', b'D', b'3', 2..=4, 0, ..] => (Kind::Audio, "an MP3 sound"),
        [0x1a, 0x45, 0xdf, 0xa3, ..] => (Kind::Video, "a Matroska or WebM video"),
        [b'w', b'O', b'F', b'F' | b'2', 0, 1, 0, 0, ..]
        | [b'w', b'O', b'F', b'F' | b'2', b'O', b'T', b'T', b'O', ..] => (Kind::Font, "a web font"),
        [b'O', b'T', b'T', b'O', 0, ..] => (Kind::Font, "an OpenType font"),
        [0, 1, 0, 0, 0, 4..=64, ..] if length > 64 => (Kind::Font, "a TrueType font"),
        _ => return None,
    };
    Some(Described::new(kind, what))
}

fn riff(form: &[u8]) -> Option<(Kind, &'static str)> {
    match form.first_chunk()? {
        b"WEBP" => Some((Kind::Image, "a WebP image")),
        b"WAVE" => Some((Kind::Audio, "a WAV sound")),
        b"AVI " => Some((Kind::Video, "an AVI video")),
        _ => None,
    }
}

/// The container of ISO's media files.
fn brand_of(brand: &[u8]) -> (Kind, &'static str) {
    match brand.first_chunk() {
        Some(b"avif" | b"heic" | b"heix" | b"mif1" | b"msf1") => (Kind::Image, "an AVIF or HEIC image"),
        Some(b"M4A " | b"M4B ") => (Kind::Audio, "an MPEG-4 sound"),
        _ => (Kind::Video, "an MPEG-4 or QuickTime video"),
    }
}

/// Whether a bitmap says how long its file is, and has one of the headers there are.
fn is_bmp(rest: &[u8], length: u64) -> bool {
    let number = |at: usize| rest.get(at..)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes));
    number(0).map(u64::from) == Some(length)
        && number(4) == Some(0)
        && matches!(number(12), Some(12 | 16 | 40 | 52 | 56 | 64 | 108 | 124))
}

/// Whether a picture of Netpbm goes on as one: blanks, comments, and the first of its sizes.
fn is_netpbm(rest: &[u8]) -> bool {
    let mut rest = rest;
    loop {
        let trimmed = rest.trim_ascii_start();
        if trimmed.len() == rest.len() {
            return false;
        }
        match trimmed {
            [b'#', comment @ ..] => {
                let end = comment.iter().position(|byte| *byte == b'\n');
                rest = end.and_then(|end| comment.get(end..)).unwrap_or_default();
            }
            [first, ..] => return first.is_ascii_digit(),
            [] => return false,
        }
    }
}

/// Whether the first bytes are of a frame of MPEG's third layer. They could as well be of anything else: the
/// name has to say so, too.
pub(crate) fn is_mp3(head: &[u8]) -> bool {
    matches!(head, [0xff, 0xe2 | 0xe3 | 0xf2 | 0xf3 | 0xfa | 0xfb, rates, ..]
        if !matches!(rates >> 4, 0 | 15) && rates >> 2 & 3 != 3)
}

/// A sound that is told by its name and its first bytes.
pub(crate) const MP3: Described = Described::new(Kind::Audio, "an MP3 sound");

/// Whether the first image of an icon lies behind the directory, in the file.
fn is_icon(head: &[u8], length: u64) -> bool {
    let number = |at: usize| head.get(at..)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes));
    let count = head.get(4).map_or(0, |count| u64::from(*count));
    let end = number(14).zip(number(18)).map(|(size, at)| (u64::from(at), u64::from(at) + u64::from(size)));
    end.is_some_and(|(at, end)| at >= 6 + 16 * count && end <= length)
}

/// Whether the directory of a TIFF image lies in the file: the offset of it comes next, or behind the
/// size of offsets (BigTIFF).
fn is_tiff(head: &[u8], length: u64) -> bool {
    let is_little = head.first() == Some(&b'I');
    let four = || head.get(4..)?.first_chunk().copied();
    let eight = || head.get(8..)?.first_chunk().copied();
    let is_big = head.get(2..4).is_some_and(|magic| magic.contains(&b'+'));
    let at = if is_big {
        eight().map(|bytes| if is_little { u64::from_le_bytes(bytes) } else { u64::from_be_bytes(bytes) })
    } else {
        four().map(|bytes| {
            u64::from(if is_little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) })
        })
    };
    at.is_some_and(|at| at >= 8 && at < length)
}

/// What macOS keeps of how it shows a directory.
pub(crate) const DS_STORE: Described =
    Described::new(Kind::Unknown, "what macOS keeps of a directory (.DS_Store)");

/// Whether it is that.
pub(super) fn is_ds_store(head: &[u8]) -> bool {
    head.starts_with(b"\0\0\0\x01Bud1")
}
