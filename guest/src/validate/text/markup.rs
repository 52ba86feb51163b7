//! XML, read for the elements that tell an OpenVINO model, wherever they are.

use alloc::string::String;

/// The elements of a text.
#[derive(Debug, Default)]
pub(super) struct Markup {
    /// The name that goes on behind a `<`.
    name: Option<String>,
    has_net: bool,
    has_layers: bool,
}

impl Markup {
    /// Takes the next piece of the text.
    pub(super) fn feed(&mut self, text: &str) {
        for c in text.chars() {
            match (&mut self.name, c) {
                (_, '<') => self.name = Some(String::new()),
                (Some(name), _) if !(c.is_whitespace() || matches!(c, '>' | '/')) => {
                    if name.len() <= LAYERS.len() {
                        name.push(c);
                    }
                }
                (Some(_), _) => {
                    let name = self.name.take().unwrap_or_default();
                    self.has_net |= name == "net";
                    self.has_layers |= name == LAYERS;
                }
                (None, _) => {}
            }
        }
    }

    /// Whether it is a graph of OpenVINO.
    pub(super) fn is_openvino(&self) -> bool {
        self.has_net && self.has_layers
    }
}

const LAYERS: &str = "layers";
