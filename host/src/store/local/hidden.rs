//! The names of what is not, or no longer, a checkpoint.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use crate::sys::random::random;

/// What a hidden name stands for. It says whose it is: nothing else is ever removed.
///
/// `.NAME.TAG.strongroom-partial`: the tag is 16 hexadecimal digits, which nobody's own
/// file has in that place by accident.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A file that is being written.
    Partial,
    /// A directory that is being written.
    Stage,
    /// A directory that is being removed.
    Removed,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Partial, Self::Stage, Self::Removed];

    fn suffix(self) -> &'static str {
        match self {
            Self::Partial => "strongroom-partial",
            Self::Stage => "strongroom-staging",
            Self::Removed => "strongroom-removed",
        }
    }

    /// Which kind has this name, if one has.
    pub(super) fn of(name: &OsStr) -> Option<Self> {
        let (rest, suffix) = split_last_dot(name.as_bytes().strip_prefix(b".")?)?;
        let (own, tag) = split_last_dot(rest)?;
        let is_tag = tag.len() == TAG && tag.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let kind = Self::ALL.into_iter().find(|kind| kind.suffix().as_bytes() == suffix);
        kind.filter(|_| is_tag && !own.is_empty())
    }

    /// The hidden name beside `path` that `token` makes its own.
    pub(super) fn beside(self, path: &Path, name: &OsStr, token: &str) -> PathBuf {
        self.tagged(path, name, &digest(token.as_bytes()))
    }

    /// A hidden name beside `path` that nobody else has.
    pub(super) fn unique(self, path: &Path, name: &OsStr) -> PathBuf {
        self.tagged(path, name, &random())
    }

    fn tagged(self, path: &Path, name: &OsStr, tag: &str) -> PathBuf {
        let mut hidden = OsStr::new(".").to_os_string();
        hidden.push(shortened(name));
        hidden.push(format!(".{tag}.{}", self.suffix()));
        path.with_file_name(hidden)
    }
}

/// A name that leaves room for what is put around it, and still says whose it is: what
/// may be written has names as long as the file system allows.
fn shortened(name: &OsStr) -> OsString {
    let bytes = name.as_bytes();
    if bytes.len() <= LONGEST {
        return name.into();
    }
    let mut end = LONGEST - TAG - 1;
    // Not in the middle of a character.
    while bytes.get(end).is_some_and(|byte| byte & 0xC0 == 0x80) && end > LONGEST - TAG - 5 {
        end -= 1;
    }
    let mut short = bytes.get(..end).unwrap_or_default().to_vec();
    short.push(b'~');
    short.extend(digest(bytes).bytes());
    OsString::from_vec(short)
}

/// FNV-1a, which is the same in all processes of a save, of whatever build.
fn digest(bytes: &[u8]) -> String {
    let mix = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01B3);
    format!("{:016x}", bytes.iter().fold(0xCBF2_9CE4_8422_2325, mix))
}

fn split_last_dot(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let dot = bytes.iter().rposition(|byte| *byte == b'.')?;
    Some((bytes.get(..dot)?, bytes.get(dot + 1..)?))
}

/// Bytes of a name that are kept. With what is around them they are fewer than any file
/// system in use allows: 143 on eCryptfs, 255 on most.
const LONGEST: usize = 96;

/// Hexadecimal digits of a tag.
const TAG: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_what_it_is_of() {
        for kind in Kind::ALL {
            for path in [kind.unique(Path::new("run/step-1.a"), OsStr::new("step-1.a")), {
                kind.beside(Path::new("run/step-1.a"), OsStr::new("step-1.a"), "session-0")
            }] {
                assert!(path.starts_with("run"));
                let name = path.file_name().unwrap();
                assert!(name.to_str().unwrap().starts_with(".step-1.a."), "{name:?}");
                assert_eq!(Kind::of(name), Some(kind));
            }
        }
        let others = [
            "step-1",
            ".step-1",
            ".model.partial",
            "strongroom-partial",
            ".strongroom-partial",
            ".x.strongroom-staging",
            ".x.y.strongroom-staging",
            ".0123456789abcdef.strongroom-staging",
            "..0123456789abcdef.strongroom-staging",
            "x.0123456789abcdef.strongroom-staging",
            ".x.0123456789ABCDEF.strongroom-staging",
        ];
        for other in others {
            assert_eq!(Kind::of(OsStr::new(other)), None, "{other}");
        }
    }

    #[test]
    fn hidden_names_fit_wherever_the_names_do() {
        for letter in ["n", "é", "重", "🔒"] {
            let name = letter.repeat(252 / letter.len()) + ".pt";
            let path = Path::new("run").join(&name);
            for kind in Kind::ALL {
                let hidden =
                    kind.beside(&path, OsStr::new(&name), "a-rather-long-session-of-somebody-0123456");
                let hidden = hidden.file_name().unwrap();
                assert!(hidden.len() <= 143, "{hidden:?}");
                assert!(hidden.to_str().unwrap().contains(&letter.repeat(10)), "{hidden:?}");
                assert_eq!(Kind::of(hidden), Some(kind));
            }
        }
        // Bytes that are no text at all.
        let name = OsStr::from_bytes(&[0x80; 255]);
        assert_eq!(
            Kind::of(Kind::Partial.unique(Path::new("x"), name).file_name().unwrap()),
            Some(Kind::Partial)
        );
    }

    #[test]
    fn long_names_with_a_common_beginning_are_told_apart() {
        let hidden = |end: &str| {
            let name = "n".repeat(200) + end;
            Kind::Stage.beside(Path::new(&name), OsStr::new(&name), "token")
        };
        assert_ne!(hidden("1"), hidden("2"));
    }
}
