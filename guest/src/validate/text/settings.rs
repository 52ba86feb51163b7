//! Settings that make a loader run code of the repository, or of anyone.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::paths::{is_class, is_of, is_path};
use super::pipelines::PIPELINES;
use super::python;
use crate::show;
use crate::validate::finding::{Class, Rule};

/// A setting that makes a loader run code.
pub(super) static RULE: Rule = Rule::unverified(
    "SR-CODE-CONFIG",
    "a setting that makes a loader run code",
    "A library that reads it imports modules of the repository, or calls what it names: transformers \
     with trust_remote_code, Hydra, PyYAML, Keras, PEFT and others. Read that code, or do without it. \
     `--accept code` passes it.",
)
.about(Class::Code);

/// Such a setting, and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Setting {
    pub(super) at: u64,
    pub(super) message: String,
}

/// Keeps one of them. Those beyond a hundred would not be listed; that there are more is said.
pub(super) fn keep(at: u64, message: String, found: &mut Vec<Setting>) {
    if found.len() < MOST {
        found.push(Setting { at, message });
    } else if found.len() == MOST {
        found.push(Setting { at, message: format!("there are more than {MOST} such settings") });
    }
}

/// What a key is set to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value<'v> {
    Text(&'v str),
    Word(&'v str),
    /// A list or an object that is not empty.
    Open,
    /// What YAML writes so that it is not seen here: an alias, a tag, a block; or what is too long.
    Hidden,
}

/// What a file's name makes of settings that mean nothing elsewhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Role {
    /// The parts of a pipeline of diffusers.
    Pipeline,
    /// The modules of sentence-transformers.
    Modules,
    /// Rows of data, whose columns are called as they like.
    Data,
    /// What is read as JSON, whatever it begins with.
    Json,
    /// The tokens of a vocabulary, and their numbers.
    Vocabulary,
    /// The name of a module that MLflow imports, and nothing else.
    Name(&'static [&'static str]),
    #[default]
    None,
}

impl Role {
    /// Of a file's name, in any case of letters: there are systems where that is the same name.
    pub(super) fn of(name: &str) -> Self {
        let name = name.rsplit(['/', '\\']).next().unwrap_or(name).to_ascii_lowercase();
        let is_rows = || DATA.iter().any(|ending| name.ends_with(ending));
        match name.as_str() {
            "model_index.json" | "modular_model_index.json" => Self::Pipeline,
            "modules.json" => Self::Modules,
            "pickle_module_info.txt" => Self::Name(&["mlflow"]),
            "keras_module.txt" => Self::Name(KERAS),
            "vocab.json" | "added_tokens.json" => Self::Vocabulary,
            _ if name.ends_with(".json") || name.ends_with(".ipynb") => Self::Json,
            _ if is_rows() => Self::Data,
            _ => Self::None,
        }
    }

    /// Whether it is read as JSON, whatever it begins with.
    pub(super) fn is_json(self) -> bool {
        matches!(self, Self::Json | Self::Vocabulary)
    }

    pub(super) fn is_name(self) -> bool {
        matches!(self, Self::Name(_))
    }

    /// Keeps the module that a text names, if it is one that does.
    pub(super) fn module(self, text: &str, found: &mut Vec<Setting>) {
        let text = text.trim();
        if let Self::Name(libraries) = self
            && !text.is_empty()
            && !is_of(text, libraries)
        {
            keep(0, format!("{}: {MLFLOW}", show::name(text)), found);
        }
    }
}

/// A key that may make a loader run code.
#[derive(Clone, Copy, Debug)]
struct Known {
    key: &'static str,
    test: Test,
    why: &'static str,
    /// Whether all strings below it are values of it, too.
    below: bool,
}

/// Which values of a key make a loader run code. What is nothing (null, false, empty) never does.
#[derive(Clone, Copy, Debug)]
enum Test {
    /// All that may name something.
    Any,
    /// All that Python takes for true: a text of `false` is.
    True,
    /// These texts, alone or behind the last dot of a path.
    Texts(&'static [&'static str]),
    /// Whatever is no module of these libraries.
    Module(&'static [&'static str]),
    /// What is no class of these libraries, but names something in a module.
    Path(&'static [&'static str]),
    /// A kernel, by the repository that it is in.
    Kernel,
    /// A kernel, by any name but those of transformers' own.
    AnyKernel,
    /// An expression of Python with a call in it, but for that of a layer.
    Call,
    /// What is no address, and no word.
    Program,
}

