//! What the chat templates of real models use. What is not here is no harm by itself: it is what
//! nobody needs who renders a prompt.

/// Statements.
pub(super) const TAGS: &[&str] = &[
    "for",
    "endfor",
    "if",
    "elif",
    "else",
    "endif",
    "set",
    "endset",
    "macro",
    "endmacro",
    "generation",
    "endgeneration",
    "break",
    "continue",
    "with",
    "endwith",
];
/// Words behind which an expression begins.
pub(super) const WORDS: &[&str] = &["in", "is", "not", "and", "or", "if", "else"];
/// Functions that may be called.
pub(super) const FUNCTIONS: &[&str] =
    &["raise_exception", "strftime_now", "namespace", "range", "dict", "caller", "loop"];
/// Methods that may be called: of texts, lists and dicts.
pub(super) const METHODS: &[&str] = &[
    "items",
    "keys",
    "values",
    "get",
    "append",
    "extend",
    "update",
    "split",
    "rsplit",
    "splitlines",
    "strip",
    "lstrip",
    "rstrip",
    "startswith",
    "endswith",
    "replace",
    "upper",
    "lower",
    "title",
    "capitalize",
    "find",
    "rfind",
    "count",
    "index",
    "join",
    "isdigit",
    "isspace",
    "removeprefix",
    "removesuffix",
    "strftime",
    "cycle",
    "pop",
];
/// Filters.
pub(super) const FILTERS: &[&str] = &[
    "tojson",
    "trim",
    "length",
    "count",
    "join",
    "upper",
    "lower",
    "title",
    "capitalize",
    "replace",
    "selectattr",
    "rejectattr",
    "select",
    "reject",
    "map",
    "list",
    "first",
    "last",
    "default",
    "d",
    "string",
    "int",
    "float",
    "abs",
    "round",
    "sort",
    "unique",
    "reverse",
    "items",
    "dictsort",
    "indent",
    "safe",
    "e",
    "escape",
    "min",
    "max",
    "sum",
    "batch",
    "slice",
    "groupby",
    "wordcount",
];
/// Filters that look attributes up by name.
pub(super) const BY_ATTRIBUTE: &[&str] =
    &["selectattr", "rejectattr", "map", "sort", "unique", "min", "max", "sum", "groupby"];
/// Filters that make numbers, or hand on one of what they are given.
pub(super) const OF_NUMBERS: &[&str] =
    &["length", "count", "int", "abs", "round", "first", "last", "list", "reverse"];
