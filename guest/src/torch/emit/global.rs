use alloc::format;
use alloc::vec::Vec;

use crate::model::{Global, NodeId};
use crate::pickle::{python2_name, python3_name};
use crate::show;

use super::primitives::REDUCE;
use super::walk::Walk;
use super::{Dotted, Stop, unfit};

impl<'a> Walk<'a> {
    /// A function or class that the pickler or torch itself names.
    pub(super) fn known(&mut self, module: &'static str, name: &'static str) -> u32 {
        let spelled = if module == BUILTINS { "__builtin__" } else { module };
        self.plain((module, name), (spelled, name))
    }

    /// A builtin that the pickler itself names.
    pub(super) fn builtin(&mut self, name: &'static str) -> u32 {
        self.known(BUILTINS, name)
    }

    /// A function or class that the state dict names.
    pub(super) fn global(&mut self, id: NodeId, global: &'a Global) -> Result<u32, Stop> {
        let (module, name) = (global.module.as_str(), global.name.as_str());
        if let Some(index) = self.memo.global(module, name) {
            self.out.get(index);
            return Ok(index);
        }
        // A newline would end the name and let its rest run as instructions.
        if [module, name].iter().any(|text| !text.is_ascii() || text.contains('\n')) {
            let reason = format!("protocol 2 cannot name {} of {}", show::name(name), show::name(module));
            return Err(unfit(id, reason));
        }
        if name.contains('.') {
            return self.inside_class(id, module, name);
        }
        Ok(self.plain((module, name), spelled(id, module, name)?))
    }

    /// A name inside a class, which protocol 2 spells `getattr(class, name)`:
    /// all calls of `getattr`, the outermost class, then a name for each call.
    fn inside_class(&mut self, id: NodeId, module: &'a str, name: &'a str) -> Result<u32, Stop> {
        let parts: Vec<&str> = name.splitn(MAX_PARTS + 1, '.').collect();
        if parts.len() > MAX_PARTS || parts.iter().any(|part| part.is_empty()) {
            return Err(unfit(id, format!("no class is named {}", show::name(name))));
        }
        if self.dotted == Dotted::Whole {
            return Ok(self.plain((module, name), python2_name(module, name)));
        }
        let mut prefixes: Vec<&'a str> = Vec::new();
        prefixes.extend(name.match_indices('.').filter_map(|(dot, _)| name.get(..dot)));
        prefixes.push(name);

        let known = prefixes.iter().rposition(|prefix| self.memo.global(module, prefix).is_some());
        let start = known.unwrap_or(0);
        for _ in start..parts.len().saturating_sub(1) {
            self.builtin("getattr");
        }
        let outermost = prefixes.get(start).copied().unwrap_or(name);
        let mut index = self.plain((module, outermost), spelled(id, module, outermost)?);
        for (part, &prefix) in parts.iter().zip(&prefixes).skip(start.saturating_add(1)) {
            self.fresh(part);
            self.close(2);
            self.out.op(REDUCE);
            index = self.put();
            self.memo.set_global(module, prefix, index);
        }
        Ok(index)
    }

    fn plain(&mut self, global: (&'a str, &'a str), spelled: (&str, &str)) -> u32 {
        let (module, name) = global;
        if let Some(index) = self.memo.global(module, name) {
            self.out.get(index);
            return index;
        }
        self.out.global(spelled.0, spelled.1);
        let index = self.put();
        self.memo.set_global(module, name, index);
        index
    }
}

/// How protocol 2 calls something. Several of today's names have one of Python 2's, which is
/// then read as one of them.
fn spelled<'n>(id: NodeId, module: &'n str, name: &'n str) -> Result<(&'n str, &'n str), Stop> {
    let spelled = python2_name(module, name);
    let read = python3_name(spelled.0, spelled.1);
    if read == (module, name) {
        return Ok(spelled);
    }
    let [own, spelled, read] =
        [(module, name), spelled, read].map(|(module, name)| show::name(&show::global(module, name)));
    let reason = format!("protocol 2 calls {own} {spelled}, which is read as {read}");
    Err(unfit(id, reason))
}

const BUILTINS: &str = "builtins";

/// Classes inside each other. Each is compared with all of its prefix, so the
/// time would grow with the square of a hostile name's length.
const MAX_PARTS: usize = 100;