impl Test {
    fn is_code(self, value: Value<'_>) -> bool {
        let text = match value {
            Value::Word("null" | "false") | Value::Text("") => return false,
            Value::Hidden => return true,
            Value::Text(text) => Some(text),
            Value::Word(_) | Value::Open => None,
        };
        match self {
            // A token of a vocabulary may be called like the key: its number names nothing.
            Self::Any => !matches!(value, Value::Word(word) if is_number(word) || word == "true"),
            Self::True => value != Value::Word("0"),
            Self::Texts(texts) => text
                .and_then(|text| text.rsplit(['.', '>', ':']).next())
                .is_some_and(|last| texts.contains(&last)),
            Self::Module(libraries) => !text.is_some_and(|text| is_of(text, libraries)),
            Self::Path(libraries) => text.is_some_and(|text| is_path(text) && !is_class(text, libraries)),
            Self::Kernel => text.is_some_and(|text| text.contains('/')),
            Self::AnyKernel => value != Value::Open && !text.is_some_and(is_kernel),
            Self::Call => text.is_some_and(python::is_call),
            // A path or a word has no blank and no bracket; an address may.
            Self::Program => text.is_some_and(|text| {
                !text.starts_with("http") && text.contains(|c: char| c.is_whitespace() || c == '(')
            }),
        }
    }
}

fn known(key: &str) -> Option<&'static Known> {
    KNOWN.iter().find(|known| known.key == key)
}

/// The key whose value all strings below are, if they are those of one.
pub(super) fn of_all_below(key: &str) -> Option<&'static str> {
    known(key).filter(|known| known.below).map(|known| known.key)
}

/// Whether a key is one that may make a loader run code.
pub(super) fn is_key(key: &str) -> bool {
    known(key).is_some()
}

/// Whether a word makes a loader run code whatever it is set to.
pub(super) fn is_strict(key: &str) -> bool {
    matches!(key, "auto_map" | "custom_pipelines" | "_target_" | "trust_remote_code")
        || key.ends_with("_implementation_internal")
}

/// Keeps a setting that makes a loader run code.
pub(super) fn check(key: &str, value: Value<'_>, role: Role, at: u64, found: &mut Vec<Setting>) {
    let Some(known) = known(key) else { return };
    let (test, why) = match (key, role) {
        ("type", Role::Modules) => (Test::Module(SENTENCES), SENTENCE),
        ("type" | "target" | "class_path", Role::Data) => return,
        _ => (known.test, known.why),
    };
    if test.is_code(value) {
        let message = match value {
            Value::Text(text) => format!("`{key}` is {}: {why}", show::name(text)),
            Value::Word(word) => format!("`{key}` is {}: {why}", show::cut(word)),
            Value::Open | Value::Hidden => format!("`{key}`: {why}"),
        };
        keep(at, message, found);
    }
}

/// Keeps a text that is an expression of Python to MONAI.
pub(super) fn expression(text: &str, at: u64, found: &mut Vec<Setting>) {
    if python::is_expression(text) {
        keep(at, format!("{}: MONAI runs what is behind the `$`", show::name(text)), found);
    }
}

/// The same of a text that goes on behind what is seen of it.
pub(super) fn long_expression(text: &str, at: u64, found: &mut Vec<Setting>) {
    if python::may_be_expression(text) {
        keep(at, "a text that begins with a `$` is longer than is looked at".into(), found);
    }
}

/// Whether diffusers takes a part of a pipeline from a module that is none of a library's.
pub(super) fn is_part(module: &str) -> bool {
    !PIPELINES.contains(&module)
}

/// Keeps such a part.
pub(super) fn part(key: &str, module: &str, at: u64, found: &mut Vec<Setting>) {
    keep(at, format!("`{key}` is of the module {}: diffusers imports it", show::name(module)), found);
}

/// Keeps a module that Keras imports a class of.
pub(super) fn layer(module: &str, at: u64, found: &mut Vec<Setting>) {
    if module != "builtins" && !is_of(module, KERAS) {
        keep(at, format!("`module` is {}: Keras imports what it names", show::name(module)), found);
    }
}

/// Whether a word is a number to all readers of JSON and YAML: `1e5` and `nan` are texts to some.
pub(super) fn is_number(word: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_whole = |text: &str| digits(text) && (text == "0" || !text.starts_with('0'));
    let word = word.strip_prefix('-').unwrap_or(word);
    is_whole(word) || word.split_once('.').is_some_and(|(whole, part)| is_whole(whole) && digits(part))
}

/// Whether an implementation is one of transformers' own.
fn is_kernel(name: &str) -> bool {
    let name = name.strip_prefix("paged|").or_else(|| name.strip_prefix("paged_")).unwrap_or(name);
    let is_flash = |rest: &str| matches!(rest, "2" | "3" | "4");
    name.strip_prefix("flash_attention_").is_some_and(is_flash)
        || matches!(name, "eager" | "sdpa" | "flex_attention" | "attention" | "batched_mm" | "grouped_mm")
}

/// Endings of files of rows.
const DATA: &[&str] = &[".jsonl", ".ndjson", ".csv", ".tsv"];

