//! Formats that are told apart but not judged.

/// How a format is told by its first bytes.
struct Signature {
    /// Where the bytes are.
    at: usize,
    bytes: &'static [u8],
    /// What it is, with its article, and what can be done.
    what: &'static str,
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
pub(crate) fn strong(head: &[u8], length: u64) -> Option<&'static str> {
    let matches = |signature: &&Signature| {
        head.get(signature.at..).is_some_and(|rest| rest.starts_with(signature.bytes))
    };
    let table = || SIGNATURES.iter().find(matches).map(|signature| signature.what);
    let others = || {
        if is_hdf5(head) { Some(HDF5) } else { is_skippable(head).then_some(ZSTD) }
    };
    program(head, length).or_else(others).or_else(table)
}

/// What bytes are that no reader of ours knows, as far as can be told.
pub(crate) fn describe(head: &[u8], length: u64) -> Option<&'static str> {
    if head.is_empty() {
        return Some("there are no bytes: the file is empty");
    }
    if head.starts_with(b"PK\x05\x06") {
        return Some("a zip archive of nothing");
    }
    if head.starts_with(NPY) {
        return Some("a numpy array (.npy): `numpy.load` reads it");
    }
    if head.iter().all(|byte| *byte == 0) {
        return Some("nothing but zeros at the start: the file was cut or never written");
    }
    strong(head, length).or_else(|| {
        // ir_version, then the next field; a SavedModel starts the same.
        let protobuf = matches!(head, [8, 1..=16, 0x12 | 0x1a | 0x3a, ..]);
        if protobuf {
            Some(
                "an ONNX model (`onnx.load` opens it), a TensorFlow SavedModel (`tf.saved_model.load` opens \
                 its directory) or another protocol buffer",
            )
        } else {
            text(head)
        }
    })
}

/// A program for Windows: the old header, and where the new one is.
fn program(head: &[u8], length: u64) -> Option<&'static str> {
    let at = head.get(0x3c..)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))?;
    let new = head.get(usize::try_from(at).ok()?..).map(|rest| rest.starts_with(b"PE\0\0"));
    // The new header may lie behind what was read.
    let fits = new.filter(|_| u64::from(at) < head.len() as u64).unwrap_or(u64::from(at) < length);
    (head.starts_with(b"MZ") && at >= 0x40 && fits).then_some("a Windows program (PE)")
}

fn text(head: &[u8]) -> Option<&'static str> {
    let valid = match core::str::from_utf8(head) {
        Ok(text) => text,
        // The end may be in the middle of a character.
        Err(error) if error.error_len().is_none() => {
            head.get(..error.valid_up_to()).and_then(|head| core::str::from_utf8(head).ok())?
        }
        Err(_) => return None,
    };
    if valid.chars().any(|c| c.is_control() && !c.is_whitespace()) {
        return None;
    }
    let start = valid.trim_start_matches('\u{feff}').trim_start();
    let begins = |prefix: &str| start.get(..prefix.len()).is_some_and(|s| s.eq_ignore_ascii_case(prefix));
    let any = |prefixes: &[&str]| prefixes.iter().any(|prefix| begins(prefix));
    let has = |part: &str| start.contains(part);
    Some(if any(LFS) {
        "a Git LFS pointer: the file itself was not downloaded, and `git lfs pull` brings it"
    } else if begins("/annex/objects/") || has(".git/annex/objects/") {
        "a git-annex pointer: the file itself was not downloaded, and `git annex get` brings it"
    } else if begins("#!") {
        "a script, which is a program"
    } else if any(HTML) {
        "an HTML page, perhaps an error of the server it was downloaded from: download it again"
    } else if (begins("<?xml") || begins("<Error")) && has("<Error") && has("<Code>") {
        "an error of the server it was downloaded from (XML): see what it says, and download it again"
    } else if begins("<?xml") {
        "an XML text"
    } else if begins("{") && has("\"weight_map\"") {
        "a JSON text: the index of a checkpoint in several files, which it names"
    } else if begins("{") && has("\"head_crc32\"") {
        "a JSON text: the commit record of a checkpoint directory; open the directory that it is in"
    } else if begins("{") && has("\"structure_crc32\"") {
        "a JSON text: the record of a rank's file in a checkpoint directory; open that file, or the directory"
    } else if begins("{") && ERRORS.iter().any(|key| has(key)) && !has("\"model_type\"") {
        "a JSON text, perhaps an error of the server it was downloaded from: see what it says"
    } else if begins("{") || begins("[") {
        "a JSON text"
    } else if any(ANSWERS) {
        "an error of the server it was downloaded from: see what it says, and download it again"
    } else {
        "a plain text"
    })
}

