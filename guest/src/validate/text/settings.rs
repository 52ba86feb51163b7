//! Settings that make a loader run code of the repository, or of anyone.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::show;
use crate::validate::finding::{Class, Rule};

/// A setting that makes a loader run code.
pub(super) static RULE: Rule = Rule::unverified(
    "SR-CODE-CONFIG",
    "a setting that makes a loader run code",
    "A library that reads it imports modules of the repository, or calls what it names: transformers \
     with trust_remote_code, Hydra, PyYAML, Keras, PEFT. Read that code, or do without it.",
)
.about(Class::Code);

/// Such a setting, and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Setting {
    pub(super) at: u64,
    pub(super) message: String,
}

/// What a key is set to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value<'v> {
    Text(&'v str),
    Word(&'v str),
    /// A list or an object that is not empty.
    Open,
    /// What YAML writes so that it is not seen here: an alias, a tag, a block.
    Hidden,
}

/// What a file's name makes of settings that mean nothing elsewhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Role {
    /// The parts of a pipeline of diffusers.
    Pipeline,
    /// The modules of sentence-transformers.
    Modules,
    #[default]
    None,
}

impl Role {
    pub(super) fn of(name: &str) -> Self {
        match name.rsplit(['/', '\\']).next().unwrap_or(name) {
            "model_index.json" | "modular_model_index.json" => Self::Pipeline,
            "modules.json" => Self::Modules,
            _ => Self::None,
        }
    }
}

/// The key whose value all strings below are, if they are those of one.
pub(super) fn of_all_below(key: &str) -> Option<&'static str> {
    match key {
        "types" => Some("types"),
        _ => KERNELS.iter().find(|known| **known == key).copied(),
    }
}

/// Whether a key is one that may make a loader run code.
pub(super) fn is_key(key: &str) -> bool {
    KERNELS.contains(&key) || KEYS.contains(&key) || ACTIVATIONS.contains(&key)
}

/// Keeps a setting that makes a loader run code.
pub(super) fn check(key: &str, value: Value<'_>, role: Role, at: u64, found: &mut Vec<Setting>) {
    if is_code(key, value, role) && found.len() < MOST {
        found.push(Setting { at, message: describe(key, value) });
    }
}

fn is_code(key: &str, value: Value<'_>, role: Role) -> bool {
    let text = match value {
        Value::Word("null" | "false") | Value::Text("") => return false,
        Value::Text(text) => Some(text),
        Value::Word(_) | Value::Open => None,
        Value::Hidden => return is_key(key),
    };
    match key {
        "auto_map" | "custom_pipelines" | "_target_" => true,
        "trust_remote_code" => {
            !matches!(value, Value::Word("0")) && !text.is_some_and(|text| text.eq_ignore_ascii_case("false"))
        }
        "_attn_implementation_internal" | "_experts_implementation_internal" => {
            !text.is_some_and(is_kernel) && value != Value::Open
        }
        _ if KERNELS.contains(&key) => text.is_some_and(|text| text.contains('/')),
        "parent_library" => !text.is_some_and(|text| is_of(text, LIBRARIES)),
        "megatron_core" => !text.is_some_and(|text| is_of(text, &["megatron"])),
        "class_name" => matches!(text, Some("Lambda" | "__lambda__")),
        "class_path" | "target" => text.is_some_and(|text| is_path(text) && !is_of(text, CALLED)),
        "loader_module" => !text.is_some_and(|text| is_of(text, &["mlflow"])),
        "types" => text.is_some_and(|text| is_path(text) && !is_of(text, &["sentence_transformers"])),
        "type" => role == Role::Modules && !text.is_some_and(|text| is_of(text, &["sentence_transformers"])),
        _ if ACTIVATIONS.contains(&key) => text.is_some_and(|text| is_path(text) && !is_of(text, LAYERS)),
        _ => false,
    }
}

/// Keeps a part of a pipeline that diffusers takes from a module that is none of a library's.
pub(super) fn part(key: &str, module: &str, at: u64, found: &mut Vec<Setting>) {
    if !PIPELINES.contains(&module) && found.len() < MOST {
        let message = format!("`{key}` is of the module {}: diffusers imports it", show::name(module));
        found.push(Setting { at, message });
    }
}

fn describe(key: &str, value: Value<'_>) -> String {
    let why = match key {
        "_target_" => "Hydra calls what it names",
        "target" | "class_path" => "what it names is imported and called",
        "parent_library" | "megatron_core" => "PEFT imports what it names",
        "class_name" => "Keras unmarshals a program from it",
        "loader_module" => "MLflow imports what it names",
        "custom_pipelines" | "auto_map" | "trust_remote_code" => "transformers runs code of the repository",
        "type" | "types" => "sentence-transformers imports what it names",
        _ if ACTIVATIONS.contains(&key) => "sentence-transformers imports what it names",
        _ => "transformers loads a kernel, which is a program, by it",
    };
    match value {
        Value::Text(text) => format!("`{key}` is {}: {why}", show::name(text)),
        Value::Word(word) => format!("`{key}` is {}: {why}", show::cut(word)),
        Value::Open | Value::Hidden => format!("`{key}`: {why}"),
    }
}

