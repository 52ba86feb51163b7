//! Writing names, step by step.

use core::fmt;

use crate::key::{Digests, Key};
use crate::{Nodes, Role};

/// How a name is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Keys joined by dots.
    Plain,
    /// Keys in brackets: texts in quotes, so that they cannot be taken for anything else.
    Exact,
    /// Keys by their positions.
    Positional,
}

/// Writes a name into anything: a text, a hash, a count of bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pen<W> {
    pub(crate) out: W,
    /// Whether a key needs no dot before it.
    pub(crate) start: bool,
    /// Whether a key on the way cannot be seen for what it is.
    pub(crate) hidden: bool,
}

impl<W: fmt::Write> Pen<W> {
    pub(crate) fn new(out: W) -> Self {
        Self { out, start: true, hidden: false }
    }

    /// Leads the name of a node on to one that it refers to.
    pub(crate) fn step<N: Nodes + ?Sized>(&mut self, nodes: &N, digests: &Digests, role: Role, form: Form) {
        // None of what is written into ever fails.
        let _ = self.lead(nodes, digests, role, form);
    }

    /// Only notes whether the step can be seen for what it is.
    pub(crate) fn pass<N: Nodes + ?Sized>(&mut self, nodes: &N, digests: &Digests, role: Role) {
        if let Role::Value { at: _, key } = role {
            self.hidden |= Key::of(nodes, digests, key).is_some_and(|key| key.is_hidden());
        }
    }

    /// Leads it on to what is under a key of this text.
    pub(crate) fn text(&mut self, text: &str) {
        let _ = self.dot(Form::Plain).and_then(|()| self.out.write_str(text));
        self.start = false;
    }

    fn lead<N: Nodes + ?Sized>(
        &mut self,
        nodes: &N,
        digests: &Digests,
        role: Role,
        form: Form,
    ) -> fmt::Result {
        match role {
            Role::Core => return Ok(()),
            Role::Item(at) => write!(self.out, "[{at}]")?,
            Role::Key(at) => write!(self.out, "{{{at}}}")?,
            Role::Value { at, key } => return self.value(nodes, digests, at, key, form),
            Role::Attributes | Role::Bookkeeping => {
                self.out.write_char('@')?;
                self.start = true;
                return Ok(());
            }
            Role::Part(part) => {
                self.dot(form)?;
                self.out.write_str(part.name())?;
            }
            Role::Field(field) => {
                self.dot(form)?;
                self.out.write_str(field.name())?;
            }
            Role::Effect(at) => {
                self.dot(form)?;
                write!(self.out, "effects[{at}]")?;
            }
        }
        self.start = false;
        Ok(())
    }

    fn value<N: Nodes + ?Sized>(
        &mut self,
        nodes: &N,
        digests: &Digests,
        at: u32,
        key: u32,
        form: Form,
    ) -> fmt::Result {
        let key = if form == Form::Positional { None } else { Key::of(nodes, digests, key) };
        match key {
            Some(key) if form == Form::Plain => {
                self.dot(form)?;
                key.plain(nodes, &mut self.out)?;
                self.hidden |= key.is_hidden();
                self.start &= key.is_empty();
                return Ok(());
            }
            Some(key) if key.exact(&mut self.out)? => {}
            _ => write!(self.out, "[#{at}]")?,
        }
        self.start = false;
        Ok(())
    }

    fn dot(&mut self, form: Form) -> fmt::Result {
        if self.start && form == Form::Plain { Ok(()) } else { self.out.write_char('.') }
    }
}
