//! Statements.

use alloc::format;
use alloc::vec::Vec;

use super::blocks::Of;
use super::check::Fault;
use super::code::{Code, is_word};
use super::flow::{Flow, Place};
use super::lexer::Kind;
use super::lists::FUNCTIONS;
use crate::show;

/// Names that are given a value, with the attribute if it is one of a namespace.
type Targets<'t> = Vec<(&'t str, Option<&'t str>)>;

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
        if self.blocks.is_empty() { Ok(()) } else { Err(self.unread()) }
    }

    fn statement(&mut self) -> Result<(), Fault> {
        let name = self.name()?;
        match name {
            "if" => {
                self.tuple()?;
                self.blocks.begin(Of::If, Vec::new());
            }
            "elif" => {
                self.branch(false)?;
                self.tuple()?;
            }
            "else" => self.branch(true)?,
            "for" => self.for_in()?,
            "set" => self.set()?,
            "with" => self.with()?,
            "macro" => self.macro_()?,
            "call" => self.call_block()?,
            "generation" => self.blocks.begin(Of::Generation, Vec::new()),
            "break" | "continue" => {}
            "endif" => self.close(Of::If)?,
            "endfor" => self.close(Of::For)?,
            "endset" => self.close(Of::Set)?,
            "endwith" => self.close(Of::With)?,
            "endcall" => self.close(Of::Call)?,
            "endgeneration" => self.close(Of::Generation)?,
            "endmacro" => {
                self.close(Of::Macro)?;
                if matches!(self.peek(0), Some(Kind::Name(_))) {
                    self.skip(1);
                }
            }
            _ => return self.fault(format!("the statement {}", show::name(name))),
        }
        Ok(())
    }

    fn branch(&mut self, is_else: bool) -> Result<(), Fault> {
        if self.blocks.branch(is_else) { Ok(()) } else { Err(self.unread()) }
    }

    fn close(&mut self, of: Of) -> Result<(), Fault> {
        if self.blocks.end(of) { Ok(()) } else { Err(self.unread()) }
    }

    fn for_in(&mut self) -> Result<(), Fault> {
        let targets = self.targets()?;
        if !self.take_name("in") {
            return Err(self.unread());
        }
        // `if` begins the condition here.
        let mut list = self.either()?;
        if self.is(0, b',') {
            list = list.held();
        }
        while self.take(b',') {
            list = list.join(self.either()?.held());
        }
        let shared = self.graph.share(list.inside());
        let flow = self.graph.at(shared);
        self.graph.give(Place::Variable("loop"), flow);
        self.blocks.begin(Of::For, Vec::new());
        self.hand(&targets, shared)?;
        if self.take_name("if") {
            self.expression()?;
        }
        Ok(())
    }

    fn set(&mut self) -> Result<(), Fault> {
        let targets = self.targets()?;
        if self.take(b'=') {
            let flow = self.tuple()?;
            let shared = self.graph.share(flow.plain());
            return self.hand(&targets, shared);
        }
        while self.is(0, b'|') {
            self.filter(Flow::made())?;
        }
        let shared = self.graph.share(Flow::made());
        self.hand_over(&targets, shared)?;
        let names = targets.iter().filter(|(_, attribute)| attribute.is_none());
        self.blocks.begin(Of::Set, names.map(|(name, _)| *name).collect());
        Ok(())
    }

    fn with(&mut self) -> Result<(), Fault> {
        let mut names = Vec::new();
        while let Some(Kind::Name(_)) = self.peek(0) {
            let name = self.name()?;
            self.need(b'=')?;
            let flow = self.expression()?;
            self.give(name, flow.plain())?;
            names.push(name);
            if !self.take(b',') {
                break;
            }
        }
        self.blocks.begin(Of::With, Vec::new());
        names.into_iter().for_each(|name| self.blocks.give(name));
        Ok(())
    }

    fn macro_(&mut self) -> Result<(), Fault> {
        let at = self.place();
        let name = self.name()?;
        if name.contains("__") || is_word(name) {
            return self.fault(format!("the name {}", show::name(name)));
        }
        self.macros.push((name, at));
        let names = self.parameters(name)?;
        self.blocks.begin(Of::Macro, Vec::new());
        names.into_iter().for_each(|name| self.blocks.give(name));
        Ok(())
    }

    /// What a macro, or the block of a call, is given: names that have a value in it.
    fn parameters(&mut self, of: &'t str) -> Result<Vec<&'t str>, Fault> {
        self.need(b'(')?;
        let mut names = Vec::new();
        let mut count = 0usize;
        while !self.take(b')') {
            let name = self.name()?;
            let flow = if self.take(b'=') { self.expression()?.plain() } else { Flow::default() };
            self.give(name, flow)?;
            names.push(name);
            for place in [Place::Argument(of, count), Place::Keyword(of, name)] {
                let flow = self.graph.at(place);
                self.graph.give(Place::Variable(name), flow);
            }
            count = count.saturating_add(1);
            if !self.take(b',') && !self.is(0, b')') {
                return Err(self.unread());
            }
        }
        Ok(names)
    }

    fn call_block(&mut self) -> Result<(), Fault> {
        let names = if self.is(0, b'(') { self.parameters("caller")? } else { Vec::new() };
        // The block is handed over as one more argument, which only a macro makes nothing else of.
        match (self.peek(0), self.is(1, b'(')) {
            (Some(Kind::Name(name)), true) if !FUNCTIONS.contains(name) => {
                let at = self.place();
                self.skip(1);
                self.function(name, at)?;
            }
            _ => return Err(self.unread()),
        }
        self.blocks.begin(Of::Call, Vec::new());
        names.into_iter().for_each(|name| self.blocks.give(name));
        Ok(())
    }

    fn targets(&mut self) -> Result<Targets<'t>, Fault> {
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

    /// Gives names their values, which they have from here on.
    fn hand(&mut self, targets: &Targets<'t>, from: Place<'t>) -> Result<(), Fault> {
        self.hand_over(targets, from)?;
        let names = targets.iter().filter(|(_, attribute)| attribute.is_none());
        names.for_each(|(name, _)| self.blocks.give(name));
        Ok(())
    }

    fn hand_over(&mut self, targets: &Targets<'t>, from: Place<'t>) -> Result<(), Fault> {
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
