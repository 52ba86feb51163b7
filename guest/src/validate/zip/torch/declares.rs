//! TorchScript that only says which attributes a module has, as LibTorch writes it around tensors
//! (`torch::save`, and `.ot` files of its bindings): there is no function in it that could run.

/// Whether a source declares classes with attributes, and nothing else.
pub(in crate::validate::zip) fn only(source: &[u8]) -> bool {
    core::str::from_utf8(source).is_ok_and(|source| source.lines().all(is_declaration))
}

fn is_declaration(line: &str) -> bool {
    let Some(attribute) = line.strip_prefix("  ") else { return line.is_empty() || is_class(line) };
    match attribute.split_once(" = ") {
        Some(("__parameters__" | "__buffers__" | "__annotations__", list)) => is_list(list),
        Some((place, kind)) => {
            let key = place.strip_prefix("__annotations__[").and_then(|rest| rest.strip_suffix(']'));
            key.is_some_and(is_text) && is_type(kind)
        }
        None => attribute.split_once(" : ").is_some_and(|(name, kind)| is_name(name) && is_type(kind)),
    }
}

/// `class Module(Module):`
fn is_class(line: &str) -> bool {
    let name = line.strip_prefix("class ").and_then(|rest| rest.strip_suffix("(Module):"));
    name.is_some_and(is_name)
}

/// `["a", "b", ]`
fn is_list(list: &str) -> bool {
    let Some(mut rest) = list.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) else { return false };
    while let Some((text, after)) = rest.split_once(", ") {
        if !is_text(text) {
            return false;
        }
        rest = after;
    }
    rest.is_empty()
}

/// A text in quotes, of what names are made of and their separators.
fn is_text(text: &str) -> bool {
    let within = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '|' | '-' | '/' | ':');
    within.is_some_and(|within| within.chars().all(is_part))
}

/// `Tensor`, `Optional[bool]`, `__torch__.torch.nn.Module`
fn is_type(kind: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '[' | ']' | ',' | ' ');
    !kind.is_empty() && kind.chars().all(is_part)
}

fn is_name(name: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    !name.starts_with("__") && !name.is_empty() && name.chars().all(is_part)
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::only;

    /// As LibTorch 2.15 writes it.
    const WRITTEN: &str = "class Module(Module):\n  __parameters__ = [\"embeddings|word.weight\", \"plain\", ]\n  \
                           __buffers__ = []\n  __annotations__ = []\n  \
                           __annotations__[\"embeddings|word.weight\"] = Tensor\n  plain : Tensor\n";

    #[test]
    fn declarations_are_all_that_there_is() {
        assert!(only(WRITTEN.as_bytes()));
        assert!(only(b"class A(Module):\n  training : bool\n  hook : Optional[bool]\n"));
        for line in [
            "  def forward(self: __torch__.Module) -> Tensor:",
            "  def __setstate__(self, x): pass",
            "import torch",
            "  plain : Tensor = torch.ones([1])",
            "  __annotations__[f()] = Tensor",
            "  __parameters__ = [f(), ]",
            "  x = f()",
            "    plain : Tensor",
            "\tplain : Tensor",
            "class A(NamedTuple):",
            "class A(Module): x = 1",
            "  a : f()",
            "  a : Tensor; b = 1",
            "  __parameters__ : Tensor",
            "@decorated",
        ] {
            assert!(!only(format!("{WRITTEN}{line}\n").as_bytes()), "{line}");
        }
        assert!(!only(b"class A(Module):\n  a : \xff"));
    }
}
