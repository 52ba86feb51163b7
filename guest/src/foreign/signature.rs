//! Formats that are told apart but not judged.

use super::{Described, crc32c, is_text, media, text};
use crate::foreign::Kind;

/// How a format is told by its first bytes.
struct Signature {
    /// Where the bytes are.
    at: usize,
    bytes: &'static [u8],
    what: Described,
}

/// Where an HDF5 file of so many bytes may begin: behind a block of its user's, of 512 bytes or
/// a power of two more.
pub(crate) fn hdf5_places(length: u64) -> impl Iterator<Item = u64> {
    let last = length.saturating_sub(HDF5_START.len() as u64);
    core::iter::once(0).chain((9..64).map(|power| 1u64 << power)).take_while(move |at| *at <= last)
}

fn is_hdf5(head: &[u8]) -> bool {
    let rest = |at: u64| usize::try_from(at).ok().and_then(|at| head.get(at..));
    hdf5_places(head.len() as u64).any(|at| rest(at).is_some_and(|rest| rest.starts_with(HDF5_START)))
}

/// How an HDF5 file begins.
pub(crate) const HDF5_START: &[u8] = b"\x89HDF\r\n\x1a\n";

/// Frames of zstd that are skipped, and may come before all others.
fn is_skippable(head: &[u8]) -> bool {
    matches!(head, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..])
}

/// What bytes of another format are, if the first of them say so clearly: no
/// pickle writer starts like this.
pub(crate) fn strong(head: &[u8], length: u64) -> Option<Described> {
    let matches = |signature: &&Signature| {
        let starts = head.get(signature.at..).is_some_and(|rest| rest.starts_with(signature.bytes));
        starts && !(signature.what.kind == Kind::Gguf && is_word(head))
    };
    let table = || SIGNATURES.iter().find(matches).map(|signature| signature.what);
    let others = || {
        if is_hdf5(head) { Some(HDF5) } else { is_skippable(head).then_some(ZSTD) }
    };
    let folder = || media::is_ds_store(head).then_some(media::DS_STORE);
    program(head, length)
        .or_else(others)
        .or_else(folder)
        .or_else(table)
        .or_else(|| media::describe(head, length))
}

/// Whether a text begins with the word GGUF: no reader of that takes letters for a version.
fn is_word(head: &[u8]) -> bool {
    head.get(4..8).is_some_and(|version| version.iter().all(|byte| is_text(*byte)))
}

/// What bytes are that no reader of ours knows, as far as can be told.
pub(crate) fn describe(head: &[u8], length: u64) -> Option<Described> {
    if head.is_empty() {
        return Some(Described::new(Kind::Empty, "there are no bytes: the file is empty"));
    }
    if head.starts_with(b"PK\x05\x06") {
        return Some(Described::new(Kind::Zip, "a zip archive of nothing"));
    }
    if head.starts_with(NPY) {
        return Some(Described::new(Kind::Npy, "a numpy array (.npy): `numpy.load` reads it"));
    }
    if head.iter().all(|byte| *byte == 0) {
        return Some(Described::new(
            Kind::Unknown,
            "nothing but zeros at the start: the file was cut or never written",
        ));
    }
    strong(head, length)
        .or_else(|| protobuf(head))
        .or_else(|| text::describe(head))
        .or_else(|| weak(head))
        .or_else(|| text::describe_bytes(head))
}

/// A protocol buffer: ir_version, then the next field; a SavedModel starts the same.
fn protobuf(head: &[u8]) -> Option<Described> {
    matches!(head, [8, 1..=16, 0x12 | 0x1a | 0x3a, ..]).then_some(PROTOBUF)
}

/// What first bytes tell less surely.
fn weak(head: &[u8]) -> Option<Described> {
    match head {
        // A map whose first key is a text: what flax writes.
        [0x81..=0x8f, 0xa1..=0xbf, letter, ..] | [0xde, _, _, 0xa1..=0xbf, letter, ..]
            if letter.is_ascii_alphanumeric() || *letter == b'_' =>
        {
            Some(MSGPACK)
        }
        // A first record that is TensorBoard's: when, and of which version.
        [_, 0, 0, 0, 0, 0, 0, 0, ..] if is_events(head) => Some(EVENTS),
        // SentencePiece: a piece, and in it the text.
        [10, _, 10, _, ..] => Some(SENTENCEPIECE),
        _ => None,
    }
}

/// Whether a first record says that events follow.
fn is_events(head: &[u8]) -> bool {
    let length = head.first_chunk().and_then(crc32c::record).and_then(|length| usize::try_from(length).ok());
    let record = length.and_then(|length| head.get(12..)?.get(..length));
    record.is_some_and(|record| record.windows(VERSION.len()).any(|bytes| bytes == VERSION))
}

