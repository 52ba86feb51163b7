//! Names of Python's, as settings give them to what imports or calls them.

/// Whether a module is one of these, or in one of them.
pub(super) fn is_of(module: &str, libraries: &[&str]) -> bool {
    libraries.iter().any(|library| {
        module.strip_prefix(library).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    })
}

/// Whether a text names something in a module. Modules are files, and `importlib` takes whatever
/// files are called: digits may begin a part, and dashes be in it. A number, the name of a host or
/// of a file of data is none: whatever `data.csv` imports has no function called `csv`.
pub(super) fn is_path(text: &str) -> bool {
    let is_part =
        |part: &str| !part.is_empty() && part.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-'));
    let last = text.rsplit(['.', ':']).next().unwrap_or_default();
    text.contains(['.', ':'])
        && text.split(['.', ':']).all(is_part)
        && text.parse::<f64>().is_err()
        && !last.bytes().all(|byte| byte.is_ascii_digit())
        && !ENDINGS.iter().any(|ending| last.eq_ignore_ascii_case(ending))
}

/// Whether a text names a class of one of these libraries: an object of such a class is a part of a
/// model. A function calls or imports what it is given (`torch.hub.load`), and what lies in modules
/// of utilities and loaders does, too. What other modules a module has imported is none of its own.
pub(super) fn is_class(text: &str, libraries: &[&str]) -> bool {
    let is_own = |part: &str| {
        let is_plain = part.chars().all(|c| c.is_alphanumeric() || c == '_') && !part.starts_with('_');
        is_plain && !part.contains("util") && !LOADERS.contains(&part)
    };
    let is_class = |rest: &str| {
        let last = rest.rsplit('.').next().unwrap_or_default();
        last.starts_with(char::is_uppercase) && rest.split('.').all(is_own)
    };
    let rests = libraries.iter().filter_map(|library| text.strip_prefix(library)?.strip_prefix('.'));
    rests.into_iter().any(is_class)
}

/// Modules of libraries that load what they are told, and Python's, which some readers reach through
/// a module that has imported them: `lightning.pytorch.trainer.subprocess.Popen`.
const LOADERS: &[&str] = &[
    "cli",
    "datapipes",
    "hub",
    "loaders",
    "scripts",
    "testing",
    "asyncio",
    "builtins",
    "code",
    "concurrent",
    "ctypes",
    "functools",
    "http",
    "importlib",
    "inspect",
    "io",
    "logging",
    "multiprocessing",
    "operator",
    "os",
    "pathlib",
    "pickle",
    "pkgutil",
    "runpy",
    "shutil",
    "socket",
    "subprocess",
    "sys",
    "tarfile",
    "tempfile",
    "threading",
    "torch",
    "types",
    "urllib",
    "zipfile",
];
/// Endings of files of data and of hosts.
const ENDINGS: &[&str] = &[
    "csv", "tsv", "txt", "md", "json", "jsonl", "yaml", "yml", "png", "jpg", "jpeg", "gif", "wav", "mp3",
    "mp4", "html", "com", "org", "net",
];

#[cfg(test)]
mod tests {
    use super::{is_class, is_path};

    #[test]
    fn a_path_is_what_importlib_takes() {
        for text in ["os.system", "my-evil.run", "0evil.run", "a:f", "a.b.c", "example.so", "x.0evil"] {
            assert!(is_path(text), "{text}");
        }
        for text in [
            "x",
            "0.5",
            "1.2.3",
            "a.csv",
            "www.example.com",
            "prometheus.io:9090",
            "a. b",
            ".a",
            "a/b.c",
            "a.",
        ] {
            assert!(!is_path(text), "{text}");
        }
    }

    #[test]
    fn only_classes_outside_of_utilities_build_models() {
        let libraries = ["torch.nn", "torch.utils.data", "ldm", "lightning", "diffusers"];
        for text in [
            "torch.nn.Identity",
            "torch.utils.data.DataLoader",
            "ldm.models.autoencoder.AutoencoderKL",
            "lightning.pytorch.loggers.TensorBoardLogger",
        ] {
            assert!(is_class(text, &libraries), "{text}");
        }
        for text in [
            "torch.nn",
            "torch.nnx.Identity",
            "torch.hub.load",
            "torch.utils.data.datapipes.utils.decoder.basichandlers",
            "torch.utils.data.datapipes.X",
            "torch.nn.utils._deprecation_utils.lazy_deprecated_import",
            "diffusers.utils.dynamic_modules_utils.get_class_from_dynamic_module",
            "ldm.util.get_obj_from_str",
            "ldm.util.X",
            "lightning.pytorch.trainer.subprocess.Popen",
            "torch.nn.modules.module.torch.X",
            "torch.nn.Module.__class__.X",
            "torch.nn.functional.relu",
            "diffusers.DiffusionPipeline.from_pretrained",
        ] {
            assert!(!is_class(text, &libraries), "{text}");
        }
    }
}
