//! Expressions, and what they come to.

use alloc::format;
use alloc::string::String;

use super::check::Fault;
use super::code::{Code, is_constant, is_word};
use super::flow::{Flow, Level, Place};
use super::lexer::Kind;
use super::lists::{CUTTING, FUNCTIONS, OBJECTS, OF_LOOP, TESTS};
use super::names::{leads_out, must_be_called};
use crate::show;

impl<'t> Code<'t> {
    /// One expression, or several with commas.
    pub(super) fn tuple(&mut self) -> Result<Flow, Fault> {
        let mut flow = self.expression()?;
        while self.take(b',') {
            let more = !matches!(self.peek(0), Some(Kind::End | Kind::Sign(b')')) | None);
            let other = if more { self.expression()? } else { Flow::default() };
            flow = flow.join(other).held();
            flow.is_list = true;
        }
        Ok(flow)
    }

    /// An expression; they lie in each other no deeper than the code of people does.
    pub(super) fn expression(&mut self) -> Result<Flow, Fault> {
        if self.depth >= DEPTH {
            return self.fault("expressions that lie deep in each other".into());
        }
        self.depth = self.depth.saturating_add(1);
        let mut flow = self.either()?;
        while self.take_name("if") {
            self.either()?;
            if self.take_name("else") {
                flow = flow.join(self.either()?);
            }
        }
        self.depth = self.depth.saturating_sub(1);
        Ok(flow)
    }

    /// `or` and `and`.
    pub(super) fn either(&mut self) -> Result<Flow, Fault> {
        let mut flow = self.compared()?;
        while self.take_name("or") || self.take_name("and") {
            flow = flow.join(self.compared()?);
        }
        Ok(flow)
    }

    fn compared(&mut self) -> Result<Flow, Fault> {
        let mut is_compared = false;
        while self.take_name("not") {
            is_compared = true;
        }
        let mut flow = self.sum()?;
        while self.comparison() {
            is_compared = true;
            self.sum()?;
        }
        if is_compared {
            flow = Flow::number();
        }
        Ok(flow)
    }

    fn comparison(&mut self) -> bool {
        let length = match (self.peek(0), self.peek(1)) {
            (Some(Kind::Sign(b'=' | b'!' | b'<' | b'>')), Some(Kind::Sign(b'='))) => 2,
            (Some(Kind::Sign(b'<' | b'>')), _) | (Some(Kind::Name("in")), _) => 1,
            (Some(Kind::Name("not")), Some(Kind::Name("in"))) => 2,
            _ => 0,
        };
        self.skip(length);
        length > 0
    }

    fn sum(&mut self) -> Result<Flow, Fault> {
        let mut flow = self.joined()?;
        loop {
            if self.take(b'+') {
                flow = add(flow, self.joined()?);
                flow = self.graph.short(flow);
            } else if self.take(b'-') {
                let other = self.joined()?;
                // Keys of dicts may be taken from others, and are texts.
                let is_number = flow.is_number || other.is_number;
                flow = if is_number { Flow::number() } else { flow.join(other).plain() };
            } else {
                return Ok(flow);
            }
        }
    }

    fn joined(&mut self) -> Result<Flow, Fault> {
        let mut flow = self.product()?;
        while self.take(b'~') {
            self.product()?;
            flow = Flow::made();
        }
        Ok(flow)
    }

    fn product(&mut self) -> Result<Flow, Fault> {
        let mut flow = self.power()?;
        loop {
            if self.take(b'/') {
                self.take(b'/');
                self.power()?;
                flow = Flow::number();
            } else if self.is(0, b'*') || self.is(0, b'%') {
                let is_times = self.take(b'*');
                self.skip(usize::from(!is_times));
                let other = self.power()?;
                // A text may be repeated, and may be a format: `'%c' % 95`.
                let is_number = flow.is_number && (other.is_number || !is_times);
                flow = match (is_number, is_times) {
                    (true, _) => Flow::number(),
                    (_, true) => flow.join(other).added(),
                    _ => Flow::made(),
                };
            } else {
                return Ok(flow);
            }
        }
    }

    fn power(&mut self) -> Result<Flow, Fault> {
        let mut flow = self.unary()?;
        while self.is(0, b'*') && self.is(1, b'*') {
            self.skip(2);
            self.unary()?;
            flow = Flow::number();
        }
        Ok(flow)
    }

