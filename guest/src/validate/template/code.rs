//! A template's code, read as Jinja reads it. What cannot be read so is a fault: nothing is code
//! that is not understood.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::blocks::Blocks;
use super::check::Fault;
use super::flow::{Flow, Graph, Level, Place};
use super::lexer::{Kind, Token};
use super::lists::OUTSIDE;
use super::names::{leads_out, must_be_called};
use crate::show;

/// Code, and what was seen in what is read of it.
#[derive(Debug)]
pub(super) struct Code<'t> {
    tokens: &'t [Token<'t>],
    pub(super) next: usize,
    pub(super) depth: usize,
    pub(super) graph: Graph<'t>,
    pub(super) blocks: Blocks<'t>,
    /// Macros, and where.
    pub(super) macros: Vec<(&'t str, usize)>,
    /// Names that are called, which must be those of macros, and where.
    pub(super) called: Vec<(&'t str, usize)>,
    /// Names that are read, which must not be.
    pub(super) read: Vec<(&'t str, usize)>,
    /// Names that are given a value, which must not be either.
    pub(super) given: Vec<(&'t str, usize)>,
    /// What subscripts look up, and where.
    pub(super) lookups: Vec<(Flow, usize)>,
    /// What methods are called of, what may be called instead, and where.
    pub(super) methods: Vec<(Flow, Flow, usize)>,
}

impl<'t> Code<'t> {
    pub(super) fn new(tokens: &'t [Token<'t>]) -> Self {
        Self {
            tokens,
            next: 0,
            depth: 0,
            graph: Graph::default(),
            blocks: Blocks::default(),
            macros: Vec::new(),
            called: Vec::new(),
            read: Vec::new(),
            given: Vec::new(),
            lookups: Vec::new(),
            methods: Vec::new(),
        }
    }

    /// The kind of the token that comes after so many.
    pub(super) fn peek(&self, after: usize) -> Option<&'t Kind<'t>> {
        self.tokens.get(self.next.saturating_add(after)).map(|token| &token.kind)
    }

    pub(super) fn place(&self) -> usize {
        self.tokens.get(self.next).or(self.tokens.last()).map_or(0, |token| token.at)
    }

    pub(super) fn is(&self, after: usize, sign: u8) -> bool {
        self.peek(after) == Some(&Kind::Sign(sign))
    }

    pub(super) fn is_name(&self, after: usize, name: &str) -> bool {
        matches!(self.peek(after), Some(Kind::Name(found)) if *found == name)
    }

    pub(super) fn skip(&mut self, count: usize) {
        self.next = self.next.saturating_add(count);
    }

    /// Skips a sign, if it comes next.
    pub(super) fn take(&mut self, sign: u8) -> bool {
        let found = self.is(0, sign);
        self.skip(usize::from(found));
        found
    }

    pub(super) fn take_name(&mut self, name: &str) -> bool {
        let found = self.is_name(0, name);
        self.skip(usize::from(found));
        found
    }

    pub(super) fn need(&mut self, sign: u8) -> Result<(), Fault> {
        if self.take(sign) { Ok(()) } else { Err(self.unread()) }
    }

    pub(super) fn name(&mut self) -> Result<&'t str, Fault> {
        let Some(Kind::Name(name)) = self.peek(0) else { return Err(self.unread()) };
        self.skip(1);
        Ok(name)
    }

    /// The end of a statement or of what is printed.
    pub(super) fn end(&mut self) -> Result<(), Fault> {
        if self.peek(0) != Some(&Kind::End) {
            return Err(self.unread());
        }
        self.skip(1);
        Ok(())
    }

    pub(super) fn unread(&self) -> Fault {
        Fault::new(self.place(), "code that is no template's")
    }

    pub(super) fn fault<T>(&self, what: String) -> Result<T, Fault> {
        Err(Fault::new(self.place(), what))
    }

    /// Something is kept by a name in a dict or namespace, from where it could be called as what the
    /// name says.
    pub(super) fn keep(&self, name: &str) -> Result<(), Fault> {
        if leads_out(name) || must_be_called(name) {
            return self.fault(format!("another value for the name {}", show::name(name)));
        }
        Ok(())
    }

    /// A name is given a value. From where on it has one is for the statement to say.
    pub(super) fn give(&mut self, name: &'t str, flow: Flow) -> Result<(), Fault> {
        if name.contains("__") || is_word(name) {
            return self.fault(format!("the name {}", show::name(name)));
        }
        self.given.push((name, self.place()));
        self.graph.give(Place::Variable(name), flow);
        Ok(())
    }

    /// What a name stands for. One that the template may not have given a value is one of the
    /// renderer's, who hands over the special tokens by whatever names the model's author chose. The
    /// messages are none, and are lists whoever gives them.
    pub(super) fn value(&mut self, name: &'t str) -> Flow {
        let flow = self.graph.at(Place::Variable(name));
        if self.blocks.is_given(name) {
            flow
        } else if OUTSIDE.contains(&name) {
            flow.join(Flow::of(Level::List))
        } else {
            flow.join(Flow::made())
        }
    }
}

/// Whether a name is a word of the language, or of one value.
pub(super) fn is_word(name: &str) -> bool {
    matches!(name, "in" | "is" | "not" | "and" | "or" | "if" | "else") || is_constant(name)
}

pub(super) fn is_constant(name: &str) -> bool {
    matches!(name, "true" | "false" | "none" | "True" | "False" | "None")
}
