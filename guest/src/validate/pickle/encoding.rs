use super::run::Dialect;
use crate::pickle::Trace;
use crate::validate::examine::{Part, Scope};
use crate::validate::finding::Rule;
use crate::validate::level::Level;

/// A text whose encoding its reader must be told.
pub(super) static RULE: Rule = Rule::malformed(
    "SR-PICKLE-ENCODING",
    "a string of Python 2 that is not ASCII",
    "pickle.load takes such strings for ASCII and fails, unless it is told an encoding; with \
     another one it sees other texts. torch.load takes them for UTF-8.",
);

/// A text that no reader takes without being told its encoding.
pub(super) static BYTES: Rule = Rule::malformed(
    "SR-PICKLE-BYTES",
    "a string of Python 2 that is not UTF-8",
    "Python 2 wrote texts and bytes alike, in the encoding of its machine. torch.load and \
     pickle.load refuse this one unless they are told an encoding, and with another one see \
     another text. If you know who wrote it, load it once with the encoding, most often \
     `torch.load(FILE, encoding=\"latin1\")`, and save it anew.",
);

/// The same where torch.save of Python 2 wrote it.
pub(super) static LEGACY: Rule = Rule::warning(
    "SR-LEGACY-ENCODING",
    "a string that torch.save of Python 2 wrote, and that is not UTF-8",
    "Python 2 wrote texts and bytes alike, in the encoding of its machine. The file is data, and \
     torch.load takes it once it is told the encoding, most often \
     `torch.load(FILE, encoding=\"latin1\")`; without, it fails. Here such strings are bytes.",
)
.at(Level::NoCode);

/// Reports the first string that is not UTF-8, and the first that is more than ASCII in a
/// pickle that torch does not load.
pub(super) fn check(trace: &Trace, dialect: Dialect, part: &Part, scope: &mut Scope<'_>) {
    if let Some(offset) = trace.python2_bytes {
        let rule = if dialect == Dialect::Legacy { &LEGACY } else { &BYTES };
        scope.find(rule, part, offset, "a string whose encoding the file does not say");
    }
    if let (Dialect::Plain, Some(offset)) = (dialect, trace.python2_text) {
        scope.find(&RULE, part, offset, "a string that is UTF-8, and not ASCII");
    }
}