    /// A sign is of what stands behind it with its attributes; filters and tests are of both.
    fn unary(&mut self) -> Result<Flow, Fault> {
        let mut is_signed = false;
        while self.take(b'-') || self.take(b'+') {
            is_signed = true;
        }
        let mut flow = self.operand()?;
        if is_signed {
            flow = Flow::number();
        }
        loop {
            flow = match self.peek(0) {
                Some(Kind::Sign(b'|')) => self.filter(flow)?,
                Some(Kind::Name("is")) => self.test()?,
                Some(Kind::Sign(b'(')) => return self.fault("a call of what an expression gives".into()),
                _ => return Ok(flow),
            };
        }
    }

    /// A value with its attributes and subscripts.
    fn operand(&mut self) -> Result<Flow, Fault> {
        let mut flow = self.primary()?;
        loop {
            flow = match self.peek(0) {
                Some(Kind::Sign(b'.')) => self.attribute(flow)?,
                Some(Kind::Sign(b'[')) => self.subscript(flow)?,
                _ => return Ok(flow),
            };
            flow = self.graph.short(flow);
        }
    }

    fn primary(&mut self) -> Result<Flow, Fault> {
        match self.peek(0) {
            Some(Kind::Name(name)) => self.variable(name),
            Some(Kind::Number) => {
                self.skip(1);
                Ok(Flow::number())
            }
            Some(Kind::Text(_)) => Ok(Flow::of(written(&self.text()))),
            Some(Kind::Sign(b'(')) => {
                self.skip(1);
                if self.take(b')') {
                    return Ok(Flow::default());
                }
                let flow = self.tuple()?;
                self.need(b')')?;
                Ok(flow)
            }
            Some(Kind::Sign(b'[')) => {
                self.skip(1);
                self.items(b']')
            }
            Some(Kind::Sign(b'{')) => {
                self.skip(1);
                self.items(b'}')
            }
            _ => Err(self.unread()),
        }
    }

    /// Texts that stand side by side are one.
    fn text(&mut self) -> String {
        let mut text = String::new();
        while let Some(Kind::Text(next)) = self.peek(0) {
            text.push_str(next);
            self.skip(1);
        }
        text
    }

    /// What a list or dict holds.
    fn items(&mut self, close: u8) -> Result<Flow, Fault> {
        let mut flow = Flow::default();
        while !self.take(close) {
            if let (b'}', Some(Kind::Text(name)), true) = (close, self.peek(0), self.is(1, b':')) {
                self.keep(name)?;
            }
            flow = flow.join(self.expression()?);
            if close == b'}' {
                self.need(b':')?;
                flow = flow.join(self.expression()?);
            }
            if !self.take(b',') && !self.is(0, close) {
                return Err(self.unread());
            }
        }
        flow = if close == b'}' { flow.kept() } else { flow.held() };
        flow.is_list = true;
        Ok(flow)
    }

    fn variable(&mut self, name: &'t str) -> Result<Flow, Fault> {
        let at = self.place();
        if name.contains("__") {
            return self.fault(format!("the name {}", show::name(name)));
        }
        if is_constant(name) {
            self.skip(1);
            return Ok(Flow::default());
        }
        if is_word(name) {
            return Err(self.unread());
        }
        self.skip(1);
        // Whether a function is there may be asked.
        let is_asked = self.is_name(0, "is")
            && (self.is_name(1, "defined")
                || self.is_name(1, "undefined")
                || self.is_name(1, "not") && (self.is_name(2, "defined") || self.is_name(2, "undefined")));
        if is_asked {
            return Ok(Flow::default());
        }
        if name == "loop" {
            return self.of_loop(at);
        }
        if OBJECTS.contains(&name) {
            return Err(Fault::new(at, format!("the object {}", show::name(name))));
        }
        if self.is(0, b'(') {
            return self.function(name, at);
        }
        if FUNCTIONS.contains(&name) {
            return Err(Fault::new(at, format!("the function {} that is not called", show::name(name))));
        }
        self.read.push((name, at));
        Ok(self.value(name))
    }

