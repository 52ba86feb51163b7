//! What is looked for in a text.
//!
//! Readers skip blanks, line ends and a mark before what they read, of any number: so do the looks.
//! What begins behind them says which of them a text needs.

use alloc::string::String;

use super::fields::Fields;
use super::json::Json;
use super::markup::Markup;
use super::settings::Role;
use super::yaml::Yaml;
use crate::validate::examine::Scope;
use crate::validate::name::{self, Named, is_digest};
use crate::validate::template;

/// The looks at one text.
#[derive(Debug)]
pub(super) struct Looks {
    pub(super) named: Named,
    pub(super) role: Role,
    /// Whether nothing but blanks came yet.
    is_blank: bool,
    pub(super) json: Option<Json>,
    pub(super) markup: Option<Markup>,
    pub(super) yaml: Option<Yaml>,
    /// The fields of what may be a protocol buffer by its name.
    pub(super) fields: Option<Fields>,
    /// All of a chat template, as long as it is no longer than one.
    pub(super) template: Option<String>,
    /// The start of a text that is a name.
    pub(super) name: String,
}

impl Looks {
    pub(super) fn new(scope: &Scope<'_>) -> Self {
        let named = Named::of(scope);
        let path = scope.name();
        let file = path.rsplit(['/', '\\']).next().unwrap_or(path);
        // What is read as YAML by its name, and what has a name that says nothing: none, or a hash.
        let is_ending = |ending: &str| SETTINGS.iter().any(|known| ending.eq_ignore_ascii_case(known));
        let is_named = named == Named::Settings || file.split('.').skip(1).any(is_ending);
        let is_yaml = is_named || file.is_empty() || is_digest(file);
        let yaml = (is_yaml && matches!(named, Named::Settings | Named::Other)).then(|| Yaml::new(is_named));
        Self {
            named,
            role: Role::of(file),
            is_blank: true,
            json: None,
            markup: None,
            yaml,
            fields: name::is_onnx_text(scope).then(Fields::default),
            template: (named == Named::Template).then(String::new),
            name: String::new(),
        }
    }

    pub(super) fn feed(&mut self, text: &str) {
        if self.is_blank {
            self.begin(text);
        }
        if let Some(json) = &mut self.json {
            json.feed(text);
        }
        if let Some(markup) = &mut self.markup {
            markup.feed(text);
        }
        if let Some(yaml) = &mut self.yaml {
            yaml.feed(text);
        }
        if let Some(fields) = &mut self.fields {
            fields.feed(text);
        }
        if let Some(template) = self.template.as_mut().filter(|template| template.len() <= template::LONGEST)
        {
            template.push_str(text);
        }
        if self.role.is_name() && self.name.len() <= NAME {
            self.name.push_str(if self.name.is_empty() { text.trim_start() } else { text });
        }
    }

    /// Whether nobody acts on what it says, in whatever encoding.
    pub(super) fn is_prose(&self) -> bool {
        let is_acted_on = self.json.is_some() || self.yaml.is_some() || self.template.is_some();
        !is_acted_on && !self.role.is_name()
    }

    /// Takes looks by the first character, or by the name of a file that is read as JSON.
    fn begin(&mut self, text: &str) {
        let first = text.chars().find(|c| !c.is_whitespace() && *c != '\u{feff}');
        self.is_blank = first.is_none();
        if self.named != Named::Template && (self.role.is_json() || matches!(first, Some('{' | '['))) {
            self.json.get_or_insert_with(|| Json::new(self.role));
        }
        if first == Some('<') {
            self.markup = Some(Markup::default());
        }
    }
}

/// Endings by which a text is read as YAML, also where another is behind them.
const SETTINGS: &[&str] = &["yaml", "yml", "json"];
/// Bytes of a module's name.
const NAME: usize = 256;