const TRANSFORMERS: &str = "transformers runs code of the repository";
const CALLED: &str = "what it names is imported and called";
const PEFT: &str = "PEFT imports what it names";
const MLFLOW: &str = "MLflow imports what it names";
const KERNEL: &str = "transformers loads a kernel, which is a program, by it";
const SENTENCE: &str = "sentence-transformers imports what it names";

/// All of them, with why. What only picks from a registry is not among them.
const KNOWN: &[Known] = &[
    one("auto_map", Test::Any, TRANSFORMERS),
    one("custom_pipelines", Test::Any, TRANSFORMERS),
    one("trust_remote_code", Test::True, TRANSFORMERS),
    all("attn_implementation", Test::Kernel, KERNEL),
    all("_attn_implementation", Test::Kernel, KERNEL),
    all("_attn_implementation_internal", Test::AnyKernel, KERNEL),
    all("experts_implementation", Test::Kernel, KERNEL),
    all("_experts_implementation", Test::Kernel, KERNEL),
    all("_experts_implementation_internal", Test::AnyKernel, KERNEL),
    all("kernel_config", Test::Kernel, KERNEL),
    all("kernel_mapping", Test::Kernel, KERNEL),
    one("parent_library", Test::Module(LIBRARIES), PEFT),
    one("megatron_core", Test::Module(&["megatron"]), PEFT),
    one("_target_", Test::Any, "Hydra calls what it names"),
    one("_component_", Test::Any, "torchtune calls what it names"),
    one("target", Test::Path(BUILT), CALLED),
    one("class_path", Test::Path(BUILT), CALLED),
    one("type", Test::Path(TYPES), "Haystack, AllenNLP and mmengine import what it names"),
    one("import_path", Test::Path(&[]), "Ray Serve imports what it names"),
    one("custom_imports", Test::Any, "mmengine imports what it names"),
    one("user_dir", Test::Any, "fairseq imports the package that is there"),
    all("plugins", Test::Path(&["axolotl"]), "axolotl imports what it names"),
    one("class_name", Test::Texts(LAYERS), "Keras runs a program or unpickles what is in it"),
    one("loader_module", Test::Module(&["mlflow"]), MLFLOW),
    one("keras_module", Test::Module(KERAS), MLFLOW),
    all("types", Test::Path(SENTENCES), SENTENCE),
    one("tokenizer_class", Test::Path(SENTENCES), SENTENCE),
    one("activation_function", Test::Path(ACTIVATIONS), SENTENCE),
    one("activation_fn", Test::Path(ACTIVATIONS), SENTENCE),
    one("default_activation_function", Test::Path(ACTIVATIONS), SENTENCE),
    one("sbert_ce_default_activation_function", Test::Path(ACTIVATIONS), SENTENCE),
    one("activation", Test::Call, "Ultralytics runs the expression"),
    one("download", Test::Program, "Ultralytics runs it to get a dataset"),
    one("custom_ops_library", Test::Any, "onnxruntime-genai loads the library"),
    one("template_format", Test::Texts(&["jinja2"]), "LangChain renders a template without a sandbox"),
];

const fn one(key: &'static str, test: Test, why: &'static str) -> Known {
    Known { key, test, why, below: false }
}

const fn all(key: &'static str, test: Test, why: &'static str) -> Known {
    Known { below: true, ..one(key, test, why) }
}

/// Libraries whose models adapters are made for: what they import is their own.
const LIBRARIES: &[&str] = &["transformers", "diffusers", "sentence_transformers", "timm"];
/// Libraries whose classes are models and what trains them.
const BUILT: &[&str] = &[
    "ldm",
    "sgm",
    "cldm",
    "taming",
    "diffusers",
    "open_clip",
    "torch.nn",
    "torch.optim",
    "torch.utils.data",
    "torchvision.models",
    "torchvision.transforms",
    "torchmetrics",
    "lightning",
    "pytorch_lightning",
    "nemo.collections",
];
/// Libraries whose classes are parts of models and pipelines.
const TYPES: &[&str] = &[
    "haystack",
    "haystack_integrations",
    "mmcv",
    "mmdet",
    "mmengine",
    "mmpose",
    "mmpretrain",
    "mmseg",
    "sentence_transformers",
    "torch.nn",
    "torch.optim",
];
const KERAS: &[&str] = &["keras", "tf_keras", "tensorflow"];
const SENTENCES: &[&str] = &["sentence_transformers"];
const ACTIVATIONS: &[&str] = &["torch.nn", "sentence_transformers"];
/// Layers of Keras that are programs.
const LAYERS: &[&str] = &["Lambda", "__lambda__", "TorchModuleWrapper", "TFSMLayer"];

/// Settings that are kept.
const MOST: usize = 100;
