use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use super::{inert, polyglot, sentencepiece, tfevents};
use crate::foreign::Kind;
use crate::foreign::{self, Described, HEAD};
use crate::show;
use crate::step::{Next, Range};
use crate::validate::examine::{Child, Examine, Part, Scope};
use crate::validate::finding::{Class, Rule};
use crate::validate::{gguf, name, text};

/// Content of no known kind.
pub(in crate::validate) static RULE: Rule = Rule::unverified(
    "SR-FILE-UNKNOWN",
    "content of a kind that is not judged",
    "strongroom judges PyTorch files, safetensors, GGUF, pickles, numpy files, checkpoints of \
     torch.distributed.checkpoint, and zip and tar archives of them. Nothing is proven about anything \
     else. A model: ask for it in one of these. No model: leave it out with --exclude, or pass it as it \
     is today with --baseline.",
);

/// Content of another format.
pub(in crate::validate) static FORMAT: Rule = Rule::unverified(
    "SR-FILE-FORMAT",
    "a format that is known by name, and not judged",
    "Other programs open it, and nothing is proven about what they do with it. Ask for the model as \
     safetensors or a PyTorch file, which are judged; or, where you trust who made it, pass the format by \
     its name: `--accept onnx`.",
)
.about(Class::Format);

/// The rule for content of a kind that nobody here judges.
pub(in crate::validate) fn rule(kind: Kind) -> &'static Rule {
    if kind.is_format() { &FORMAT } else { &RULE }
}

/// Says what a content is that none of the readers of checkpoints takes.
#[derive(Debug)]
struct Unknown {
    asked: bool,
    /// What a reader of pickles would do with it, before it fails.
    imports: Option<String>,
}

/// The current region as content of no known kind.
pub(in crate::validate) fn child(scope: &Scope<'_>) -> Child {
    importing(None, scope)
}

/// The same, where a reader of pickles does this before it fails.
pub(in crate::validate) fn importing(imports: Option<String>, scope: &Scope<'_>) -> Child {
    Child::same(Box::new(Unknown { asked: false, imports }), scope)
}

impl Examine for Unknown {
    fn resume(&mut self, parts: Vec<Vec<u8>>, scope: &mut Scope<'_>) -> Next<Vec<Child>> {
        if !self.asked {
            self.asked = true;
            return Next::Fetch(vec![Range::new(0, scope.length.min(HEAD))]);
        }
        let head = parts.first().map_or(&[][..], Vec::as_slice);
        let Some(described) = describe(head, scope) else {
            self.unknown(head, scope);
            return Next::Done(Vec::new());
        };
        scope.kind(described.kind);
        if let Some(imports) = &self.imports {
            let message = format!("{}; a reader of pickles {imports} before it fails", described.what);
            scope.find(&RULE, &Part::whole(), 0, message);
        }
        Next::Done(judge(described, scope).into_iter().collect())
    }
}

/// What a content is by its first bytes, and a name without which these do not say enough.
fn describe(head: &[u8], scope: &Scope<'_>) -> Option<Described> {
    if polyglot::is_compressed(head) {
        return None;
    }
    if name::is_mp3(scope) && foreign::is_mp3(head) {
        return Some(foreign::MP3);
    }
    let described = foreign::describe(head, scope.length)?;
    // To who reads settings `GIF89a: 1` begins some, and `#?RADIANCE` is a comment.
    let text = || foreign::describe_text(head).filter(|_| name::is_read(scope));
    Some(if described.kind.is_media() { text().unwrap_or(described) } else { described })
}

/// Says what something is, or hands it to who can.
fn judge(described: Described, scope: &mut Scope<'_>) -> Option<Child> {
    match described.kind {
        Kind::Gguf => return Some(gguf::child(scope)),
        Kind::Text
        | Kind::Json
        | Kind::Html
        | Kind::Script
        | Kind::OpenVino
        | Kind::LfsPointer
        | Kind::AnnexPointer => return Some(text::child(described, scope)),
        Kind::SentencePiece => return Some(sentencepiece::child(described, scope)),
        Kind::TfEvents => return Some(tfevents::child(described, scope)),
        Kind::Empty => inert::report(described, scope),
        _ if described == foreign::DS_STORE => inert::report(described, scope),
        kind if kind.is_media() => inert::report(described, scope),
        kind => scope.find(rule(kind), &Part::whole(), 0, described.what),
    }
    None
}

impl Unknown {
    /// Says of bytes that nothing is known about how they start, or what their name tells: the
    /// weights of an OpenVINO model have no header.
    fn unknown(&self, head: &[u8], scope: &mut Scope<'_>) {
        // A name does not say of what joblib decompresses that it is another format.
        if polyglot::is_compressed(head) || head.starts_with(LZMA) {
            return scope.find(&RULE, &Part::whole(), 0, COMPRESSED);
        }
        if let Some(kind) = name::headless(scope).filter(|_| self.imports.is_none()) {
            scope.kind(kind);
            let message = match kind {
                Kind::Onnx => ONNX_DATA,
                Kind::SavedModel => VARIABLES,
                _ => OPENVINO,
            };
            return scope.find(&FORMAT, &Part::whole(), 0, message);
        }
        let start = head.get(..SHOWN.min(head.len())).unwrap_or_default();
        let is_text = |byte: &u8| byte.is_ascii() && !foreign::is_control(*byte);
        let end = head.iter().position(|byte| foreign::is_control(*byte));
        if let Some(at) = end.filter(|_| start.iter().all(is_text)) {
            let message = "it begins as a plain text, and is none: a control character is here";
            return scope.find(&RULE, &Part::whole(), at as u64, message);
        }
        let shown = show::bytes(start);
        scope.find(&RULE, &Part::whole(), 0, format!("nothing that is known: it starts with {shown}"));
    }
}

const OPENVINO: &str = "perhaps the weights of an OpenVINO model, whose graph is in the .xml file beside it: OpenVINO's \
                        runtime opens both; save the weights of the model it was made from as safetensors to have \
                        them judged";

const ONNX_DATA: &str = "perhaps the weights of an ONNX model, whose graph is in the .onnx file beside it; save those of the \
                         model it was made from as safetensors to have them judged";

const VARIABLES: &str = "perhaps the weights of a TensorFlow SavedModel, whose graph is in the directory above; save those \
                         of the model it was made from as safetensors to have them judged";

const COMPRESSED: &str = "a compressed stream: joblib decompresses it, and unpickles what comes out; decompress it and validate that";

/// How the old format of lzma begins.
const LZMA: &[u8] = b"]\0";

/// Bytes that are shown.
const SHOWN: usize = 16;