/// Whether an implementation is one of transformers' own.
fn is_kernel(name: &str) -> bool {
    let name = name.strip_prefix("paged|").or_else(|| name.strip_prefix("paged_")).unwrap_or(name);
    matches!(
        name,
        "eager"
            | "sdpa"
            | "flash_attention_2"
            | "flash_attention_3"
            | "flex_attention"
            | "attention"
            | "batched_mm"
            | "grouped_mm"
    )
}

fn is_of(module: &str, libraries: &[&str]) -> bool {
    libraries.iter().any(|library| {
        module.strip_prefix(library).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    })
}

/// Whether a text names something in a module.
fn is_path(text: &str) -> bool {
    let is_name = |part: &str| {
        part.starts_with(|c: char| c.is_alphabetic() || c == '_')
            && part.chars().all(|c| c.is_alphanumeric() || c == '_')
    };
    text.contains(['.', ':']) && text.split(['.', ':']).all(is_name)
}

/// Settings by which transformers takes a kernel, for a model or each part of one.
const KERNELS: &[&str] = &[
    "attn_implementation",
    "_attn_implementation",
    "_attn_implementation_internal",
    "experts_implementation",
    "_experts_implementation",
    "_experts_implementation_internal",
    "kernel_config",
    "kernel_mapping",
];
/// Others.
const KEYS: &[&str] = &[
    "auto_map",
    "custom_pipelines",
    "_target_",
    "trust_remote_code",
    "parent_library",
    "megatron_core",
    "class_name",
    "class_path",
    "target",
    "loader_module",
];
/// Settings by which sentence-transformers imports a function.
const ACTIVATIONS: &[&str] = &[
    "activation_function",
    "activation_fn",
    "default_activation_function",
    "sbert_ce_default_activation_function",
];
/// Libraries whose models adapters are made for: what they import is their own.
const LIBRARIES: &[&str] = &["transformers", "diffusers", "sentence_transformers", "timm"];
/// What configurations call that only builds a model: of torch itself it is the layers, as
/// `torch.hub.load` runs anything.
const CALLED: &[&str] = &[
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
];
const LAYERS: &[&str] = &["torch.nn", "sentence_transformers"];
/// What diffusers takes the parts of pipelines from: libraries, and modules of its own pipelines.
const PIPELINES: &[&str] = &[
    "diffusers",
    "transformers",
    "onnxruntime.training",
    "ace_step",
    "allegro",
    "alt_diffusion",
    "amused",
    "animatediff",
    "anyflow",
    "audio_diffusion",
    "audioldm",
    "audioldm2",
    "aura_flow",
    "blip_diffusion",
    "bria",
    "bria_fibo",
    "bria_fibo2",
    "chroma",
    "chronoedit",
    "cogvideo",
    "cogview3",
    "cogview4",
    "consisid",
    "consistency_models",
    "controlnet",
    "controlnet_hunyuandit",
    "controlnet_sd3",
    "controlnet_xs",
    "cosmos",
    "dance_diffusion",
    "ddim",
    "ddpm",
    "deepfloyd_if",
    "diffusion_gemma",
    "dit",
    "dreamlite",
    "easyanimate",
    "ernie_image",
    "flux",
    "flux2",
    "flux_control",
    "glm_image",
    "helios",
    "hidream",
    "hidream_image",
    "hunyuan_dit",
    "hunyuan_image",
    "hunyuan_video",
    "hunyuan_video1_5",
    "hunyuandit",
    "i2vgen_xl",
    "ideogram4",
    "joyimage",
    "kandinsky",
    "kandinsky2_2",
    "kandinsky3",
    "kandinsky5",
    "kandinsky6",
    "kolors",
    "krea2",
    "latent_consistency_models",
    "latent_diffusion",
    "latent_diffusion_uncond",
    "latte",
    "ledits_pp",
    "llada2",
    "longcat_audio_dit",
    "longcat_image",
    "ltx",
    "ltx2",
    "lucy",
    "lumina",
    "lumina2",
    "marigold",
    "mochi",
    "motif_video",
    "musicldm",
    "nucleusmoe_image",
    "omnigen",
    "ovis_image",
    "pag",
    "paint_by_example",
    "pia",
    "pixart_alpha",
    "pndm",
    "prx",
    "qwenimage",
    "qwenimage21",
    "repaint",
    "rfd4_proteina",
    "sana",
    "sana_sprint",
    "sana_video",
    "sana_wm",
    "score_sde_ve",
    "semantic_stable_diffusion",
    "shap_e",
    "skyreels_v2",
    "spectrogram_diffusion",
    "stable_audio",
    "stable_audio_3",
    "stable_cascade",
    "stable_diffusion",
    "stable_diffusion_3",
    "stable_diffusion_attend_and_excite",
    "stable_diffusion_diffedit",
    "stable_diffusion_gligen",
    "stable_diffusion_k_diffusion",
    "stable_diffusion_ldm3d",
    "stable_diffusion_panorama",
    "stable_diffusion_safe",
    "stable_diffusion_sag",
    "stable_diffusion_variants",
    "stable_diffusion_xl",
    "stable_unclip",
    "stable_video_diffusion",
    "stochastic_karras_ve",
    "t2i_adapter",
    "text_to_video_synthesis",
    "unclip",
    "unidiffuser",
    "versatile_diffusion",
    "visualcloze",
    "vq_diffusion",
    "wan",
    "wuerstchen",
    "z_image",
];

/// Settings that are kept: those beyond a hundred would not be listed.
const MOST: usize = 100;
