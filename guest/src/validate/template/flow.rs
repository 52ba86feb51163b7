//! Which names of a template may be texts that it makes: a subscript by one looks up whatever
//! attribute the template has put together.

use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;

use super::check::Fault;
use super::lexer::{Kind, Token};
use super::lists::{OF_NUMBERS, WORDS};

/// Names that may be made.
#[derive(Debug, Default)]
pub(super) struct Made(BTreeSet<String>);

/// A name that is given what some code comes to.
struct Binding<'c, 't> {
    name: &'t str,
    code: &'c [Token<'t>],
    /// Whether nothing is known of what it is given.
    any: bool,
}

impl Made {
    /// Follows all assignments, in whatever order they come.
    pub(super) fn new(tokens: &[Token<'_>]) -> Result<Self, Fault> {
        let bindings = bindings(tokens)?;
        let mut made = Self::default();
        for _ in 0..ROUNDS {
            let before = made.0.len();
            for binding in &bindings {
                if !made.0.contains(binding.name)
                    && (binding.any || made.is_made(&binding.code.iter().collect::<Vec<_>>()))
                {
                    made.0.insert(binding.name.into());
                }
            }
            if made.0.len() == before {
                return Ok(made);
            }
        }
        Err(unfollowed())
    }

    /// Whether some code may come to a text that the template makes.
    pub(super) fn is_made(&self, code: &[&Token<'_>]) -> bool {
        code.iter().enumerate().any(|(at, token)| {
            let before = at.checked_sub(1).and_then(|at| code.get(at)).map(|token| &token.kind);
            let after = code.get(at.saturating_add(1)).map(|token| &token.kind);
            match &token.kind {
                Kind::Text(text) => !(text.is_empty() || is_key(before, after) || is_compared(before)),
                Kind::Sign(b'~') => true,
                Kind::Name(name) if before == Some(&Kind::Sign(b'|')) => !OF_NUMBERS.contains(name),
                Kind::Name(name) if after == Some(&Kind::Sign(b'(')) => {
                    !matches!(*name, "range" | "namespace" | "items" | "keys" | "values")
                        && !WORDS.contains(name)
                }
                Kind::Name(name) => self.0.contains(*name),
                _ => false,
            }
        })
    }
}

/// Whether a text is what something is looked up by: `message['role']`.
fn is_key(before: Option<&Kind<'_>>, after: Option<&Kind<'_>>) -> bool {
    before == Some(&Kind::Sign(b'[')) && after == Some(&Kind::Sign(b']'))
}

/// Whether a text is only compared with.
fn is_compared(before: Option<&Kind<'_>>) -> bool {
    matches!(before, Some(Kind::Name("in")))
}

/// All that names are given: by `set`, `for`, `with`, macros and keywords of calls.
fn bindings<'c, 't>(tokens: &'c [Token<'t>]) -> Result<Vec<Binding<'c, 't>>, Fault> {
    let mut found = Vec::new();
    let macros: Vec<_> = tokens.iter().enumerate().filter_map(|(at, _)| macro_at(tokens, at)).collect();
    for (at, token) in tokens.iter().enumerate() {
        let rest = tokens.get(at.saturating_add(1)..).unwrap_or_default();
        match &token.kind {
            Kind::Block => block(rest, &mut found),
            Kind::Name(name) if rest.first().is_some_and(|token| token.kind == Kind::Sign(b'(')) => {
                let called = macros.iter().filter(|(called, _)| called == name);
                for (_, parameters) in called {
                    arguments(rest.get(1..).unwrap_or_default(), parameters, &mut found);
                    if found.len() > MOST {
                        return Err(unfollowed());
                    }
                }
            }
            // `name = …`, and no comparison.
            Kind::Name(name) if is_assigned(tokens, at) => {
                found.push(Binding { name, code: value(rest.get(1..).unwrap_or_default()), any: false });
            }
            _ => {}
        }
    }
    Ok(found)
}

/// The name and the parameters of the macro that is defined at a block.
fn macro_at<'t>(tokens: &[Token<'t>], at: usize) -> Option<(&'t str, Vec<&'t str>)> {
    let [block, word, name, rest @ ..] = tokens.get(at..)? else { return None };
    let is_macro = block.kind == Kind::Block && word.kind == Kind::Name("macro");
    let Kind::Name(name) = name.kind else { return None };
    let end = rest.iter().position(|token| token.kind == Kind::End).unwrap_or(rest.len());
    // What is deeper is in the value that a parameter has by itself.
    let mut depth = 0usize;
    let parameters = rest.get(..end)?.windows(2).filter_map(|pair| {
        let [before, Token { kind, .. }] = pair else { return None };
        let begins = match before.kind {
            Kind::Sign(b'(' | b'[' | b'{') => {
                depth = depth.saturating_add(1);
                depth == 1
            }
            Kind::Sign(b')' | b']' | b'}') => {
                depth = depth.saturating_sub(1);
                false
            }
            Kind::Sign(b',') => depth == 1,
            _ => false,
        };
        match kind {
            Kind::Name(name) if begins => Some(*name),
            _ => None,
        }
    });
    is_macro.then(|| (name, parameters.collect()))
}

