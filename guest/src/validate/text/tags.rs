//! Tags of YAML: which object a reader makes of what follows.

use alloc::string::String;
use alloc::vec::Vec;

/// Why a tag makes a reader run code, if it does.
pub(super) fn code(tag: &[u8]) -> Option<&'static str> {
    if tag.eq_ignore_ascii_case(b"%TAG") {
        return Some("other tags may be any by it");
    }
    let text = String::from_utf8_lossy(&unescaped(tag)).into_owned();
    let local = text.strip_prefix('!')?;
    let global = local
        .strip_prefix('!')
        .or_else(|| local.strip_prefix('<')?.strip_suffix('>')?.strip_prefix("tag:yaml.org,2002:"));
    match global {
        Some(name) if STANDARD.contains(&name) => None,
        Some(name) if is_value(name) => {
            Some("only those YAML readers take it that make any object of Python")
        }
        Some(name) if name.starts_with("python") => Some("a YAML reader may make any object of Python of it"),
        None if HARMLESS.contains(&local) || local.starts_with("copy:<") => None,
        // A mark alone, or what no tag of a program's begins with: it is a text or an image.
        _ if !is_begin(global.unwrap_or(local)) => None,
        _ => Some("readers that know it import or call what it names, as HyperPyYAML and lm-eval do"),
    }
}

/// Whether a tag names an object of Python, wherever it is.
pub(super) fn is_python(tag: &[u8]) -> bool {
    let text = unescaped(tag);
    let has = |part: &[u8]| text.windows(part.len()).any(|bytes| bytes.eq_ignore_ascii_case(part));
    // One mark alone begins a tag of the text's own, unless a directive says otherwise.
    let is_global = tag.starts_with(b"!<") || tag.iter().filter(|byte| **byte == b'!').count() > 1;
    tag.eq_ignore_ascii_case(b"%TAG") || tag.starts_with(b"!") && is_global && has(b"python")
}

fn is_value(name: &str) -> bool {
    name.strip_prefix("python/").is_some_and(|name| VALUES.contains(&name))
}

fn is_begin(name: &str) -> bool {
    name.starts_with(|c: char| c.is_alphabetic() || matches!(c, '_' | '<'))
}

/// A tag with its `%xx` undone.
fn unescaped(tag: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(tag.len());
    let mut rest = tag;
    while let Some((first, after)) = rest.split_first() {
        let digits = after.get(..2).and_then(|digits| core::str::from_utf8(digits).ok());
        let escaped =
            digits.filter(|_| *first == b'%').and_then(|digits| u8::from_str_radix(digits, 16).ok());
        text.push(escaped.unwrap_or(*first));
        rest = if escaped.is_some() { after.get(2..).unwrap_or_default() } else { after };
    }
    text
}

/// YAML's own.
const STANDARD: &[&str] = &[
    "str",
    "int",
    "float",
    "bool",
    "null",
    "seq",
    "map",
    "set",
    "omap",
    "pairs",
    "binary",
    "timestamp",
    "merge",
    "value",
];
/// Those of Python that are values.
const VALUES: &[&str] =
    &["none", "bool", "str", "unicode", "bytes", "int", "long", "float", "complex", "list", "tuple", "dict"];
/// Tags of programs that only look up a value in the file, in files beside it or in the environment:
/// HyperPyYAML's, those of CloudFormation, of GitLab and MkDocs, of Docker Compose, of Home Assistant. HyperPyYAML's
/// `!include:` has a colon, and is another.
const HARMLESS: &[&str] = &[
    "ref",
    "tuple",
    "PLACEHOLDER",
    "And",
    "Base64",
    "Cidr",
    "Condition",
    "Equals",
    "FindInMap",
    "GetAZs",
    "GetAtt",
    "If",
    "ImportValue",
    "Join",
    "Length",
    "Not",
    "Or",
    "Ref",
    "Select",
    "Split",
    "Sub",
    "ToJsonString",
    "Transform",
    "reference",
    "ENV",
    "relative",
    "reset",
    "override",
    "env_var",
    "include",
    "include_dir_list",
    "include_dir_merge_list",
    "include_dir_merge_named",
    "include_dir_named",
    "input",
    "secret",
    "vault",
];

#[cfg(test)]
mod tests {
    use super::code;

    #[test]
    fn tags_that_are_not_known_to_be_harmless_run_code() {
        for tag in [
            "!apply:os.system",
            "!new:torch.nn.Linear",
            "!name:os.system",
            "!module:evil",
            "!include:x.yaml",
            "!ref:x",
            "!secret:x",
            "!Include",
            "!function",
            "!Template",
            "!!python/object/apply:os.system",
            "!!python/tuple",
            "!!ruby/object:X",
            "!<tag:yaml.org,2002:python/name:os.system>",
            "!%6eew:os.system",
            "!e!x",
            "!<!new:os.system>",
            "%TAG",
        ] {
            assert!(code(tag.as_bytes()).is_some(), "{tag}");
        }
        for tag in [
            "!",
            "!!str",
            "!!binary",
            "!ref",
            "!Ref",
            "!ImportValue",
            "!GetAZs",
            "!include",
            "!include_dir_merge_named",
            "!input",
            "!reset",
            "!override",
            "!copy:<x>",
            "!<tag:yaml.org,2002:int>",
            "![x](y)",
            "!=",
            "!%73ecret",
        ] {
            assert!(code(tag.as_bytes()).is_none(), "{tag}");
        }
        assert_ne!(code(b"!!python/tuple"), code(b"!!python/name:x"));
    }
}