/// How pointers begin that stand for a large file in a repository, old ones among them.
const LFS: &[&str] = &[
    "version https://git-lfs",
    "version https://hawser.github.com/",
    "version http://git-media.io/",
    "# git-media",
];

/// How pages begin.
const HTML: &[&str] = &["<!doctype html", "<html", "<head", "<body", "<title", "<meta ", "<script", "<!--"];

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

/// How numpy's files start.
pub(crate) const NPY: &[u8] = b"\x93NUMPY";

const HDF5: &str =
    "an HDF5 file, as Keras writes it: `h5py.File` opens it; it may hold programs (Lambda layers)";
const ZSTD: &str = "a zstd archive: unpack it and validate what is inside";
const GGUF: &str = "a GGUF file: llama.cpp and the Python package `gguf` read it; the model it was made from mostly has \
                    safetensors or PyTorch files";
const GGML: &str = "a GGML file: old versions of llama.cpp read it";

macro_rules! signatures {
    ($($at:literal $bytes:literal $what:expr;)*) => {
        &[$(Signature { at: $at, bytes: $bytes, what: $what }),*]
    };
}

/// From the formats' documents.
const SIGNATURES: &[Signature] = signatures! {
    0 b"\x1f\x8b\x08" "a gzip archive: unpack it and validate what is inside";
    4 b"1AY&SY" "a bzip2 archive: unpack it and validate what is inside";
    0 b"\xfd7zXZ\0" "an xz archive: unpack it and validate what is inside";
    0 b"\x28\xb5\x2f\xfd" ZSTD;
    0 b"\x04\x22\x4d\x18" "an lz4 archive: unpack it and validate what is inside";
    0 b"7z\xbc\xaf\x27\x1c" "a 7z archive: unpack it and validate what is inside";
    0 b"Rar!\x1a\x07" "a rar archive: unpack it and validate what is inside";
    0 b"GGUF" GGUF;
    0 b"lmgg" GGML;
    0 b"fmgg" GGML;
    0 b"tjgg" GGML;
    0 b"algg" "a GGML adapter: old versions of llama.cpp read it";
    4 b"\x17\x72\x45\x38\x50\x90" "a bzip2 archive: unpack it and validate what is inside";
    4 b"PTMF" "a PyTorch Mobile model, which is a program: `torch.jit.load` opens it";
    4 b"ORTM" "an ONNX Runtime model: its own runtime opens it";
    4 b"TFL3" "a TFLite model, which is a program: `tf.lite.Interpreter` opens it";
    4 b"ET12" "an ExecuTorch program: its own runtime opens it";
    0 b"\x7fELF" "a Linux program or library (ELF)";
    0 b"\xcf\xfa\xed\xfe" "a macOS program or library (Mach-O)";
    0 b"\xce\xfa\xed\xfe" "a macOS program or library (Mach-O)";
    0 b"\xca\xfe\xba\xbe" "a macOS program (universal Mach-O) or a Java class";
    0 b"#!/" "a script, which is a program";
    0 b"%PDF-" "a PDF document";
    0 b"PAR1" "a Parquet file";
    0 b"ARROW1\0\0" "an Arrow file";
    0 b"MSCF\0\0\0\0" "a Windows cabinet: unpack it and validate what is inside";
    0 b"\x89PNG\r\n\x1a\n" "a PNG image";
    0 b"SQLite format 3\0" "an SQLite database";
    0 b"\0asm" "a WebAssembly program";
};
