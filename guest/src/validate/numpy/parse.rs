use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::descr::Descr;
use super::literal::{self, Literal};
use super::{header, size};
use crate::show;
use crate::validate::examine::{Part, Scope};

/// What a header says.
#[derive(Debug)]
pub(super) struct Header {
    /// The dtype.
    pub(super) descr: Descr,
    /// Elements along each dimension.
    pub(super) shape: Vec<Literal>,
}

/// Reads a header, of a version whose text is UTF-8 or of an older one, and reports what is wrong
/// with it. None if it cannot be used.
pub(super) fn parse(text: &str, utf8: bool, part: &Part, scope: &mut Scope<'_>) -> Option<Header> {
    header::check_length(text, part, scope);
    let entries = match literal::read(text, !utf8) {
        Ok(Literal::Dict(entries)) => entries,
        Ok(_) => {
            header::report("expected a dict", 0, part, scope);
            return None;
        }
        Err(flaw) => {
            header::flaw(flaw, text, part, scope);
            return None;
        }
    };
    let (mut descr, mut order, mut shape) = (None, None, None);
    let mut clear = true;
    let mut wrong = |what: &str, scope: &mut Scope<'_>| {
        clear = false;
        header::report(what, 0, part, scope);
    };
    for (key, value) in entries {
        let Literal::Text(key) = key else {
            wrong("a key that is no text", scope);
            continue;
        };
        let slot = match key.as_str() {
            "descr" => &mut descr,
            "fortran_order" => &mut order,
            "shape" => &mut shape,
            _ => {
                wrong(&format!("an unknown key {}", show::name(&key)), scope);
                continue;
            }
        };
        if slot.replace(value).is_some() {
            wrong(&format!("the key {} comes twice", show::name(&key)), scope);
        }
    }
    if !matches!(order, Some(Literal::Bool(_))) {
        wrong("expected a `fortran_order` that is True or False", scope);
    }
    let shape = match shape {
        Some(Literal::Tuple(sizes)) if sizes.len() <= DIMENSIONS && size::product(&sizes).is_some() => sizes,
        _ => {
            wrong("expected a `shape` that is a tuple of at most 64 sizes", scope);
            Vec::new()
        }
    };
    let Some(descr) = descr else {
        wrong("expected a `descr`", scope);
        return None;
    };
    let descr = Descr::new(&descr);
    if let Some(refused) = &descr.refused {
        wrong(refused, scope);
    }
    clear.then_some(Header { descr, shape })
}

/// A header's text.
pub(super) fn text(bytes: &[u8], utf8: bool, part: &Part, scope: &mut Scope<'_>) -> Option<String> {
    if !utf8 {
        return Some(bytes.iter().map(|byte| char::from(*byte)).collect());
    }
    match core::str::from_utf8(bytes) {
        Ok(text) => Some(text.into()),
        Err(error) => {
            header::report("expected UTF-8", error.valid_up_to() as u64, part, scope);
            None
        }
    }
}

/// Dimensions of a numpy array.
pub(super) const DIMENSIONS: usize = 64;
