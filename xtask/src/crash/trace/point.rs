//! Calls by names that are the same in each run, and how strace finds them.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::Call;

/// A call that is to be disturbed, and how strace finds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Point {
    /// What the call does, in words that are the same in each run: its name, its paths,
    /// and if it is not the first of these, which one.
    pub what: String,
    pub trigger: Option<Trigger>,
}

/// The first thread that makes this call for the `ordinal`th time pulls it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trigger {
    pub name: String,
    pub ordinal: usize,
    /// Not the call itself but the one before it in its thread, and what that does:
    /// another thread would have come first to the call's own number.
    pub before: Option<String>,
}

impl Point {
    pub fn name(&self) -> &str {
        self.what.split(' ').next().unwrap_or_default()
    }

    /// The last of its paths.
    pub fn path(&self) -> &str {
        let paths = self.what.split(" (no. ").next().unwrap_or_default();
        paths.rsplit(' ').next().unwrap_or_default()
    }

    /// Whether it is about a file that is being written.
    pub fn is_of_hidden_file(&self) -> bool {
        self.path().rsplit('/').next().is_some_and(|name| name.starts_with('.') && name.ends_with("-partial"))
    }

    /// The same, whole.
    pub fn path_from(&self, root: &Path) -> PathBuf {
        match self.path() {
            "." => root.into(),
            path => match ABOVE.iter().position(|above| *above == path) {
                Some(above) => root.ancestors().nth(above + 1).unwrap_or(root).into(),
                None => root.join(path),
            },
        }
    }

    /// From 1.
    pub fn count(&self) -> usize {
        let count = self.what.split_once(" (no. ").and_then(|(_, count)| count.strip_suffix(')'));
        count.and_then(|count| count.parse().ok()).unwrap_or(1)
    }
}

impl Trigger {
    /// Whether it was meant for this call.
    pub fn is_pulled_by(&self, call: &Call, root: &Path) -> bool {
        self.before.as_ref().is_none_or(|before| *before == call.what_or_name(&root.to_string_lossy()))
    }
}

/// The calls about something under `root`, each with the point it is. What it does is
/// said in words that are the same in each run, and no other call's in this one.
pub fn points<'c>(calls: &'c [Call], root: &Path) -> Vec<(&'c Call, Point)> {
    let root = root.to_string_lossy();
    let mut seen: HashMap<String, usize> = HashMap::new();
    let point = |(index, call): (usize, &'c Call)| {
        let what = call.what(&root)?;
        let count = seen.entry(what.clone()).or_default();
        *count += 1;
        let what = if *count > 1 { format!("{what} (no. {count})") } else { what };
        Some((call, Point { what, trigger: trigger(calls, index, &root) }))
    };
    calls.iter().enumerate().filter_map(point).collect()
}

/// How strace is told of a call, if it can be.
pub(super) fn trigger(calls: &[Call], index: usize, root: &str) -> Option<Trigger> {
    let (earlier, call) = (calls.get(..index)?, calls.get(index)?);
    let first = |call: &Call, earlier: &[Call]| {
        !earlier.iter().any(|other| other.name == call.name && other.ordinal == call.ordinal)
    };
    if first(call, earlier) {
        return Some(Trigger { name: call.name.clone(), ordinal: call.ordinal, before: None });
    }
    let last = earlier.iter().rposition(|other| other.thread == call.thread)?;
    let (earlier, last) = (earlier.get(..last)?, earlier.get(last)?);
    let (name, ordinal) = (last.name.clone(), last.ordinal);
    first(last, earlier).then(|| Trigger { name, ordinal, before: Some(last.what_or_name(root)) })
}

impl Call {
    /// What it does to files under `root`, or to the directories just above, if it does.
    fn what(&self, root: &str) -> Option<String> {
        let paths = self.paths();
        let here: Vec<_> = paths.iter().filter_map(|path| relative(path, root)).collect();
        (!here.is_empty()).then(|| format!("{} {}", self.name, here.join(" ")))
    }

    /// The same, or at least its name.
    fn what_or_name(&self, root: &str) -> String {
        self.what(root).unwrap_or_else(|| self.name.clone())
    }
}

/// A path as seen from `root`: under it, `.`, or one of the two directories above.
fn relative(path: &str, root: &str) -> Option<String> {
    let above = Path::new(root).ancestors().skip(1).zip(ABOVE);
    let above = above.filter(|(directory, _)| *directory == Path::new(path)).map(|(_, name)| name.into());
    let under = || {
        let rest = path.strip_prefix(root)?;
        (rest.is_empty() || rest.starts_with('/')).then(|| without_tokens(rest))
    };
    above.last().or_else(under)
}

/// The directory above, and the one above that.
const ABOVE: [&str; 2] = ["..", "../.."];

/// A path in which the parts of hidden names that are others each time are `*`.
fn without_tokens(path: &str) -> String {
    let token = |part: &str| {
        let is_number = part.bytes().all(|byte| byte.is_ascii_digit());
        let is_several =
            part.contains('-') && part.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
        let is_random = part.len() == 16 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
        (is_number || is_several || is_random) && !part.is_empty()
    };
    let part = |part: &str| -> String {
        match part.split_once('-') {
            _ if token(part) => "*".into(),
            // wasmtime's.
            Some(("wip", number)) if token(number) => "wip-*".into(),
            _ => part.into(),
        }
    };
    let component = |name: &str| name.split('.').map(part).collect::<Vec<_>>().join(".");
    match path.trim_start_matches('/') {
        "" => ".".into(),
        path => path.split('/').map(component).collect::<Vec<_>>().join("/"),
    }
}
