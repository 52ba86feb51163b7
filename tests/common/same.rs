//! Whether two state dicts are the same to whoever uses them.

use std::collections::{BTreeMap, BTreeSet};

use strongroom::{Item, StateDict, Storage, Tensor};

/// Tells where two state dicts in memory differ: in structure, order, values, or
/// in what is one object and one storage.
pub fn same(a: &StateDict<'_>, b: &StateDict<'_>) -> Result<(), String> {
    let mut known = Known::default();
    let mut stack = vec![(String::from("root"), a.root(), b.root())];
    while let Some((path, a, b)) = stack.pop() {
        let differ = |what: &str| Err(format!("{path}: another {what}: {} and {}", a.repr(), b.repr()));
        if a.kind() != b.kind() {
            return differ("type");
        }
        if !known.is_one(&a, &b) {
            return differ("object");
        }
        if !known.seen.insert((a.id(), b.id())) {
            continue;
        }
        if let (Some(ours), Some(theirs)) = (a.entries(), b.entries()) {
            if ours.len() != theirs.len() {
                return differ("length");
            }
            for ((key, value), (their_key, their_value)) in ours.iter().zip(theirs.iter()) {
                let at = format!("{path}.{}", key.repr());
                stack.push((format!("{at} (key)"), key, their_key));
                stack.push((at, value, their_value));
            }
        } else if let (Some(ours), Some(theirs)) = (a.items(), b.items()) {
            if ours.len() != theirs.len() {
                return differ("length");
            }
            let pairs = ours.iter().zip(theirs.iter()).enumerate();
            stack.extend(pairs.map(|(index, (a, b))| (format!("{path}[{index}]"), a, b)));
        } else if let (Some(ours), Some(theirs)) = (a.as_tensor(), b.as_tensor()) {
            known.tensors(&ours, &theirs).map_err(|what| format!("{path}: another {what}"))?;
        } else if !equal(&a, &b) {
            return differ("value");
        }
    }
    Ok(())
}

/// What was found to be the same so far.
#[derive(Default)]
struct Known<'a> {
    seen: BTreeSet<(u32, u32)>,
    objects: BTreeMap<u32, u32>,
    taken: BTreeSet<u32>,
    storages: Vec<(Storage<'a>, Storage<'a>)>,
}

impl<'a> Known<'a> {
    /// Whether what is one object there is one object here. Only of what can
    /// change: that two equal numbers are one nobody can tell.
    fn is_one(&mut self, a: &Item<'_, '_>, b: &Item<'_, '_>) -> bool {
        if !matches!(a.kind().as_str(), "list" | "dict" | "OrderedDict" | "Tensor" | "Parameter") {
            return true;
        }
        match self.objects.get(&a.id()) {
            Some(&known) => known == b.id(),
            None => {
                self.objects.insert(a.id(), b.id());
                self.taken.insert(b.id())
            }
        }
    }

    fn tensors(&mut self, a: &Tensor<'a>, b: &Tensor<'a>) -> Result<(), &'static str> {
        let facts = |tensor: &Tensor<'_>| {
            let view = (tensor.shape().to_vec(), tensor.stride().to_vec(), tensor.offset());
            (tensor.dtype().name(), view, tensor.requires_grad(), tensor.is_lazy_view())
        };
        if facts(a) != facts(b) {
            return Err("view");
        }
        let (Some(a), Some(b)) = (a.storage(), b.storage()) else {
            return if a.storage().is_some() == b.storage().is_some() { Ok(()) } else { Err("storage") };
        };
        let known = self.storages.iter().find(|(ours, theirs)| ours.is(a) || theirs.is(b));
        match known {
            Some((ours, theirs)) if ours.is(a) && theirs.is(b) => Ok(()),
            Some(_) => Err("tie"),
            None if a.bytes().unwrap() != b.bytes().unwrap() => Err("content"),
            None if a.location() != b.location() => Err("device"),
            None => {
                self.storages.push((a.clone(), b.clone()));
                Ok(())
            }
        }
    }
}

fn equal(a: &Item<'_, '_>, b: &Item<'_, '_>) -> bool {
    let bits = |item: &Item<'_, '_>| item.as_f64().map(f64::to_bits);
    bits(a) == bits(b)
        && a.as_str() == b.as_str()
        && a.as_bytes() == b.as_bytes()
        && (a.as_f64().is_some() || a.repr() == b.repr())
}
