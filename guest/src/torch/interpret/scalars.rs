//! Values without children that the pickle names or builds by calls.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use super::context::Context;
use super::draft::{Child, Draft, Part};
use super::flaw::Flaw;
use crate::StorageClass;
use crate::dtype::{DType, Layout, QScheme};
use crate::model::{Construct, Global, Node};
use crate::pickle::{Object, ObjectId, Value, usual_name};

type Meaning<'g> = Result<Option<Draft<'g>>, Flaw>;

/// A name: some of torch's stand for values.
pub(super) fn global(global: &Global) -> Node {
    if let Some(dtype) = dtype_named(global) {
        return Node::DType(dtype);
    }
    match QScheme::from_name(&global.name) {
        Some(scheme) if global.module == "torch" => Node::QScheme(scheme),
        _ => {
            let (module, name) = usual_name(&global.module, &global.name);
            Node::Global(Global { module: module.into(), name: name.into() })
        }
    }
}

/// The dtype a value names.
pub(super) fn dtype(context: &Context<'_>, value: Value) -> Option<DType> {
    dtype_named(context.global(value)?)
}

/// The qscheme a value names.
pub(super) fn qscheme(context: &Context<'_>, value: Value) -> Option<QScheme> {
    let global = context.global(value)?;
    if global.module == "torch" { QScheme::from_name(&global.name) } else { None }
}

/// `complex(re, im)`
pub(super) fn complex<'g>(context: &Context<'g>, args: Value) -> Meaning<'g> {
    Ok(match context.tuple(args) {
        Some(&[Value::Float(re), Value::Float(im)]) => Some(Draft::leaf(Node::Complex { re, im })),
        _ => None,
    })
}

/// `bytes()`, as protocol 2 spells `b''`.
pub(super) fn empty_bytes<'g>(context: &Context<'g>, args: Value) -> Meaning<'g> {
    Ok(match context.tuple(args) {
        Some([]) => Some(Draft::leaf(Node::Bytes(Vec::new()))),
        _ => None,
    })
}

/// `_codecs.encode(text, 'latin1')`, as protocol 2 spells `bytes`.
pub(super) fn bytes<'g>(context: &mut Context<'g>, args: Value, offset: u64) -> Meaning<'g> {
    let bytes = encoded(context, args, offset)?;
    Ok(bytes.map(|bytes| Draft::leaf(Node::Bytes(bytes))))
}

/// `bytearray()` or `bytearray(bytes)`
pub(super) fn byte_array<'g>(context: &mut Context<'g>, args: Value, offset: u64) -> Meaning<'g> {
    let bytes = match context.tuple(args) {
        Some([]) => Some(Vec::new()),
        // Empty bytes inside would be written as no argument at all.
        Some(&[value]) => bytes_value(context, value, offset)?.filter(|bytes| !bytes.is_empty()),
        _ => None,
    };
    Ok(bytes.map(|bytes| Draft::leaf(Node::ByteArray(bytes))))
}

/// `torch.Size((…))`
pub(super) fn size<'g>(context: &mut Context<'g>, args: Value, offset: u64) -> Meaning<'g> {
    let Some(sizes) = size_args(context, args) else { return Ok(None) };
    context.charge(sizes.len(), offset)?;
    let sizes: Option<Vec<i64>> = sizes.iter().map(int).collect();
    Ok(sizes.map(|sizes| Draft::leaf(Node::Size(sizes))))
}

/// The items of a `torch.Size`.
pub(super) fn size_items<'g>(context: &Context<'g>, value: Value) -> Option<&'g [Value]> {
    let instance = context.instance(value)?;
    let class = context.global(instance.callable)?;
    let plain = instance.construct == Construct::Call && instance.is_bare();
    if !plain || (class.module.as_str(), class.name.as_str()) != ("torch", "Size") {
        return None;
    }
    size_args(context, instance.args?)
}

/// `torch.device(kind)` or `torch.device(kind, index)`
pub(super) fn device<'g>(context: &mut Context<'g>, args: Value, offset: u64) -> Meaning<'g> {
    let (value, index) = match context.tuple(args) {
        Some(&[kind]) => (kind, None),
        Some(&[kind, Value::Int(index)]) => (kind, Some(index)),
        _ => return Ok(None),
    };
    context.consume(value, offset)?;
    Ok(match context.text(value) {
        // `cuda:0` in one string is never what torch writes.
        Some(kind) if !kind.contains(':') => Some(Draft::leaf(Node::Device { kind: kind.to_owned(), index })),
        _ => None,
    })
}

/// `torch.serialization._get_layout('torch.strided')`
pub(super) fn layout<'g>(context: &Context<'g>, args: Value) -> Meaning<'g> {
    Ok(layout_args(context, args).map(|layout| Draft::leaf(Node::Layout(layout))))
}

/// The `torch.layout` a value stands for.
pub(super) fn layout_value(context: &Context<'_>, value: Value) -> Option<Layout> {
    let instance = context.instance(value)?;
    let function = context.global(instance.callable)?;
    let plain = instance.construct == Construct::Call && instance.is_bare();
    if !plain || (function.module.as_str(), function.name.as_str()) != ("torch.serialization", "_get_layout")
    {
        return None;
    }
    layout_args(context, instance.args?)
}

