//! Trees of PyTorch in JSON, as `torch.utils._pytree` writes them: what their nodes name is imported.

use alloc::format;
use alloc::string::String;

use super::settings::Setting;
use crate::show;

/// What an object says of a node.
#[derive(Debug, Default)]
pub(super) struct Node {
    /// Whether it is a member of an enumeration, and the class of that.
    is_member: bool,
    class: Option<Name>,
    /// What a `defaultdict` makes its values with.
    module: Option<Name>,
    function: Option<Name>,
}

#[derive(Debug)]
struct Name {
    at: u64,
    /// None if it is longer than is looked at.
    text: Option<String>,
}

impl Node {
    /// Takes a key, whatever it is set to.
    pub(super) fn key(&mut self, key: &str) {
        self.is_member |= key == "__enum__";
    }

    /// Takes a key that is set to a text, if all of that is here.
    pub(super) fn text(&mut self, key: &str, at: u64, text: Option<&str>) {
        let name = match key {
            "fqn" => &mut self.class,
            "default_factory_module" => &mut self.module,
            "default_factory_name" => &mut self.function,
            _ => return,
        };
        *name = Some(Name { at, text: text.map(String::from) });
    }

    /// What is imported by it.
    pub(super) fn setting(&self) -> Option<Setting> {
        if let Some(class) = self.class.as_ref().filter(|_| self.is_member) {
            return Some(class.setting("fqn"));
        }
        let (module, function) = (self.module.as_ref()?, self.function.as_ref()?);
        let is_plain = || {
            let function = function.text.as_deref()?;
            let (_, plain) = FACTORIES.iter().find(|(known, _)| module.text.as_deref() == Some(*known))?;
            plain.contains(&function).then_some(())
        };
        is_plain().is_none().then(|| {
            let named = if module.text.as_deref() == Some("builtins") { function } else { module };
            named.setting("default_factory")
        })
    }
}

impl Name {
    fn setting(&self, key: &str) -> Setting {
        let named = self.text.as_deref().map(|text| format!(" {}", show::name(text))).unwrap_or_default();
        let message = format!("`{key}`{named} in a tree of PyTorch: reading the tree imports what it names");
        Setting { at: self.at, message }
    }
}

/// What real trees have values of, by module.
const FACTORIES: &[(&str, &[&str])] = &[
    ("builtins", &["bool", "bytes", "dict", "float", "frozenset", "int", "list", "set", "str", "tuple"]),
    ("collections", &["Counter", "OrderedDict", "defaultdict", "deque"]),
];
