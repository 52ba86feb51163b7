//! Texts that are programs in Python to who reads them.

/// Whether MONAI takes a text for an expression, and that runs more than a look at a value: it calls
/// or imports. Prices, shells' variables and formulas begin with a `$` as well.
pub(super) fn is_expression(text: &str) -> bool {
    let Some(code) = text.trim_ascii_start().strip_prefix('$') else { return false };
    let is_import = ["import ", "from "].iter().any(|word| code.trim_ascii_start().starts_with(word));
    is_import || has_call(code) && !is_formula(code)
}

/// Whether a text that goes on behind this may be one.
pub(super) fn may_be_expression(text: &str) -> bool {
    text.trim_ascii_start().strip_prefix('$').is_some_and(|code| !is_formula(code))
}

/// Whether a text calls what is none of torch's layers: `nn.SiLU()`.
pub(super) fn is_call(text: &str) -> bool {
    let layer = text.strip_prefix("torch.").unwrap_or(text).strip_prefix("nn.");
    let is_layer = layer.and_then(|layer| layer.split_once('(')).is_some_and(|(name, rest)| {
        let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '=' | ',' | '.' | ' ' | '-' | ')');
        name.chars().all(char::is_alphanumeric) && rest.chars().all(is_plain)
    });
    text.contains('(') && !is_layer
}

/// Whether something with a name is called: `f(x)`, `f (x)`, `a[0](x)`. Behind a comment, or a line that
/// goes on, it may be.
fn has_call(code: &str) -> bool {
    code.contains('#') && code.contains('(')
        || code.match_indices('(').any(|(at, _)| {
            let (before, after) = code.split_at(at);
            let called = before.trim_ascii_end().chars().next_back();
            called.is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | ')' | ']' | '\\'))
                && after.contains(')')
        })
}

/// Whether it has a `$` besides that is in no text or comment of Python's, which no expression has.
fn is_formula(code: &str) -> bool {
    let first = code.find(['$', '\'', '"', '#']);
    first.is_some_and(|at| code.get(at..).is_some_and(|rest| rest.starts_with('$')))
}

#[cfg(test)]
mod tests {
    use super::{is_call, is_expression};

    #[test]
    fn expressions_are_told_from_what_begins_as_they_do() {
        for text in [
            "$os.system('id')",
            "$__import__('os').system('$')",
            "$import os",
            "$from os import system",
            "$getattr (x, 'y')",
            "$@model.to(@device)",
            "$a[0](x)",
            "${f('x')}",
            "$exec('''a'$''' and 'x')",
            "$(exec #!\n('x'))",
            "$exec \\\n('x')",
        ] {
            assert!(is_expression(text), "{text}");
        }
        for text in ["$", "$HOME/bin", "$(cat x)", "${oc.env:X}", "$f(x) = 2$ and", "$ (", "$@a", "f(x)"] {
            assert!(!is_expression(text), "{text}");
        }
        for text in ["nn.SiLU()", "torch.nn.LeakyReLU(0.1)", "nn.ReLU(inplace=True)", "relu"] {
            assert!(!is_call(text), "{text}");
        }
        for text in ["__import__('os').system('id')", "nn.X(f())", "nn.a.b(x)", "nn.X(__import__('os'))"] {
            assert!(is_call(text), "{text}");
        }
    }
}
