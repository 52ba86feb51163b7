//! Storages in plain pickles: `torch.storage._load_from_bytes(b"…")`, whose bytes are a file that
//! `torch.load(weights_only=False)` loads.

use alloc::collections::BTreeMap;
use alloc::format;

use super::run::Dialect;
use super::{Objects, call, import};
use crate::model::{Construct, Global};
use crate::pickle::{Instance, Loaded, Object, ObjectId, Value};
use crate::validate::examine::{Part, Scope};
use crate::validate::finding::{Rule, Verdict};
use crate::validate::legacy::Sole;
use crate::validate::report::Report;

/// Bytes that a call loads, and that are no storage.
pub(super) static RULE: Rule = Rule::malformed(
    "SR-PICKLE-STORAGE",
    "a file inside the file that is no storage as PyTorch writes it",
    "Whoever pickles a tensor by itself has its elements as a whole old file of torch.save, of \
     one storage and nothing else. Another file may be read in several ways, or fails.",
);

/// Whether this is the function that loads a file from bytes.
pub(super) fn is_loader(global: &Global) -> bool {
    global.module == "torch.storage" && global.name == "_load_from_bytes"
}

/// Whether a name may be what it is allowed for: in files of PyTorch, storages are records of
/// their own, and nobody writes a file into the pickle. So files lie one deep in each other.
pub(super) fn is_known(global: &Global, dialect: Dialect) -> bool {
    dialect == Dialect::Plain || !is_loader(global)
}

/// Looks into the bytes that calls load. Answers what each call makes, as far as all is well.
pub(super) fn check(
    objects: Objects<'_>,
    root: Option<Value>,
    part: &Part,
    scope: &mut Scope<'_>,
) -> BTreeMap<ObjectId, Loaded> {
    let (mut known, mut made) = (BTreeMap::new(), BTreeMap::new());
    let Some(loader) =
        objects.0.iter().position(|object| matches!(object, Object::Global(it) if is_loader(it)))
    else {
        return made;
    };
    let loader = u32::try_from(loader).map_or(Value::None, Value::Object);
    as_value(objects, (loader, root), part, scope);
    for (id, object) in (0..).zip(objects.0) {
        let Object::Instance(instance) = object else { continue };
        if instance.callable != loader || instance.construct != Construct::Call {
            continue;
        }
        // What is wrong with other arguments is reported as such.
        let Some(&[file]) = instance.args.and_then(|args| objects.tuple(args)) else { continue };
        let Value::Object(bytes) = file else { continue };
        let loaded = known.entry(bytes).or_insert_with(|| load(objects, file, instance, part, scope));
        if let Some(loaded) = loaded {
            made.insert(id, loaded.clone());
        }
    }
    made
}

/// Reports the function where it is no callee: whoever gets it could call it with anything.
fn as_value(
    objects: Objects<'_>,
    (loader, root): (Value, Option<Value>),
    part: &Part,
    scope: &mut Scope<'_>,
) {
    let mut offset = 0;
    for object in objects.0 {
        let mut uses = 0u64;
        object.references(|value| uses += u64::from(value == loader));
        let called = matches!(object, Object::Instance(instance) if instance.callable == loader);
        if let Object::Instance(instance) = object {
            offset = instance.offset;
        }
        if uses > u64::from(called) {
            return scope.find(
                &import::RULE,
                part,
                offset,
                format!("{} as a value", objects.describe(loader)),
            );
        }
    }
    if root == Some(loader) {
        scope.find(&import::RULE, part, 0, format!("{} as a value", objects.describe(loader)));
    }
}

/// Judges the bytes that one call loads.
fn load(
    objects: Objects<'_>,
    file: Value,
    instance: &Instance,
    part: &Part,
    scope: &mut Scope<'_>,
) -> Option<Loaded> {
    if matches!(objects.get(file), Some(Object::ByteArray(_))) {
        return None;
    }
    let bytes = objects.bytes(file)?;
    if !Sole::is_start(&bytes) {
        // Whatever it is, it is loaded as any file is, and may run code.
        let message = format!(
            "calls {} with {} that are no storage as PyTorch writes it",
            objects.callable(instance),
            objects.describe(file)
        );
        scope.find(&call::RULE, part, instance.offset, message);
        return None;
    }
    let place = scope.inside(part, instance.offset, format!("storage at byte {}", instance.offset));
    let (mut report, before) = (Report::default(), scope.budget.time());
    let mut inner = Scope {
        length: bytes.len() as u64,
        depth: scope.depth.saturating_add(1),
        place: &place,
        report: &mut report,
        budget: &mut *scope.budget,
        options: scope.options,
    };
    let sole = Sole::of(&bytes, &mut inner);
    let spent = before.saturating_sub(scope.budget.time());
    let is_well = report.verdict == Verdict::Safe;
    scope.report.merge(report);
    let short = |sole: &Sole| sole.range.offset <= PICKLES && spent <= MOST;
    match sole.filter(short) {
        Some(Sole { dtype, elements, range }) if is_well => {
            Some(Loaded { dtype, elements, length: range.length, file, start: range.offset })
        }
        None if is_well => {
            let message = format!("{} that are a file, and not of one storage alone", objects.describe(file));
            scope.find(&RULE, part, instance.offset, message);
            None
        }
        _ => None,
    }
}

/// Bytes that all pickles of a storage's file have, at most: PyTorch's have 250. Each call that
/// loads it pays for so many, `Work::Load`.
const PICKLES: u64 = 1024;
/// What reading these may cost, in nanoseconds.
const MOST: u64 = 300_000;
