//! Calls and filters, which are those of a list.

use alloc::format;
use alloc::vec::Vec;

use super::check::Fault;
use super::code::Code;
use super::expressions::written;
use super::flow::{Flow, Place};
use super::lexer::Kind;
use super::lists::{
    BUILDING, BY_ATTRIBUTE, BY_TEST, COUNTING, CUTTING, FUNCTIONS, HANDING, HOLDING, MAKING, OF_DICT,
    PUTTING, TELLING, TESTS,
};
use crate::show;

/// What is in the brackets of a call.
#[derive(Debug, Default)]
pub(super) struct Arguments<'t> {
    list: Vec<Argument<'t>>,
}

#[derive(Debug)]
struct Argument<'t> {
    keyword: Option<&'t str>,
    /// A text that it is, or a number.
    text: Option<&'t str>,
    is_number: bool,
    flow: Flow,
}

impl<'t> Arguments<'t> {
    /// Any of them.
    pub(super) fn all(self) -> Flow {
        self.list.into_iter().fold(Flow::default(), |all, argument| all.join(argument.flow)).plain()
    }

    fn names(&self) -> impl Iterator<Item = &'t str> {
        self.list.iter().filter_map(|argument| argument.keyword)
    }

    /// A dict that holds them, and their names as keys.
    fn with_names(self) -> Flow {
        let level = self.names().map(written).max().unwrap_or_default();
        self.all().join(Flow::of(level)).kept()
    }

    fn number(&self, wanted: usize) -> Option<&Argument<'t>> {
        self.list.iter().filter(|argument| argument.keyword.is_none()).nth(wanted)
    }

    fn named(&self, wanted: &str) -> impl Iterator<Item = &Argument<'t>> {
        self.list.iter().filter(move |argument| argument.keyword == Some(wanted))
    }
}

