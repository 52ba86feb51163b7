use alloc::boxed::Box;
use alloc::format;
use alloc::vec;
use alloc::vec::Vec;

use super::decode::{Decoder, NoText};
use super::json::{Json, Template};
use super::look::Looks;
use super::markup::Markup;
use super::settings::{self, Setting};
use super::{index, pointer, source};
use crate::Excess;
use crate::foreign::Kind;
use crate::foreign::{Described, OPENVINO};
use crate::step::{Next, Range, Window};
use crate::validate::examine::{Child, Examine, Part, Scope};
use crate::validate::file::{inert, limit, unknown};
use crate::validate::name::{self, Named};
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

/// The current region as a text, as far as its start tells.
pub(in crate::validate) fn child(described: Described, scope: &Scope<'_>) -> Child {
    let decoder = Decoder::default();
    let text = Text { described, decoder, position: 0, window: Window::default(), looks: None };
    Child::same(Box::new(text), scope)
}

impl Examine for Text {
    fn resume(&mut self, parts: Vec<Vec<u8>>, scope: &mut Scope<'_>) -> Next<Vec<Child>> {
        if scope.length > LONGEST {
            scope.find(&unknown::RULE, &Part::whole(), 0, format!("it begins as {}", self.described.what));
            let excess = Excess { offset: 0, limit: LIMIT, allowed: LONGEST };
            limit::reached(&excess, &Part::whole(), scope);
            return Next::Done(Vec::new());
        }
        let looks = self.looks.get_or_insert_with(|| Looks::new(scope));
        if let Some(window) = parts.first() {
            self.position = self.position.saturating_add(window.len() as u64);
            match self.decoder.feed(window, self.position >= scope.length) {
                Ok(text) => looks.feed(text),
                Err(none) => {
                    no_text(none, self.described, scope);
                    return Next::Done(Vec::new());
                }
            }
            // Readers of settings, templates and the like take UTF-8, or whatever the system has: there a
            // byte may be another character, or a part of one.
            if let Some(none) = self.decoder.no_utf8().filter(|_| !looks.is_prose()) {
                no_text(none, self.described, scope);
                return Next::Done(Vec::new());
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
fn conclude(described: Described, mut looks: Looks, scope: &mut Scope<'_>) {
    let whole = Part::whole();
    let (described, found) = structured(described, &mut looks, scope);
    scope.kind(described.kind);
    match (described.kind, looks.named) {
        (Kind::LfsPointer | Kind::AnnexPointer, _) => {
            scope.find(&pointer::RULE, &whole, 0, described.what);
        }
        (Kind::Onnx | Kind::OpenVino, named) => {
            scope.find(&unknown::FORMAT, &whole, 0, described.what);
            promised(named, described, scope);
        }
        (Kind::Script, named) => {
            scope.find(&source::RULE, &whole, 0, described.what);
            if name::is_onnx_text(scope) {
                scope.find(&unknown::FORMAT, &whole, 0, ONNX_TEXT.what);
            }
            promised(named, described, scope);
        }
        (_, Named::Source(what)) => scope.find(&source::RULE, &whole, 0, what),
        (_, Named::Template) => {
            template::judge(looks.template.as_deref(), 0, scope);
            inert::report(Described { kind: Kind::Text, what: "a template of Jinja" }, scope);
        }
        _ => inert::report(described, scope),
    }
    for Setting { at, message } in found {
        scope.find(&settings::RULE, &whole, at, message);
    }
}

/// What is accepted as a format or as code is no model for that, whatever its name promises.
fn promised(named: Named, described: Described, scope: &mut Scope<'_>) {
    if matches!(named, Named::Model | Named::Tokenizer | Named::Partial) {
        inert::report(described, scope);
    }
}

/// What a text is that begins as JSON, as XML or is perhaps YAML, and the settings in it.
fn structured(described: Described, looks: &mut Looks, scope: &mut Scope<'_>) -> (Described, Vec<Setting>) {
    let is_plain = matches!(described.kind, Kind::Text | Kind::Json | Kind::Html);
    // A valid text of JSON says the same to readers of YAML, but for comments.
    let valid = looks.json.as_mut().is_some_and(Json::end);
    let json = looks.json.as_ref().filter(|_| valid);
    let mut yaml = Vec::new();
    if let Some(look) = looks.yaml.as_mut() {
        yaml = look.end();
        yaml.retain(|setting| json.is_none_or(|json| json.is_other_in_yaml(setting.at)));
        judge(&look.templates(), scope);
    }
    if looks.markup.as_ref().is_some_and(Markup::is_openvino) && is_plain {
        return (OPENVINO, yaml);
    }
    if is_plain && looks.fields.as_mut().is_some_and(|fields| !fields.are_settings()) {
        return (ONNX_TEXT, yaml);
    }
    let Some(mut json) = looks.json.take() else {
        looks.role.module(&looks.name, &mut yaml);
        return (described, yaml);
    };
    if let Some(allowed) = json.too_deep() {
        let excess = Excess { offset: 0, limit: "depth", allowed };
        limit::reached(&excess, &Part::whole(), scope);
    }
    judge(&json.templates, scope);
    if json.is_notebook() && !matches!(looks.named, Named::Source(_)) {
        scope.find(&source::RULE, &Part::whole(), 0, "a notebook, whose cells are programs");
    }
    if let Some(Setting { at, message }) = json.outside.take() {
        scope.find(&index::RULE, &Part::whole(), at, message);
    }
    let mut found = core::mem::take(&mut json.found);
    let described = match (valid, described.kind) {
        (true, Kind::Text | Kind::Json) if json.is_onnx() => ONNX_JSON,
        (true, Kind::Text) => JSON,
        (false, Kind::Json) => Described { kind: Kind::Text, what: NO_JSON },
        _ => described,
    };
    found.extend(yaml);
    found.sort_by_key(|setting| setting.at);
    found.dedup_by_key(|setting| setting.at);
    (described, found)
}

/// Judges what a text has of templates.
fn judge(templates: &[Template], scope: &mut Scope<'_>) {
    for found in templates {
        template::judge(found.text.as_deref(), found.at, scope);
    }
}

const JSON: Described = Described { kind: Kind::Json, what: "a JSON text" };
const ONNX_JSON: Described =
    Described { kind: Kind::Onnx, what: "an ONNX model in JSON: onnx.load opens it" };
const ONNX_TEXT: Described =
    Described { kind: Kind::Onnx, what: "by its name an ONNX model in text: onnx.load opens it" };
const NO_JSON: &str = "a plain text";
/// What a text may have.
const LONGEST: u64 = 256 << 20;
const LIMIT: &str = "bytes of a text";