/// A program for Windows: the old header, and where the new one is.
fn program(head: &[u8], length: u64) -> Option<Described> {
    let at = head.get(0x3c..)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))?;
    let new = head.get(usize::try_from(at).ok()?..).map(|rest| rest.starts_with(b"PE\0\0"));
    // The new header may lie behind what was read.
    let fits = new.filter(|_| u64::from(at) < head.len() as u64).unwrap_or(u64::from(at) < length);
    (head.starts_with(b"MZ") && at >= 0x40 && fits)
        .then_some(Described::new(Kind::Program, "a Windows program (PE)"))
}

/// How numpy's files start.
pub(crate) const NPY: &[u8] = b"\x93NUMPY";

const HDF5: Described = Described::new(
    Kind::Hdf5,
    "an HDF5 file, as Keras writes it: `h5py.File` opens it; it may hold programs (Lambda layers), and save the \
     weights as safetensors to have them judged",
);
const ZSTD: Described =
    Described::new(Kind::Archive, "a zstd archive: unpack it and validate what is inside");
const GGUF: &str = "a GGUF file: llama.cpp and the Python package `gguf` read it; the model it was made from mostly has \
                    safetensors or PyTorch files";
const PROTOBUF: Described = Described::new(
    Kind::Protobuf,
    "an ONNX model (`onnx.load` opens it), a TensorFlow SavedModel (`tf.saved_model.load` opens \
     its directory), a Core ML model or another protocol buffer: graphs are programs, and the weights can be \
     saved as safetensors",
);
const MSGPACK: Described = Described::new(
    Kind::Msgpack,
    "perhaps a MessagePack file, as flax writes it: `flax.serialization.msgpack_restore` reads it; save the weights \
     as safetensors to have them judged",
);
const EVENTS: Described =
    Described::new(Kind::TfEvents, "an event file of TensorBoard, what training has told of its progress");
const VERSION: &[u8] = b"brain.Event:";
const SENTENCEPIECE: Described = Described::new(
    Kind::SentencePiece,
    "perhaps a SentencePiece model: the package `sentencepiece` reads it",
);

macro_rules! signatures {
    ($($at:literal $bytes:literal $kind:ident $what:expr;)*) => {
        &[$(Signature { at: $at, bytes: $bytes, what: Described::new(Kind::$kind, $what) }),*]
    };
}

/// From the formats' documents.
const SIGNATURES: &[Signature] = signatures! {
    0 b"\x1f\x8b\x08" Archive "a gzip archive: unpack it and validate what is inside";
    4 b"1AY&SY" Archive "a bzip2 archive: unpack it and validate what is inside";
    0 b"\xfd7zXZ\0" Archive "an xz archive: unpack it and validate what is inside";
    0 b"\x28\xb5\x2f\xfd" Archive "a zstd archive: unpack it and validate what is inside";
    0 b"\x04\x22\x4d\x18" Archive "an lz4 archive: unpack it and validate what is inside";
    0 b"7z\xbc\xaf\x27\x1c" Archive "a 7z archive: unpack it and validate what is inside";
    0 b"Rar!\x1a\x07" Archive "a rar archive: unpack it and validate what is inside";
    0 b"GGUF" Gguf GGUF;
    0 b"lmgg" Ggml "a GGML file: old versions of llama.cpp read it";
    0 b"fmgg" Ggml "a GGML file: old versions of llama.cpp read it";
    0 b"tjgg" Ggml "a GGML file: old versions of llama.cpp read it";
    0 b"algg" Ggml "a GGML adapter: old versions of llama.cpp read it";
    4 b"\x17\x72\x45\x38\x50\x90" Archive "a bzip2 archive: unpack it and validate what is inside";
    4 b"PTMF" TorchMobile "a PyTorch Mobile model, which is a program: `torch.jit.load` opens it";
    4 b"ORTM" OnnxRuntime "an ONNX Runtime model: its own runtime opens it";
    4 b"TFL3" TfLite "a TFLite model, which is a program: `tf.lite.Interpreter` opens it";
    4 b"ET12" ExecuTorch "an ExecuTorch program: its own runtime opens it";
    0 b"\x7fELF" Program "a Linux program or library (ELF)";
    0 b"\xcf\xfa\xed\xfe" Program "a macOS program or library (Mach-O)";
    0 b"\xce\xfa\xed\xfe" Program "a macOS program or library (Mach-O)";
    0 b"\xca\xfe\xba\xbe" Program "a macOS program (universal Mach-O) or a Java class";
    0 b"#!/" Script "a script, which is a program";
    0 b"%PDF-" Pdf "a PDF document";
    0 b"PAR1" Parquet "a Parquet file";
    0 b"ARROW1\0\0" Arrow "an Arrow file";
    0 b"MSCF\0\0\0\0" Archive "a Windows cabinet: unpack it and validate what is inside";
    0 b"SQLite format 3\0" Sqlite "an SQLite database";
    0 b"ftrt" TensorRt "a TensorRT plan, a program for one graphics card: its own runtime opens it";
    0 b"\0asm" Program "a WebAssembly program";
};
