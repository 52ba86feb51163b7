//! Names by which Python's objects give away what they are made of.

/// Whether an attribute of this name may lead out of the data: to classes, frames, globals, code,
/// or to what looks attributes up by a text. Data may have any key; no template needs these.
pub(super) fn leads_out(name: &str) -> bool {
    name.starts_with('_')
        || name.contains("__")
        || PARTS.iter().any(|start| name.starts_with(start))
        || WHOLE.contains(&name)
}

/// Whether it is a method of Python's own types that must be called where it is looked up. One that
/// is kept could be called under another name, which says nothing of what it does:
/// `{'count': '_'.join}.count(…)`, `{'strip': (95).to_bytes}.strip(…)`.
pub(super) fn must_be_called(name: &str) -> bool {
    METHODS.binary_search(&name).is_ok()
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
/// Methods of texts, numbers, lists, dicts, sets and iterators, but for those that data has as keys
/// and that give no more than what they are of: `items`, `keys`, `values`, `copy`, `count`, `index`,
/// `title`.
const METHODS: &[&str] = &[
    "add",
    "append",
    "as_integer_ratio",
    "bit_count",
    "bit_length",
    "capitalize",
    "casefold",
    "cast",
    "center",
    "clear",
    "close",
    "conjugate",
    "decode",
    "difference",
    "difference_update",
    "discard",
    "encode",
    "endswith",
    "escape",
    "expandtabs",
    "extend",
    "find",
    "format_map",
    "from_bytes",
    "fromhex",
    "fromkeys",
    "get",
    "hex",
    "indices",
    "insert",
    "intersection",
    "intersection_update",
    "is_integer",
    "isalnum",
    "isalpha",
    "isascii",
    "isdecimal",
    "isdigit",
    "isdisjoint",
    "isidentifier",
    "islower",
    "isnumeric",
    "isprintable",
    "isspace",
    "issubset",
    "issuperset",
    "istitle",
    "isupper",
    "join",
    "ljust",
    "lower",
    "lstrip",
    "maketrans",
    "partition",
    "pop",
    "popitem",
    "release",
    "remove",
    "removeprefix",
    "removesuffix",
    "replace",
    "reverse",
    "rfind",
    "rindex",
    "rjust",
    "rpartition",
    "rsplit",
    "rstrip",
    "send",
    "setdefault",
    "sort",
    "split",
    "splitlines",
    "startswith",
    "strip",
    "striptags",
    "swapcase",
    "symmetric_difference",
    "symmetric_difference_update",
    "throw",
    "to_bytes",
    "tobytes",
    "tolist",
    "toreadonly",
    "translate",
    "unescape",
    "union",
    "update",
    "upper",
    "zfill",
];

#[cfg(test)]
mod tests {
    use super::{METHODS, must_be_called};

    #[test]
    fn methods_are_in_order() {
        assert!(METHODS.is_sorted());
        assert!(must_be_called("join") && must_be_called("to_bytes") && !must_be_called("items"));
    }
}
