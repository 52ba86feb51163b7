//! Statements.

use alloc::format;
use alloc::vec::Vec;

use super::check::Fault;
use super::code::{Code, is_word};
use super::flow::{Flow, Level, Place};
use super::lexer::Kind;
use super::lists::PLAIN;
use crate::show;

impl<'t> Code<'t> {
    /// All code.
    pub(super) fn all(&mut self) -> Result<(), Fault> {
        while let Some(kind) = self.peek(0) {
            self.skip(1);
            match kind {
                Kind::Block => self.statement()?,
                Kind::Print => drop(self.tuple()?),
                _ => return Err(self.unread()),
            }
            self.end()?;
        }
        Ok(())
    }

    fn statement(&mut self) -> Result<(), Fault> {
        let name = self.name()?;
        match name {
            "if" | "elif" => drop(self.tuple()?),
            "for" => self.for_in()?,
            "set" => self.set()?,
            "with" => self.with()?,
            "macro" => self.macro_()?,
            "call" => self.call_block()?,
            _ if PLAIN.contains(&name) => {
                if name == "endmacro" && matches!(self.peek(0), Some(Kind::Name(_))) {
                    self.skip(1);
                }
            }
            _ => return self.fault(format!("the statement {}", show::name(name))),
        }
        Ok(())
    }

    fn for_in(&mut self) -> Result<(), Fault> {
        let targets = self.targets()?;
        if !self.take_name("in") {
            return Err(self.unread());
        }
        // `if` begins the condition here.
        let mut list = self.either()?;
        while self.take(b',') {
            list = list.join(self.either()?);
        }
        if self.take_name("if") {
            self.expression()?;
        }
        let shared = self.graph.share(list.plain());
        let flow = self.graph.at(shared);
        self.graph.give(Place::Variable("loop"), flow);
        self.hand(&targets, shared)
    }

    fn set(&mut self) -> Result<(), Fault> {
        let targets = self.targets()?;
        let flow = if self.take(b'=') {
            self.tuple()?
        } else {
            while self.is(0, b'|') {
                self.filter(Flow::of(Level::Made))?;
            }
            Flow::of(Level::Made)
        };
        let shared = self.graph.share(flow.plain());
        self.hand(&targets, shared)
    }

    fn with(&mut self) -> Result<(), Fault> {
        while let Some(Kind::Name(_)) = self.peek(0) {
            let name = self.name()?;
            self.need(b'=')?;
            let flow = self.expression()?;
            self.give(name, flow.plain())?;
            if !self.take(b',') {
                break;
            }
        }
        Ok(())
    }

    fn macro_(&mut self) -> Result<(), Fault> {
        let name = self.name()?;
        if name.contains("__") || is_word(name) {
            return self.fault(format!("the name {}", show::name(name)));
        }
        self.macros.push(name);
        self.parameters(name)
    }

    /// What a macro, or the block of a call, is given.
    fn parameters(&mut self, of: &'t str) -> Result<(), Fault> {
        self.need(b'(')?;
        let mut count = 0usize;
        while !self.take(b')') {
            let name = self.name()?;
            let flow = if self.take(b'=') { self.expression()?.plain() } else { Flow::default() };
            self.give(name, flow)?;
            for place in [Place::Argument(of, count), Place::Keyword(of, name)] {
                let flow = self.graph.at(place);
                self.graph.give(Place::Variable(name), flow);
            }
            count = count.saturating_add(1);
            if !self.take(b',') && !self.is(0, b')') {
                return Err(self.unread());
            }
        }
        Ok(())
    }

    fn call_block(&mut self) -> Result<(), Fault> {
        if self.is(0, b'(') {
            self.parameters("caller")?;
        }
        match (self.peek(0), self.is(1, b'(')) {
            (Some(Kind::Name(_)), true) => drop(self.expression()?),
            _ => return Err(self.unread()),
        }
        Ok(())
    }

    /// Names that are given a value, with the attribute if it is one of a namespace.
    fn targets(&mut self) -> Result<Vec<(&'t str, Option<&'t str>)>, Fault> {
        let mut targets = Vec::new();
        let mut depth = 0usize;
        loop {
            while self.take(b'(') {
                depth = depth.saturating_add(1);
            }
            let name = self.name()?;
            let attribute = if self.take(b'.') { Some(self.name()?) } else { None };
            attribute.map_or(Ok(()), |attribute| self.keep(attribute))?;
            targets.push((name, attribute));
            while depth > 0 && self.take(b')') {
                depth = depth.saturating_sub(1);
            }
            if !self.take(b',') {
                break;
            }
        }
        if depth > 0 { Err(self.unread()) } else { Ok(targets) }
    }

    fn hand(&mut self, targets: &[(&'t str, Option<&'t str>)], from: Place<'t>) -> Result<(), Fault> {
        for (name, attribute) in targets {
            let flow = self.graph.at(from);
            match attribute {
                Some(attribute) => self.graph.give(Place::Attribute(attribute), flow),
                None => self.give(name, flow)?,
            }
        }
        Ok(())
    }
}