/// `numpy.core.multiarray.scalar(dtype, bytes)`
pub(super) fn numpy<'g>(context: &mut Context<'g>, id: ObjectId, args: Value, offset: u64) -> Meaning<'g> {
    let Some(&[dtype, data]) = context.tuple(args) else { return Ok(None) };
    let Some((dtype, length)) = numpy_dtype(context, dtype) else { return Ok(None) };
    let Some(data) = bytes_value(context, data, offset)? else { return Ok(None) };
    if data.len() as u64 != length {
        return Ok(None);
    }
    let node = Node::NumpyScalar { dtype, data, source: 0 };
    Ok(Some(Draft { node, parts: vec![Part::One(Child::Opaque(id))] }))
}

/// numpy's short name of a dtype with its byte order, and the bytes of a value:
/// of `dtype('f8', False, True)` with the state `(3, '<', …)`.
fn numpy_dtype(context: &Context<'_>, value: Value) -> Option<(String, u64)> {
    let instance = context.instance(value)?;
    let class = context.global(instance.callable)?;
    if (class.module.as_str(), class.name.as_str()) != ("numpy", "dtype") {
        return None;
    }
    let code = context.text(*context.tuple(instance.args?)?.first()?)?;
    let state = context.tuple(instance.state?)?;
    let order = context.text(*state.get(1)?)?;
    let digits = code.get(1..)?;
    let is_empty = matches!(code, "U0" | "S0");
    let canonical = is_empty || !digits.starts_with(['0', '+']);
    let canonical = canonical && matches!(order, "<" | ">" | "|" | "=");
    let size: u64 = digits.parse().ok().filter(|_| canonical)?;
    let length = match code.get(..1)? {
        "b" | "i" | "u" | "f" | "c" | "S" => size,
        "U" => size.checked_mul(4)?,
        "M" | "m" if size == 8 => {
            let unit = numpy_unit(context, *state.get(8)?)?;
            return Some((format!("{order}{code}[{unit}]"), size));
        }
        _ => return None,
    };
    Some((format!("{order}{code}"), length))
}

/// The unit of a dtype of dates or of spans of time, as numpy spells it: `25s`, of the
/// metadata `({}, (b's', 25, 1, 1))`.
fn numpy_unit(context: &Context<'_>, metadata: Value) -> Option<String> {
    let &[_, unit] = context.tuple(metadata)? else { return None };
    let &[name, Value::Int(count), Value::Int(1), Value::Int(1)] = context.tuple(unit)? else { return None };
    let name = match context.object(name)? {
        Object::Bytes(bytes) => core::str::from_utf8(bytes).ok()?,
        Object::Instance(instance) => context.text(*context.tuple(instance.args?)?.first()?)?,
        _ => return None,
    };
    let known = ["Y", "M", "W", "D", "h", "m", "s", "ms", "us", "ns", "ps", "fs", "as"].contains(&name);
    match count {
        1 if known || name == "generic" => Some(name.to_owned()),
        2.. if known => Some(format!("{count}{name}")),
        _ => None,
    }
}

/// The bytes of a bytes object, either way it can be spelled.
fn bytes_value(context: &mut Context<'_>, value: Value, offset: u64) -> Result<Option<Vec<u8>>, Flaw> {
    match context.object(value) {
        Some(Object::Bytes(bytes)) => {
            context.consume(value, offset)?;
            Ok(Some(bytes.clone()))
        }
        Some(Object::Instance(instance)) => {
            let Some(function) = context.global(instance.callable) else { return Ok(None) };
            let plain = instance.construct == Construct::Call && instance.is_bare();
            match (function.module.as_str(), function.name.as_str(), instance.args) {
                ("_codecs", "encode", Some(args)) if plain => encoded(context, args, offset),
                ("builtins", "bytes", Some(args)) if plain => {
                    Ok(context.tuple(args).filter(|args| args.is_empty()).map(|_| Vec::new()))
                }
                _ => Ok(None),
            }
        }
        _ => Ok(None),
    }
}

/// The bytes that `_codecs.encode` makes of its arguments.
fn encoded(context: &mut Context<'_>, args: Value, offset: u64) -> Result<Option<Vec<u8>>, Flaw> {
    let Some(&[value, encoding]) = context.tuple(args) else { return Ok(None) };
    let Some(text) = context.text(value).filter(|text| !text.is_empty()) else { return Ok(None) };
    if context.text(encoding) != Some("latin1") {
        return Ok(None);
    }
    context.consume(value, offset)?;
    let bytes: Option<Vec<u8>> = text.chars().map(|c| u8::try_from(c).ok()).collect();
    if let Some(bytes) = &bytes {
        context.share(encoding);
        // CPython keeps one `str` for each single Latin-1 character.
        if bytes.len() == 1 {
            context.share(value);
        }
    }
    Ok(bytes)
}

fn size_args<'g>(context: &Context<'g>, args: Value) -> Option<&'g [Value]> {
    match context.tuple(args)? {
        &[sizes] => context.tuple(sizes),
        _ => None,
    }
}

fn layout_args(context: &Context<'_>, args: Value) -> Option<Layout> {
    match context.tuple(args)? {
        &[name] => Layout::from_name(context.text(name)?.strip_prefix("torch.")?),
        _ => None,
    }
}

fn dtype_named(global: &Global) -> Option<DType> {
    if global.module != "torch" {
        return None;
    }
    DType::from_name(&global.name).filter(|dtype| dtype.storage_class() != StorageClass::Foreign)
}

fn int(value: &Value) -> Option<i64> {
    match value {
        Value::Int(int) => Some(*int),
        _ => None,
    }
}
