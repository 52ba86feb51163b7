//! What texts are, by how they begin.

use alloc::borrow::Cow;
use alloc::string::String;

use super::Described;
use crate::foreign::Kind;

/// What a text is by its first bytes, if they are of one.
pub(crate) fn describe(head: &[u8]) -> Option<Described> {
    told(&decode(head)?)
}

/// The same of bytes in an older encoding, in which ASCII is as it is.
pub(super) fn describe_bytes(head: &[u8]) -> Option<Described> {
    let text: String = head.iter().copied().map(char::from).collect();
    head.iter().any(u8::is_ascii).then(|| told(&text))?
}

fn told(valid: &str) -> Option<Described> {
    if valid.bytes().any(is_control) {
        return None;
    }
    let start = valid.trim_start_matches('\u{feff}').trim_start();
    let begins = |prefix: &str| start.get(..prefix.len()).is_some_and(|s| s.eq_ignore_ascii_case(prefix));
    let any = |prefixes: &[&str]| prefixes.iter().any(|prefix| begins(prefix));
    let has = |part: &str| start.contains(part);
    Some(if any(LFS) {
        Described::new(
            Kind::LfsPointer,
            "a Git LFS pointer: the file itself was not downloaded, and `git lfs pull` brings it",
        )
    } else if is_annex(start) {
        Described::new(
            Kind::AnnexPointer,
            "a git-annex pointer: the file itself was not downloaded, and `git annex get` brings it",
        )
    } else if begins("#!") {
        Described::new(Kind::Script, "a script, which is a program")
    } else if any(HTML) {
        Described::new(
            Kind::Html,
            "an HTML page, perhaps an error of the server it was downloaded from: download it again",
        )
    } else if (begins("<?xml") || begins("<Error")) && has("<Error") && has("<Code>") {
        Described::new(
            Kind::Text,
            "an error of the server it was downloaded from (XML): see what it says, and download it again",
        )
    } else if begins("<?xml") && has("<net ") && has("<layers") {
        OPENVINO
    } else if begins("<?xml") || begins("<svg") {
        Described::new(Kind::Text, "an XML text")
    } else if begins("{") && has("\"weight_map\"") {
        Described::new(Kind::Json, "a JSON text: the index of a checkpoint in several files, which it names")
    } else if begins("{") && has("\"head_crc32\"") {
        Described::new(
            Kind::Json,
            "a JSON text: the commit record of a checkpoint directory; open the directory that it is in",
        )
    } else if begins("{") && has("\"structure_crc32\"") {
        Described::new(
            Kind::Json,
            "a JSON text: the record of a rank's file in a checkpoint directory; open that file, or the directory",
        )
    } else if begins("{") && ERRORS.iter().any(|key| has(key)) && !has("\"model_type\"") {
        Described::new(
            Kind::Json,
            "a JSON text, perhaps an error of the server it was downloaded from: see what it says",
        )
    } else if begins("{") || begins("[") {
        Described::new(Kind::Json, "a JSON text")
    } else if any(ANSWERS) {
        Described::new(
            Kind::Text,
            "an error of the server it was downloaded from: see what it says, and download it again",
        )
    } else {
        Described::new(Kind::Text, "a plain text")
    })
}

/// Whether a text is a pointer of git-annex: a file of its own, or the path of a link, alone.
fn is_annex(start: &str) -> bool {
    let line = start.trim_end();
    let is_path = || line.contains(".git/annex/objects/") && !line.contains(char::is_whitespace);
    start.starts_with("/annex/objects/") || is_path()
}

/// The text that first bytes are: in UTF-8, or in UTF-16 where they say so.
fn decode(head: &[u8]) -> Option<Cow<'_, str>> {
    if let [0xff, 0xfe, rest @ ..] | [0xfe, 0xff, rest @ ..] = head {
        let (pairs, _) = rest.as_chunks::<2>();
        let big = head.starts_with(&[0xfe]);
        let unit = |pair: &[u8; 2]| if big { u16::from_be_bytes(*pair) } else { u16::from_le_bytes(*pair) };
        let text: String = char::decode_utf16(pairs.iter().map(unit))
            .map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER))
            .collect();
        return Some(Cow::Owned(text));
    }
    match core::str::from_utf8(head) {
        Ok(text) => Some(Cow::Borrowed(text)),
        // The end may be in the middle of a character.
        Err(error) if error.error_len().is_none() => {
            let text = head.get(..error.valid_up_to()).and_then(|head| core::str::from_utf8(head).ok())?;
            Some(Cow::Borrowed(text))
        }
        Err(_) => None,
    }
}

/// Whether a byte is of a control character that no text has: others begin a line, a page or a
/// colour, ring or step back, or are in vocabularies.
pub(crate) fn is_control(byte: u8) -> bool {
    matches!(byte, 0..=6 | 0x0e..=0x1a | 0x1c..=0x1f)
}

/// A graph of OpenVINO, which may begin with more than is looked at here.
pub(crate) const OPENVINO: Described = Described::new(
    Kind::OpenVino,
    "an OpenVINO model, a graph whose weights are in the .bin file beside it: OpenVINO's runtime opens both; \
     save the weights of the model it was made from as safetensors to have them judged",
);

/// How pointers begin that stand for a large file in a repository, old ones among them.
const LFS: &[&str] = &[
    "version https://git-lfs",
    "version https://hawser.github.com/",
    "version http://git-media.io/",
    "# git-media",
];

/// How pages begin.
const HTML: &[&str] = &["<!doctype html", "<html", "<head", "<body", "<title", "<meta ", "<script", "<!--"];

impl Described {
    /// Whether it is a page or an answer of a server, instead of what was asked for.
    pub(crate) fn is_answer(self) -> bool {
        self.kind == Kind::Html || self.what.contains(SERVER)
    }
}

/// How descriptions tell of one.
const SERVER: &str = "of the server it was downloaded from";

/// Keys that servers give their errors in, as JSON.
const ERRORS: [&str; 5] = ["\"error\"", "\"errors\"", "\"error_description\"", "\"message\"", "\"detail\""];

/// What hubs and servers answer instead of a file.
const ANSWERS: &[&str] = &[
    "entry not found",
    "repository not found",
    "revision not found",
    "invalid username or password",
    "invalid credentials",
    "access to model ",
    "access to dataset ",
    "unauthorized",
    "forbidden",
    "not found",
    "file not found",
    "404",
    "403 forbidden",
    "401 unauthorized",
    "internal server error",
    "service unavailable",
    "bad gateway",
    "too many requests",
    "rate limit exceeded",
    "no such key",
];
