//! How much a judged file's answers are.

use crate::file::weigh::Weigh;
use crate::sandbox::bindings::validator::{Content, Finding, NamedItem, Payload, Rule};

impl Weigh for Finding {
    fn heap(&self) -> usize {
        self.rule.len() + self.part.len() + self.message.len()
    }
}

impl Weigh for Payload {
    fn heap(&self) -> usize {
        self.part.len()
    }
}

impl Weigh for NamedItem {
    /// With what is kept of it by file.
    fn heap(&self) -> usize {
        let shape = match &self.item.content {
            Content::Tensor(part) | Content::Safetensors(part) => size_of_val(&part.shape[..]),
            Content::Object | Content::Transformed => 0,
        };
        self.file.len() + self.item.name.len() + shape + size_of_val(&self.item)
    }
}

impl Weigh for Rule {
    fn heap(&self) -> usize {
        self.id.len() + self.class.as_ref().map_or(0, String::len) + self.title.len() + self.help.len()
    }
}
