//! Texts that are programs in Python to who reads them.

/// Whether MONAI takes a text for an expression, and that runs more than a look at a value: it calls
/// or imports. Prices, shells' variables and formulas begin with a `$` as well.
pub(super) fn is_expression(text: &str) -> bool {
    let Some(code) = text.trim_ascii_start().strip_prefix('$') else { return false };
    is_import(code) || has_call(code) && !is_formula(code) && !is_workflow(code) && !is_shell(code)
}

/// Whether it begins as an import: behind blanks, lines that go on and comments.
fn is_import(code: &str) -> bool {
    let code = code.trim_start_matches(|c: char| c.is_whitespace() || c == '\\');
    let is_word = |word: &str| {
        let next = code.strip_prefix(word).and_then(|rest| rest.chars().next());
        next.is_some_and(|c| c.is_whitespace() || matches!(c, '\\' | '.'))
    };
    is_word("import") || is_word("from") || code.starts_with('#') && code.contains("import")
}

/// Whether it has two names one after another, as the command of a shell has: Python takes no such text, and
/// runs nothing of it. What is behind a text, a comment, a bracket that is none of a call or the like is not
/// looked at.
fn is_shell(code: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let is_plain = |c: char| is_word(c) || matches!(c, ' ' | '.' | '/' | '-' | '(' | ')' | '+' | '*');
    let plain = code.split(|c: char| !is_plain(c)).next().unwrap_or_default();
    // The last word may go on.
    let plain = plain.rsplit_once(' ').map_or("", |(plain, _)| plain);
    let mut words = plain.split(|c: char| !is_word(c) && c != ' ').flat_map(|names| {
        let names = names.split(' ').filter(|name| !name.is_empty());
        names.clone().zip(names.skip(1))
    });
    let is_name =
        |word: &str| word.starts_with(|c: char| c.is_alphabetic() || c == '_') && !KEYWORDS.contains(&word);
    words.any(|(first, second)| is_name(first) && is_name(second))
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

/// Whether all that is called is a function of workflows, by its bare name: `${{ hashFiles('x') }}`. In
/// Python none of these names is a function, but for `format`, which calls nothing of the text's choice.
/// Texts count as texts only where Python has none with code in it, or longer ones.
fn is_workflow(code: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    // MONAI writes what `@x` stands for with quotes of its own, in texts as well.
    if code.contains('@') {
        return false;
    }
    let mut at = 0usize;
    while let Some(rest) = code.get(at..).filter(|rest| !rest.is_empty()) {
        let Some(found) = rest.find(['(', '\'', '"', '#', '\\']) else { return true };
        let (before, after) = (code.get(..at.saturating_add(found)).unwrap_or_default(), rest.get(found..));
        let mut chars = after.unwrap_or_default().chars();
        let used = match chars.next() {
            Some('(') if is_bare(before) => 1,
            Some(quote @ ('\'' | '"')) if !before.ends_with(is_word) => {
                let text = chars.as_str();
                let Some(end) = text.find(quote) else { return false };
                let is_long = end == 0 && text.get(1..).is_some_and(|text| text.starts_with(quote));
                if is_long || text.get(..end).is_some_and(|text| text.contains('\\')) {
                    return false;
                }
                end.saturating_add(2)
            }
            _ => return false,
        };
        at = at.saturating_add(found).saturating_add(used);
    }
    true
}

/// Whether what comes before a bracket is nothing that is called, or the bare name of such a function.
fn is_bare(before: &str) -> bool {
    let before = before.trim_end();
    let rest = before.trim_end_matches(|c: char| c.is_alphanumeric() || c == '_');
    let name = before.get(rest.len()..).unwrap_or_default();
    if name.is_empty() {
        return !rest.ends_with([')', ']', '\'', '"']);
    }
    FUNCTIONS.iter().any(|function| function.eq_ignore_ascii_case(name)) && !rest.trim_end().ends_with('.')
}

/// Words of Python that are no names.
const KEYWORDS: &[&str] = &[
    "and", "as", "assert", "async", "await", "break", "case", "class", "continue", "def", "del", "elif",
    "else", "except", "finally", "for", "from", "global", "if", "import", "in", "is", "lambda", "match",
    "nonlocal", "not", "or", "pass", "print", "raise", "return", "try", "type", "while", "with", "yield",
];

/// The functions of GitHub's workflows, and of Azure's pipelines.
const FUNCTIONS: &[&str] = &[
    "always",
    "and",
    "canceled",
    "cancelled",
    "case",
    "coalesce",
    "contains",
    "containsValue",
    "convertToJson",
    "counter",
    "endsWith",
    "eq",
    "failed",
    "failure",
    "format",
    "fromJSON",
    "ge",
    "gt",
    "hashFiles",
    "in",
    "join",
    "le",
    "length",
    "lower",
    "lt",
    "ne",
    "not",
    "notIn",
    "or",
    "replace",
    "split",
    "startsWith",
    "succeeded",
    "succeededOrFailed",
    "success",
    "toJSON",
    "trim",
    "upper",
    "xor",
];

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
            "$import\tos",
            "$ \\\nimport os",
            "$# x\nimport os",
            "$from.os import f",
            "$a if b else c(1)",
            "$not a in b(1)",
            "$a(1) # b c d",
            "$a(1), b c d",
            "$f(1) 'a b c'",
            "$f(1)\nb c d",
            "$f(1) [b c d]",
            "$lambda x: x(1)",
            "$a / b(1)",
            "$a@b c d(1)",
            "$5 or f(1)",
            "$HOME/x.sh (a)",
            "$f(1) b",
            "$getattr (x, 'y')",
            "$@model.to(@device)",
            "$a[0](x)",
            "${f('x')}",
            "$exec('''a'$''' and 'x')",
            "$(exec #!\n('x'))",
            "$exec \\\n('x')",
            "$format(f'{print(1)}')",
            "$@format(1)",
            "$format('@f{print(1)}')",
            "$format('''a'print(1)''')",
            "$x.format(1)",
            "$x . format(1)",
            "$format(print(1))",
            "$format(1)(2)",
            "$[format][0](1)",
            "${{ contains('\\', print(1), '') }}",
            "${{ contains(x, 'y') }} os.getcwd()",
        ] {
            assert!(is_expression(text), "{text}");
        }
        for text in [
            "${{ hashFiles('**/x (y).lock', 'b') }}",
            "${{ always() && (startsWith(github.ref, 'refs/tags/') || !cancelled()) }}",
            "${{ contains(fromJSON('[\"a\", \"f(x)\"]'), inputs.a) }}",
            "$[eq(variables.a, 1)]",
            "${{ FORMAT('{0}', a) }} (x)",
        ] {
            assert!(!is_expression(text), "{text}");
        }
        for text in ["$PYTHON -m pip install (x)", "$HOME/x.sh run (a)", "$CONDA/bin/conda run -n a b(c)"] {
            assert!(!is_expression(text), "{text}");
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
