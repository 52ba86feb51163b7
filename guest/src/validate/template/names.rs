//! Names by which Python's objects give away what they are made of.

use super::lists::{CUTTING, HOLDING, KEYS, MAKING, PUTTING};

/// Whether an attribute of this name may lead out of the data: to classes, frames, globals, code,
/// or to what looks attributes up by a text. Data may have any key; no template needs these.
pub(super) fn leads_out(name: &str) -> bool {
    name.starts_with('_')
        || name.contains("__")
        || PARTS.iter().any(|start| name.starts_with(start))
        || WHOLE.contains(&name)
}

/// Whether it is a method that must be called where it is looked up. One that is kept could be
/// called under another name, which says nothing of what it does: `{'count': '_'.join}.count(…)`.
pub(super) fn must_be_called(name: &str) -> bool {
    let is_method = [CUTTING, HOLDING, PUTTING, MAKING].iter().any(|methods| methods.contains(&name));
    is_method && !KEYS.contains(&name)
}

/// How the attributes of generators, coroutines, frames, tracebacks, code, functions, methods and
/// Jinja's own objects begin.
const PARTS: &[&str] = &["gi_", "cr_", "ag_", "f_", "tb_", "co_", "func_", "im_", "jinja_", "eval_ctx"];
/// Others. A text's `format` looks up what the text says.
const WHOLE: &[&str] = &[
    "mro",
    "format",
    "format_map",
    "send",
    "throw",
    "environment",
    "globals",
    "translate",
    "fromkeys",
    "popitem",
];
