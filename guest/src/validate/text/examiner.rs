use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use super::decode::{Decoder, NoText};
use super::json::Json;
use super::settings::{self, Role, Setting};
use super::yaml::Yaml;
use super::{pointer, source};
use crate::Excess;
use crate::foreign::Described;
use crate::step::{Next, Range, Window};
use crate::validate::examine::{Child, Examine, Part, Scope};
use crate::validate::file::{inert, limit, unknown};
use crate::validate::name::Named;
use crate::validate::report::Kind;
use crate::validate::template;

/// Reads a text to its end.
#[derive(Debug)]
struct Text {
    described: Described,
    decoder: Decoder,
    position: u64,
    window: Window,
    looks: Option<Looks>,
}

/// What is looked for in a text.
#[derive(Debug)]
struct Looks {
    named: Named,
    json: Option<Json>,
    yaml: Option<Yaml>,
    /// All of a chat template, as long as it is no longer than one.
    template: Option<String>,
}

/// The current region as a text, as far as its start tells.
pub(in crate::validate) fn child(described: Described, scope: &Scope<'_>) -> Child {
    let decoder = Decoder::default();
    let text = Text { described, decoder, position: 0, window: Window::default(), looks: None };
    Child::same(Box::new(text), scope)
}

impl Looks {
    fn new(described: Described, scope: &Scope<'_>) -> Self {
        let named = Named::of(scope);
        let json = (described.kind == Kind::Json && named != Named::Template).then(|| Json::new(role(scope)));
        let yaml = matches!(named, Named::Settings | Named::Other).then(Yaml::default);
        let template = (named == Named::Template).then(String::new);
        Self { named, json, yaml, template }
    }

    fn feed(&mut self, text: &str) {
        if let Some(json) = &mut self.json {
            json.feed(text);
        }
        if let Some(yaml) = &mut self.yaml {
            yaml.feed(text);
        }
        if let Some(template) = self.template.as_mut().filter(|template| template.len() <= template::LONGEST)
        {
            template.push_str(text);
        }
    }
}

/// What the name of the file, or of the member, makes of it.
fn role(scope: &Scope<'_>) -> Role {
    match scope.place.name.rsplit(" > ").next() {
        Some("") | None => scope.options.name.as_deref().map_or(Role::None, Role::of),
        Some(name) => Role::of(name),
    }
}

impl Examine for Text {
    fn resume(&mut self, parts: Vec<Vec<u8>>, scope: &mut Scope<'_>) -> Next<Vec<Child>> {
        if scope.length > LONGEST {
            scope.find(&unknown::RULE, &Part::whole(), 0, format!("it begins as {}", self.described.what));
            let excess = Excess { offset: 0, limit: LIMIT, allowed: LONGEST };
            limit::reached(&excess, &Part::whole(), scope);
            return Next::Done(Vec::new());
        }
        let looks = self.looks.get_or_insert_with(|| Looks::new(self.described, scope));
        if let Some(window) = parts.first() {
            self.position = self.position.saturating_add(window.len() as u64);
            match self.decoder.feed(window, self.position >= scope.length) {
                Ok(text) => looks.feed(text),
                Err(none) => {
                    no_text(none, self.described, scope);
                    return Next::Done(Vec::new());
                }
            }
        }
        let left = scope.length.saturating_sub(self.position);
        if left > 0 {
            return Next::Fetch(vec![Range::new(self.position, self.window.next(1, left))]);
        }
        if let Some(looks) = self.looks.take() {
            conclude(self.described, looks, scope);
        }
        Next::Done(Vec::new())
    }
}

/// It begins as a text and is none.
fn no_text(NoText { at, why }: NoText, described: Described, scope: &mut Scope<'_>) {
    scope.kind(Kind::Unknown);
    let message = format!("it begins as {}, and is none: {why} is here", described.what);
    scope.find(&unknown::RULE, &Part::whole(), at, message);
}

/// The text is whole.
fn conclude(described: Described, looks: Looks, scope: &mut Scope<'_>) {
    let whole = Part::whole();
    let Looks { named, json, yaml, template } = looks;
    let (described, found) = structured((described, named), json, yaml, scope);
    scope.kind(described.kind);
    match (described.kind, named) {
        (Kind::LfsPointer | Kind::AnnexPointer, _) => {
            scope.find(&pointer::RULE, &whole, 0, described.what);
        }
        (Kind::OpenVino, _) => scope.find(&unknown::FORMAT, &whole, 0, described.what),
        (Kind::Script, _) => scope.find(&source::RULE, &whole, 0, described.what),
        (_, Named::Source(what)) => scope.find(&source::RULE, &whole, 0, what),
        (_, Named::Template) => {
            template::judge(template.as_deref(), 0, scope);
            inert::report(Described { kind: Kind::Text, what: "a template of Jinja" }, scope);
        }
        _ => inert::report(described, scope),
    }
    for Setting { at, message } in found {
        scope.find(&settings::RULE, &whole, at, message);
    }
}

/// What a text is that begins as JSON or is perhaps YAML, and the settings in it.
fn structured(
    (described, named): (Described, Named),
    json: Option<Json>,
    yaml: Option<Yaml>,
    scope: &mut Scope<'_>,
) -> (Described, Vec<Setting>) {
    let yaml = || yaml.map(|mut yaml| yaml.end()).unwrap_or_default();
    let Some(mut json) = json else { return (described, yaml()) };
    let valid = json.end();
    if let Some(allowed) = json.too_deep() {
        let excess = Excess { offset: 0, limit: "depth", allowed };
        limit::reached(&excess, &Part::whole(), scope);
    }
    for found in &json.templates {
        template::judge(found.text.as_deref(), found.at, scope);
    }
    if json.is_notebook() && !matches!(named, Named::Source(_)) {
        scope.find(&source::RULE, &Part::whole(), 0, "a notebook, whose cells are programs");
    }
    let mut found = core::mem::take(&mut json.found);
    if valid {
        return (described, found);
    }
    found.extend(yaml());
    found.sort_by_key(|setting| setting.at);
    found.dedup_by_key(|setting| setting.at);
    (Described { kind: Kind::Text, what: NO_JSON }, found)
}

const NO_JSON: &str = "a plain text";
/// What a text may have.
const LONGEST: u64 = 256 << 20;
const LIMIT: &str = "bytes of a text";
