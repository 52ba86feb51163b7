//! What a file's name says. Bytes are judged whatever they are called: a name decides only on what
//! it means that they are no model.

use super::examine::Scope;

/// What somebody who sees a name will do with the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Named {
    /// Load a model from it.
    Model,
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
        match scope.place.name.rsplit(" > ").next() {
            Some("") | None => scope.options.name.as_deref().map_or(Self::Other, Self::new),
            Some(name) => Self::new(name),
        }
    }

    /// Of a name.
    pub(super) fn new(name: &str) -> Self {
        let file = name.rsplit(['/', '\\']).next().unwrap_or(name);
        let Some((_, extension)) = file.rsplit_once('.') else {
            return if file.eq_ignore_ascii_case("chat_template") { Self::Template } else { Self::Other };
        };
        let is = |known: &&str| extension.eq_ignore_ascii_case(known);
        let sources = || SOURCES.iter().find(|(known, _)| is(known));
        if MODELS.iter().any(&is) {
            Self::Model
        } else if PARTIAL.iter().any(&is) {
            Self::Partial
        } else if let Some((_, what)) = sources() {
            Self::Source(what)
        } else if TEMPLATES.iter().any(&is) {
            Self::Template
        } else if SETTINGS.iter().any(&is) {
            Self::Settings
        } else if PROSE.iter().any(is) {
            Self::Prose
        } else {
            Self::Other
        }
    }
}

/// Whether the file's name is that of an OpenVINO model's weights, as its exporters write it.
pub(super) fn is_openvino(scope: &Scope<'_>) -> bool {
    let name = scope.options.name.as_deref().filter(|_| scope.is_file()).unwrap_or_default();
    let file = name.rsplit(['/', '\\']).next().unwrap_or(name);
    file.starts_with("openvino_") && file.ends_with(".bin")
}

/// What readers of models go by, and what people call models.
const MODELS: &[&str] = &[
    "pt",
    "pth",
    "bin",
    "ckpt",
    "pkl",
    "pickle",
    "safetensors",
    "gguf",
    "ggml",
    "onnx",
    "ort",
    "h5",
    "hdf5",
    "keras",
    "npy",
    "npz",
    "joblib",
    "distcp",
    "ot",
    "msgpack",
    "tflite",
    "pb",
    "pt2",
    "ptl",
    "pte",
    "mlmodel",
    "engine",
    "plan",
    "dill",
];
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
const PROSE: &[&str] =
    &["md", "txt", "rst", "csv", "tsv", "html", "htm", "log", "jsonl", "tex", "svg", "xml", "vocab"];

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
    }
}