    fn of_loop(&mut self, at: usize) -> Result<Flow, Fault> {
        let Some(Kind::Name(name)) = self.peek(1).filter(|_| self.is(0, b'.')) else {
            return Err(Fault::new(at, "the object `loop`"));
        };
        self.skip(2);
        match *name {
            name if OF_LOOP.contains(&name) => Ok(Flow::number()),
            "previtem" | "nextitem" => Ok(self.graph.at(Place::Variable("loop"))),
            "cycle" | "changed" if self.is(0, b'(') => {
                let arguments = self.arguments()?;
                Ok(arguments.all())
            }
            name => Err(Fault::new(at, format!("the name {} of `loop`", show::name(name)))),
        }
    }

    /// `.name`, with its call if it is a method.
    fn attribute(&mut self, of: Flow) -> Result<Flow, Fault> {
        self.skip(1);
        if self.peek(0) == Some(&Kind::Number) {
            self.skip(1);
            return Ok(of.inside());
        }
        let at = self.place();
        let name = self.name()?;
        if leads_out(name) {
            return Err(Fault::new(at, format!("the name {}", show::name(name))));
        }
        if self.is(0, b'(') {
            return self.method(of, name, at);
        }
        self.named(of, name, at)
    }

    /// What is looked up by a name that is written there.
    pub(super) fn named(&mut self, of: Flow, name: &'t str, at: usize) -> Result<Flow, Fault> {
        if leads_out(name) {
            return Err(Fault::new(at, format!("the name {}", show::name(name))));
        }
        if must_be_called(name) {
            return Err(Fault::new(at, format!("the method {} that is not called", show::name(name))));
        }
        if CUTTING.contains(&name) {
            // A method that a text has, or what a dict holds.
            return Ok(of.join(Flow::made()));
        }
        let attribute = self.graph.at(Place::Attribute(name));
        Ok(of.inside().join(attribute).plain())
    }

    fn subscript(&mut self, of: Flow) -> Result<Flow, Fault> {
        self.skip(1);
        let at = self.place();
        if let Some(Kind::Text(text)) = self.peek(0)
            && self.is(1, b']')
        {
            self.skip(2);
            return self.named(of, text, at);
        }
        let mut is_slice = false;
        let mut by = Flow::number();
        while !self.take(b']') {
            if self.take(b':') {
                is_slice = true;
                continue;
            }
            by = by.join(self.expression()?);
            if self.take(b',') {
                by = by.plain();
            } else if !self.is(0, b']') && !self.is(0, b':') {
                return Err(self.unread());
            }
        }
        if is_slice {
            return Ok(of.sliced());
        }
        if by.is_number {
            return Ok(of.inside());
        }
        let attribute = self.graph.at(Place::AnyAttribute);
        let flow = of.inside().join(attribute).found(&by);
        self.lookups.push((by, at));
        Ok(flow)
    }

    /// A test; what it gives is true or false.
    fn test(&mut self) -> Result<Flow, Fault> {
        self.skip(1);
        self.take_name("not");
        let at = self.place();
        let name = self.name()?;
        if !TESTS.contains(&name) {
            return Err(Fault::new(at, format!("the test {}", show::name(name))));
        }
        match self.peek(0) {
            Some(Kind::Sign(b'(')) => drop(self.arguments()?),
            Some(Kind::Name("else" | "or" | "and")) => {}
            // What it is given; filters and tests behind it are of the test.
            Some(Kind::Name(_) | Kind::Text(_) | Kind::Number | Kind::Sign(b'[' | b'{')) => {
                self.operand()?;
            }
            _ => {}
        }
        Ok(Flow::number())
    }
}

/// Numbers, texts or lists.
fn add(one: Flow, other: Flow) -> Flow {
    if one.is_number || other.is_number {
        return Flow::number();
    }
    if one.is_list || other.is_list {
        let mut flow = one.join(other).plain();
        flow.is_list = true;
        return flow;
    }
    one.join(other).added()
}

/// What a text that is written in the template may be used for.
pub(super) fn written(text: &str) -> Level {
    if leads_out(text) || must_be_called(text) || CUTTING.contains(&text) {
        Level::Made
    } else {
        Level::Whole
    }
}

/// Expressions in each other.
const DEPTH: usize = 40;
