//! What the chat templates of real models use. What is not here is no harm by itself: it is what
//! nobody needs who renders a prompt.

/// What every renderer is given by who asks, and no model's author.
pub(super) const OUTSIDE: &[&str] = &["messages", "tools", "documents"];
/// Functions that may be called.
pub(super) const FUNCTIONS: &[&str] =
    &["raise_exception", "strftime_now", "namespace", "range", "dict", "caller"];
/// What Jinja gives to every template besides: objects with a way into its own parts.
pub(super) const OBJECTS: &[&str] = &["lipsum", "cycler", "joiner", "self", "super", "varargs", "kwargs"];
/// What a loop knows about itself, in numbers.
pub(super) const OF_LOOP: &[&str] =
    &["index", "index0", "revindex", "revindex0", "first", "last", "length", "depth", "depth0"];

/// Methods that say something about a text or list.
pub(super) const TELLING: &[&str] = &[
    "startswith",
    "endswith",
    "find",
    "rfind",
    "count",
    "index",
    "isdigit",
    "isspace",
    "isalnum",
    "isalpha",
    "isnumeric",
    "isdecimal",
    "isupper",
    "islower",
    "istitle",
    "isascii",
    "isidentifier",
];
/// Methods that give parts of a text, or the text in other letters.
pub(super) const CUTTING: &[&str] = &[
    "split",
    "rsplit",
    "splitlines",
    "partition",
    "rpartition",
    "strip",
    "lstrip",
    "rstrip",
    "removeprefix",
    "removesuffix",
    "upper",
    "lower",
    "title",
    "capitalize",
    "casefold",
    "swapcase",
];
/// Methods that give what a list or dict holds.
pub(super) const HOLDING: &[&str] = &["items", "keys", "values", "get", "pop", "copy"];
/// Methods that put something into a list or dict.
pub(super) const PUTTING: &[&str] = &["append", "extend", "insert", "update", "setdefault"];
/// Of these, what a dict has, whatever it holds.
pub(super) const OF_DICT: &[&str] =
    &["items", "keys", "values", "get", "pop", "copy", "update", "setdefault"];
/// Methods that make a text.
pub(super) const MAKING: &[&str] = &["replace", "join", "strftime", "zfill", "ljust", "rjust", "center"];

/// Filters that make numbers.
pub(super) const COUNTING: &[&str] = &["length", "count", "wordcount", "abs", "round"];
/// Filters that hand on what they are given, or what it holds, or what stands in for it.
pub(super) const HANDING: &[&str] = &[
    "first",
    "last",
    "list",
    "sort",
    "unique",
    "min",
    "max",
    "sum",
    "select",
    "reject",
    "selectattr",
    "rejectattr",
    "batch",
    "slice",
    "items",
    "dictsort",
    "default",
    "d",
    "groupby",
    "map",
    "int",
    "float",
];
/// Filters that make a text, of anything.
pub(super) const BUILDING: &[&str] = &[
    "trim",
    "upper",
    "lower",
    "title",
    "capitalize",
    "string",
    "escape",
    "e",
    "safe",
    "tojson",
    "format",
    "join",
    "replace",
    "indent",
    "striptags",
    "truncate",
    "center",
    "wordwrap",
    "urlencode",
];
/// Filters that look attributes up by name, and which of their arguments the name is.
pub(super) const BY_ATTRIBUTE: &[(&str, usize)] = &[
    ("selectattr", 0),
    ("rejectattr", 0),
    ("groupby", 0),
    ("sum", 0),
    ("join", 1),
    ("unique", 1),
    ("min", 1),
    ("max", 1),
    ("sort", 2),
];
/// Filters that apply a test, and which of their arguments its name is.
pub(super) const BY_TEST: &[(&str, usize)] =
    &[("select", 0), ("reject", 0), ("selectattr", 1), ("rejectattr", 1)];
/// Tests.
pub(super) const TESTS: &[&str] = &[
    "defined",
    "undefined",
    "none",
    "string",
    "number",
    "integer",
    "float",
    "boolean",
    "mapping",
    "iterable",
    "sequence",
    "callable",
    "true",
    "false",
    "equalto",
    "eq",
    "ne",
    "lt",
    "le",
    "gt",
    "ge",
    "lessthan",
    "greaterthan",
    "in",
    "sameas",
    "divisibleby",
    "odd",
    "even",
    "lower",
    "upper",
    "==",
    "!=",
    "<",
    "<=",
    ">",
    ">=",
];
