//! What a file's name says. Bytes are judged whatever they are called: a name decides only on what
//! it means that they are no model.

use super::examine::Scope;
use crate::foreign::Kind;

/// What somebody who sees a name will do with the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Named {
    /// Load a model from it.
    Model,
    /// Load a tokenizer from it: a model of SentencePiece, or a text of tiktoken's.
    Tokenizer,
    /// Wait for it: it is being downloaded.
    Partial,
    /// Run it.
    Source(&'static str),
    /// Render prompts with it.
    Template,
    /// Read settings from it.
    Settings,
    /// Read it.
    Prose,
    /// Nobody knows.
    Other,
}

impl Named {
    /// Of the current region: the file, or a member of an archive by its name in that.
    pub(super) fn of(scope: &Scope<'_>) -> Self {
        Self::new(scope.name())
    }

    /// Of a name. Its last ending says what it is for, where that is known; else any ending of a model's
    /// does, as in `model.pt.gz`, `pytorch_model.bin.1` and `model.ckpt-1000.data-00000-of-00001`.
    pub(super) fn new(name: &str) -> Self {
        let file = name.rsplit(['/', '\\']).next().unwrap_or(name).trim_end_matches('~');
        let is_any = |names: &[&str]| names.iter().any(|known| file.eq_ignore_ascii_case(known));
        if is_any(WHOLE) || is_rank_metadata(file) {
            return Self::Model;
        }
        let last = file.rsplit_once('.').map(|(_, last)| last);
        // vLLM and llama.cpp take a template by any name: these are what people call theirs.
        let is_settings =
            last.is_some_and(|last| SETTINGS.iter().any(|known| last.eq_ignore_ascii_case(known)));
        if !is_settings && is_template(file) {
            return Self::Template;
        }
        let Some(last) = last else { return Self::Other };
        let mut endings = file.split('.').skip(1);
        Self::known(last).unwrap_or_else(|| {
            if last.eq_ignore_ascii_case("model") {
                Self::Tokenizer
            } else if endings.any(is_model) {
                Self::Model
            } else {
                Self::Other
            }
        })
    }

    /// Of an ending.
    fn known(ending: &str) -> Option<Self> {
        let is = |known: &&str| ending.eq_ignore_ascii_case(known);
        let lists = [(PARTIAL, Self::Partial), (TEMPLATES, Self::Template), (SETTINGS, Self::Settings)];
        let others = [(PROSE, Self::Prose), (BESIDE, Self::Other)];
        let source = SOURCES.iter().find(|(known, _)| is(known)).map(|(_, what)| Self::Source(what));
        let all =
            || lists.iter().chain(&others).find(|(list, _)| list.iter().any(is)).map(|(_, named)| *named);
        source.or_else(all)
    }
}

/// Whether a name is that of a chat template: `chat_template.txt`, `tool_chat_template.tpl`,
/// `x.jinja.bak`.
fn is_template(file: &str) -> bool {
    let file = file.to_ascii_lowercase();
    let is_source =
        file.rsplit_once('.').is_some_and(|(_, last)| SOURCES.iter().any(|(known, _)| last == *known));
    let has_ending = || file.split('.').skip(1).any(|ending| TEMPLATES.contains(&ending));
    !is_source && (file.contains("chat_template") || has_ending())
}

/// Whether an ending is a model's: one by itself, or with a number behind it, `ckpt-1000`.
fn is_model(ending: &str) -> bool {
    let (start, rest) = ending.split_at(ending.find(['-', '_']).unwrap_or(ending.len()));
    let is_number =
        rest.is_empty() || rest.get(1..).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    let is_data = rest.starts_with("_data") || start == "data" && rest.contains("-of-");
    is_data || is_number && MODELS.iter().any(|known| start.eq_ignore_ascii_case(known))
}