/// What a call gives to a macro's parameters, one after another.
fn arguments<'c, 't>(rest: &'c [Token<'t>], parameters: &[&'t str], found: &mut Vec<Binding<'c, 't>>) {
    let all = value(rest);
    let mut depth = 0usize;
    let pieces = all.split(|token| {
        match token.kind {
            Kind::Sign(b'(' | b'[' | b'{') => depth = depth.saturating_add(1),
            Kind::Sign(b')' | b']' | b'}') => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0 && token.kind == Kind::Sign(b',')
    });
    found.extend(parameters.iter().zip(pieces).map(|(name, code)| Binding { name, code, any: false }));
}

fn is_assigned(tokens: &[Token<'_>], at: usize) -> bool {
    let sign = |at: usize| match tokens.get(at).map(|token| &token.kind) {
        Some(Kind::Sign(sign)) => Some(*sign),
        _ => None,
    };
    sign(at.saturating_add(1)) == Some(b'=') && sign(at.saturating_add(2)) != Some(b'=')
}

/// The code of a value, up to the comma, bracket or end behind it.
fn value<'c, 't>(rest: &'c [Token<'t>]) -> &'c [Token<'t>] {
    let mut depth = 0usize;
    let end = rest.iter().position(|token| match token.kind {
        Kind::End => true,
        Kind::Sign(b'(' | b'[' | b'{') => {
            depth = depth.saturating_add(1);
            false
        }
        Kind::Sign(b')' | b']' | b'}') if depth == 0 => true,
        Kind::Sign(b')' | b']' | b'}') => {
            depth = depth.saturating_sub(1);
            false
        }
        _ => false,
    });
    rest.get(..end.unwrap_or(rest.len())).unwrap_or_default()
}

/// Names that are given a value, and where; those of macros' own names are not among them. A
/// keyword of a call may be a method's name: it is one only where that is called.
pub(super) fn given<'t>(tokens: &[Token<'t>]) -> Vec<(&'t str, usize)> {
    let mut found: Vec<(&str, usize)> = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let rest = tokens.get(at.saturating_add(1)..).unwrap_or_default();
        match &token.kind {
            Kind::Block => {
                let mut bindings = Vec::new();
                block(rest, &mut bindings);
                found.extend(bindings.iter().map(|binding| (binding.name, token.at)));
                let parameters = macro_at(tokens, at).map(|(_, parameters)| parameters);
                found.extend(parameters.into_iter().flatten().map(|name| (name, token.at)));
            }
            Kind::Name(name) if is_assigned(tokens, at) => found.push((name, token.at)),
            _ => {}
        }
    }
    found
}

/// What a statement gives to names besides.
fn block<'c, 't>(rest: &'c [Token<'t>], found: &mut Vec<Binding<'c, 't>>) {
    let end = rest.iter().position(|token| token.kind == Kind::End).unwrap_or(rest.len());
    let code = rest.get(..end).unwrap_or_default();
    let names = |code: &'c [Token<'t>]| {
        code.iter().filter_map(|token| match token.kind {
            Kind::Name(name) => Some(name),
            _ => None,
        })
    };
    let whole = |at: usize| code.get(..at).unwrap_or_default();
    match code.first().map(|token| &token.kind) {
        // Of lists of what is made, the items are.
        Some(Kind::Name("for")) => {
            let Some(at) = code.iter().position(|token| token.kind == Kind::Name("in")) else { return };
            let list = code.get(at.saturating_add(1)..).unwrap_or_default();
            found.extend(names(whole(at)).skip(1).map(|name| Binding { name, code: list, any: false }));
        }
        Some(Kind::Name("set")) => {
            let at = code.iter().position(|token| token.kind == Kind::Sign(b'='));
            let any = at.is_none();
            let given = at.and_then(|at| code.get(at.saturating_add(1)..)).unwrap_or_default();
            let targets = names(whole(at.unwrap_or(code.len()))).skip(1);
            found.extend(targets.map(|name| Binding { name, code: given, any }));
        }
        _ => {}
    }
}

fn unfollowed() -> Fault {
    Fault::new(0, "assignments that cannot be followed")
}

/// Assignments that are followed: of macros that have the same name, each call gives to all.
const MOST: usize = 1 << 15;
/// Rounds after which nothing new is made: longer chains no template has.
const ROUNDS: usize = 16;