impl<'t> Code<'t> {
    /// Arguments in brackets. None come from a list or dict: `*` and `**` say nothing of them.
    pub(super) fn arguments(&mut self) -> Result<Arguments<'t>, Fault> {
        self.need(b'(')?;
        let mut arguments = Arguments::default();
        while !self.take(b')') {
            let keyword = match self.peek(0) {
                Some(Kind::Name(name)) if self.is(1, b'=') && !self.is(2, b'=') => {
                    self.skip(2);
                    Some(*name)
                }
                _ => None,
            };
            let is_last = matches!(self.peek(1), Some(Kind::Sign(b',' | b')')));
            let text = match self.peek(0) {
                Some(Kind::Text(text)) if is_last => Some(text.as_str()),
                _ => None,
            };
            let is_number = is_last && self.peek(0) == Some(&Kind::Number);
            let flow = self.expression()?;
            arguments.list.push(Argument { keyword, text, is_number, flow });
            if !self.take(b',') && !self.is(0, b')') {
                return Err(self.unread());
            }
        }
        Ok(arguments)
    }

    /// A call of a function that renderers give to templates, or of a macro.
    pub(super) fn function(&mut self, name: &'t str, at: usize) -> Result<Flow, Fault> {
        let arguments = self.arguments()?;
        if matches!(name, "namespace" | "dict") {
            arguments.names().try_for_each(|name| self.keep(name))?;
        }
        match name {
            "range" => Ok(Flow::default()),
            "raise_exception" => Ok(Flow::default()),
            "strftime_now" => Ok(Flow::made()),
            "namespace" => {
                for argument in arguments.list {
                    // A dict has names that are written nowhere.
                    let Some(name) = argument.keyword else {
                        return Err(Fault::new(at, "a namespace that is made of something"));
                    };
                    self.graph.give(Place::Attribute(name), argument.flow);
                }
                Ok(Flow::default())
            }
            "dict" => Ok(arguments.with_names()),
            _ => {
                if !FUNCTIONS.contains(&name) {
                    self.called.push((name, at));
                }
                // Jinja hands a macro its block so: anything would be called.
                if arguments.names().any(|name| name == "caller") {
                    return Err(Fault::new(at, "another value for `caller`"));
                }
                let mut count = 0usize;
                for argument in arguments.list {
                    let place = match argument.keyword {
                        Some(keyword) => Place::Keyword(name, keyword),
                        None => Place::Argument(name, count),
                    };
                    self.graph.give(place, argument.flow);
                    count = count.saturating_add(1);
                }
                Ok(Flow::made())
            }
        }
    }

    /// A call of a method, or of what a namespace or dict holds under its name.
    pub(super) fn method(&mut self, of: Flow, name: &'t str, at: usize) -> Result<Flow, Fault> {
        let arguments = self.arguments()?;
        let attribute = self.graph.at(Place::Attribute(name));
        let place = self.graph.share(of);
        let of = self.graph.at(place);
        let dict = if OF_DICT.contains(&name) { Flow::default() } else { of.clone() };
        self.methods.push((dict, attribute.clone(), at));
        let of = of.join(attribute);
        if TELLING.contains(&name) {
            // A method that is held gives what it has, or what it is given.
            return Ok(of.join(arguments.all()).plain());
        }
        if CUTTING.contains(&name) || MAKING.contains(&name) {
            return Ok(of.join(Flow::made()));
        }
        if PUTTING.contains(&name) {
            arguments.names().try_for_each(|name| self.keep(name))?;
            let what = if OF_DICT.contains(&name) { arguments.with_names() } else { arguments.all().held() };
            let what = self.graph.put(&of, what);
            let what = self.graph.at(what);
            return Ok(of.join(what).plain());
        }
        if HOLDING.contains(&name) {
            let default = arguments.list.into_iter().skip(1);
            return Ok(default.fold(of, |all, argument| all.join(argument.flow)).plain());
        }
        Err(Fault::new(at, format!("the method {}", show::name(name))))
    }

    /// A filter.
    pub(super) fn filter(&mut self, of: Flow) -> Result<Flow, Fault> {
        self.skip(1);
        let at = self.place();
        let name = self.name()?;
        let arguments = if self.is(0, b'(') { self.arguments()? } else { Arguments::default() };
        let looked_up = self.looked_up(name, &arguments, at)?;
        if COUNTING.contains(&name) {
            return Ok(Flow::number());
        }
        if HANDING.contains(&name) {
            if matches!(name, "int" | "float") && arguments.list.is_empty() {
                return Ok(Flow::number());
            }
            let given = arguments.all();
            let given = if matches!(name, "default" | "d") { given } else { given.held() };
            return Ok(of.join(given).join(looked_up.held()).plain());
        }
        if name == "reverse" {
            return Ok(of.sliced());
        }
        if BUILDING.contains(&name) {
            return Ok(Flow::made());
        }
        Err(Fault::new(at, format!("the filter {}", show::name(name))))
    }

    /// What a filter looks up by names, which are written there; and what it applies is of a list.
    fn looked_up(&mut self, name: &str, arguments: &Arguments<'t>, at: usize) -> Result<Flow, Fault> {
        let of = |list: &[(&str, usize)]| list.iter().find(|(known, _)| *known == name).map(|(_, at)| *at);
        let made = || Fault::new(at, format!("what {} looks up by a name that is made", show::name(name)));
        let attribute = of(BY_ATTRIBUTE).and_then(|number| arguments.number(number));
        let named: Vec<_> = arguments.named("attribute").chain(attribute).collect();
        let mut flow = Flow::default();
        for argument in &named {
            if argument.is_number {
                continue;
            }
            for part in argument.text.ok_or_else(made)?.split([',', '.']) {
                flow = flow.join(self.named(Flow::default(), part.trim(), at)?);
            }
        }
        let test = of(BY_TEST).and_then(|number| arguments.number(number));
        if test.is_some_and(|test| !test.text.is_some_and(|text| TESTS.contains(&text))) {
            return Err(made());
        }
        if name == "map" && (named.is_empty() || arguments.number(0).is_some()) {
            let filter = arguments.number(0).and_then(|filter| filter.text).ok_or_else(made)?;
            flow = flow.join(mapped(filter).ok_or_else(made)?);
        }
        Ok(flow)
    }
}

/// What a filter gives that is applied to each item.
fn mapped(name: &str) -> Option<Flow> {
    let looks_up = name == "map" || BY_ATTRIBUTE.iter().chain(BY_TEST).any(|(known, _)| *known == name);
    if COUNTING.contains(&name) || HANDING.contains(&name) && !looks_up {
        Some(Flow::default())
    } else if BUILDING.contains(&name) && !looks_up || name == "reverse" {
        Some(Flow::made())
    } else {
        None
    }
}