/// Whether it is the metadata of one rank of a distributed checkpoint: `__0.metadata`.
fn is_rank_metadata(file: &str) -> bool {
    let rank = file.strip_prefix("__").and_then(|rest| rest.strip_suffix(".metadata"));
    rank.is_some_and(|rank| rank.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Whether what has this name is read as a text, and acted on: settings, templates, programs, the name of
/// a module.
pub(super) fn is_read(scope: &Scope<'_>) -> bool {
    let name = scope.name();
    let file = name.rsplit(['/', '\\']).next().unwrap_or(name);
    let named = Named::new(name);
    matches!(named, Named::Settings | Named::Template | Named::Source(_) | Named::Prose)
        || !file.contains('.')
}

/// Whether a name is the hash of what is in the file, as caches of hubs call theirs: `sha256-…`, too. It
/// says nothing of what the file is read as.
pub(super) fn is_digest(file: &str) -> bool {
    let digits = file.strip_prefix("sha256").map_or(file, |rest| rest.trim_start_matches(['-', ':']));
    digits.len() >= DIGEST && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Whether it is a sound by its name.
pub(super) fn is_mp3(scope: &Scope<'_>) -> bool {
    let ending = scope.name().rsplit_once('.').map(|(_, ending)| ending).unwrap_or_default();
    ending.eq_ignore_ascii_case("mp3")
}

/// Whether `onnx.load` opens the file as a text by its name.
pub(super) fn is_onnx_text(scope: &Scope<'_>) -> bool {
    let ending = scope.name().rsplit_once('.').map(|(_, ending)| ending).unwrap_or_default();
    scope.is_file() && ONNX_TEXT.iter().any(|known| ending.eq_ignore_ascii_case(known))
}

/// The format whose weights have no header and this name, as its exporters write it.
pub(super) fn headless(scope: &Scope<'_>) -> Option<Kind> {
    let name = scope.options.name.as_deref().filter(|_| scope.is_file()).unwrap_or_default();
    let file = name.rsplit(['/', '\\']).next().unwrap_or(name);
    if file.starts_with("openvino_") && file.ends_with(".bin") {
        return Some(Kind::OpenVino);
    }
    // `model.onnx_data`, `model.onnx.data`, `model.onnx_data_1`.
    if let Some((_, rest)) = file.rsplit_once(".onnx")
        && (rest.starts_with("_data") || rest == ".data")
    {
        return Some(Kind::Onnx);
    }
    let is_part = file.strip_prefix("variables.data-").is_some_and(|rest| rest.contains("-of-"));
    (is_part || file == "variables.index").then_some(Kind::SavedModel)
}

/// What readers of models go by, what people call models, and archives of them.
const MODELS: &[&str] = &[
    "pt",
    "pth",
    "pyth",
    "th",
    "bin",
    "ckpt",
    "pkl",
    "pickle",
    "dill",
    "joblib",
    "skops",
    "safetensors",
    "sft",
    "gguf",
    "ggml",
    "ggjt",
    "llamafile",
    "onnx",
    "ort",
    "h5",
    "hdf5",
    "keras",
    "npy",
    "npz",
    "distcp",
    "ot",
    "msgpack",
    "ubj",
    "tflite",
    "pb",
    "pt2",
    "ptl",
    "pte",
    "jit",
    "torchscript",
    "mar",
    "t7",
    "nemo",
    "mlmodel",
    "mlpackage",
    "engine",
    "plan",
    "trt",
    "mnn",
    "om",
    "rknn",
    "params",
    "pdparams",
    "pdmodel",
    "pdopt",
    "caffemodel",
    "weights",
    "zip",
    "tar",
    "tgz",
    "gz",
    "bz2",
    "xz",
    "zst",
    "lz4",
    "7z",
    "rar",
    "whl",
    "parquet",
];
/// Names that have no ending, or are one.
const WHOLE: &[&str] = &["pytorch_model", ".metadata"];
/// Files beside others, whose names they have, and media: a model's name in theirs is that of another.
const BESIDE: &[&str] = &[
    "metadata", "lock", "dvc", "md5", "sha1", "sha256", "sha512", "sig", "asc", "toml", "ini", "cfg", "conf",
    "proto", "png", "jpg", "jpeg", "gif", "webp", "bmp", "ico", "tif", "tiff", "ppm", "pgm", "pbm", "pnm",
    "exr", "hdr", "jp2", "j2k", "pdf", "wav", "mp3", "mp4", "flac", "ogg", "webm", "c", "cc", "cpp", "cu",
    "h", "hpp", "rs", "go", "js", "ts", "java", "r", "rb", "lua", "css", "ttf", "otf", "woff", "woff2",
];
/// Digits of the shortest hash that is looked out for.
const DIGEST: usize = 8;
/// Names by which `onnx.load` takes a text for a model.
const ONNX_TEXT: &[&str] = &["onnxjson", "onnxtxt", "onnxtext", "textproto", "txtpb", "pbtxt", "prototxt"];
/// Downloads that are not finished.
const PARTIAL: &[&str] = &["incomplete", "partial", "part", "crdownload", "download", "aria2", "tmp"];
const SOURCES: &[(&str, &str)] = &[
    ("py", "Python source"),
    ("pyw", "Python source"),
    ("pyx", "Cython source"),
    ("ipynb", "a notebook, whose cells are programs"),
    ("sh", "a shell script"),
    ("bash", "a shell script"),
    ("zsh", "a shell script"),
    ("bat", "a Windows script"),
    ("cmd", "a Windows script"),
    ("ps1", "a PowerShell script"),
];
const TEMPLATES: &[&str] = &["jinja", "jinja2", "j2"];
const SETTINGS: &[&str] = &["yaml", "yml", "json"];
const PROSE: &[&str] = &[
    "md", "markdown", "txt", "text", "utf-8", "utf8", "ascii", "rst", "adoc", "org", "csv", "tsv", "html",
    "htm", "log", "out", "err", "jsonl", "tex", "bib", "svg", "xml", "vocab", "srt", "vtt", "ass", "ssa",
    "sbv", "lrc", "man", "po", "pot", "diff", "patch",
];

#[cfg(test)]
mod tests {
    use super::Named;

    #[test]
    fn a_name_is_its_extension() {
        assert_eq!(Named::new("pytorch_model-00001-of-00002.BIN"), Named::Model);
        assert_eq!(Named::new("model.safetensors.index.json"), Named::Settings);
        assert_eq!(Named::new("a/b.pt/README"), Named::Other);
        assert_eq!(Named::new("blobs/0a1b.incomplete"), Named::Partial);
        assert_eq!(Named::new("modeling_x.py"), Named::Source("Python source"));
        assert_eq!(Named::new("types.pyi"), Named::Other);
        assert_eq!(Named::new("tokenizer.model"), Named::Tokenizer);
        for name in [
            ".metadata",
            "__0.metadata",
            "model.nemo",
            "x.th",
            "model.pt.gz",
            "pytorch_model.bin.1",
            "m.gguf.part1of2",
            "model.ckpt-1000.data-00000-of-00001",
            "model.onnx_data",
            "model.safetensors~",
            "model.safetensors.bak",
            "voices.npy.tmp.4321",
            "pytorch_model",
            "a.CAFFEMODEL",
        ] {
            assert_eq!(Named::new(name), Named::Model, "{name}");
        }
        for name in [
            "model.safetensors.metadata",
            "model.safetensors.lock",
            "model.pt.sha256",
            "model.pt.png",
            "README.pt.md",
            "README.pt-BR",
            "movie.pt.srt",
            "usr.bin.man",
            "LICENSE.bin.utf-8",
            "image.npy.ppm",
            "py.typed",
            "a.data",
            ".gitignore",
            "qwen.tiktoken",
            "pt",
        ] {
            assert_ne!(Named::new(name), Named::Model, "{name}");
        }
    }
}
