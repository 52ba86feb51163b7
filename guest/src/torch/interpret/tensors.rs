//! Tensors: the functions of `torch._utils` that rebuild them.
//!
//! What torch could write but the model cannot hold makes the whole call an
//! opaque object. What torch could never have written is an error: a tensor
//! that lies about its extent must not pass as something merely unknown.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use super::containers::is_empty_ordered_dict;
use super::context::Context;
use super::draft::{Child, Draft, Part};
use super::flaw::{About, Flaw};
use super::scalars;
use super::storages::{self, Reference, natural};
use crate::Error;
use crate::dtype::{DType, Layout, QScheme};
use crate::model::{Node, Quantizer, SparseCompressed, Tensor};
use crate::pickle::Value;

type Meaning<'g> = Result<Option<Draft<'g>>, Flaw>;

/// A call of `torch._utils.<name>`.
pub(super) fn rebuild<'g>(context: &mut Context<'g>, name: &str, args: Value, offset: u64) -> Meaning<'g> {
    if !KNOWN.contains(&name) {
        return Ok(None);
    }
    let Some(args) = context.tuple(args) else {
        return Err(Flaw::nonsense(offset, "a tuple of arguments", context.describe(args)));
    };
    // What `pickle.dump` writes for a storage, with the bytes of a whole file in it.
    let loaded = |storage| context.is_call_of(storage, "torch.storage", "_load_from_bytes");
    if args.first().is_some_and(|&storage| loaded(storage) && !context.is_loaded(storage)) {
        return Ok(None);
    }
    match name {
        "_rebuild_tensor" => tensor_v1(context, args, offset),
        "_rebuild_tensor_v2" => tensor_v2(context, args, offset),
        "_rebuild_tensor_v3" => tensor_v3(context, args, offset),
        "_rebuild_parameter" => parameter(context, args, None, offset),
        "_rebuild_parameter_with_state" => match args {
            [args @ .., state] => parameter(context, args, Some(*state), offset),
            [] => Err(arguments(offset, "4", args)),
        },
        "_rebuild_qtensor" => quantized(context, args, offset),
        "_rebuild_sparse_tensor" => sparse(context, args, offset),
        _ => meta(context, args, offset),
    }
}

const KNOWN: [&str; 8] = [
    "_rebuild_tensor",
    "_rebuild_tensor_v2",
    "_rebuild_tensor_v3",
    "_rebuild_parameter",
    "_rebuild_parameter_with_state",
    "_rebuild_qtensor",
    "_rebuild_sparse_tensor",
    "_rebuild_meta_tensor_no_storage",
];

/// `torch._tensor._rebuild_from_type_v2(function, class, args, state)`
pub(super) fn subclass<'g>(context: &mut Context<'g>, args: Value, offset: u64) -> Meaning<'g> {
    let Some(&[function, class, inner, state]) = context.tuple(args) else {
        return Err(Flaw::nonsense(offset, "a tuple of 4 arguments", context.describe(args)));
    };
    let Some(function) = context.global(function).filter(|f| f.module == "torch._utils") else {
        return Ok(None);
    };
    let is_class =
        context.class(class).is_some_and(|class| matches!(scalars::global(&class), Node::Global(_)));
    if !is_class || (context.exact && function.name.starts_with("_rebuild_parameter")) {
        return Ok(None);
    }
    let Some(tensor) = rebuild(context, &function.name, inner, offset)? else { return Ok(None) };
    let one = |value: Value| Part::One(Child::Value(value));
    let node = Node::Subclass { tensor: 0, class: 0, state: 0 };
    let parts = vec![Part::One(Child::Made(Box::new(tensor))), one(class), one(state)];
    Ok(Some(Draft { node, parts }))
}

/// `_rebuild_tensor(storage, offset, size, stride)`, before torch 0.4.
fn tensor_v1<'g>(context: &mut Context<'g>, args: &'g [Value], offset: u64) -> Meaning<'g> {
    let &[storage, start, size, stride] = args else { return Err(arguments(offset, "4", args)) };
    let view = View { storage, start, size, stride, grad: Value::Bool(false) };
    let tensor = view.on_class(context, offset)?;
    Ok(Some(Draft::leaf(Node::Tensor(Box::new(tensor)))))
}

/// `_rebuild_tensor_v2(storage, offset, size, stride, requires_grad, hooks[, metadata])`
fn tensor_v2<'g>(context: &mut Context<'g>, args: &'g [Value], offset: u64) -> Meaning<'g> {
    let (&[storage, start, size, stride, grad, hooks], metadata) = (match args {
        [first @ .., metadata] if first.len() == 6 => (first, Some(*metadata)),
        all => (all, None),
    }) else {
        return Err(arguments(offset, "6 or 7", args));
    };
    let flags = Flags::parse(context, metadata).filter(|_| no_hooks(context, hooks));
    let Some(flags) = flags else { return Ok(None) };
    let view = View { storage, start, size, stride, grad };
    let tensor = view.on_class(context, offset)?;
    flags.set(tensor, offset).map(Some)
}

/// `_rebuild_tensor_v3`: as v2, with the dtype before the metadata.
fn tensor_v3<'g>(context: &mut Context<'g>, args: &'g [Value], offset: u64) -> Meaning<'g> {
    let (&[storage, start, size, stride, grad, hooks, dtype], metadata) = (match args {
        [first @ .., metadata] if first.len() == 7 => (first, Some(*metadata)),
        all => (all, None),
    }) else {
        return Err(arguments(offset, "7 or 8", args));
    };
    let flags = Flags::parse(context, metadata).filter(|_| no_hooks(context, hooks));
    let Some(flags) = flags else { return Ok(None) };
    let Some(dtype) = scalars::dtype(context, dtype) else {
        return Err(Flaw::nonsense(offset, "a torch.dtype", context.describe(dtype)));
    };
    let view = View { storage, start, size, stride, grad };
    let reference = storages::reference(context, storage, offset)?;
    if let Some(class) = reference.dtype {
        context.storages.note(reference.id, class.swap_width());
    }
    context.storages.note(reference.id, dtype.swap_width());
    let tensor = view.on(context, reference, dtype, offset)?;
    flags.set(tensor, offset).map(Some)
}

/// `_rebuild_meta_tensor_no_storage(dtype, size, stride, requires_grad)`
fn meta<'g>(context: &mut Context<'g>, args: &'g [Value], offset: u64) -> Meaning<'g> {
    let &[dtype, size, stride, grad] = args else { return Err(arguments(offset, "4", args)) };
    let Some(dtype) = scalars::dtype(context, dtype) else {
        return Err(Flaw::nonsense(offset, "a torch.dtype", context.describe(dtype)));
    };
    let view = View { storage: Value::None, start: Value::Int(0), size, stride, grad };
    let tensor = view.shape(context, dtype, offset)?;
    Ok(Some(Draft::leaf(Node::Tensor(Box::new(tensor)))))
}

/// `_rebuild_parameter(tensor, requires_grad, hooks)`; with state, that comes last.
fn parameter<'g>(context: &Context<'g>, args: &'g [Value], state: Option<Value>, offset: u64) -> Meaning<'g> {
    let &[tensor, grad, hooks] = args else {
        return Err(arguments(offset, if state.is_some() { "4" } else { "3" }, args));
    };
    if !no_hooks(context, hooks) {
        return Ok(None);
    }
    let requires_grad = boolean(context, grad, offset)?;
    let mut parts = vec![Part::One(Child::Value(tensor))];
    parts.extend(state.map(|state| Part::One(Child::Value(state))));
    let node = Node::Parameter { tensor: 0, requires_grad, state: state.map(|_| 0) };
    Ok(Some(Draft { node, parts }))
}

/// `_rebuild_qtensor(storage, offset, size, stride, quantizer, requires_grad, hooks)`
fn quantized<'g>(context: &mut Context<'g>, args: &'g [Value], offset: u64) -> Meaning<'g> {
    let &[storage, start, size, stride, params, grad, hooks] = args else {
        return Err(arguments(offset, "7", args));
    };
    if !no_hooks(context, hooks) {
        return Ok(None);
    }
    let Some(params) = context.tuple(params) else {
        return Err(Flaw::quantizer(offset, "a tuple of quantizer parameters", context.describe(params)));
    };
    let Some((quantizer, parts)) = quantizer(context, params, offset)? else { return Ok(None) };
    let view = View { storage, start, size, stride, grad };
    let tensor = view.on_class(context, offset)?;
    let integers = [DType::QInt32, DType::QInt8, DType::QUInt8, DType::QUInt4x2, DType::QUInt2x4];
    if !integers.contains(&tensor.dtype) {
        return Err(Flaw::quantizer(offset, "a quantized dtype", tensor.dtype.name()));
    }
    if let Quantizer::PerChannel { axis, .. } = quantizer {
        let dimensions = tensor.shape.len();
        if !usize::try_from(axis).is_ok_and(|axis| axis < dimensions) {
            return Err(Flaw::quantizer(
                offset,
                format!("an axis of {dimensions} dimensions"),
                format!("{axis}"),
            ));
        }
    }
    let node = Node::Quantized { tensor: Box::new(tensor), quantizer: Box::new(quantizer) };
    Ok(Some(Draft { node, parts }))
}

/// `(scheme, scale, zero point)` or `(scheme, scales, zero points, axis)`. Old
/// files have lists for tensors in the second: those are not known.
fn quantizer<'g>(
    context: &Context<'g>,
    params: &'g [Value],
    offset: u64,
) -> Result<Option<(Quantizer, Vec<Part<'g>>)>, Flaw> {
    let scheme = params.first().and_then(|&scheme| scalars::qscheme(context, scheme));
    use QScheme::{PerTensorAffine, PerTensorSymmetric};
    match (scheme, params) {
        (
            Some(scheme @ (PerTensorAffine | PerTensorSymmetric)),
            &[_, Value::Float(scale), Value::Int(zero_point)],
        ) => Ok(Some((Quantizer::PerTensor { scheme, scale, zero_point }, Vec::new()))),
        (Some(PerTensorAffine | PerTensorSymmetric), _) => {
            Err(Flaw::quantizer(offset, "a scale and a zero point", format!("{} parameters", params.len())))
        }
        (Some(scheme), &[_, scales, zero_points, Value::Int(axis)]) => {
            let listed = context.list(scales).is_some() || context.list(zero_points).is_some();
            if listed && context.exact {
                return Ok(None);
            }
            let parts = vec![Part::One(Child::Value(scales)), Part::One(Child::Value(zero_points))];
            Ok(Some((Quantizer::PerChannel { scheme, scales: 0, zero_points: 0, axis }, parts)))
        }
        _ => Err(Flaw::quantizer(
            offset,
            "a qscheme and its parameters",
            format!("{} parameters", params.len()),
        )),
    }
}

/// `_rebuild_sparse_tensor(layout, (tensors…, size[, coalesced]))`
fn sparse<'g>(context: &mut Context<'g>, args: &'g [Value], offset: u64) -> Meaning<'g> {
    let &[layout, data] = args else { return Err(arguments(offset, "2", args)) };
    let Some(layout) = scalars::layout_value(context, layout) else {
        return Err(Flaw::sparse(offset, "a torch.layout", context.describe(layout)));
    };
    let Some(data) = context.tuple(data) else {
        return Err(Flaw::sparse(offset, "a tuple of a sparse tensor's parts", context.describe(data)));
    };
    let compressed =
        matches!(layout, Layout::SparseCsr | Layout::SparseCsc | Layout::SparseBsr | Layout::SparseBsc);
    let (tensors, size, coalesced) = match *data {
        [indices, values, size] if layout == Layout::SparseCoo => (vec![indices, values], size, None),
        [indices, values, size, Value::Bool(coalesced)] if layout == Layout::SparseCoo => {
            (vec![indices, values], size, Some(coalesced))
        }
        [first, second, values, size] if compressed => (vec![first, second, values], size, None),
        _ => {
            let found = format!("{} parts of {}", data.len(), layout.name());
            return Err(Flaw::sparse(offset, "the parts of a sparse tensor", found));
        }
    };
    // A plain tuple would be written again as a `torch.Size`.
    if context.exact && scalars::size_items(context, size).is_none() {
        return Ok(None);
    }
    let shape = naturals(context, size, "a sparse tensor's size", offset)?;
    let node = if compressed {
        let (compressed, plain, values) = (0, 0, 0);
        Node::SparseCompressed(Box::new(SparseCompressed { layout, compressed, plain, values, shape }))
    } else {
        Node::SparseCoo { indices: 0, values: 0, shape, coalesced }
    };
    Ok(Some(Draft { node, parts: vec![Part::Collected(tensors)] }))
}

/// What all strided tensors are rebuilt from.
struct View {
    storage: Value,
    start: Value,
    size: Value,
    stride: Value,
    grad: Value,
}

impl View {
    /// The tensor, of the type its storage's class says.
    fn on_class(&self, context: &mut Context<'_>, offset: u64) -> Result<Tensor, Flaw> {
        let reference = storages::reference(context, self.storage, offset)?;
        // torch takes a v2 tensor over an `UntypedStorage` for bytes.
        let dtype = reference.dtype.unwrap_or(DType::UInt8);
        context.storages.note(reference.id, dtype.swap_width());
        self.on(context, reference, dtype, offset)
    }

    /// The tensor of this type, once it lies inside its storage.
    fn on(
        &self,
        context: &mut Context<'_>,
        Reference { id, start, length, .. }: Reference,
        dtype: DType,
        offset: u64,
    ) -> Result<Tensor, Flaw> {
        let mut tensor = self.shape(context, dtype, offset)?;
        if tensor.extent().is_none_or(|extent| extent > length) {
            let what = if start > 0 { "view" } else { "storage" };
            return Err(Flaw::new(
                About::Extent,
                offset,
                format!("a tensor inside its {what} of {length} bytes"),
                describe(&tensor),
            ));
        }
        let shift = start.checked_mul(8).filter(|bits| bits % dtype.bits() == 0);
        let moved = shift.and_then(|bits| tensor.offset.checked_add(bits / dtype.bits()));
        tensor.offset = moved.ok_or_else(|| {
            let expected = format!("a view at a multiple of {}", dtype.name());
            Flaw::storage(offset, expected, format!("byte {start}"))
        })?;
        tensor.storage = Some(id);
        Ok(tensor)
    }

    /// The tensor, its storage left out.
    fn shape(&self, context: &mut Context<'_>, dtype: DType, offset: u64) -> Result<Tensor, Flaw> {
        let Some(start) = natural(self.start) else {
            return Err(Flaw::size(offset, "a tensor's offset, not negative", context.describe(self.start)));
        };
        let shape = naturals(context, self.size, "a tensor's shape", offset)?;
        let stride = naturals(context, self.stride, "a tensor's strides", offset)?;
        let requires_grad = boolean(context, self.grad, offset)?;
        let (conj, neg) = (false, false);
        let tensor = Tensor { storage: None, dtype, offset: start, shape, stride, requires_grad, conj, neg };
        if tensor.shape.len() != tensor.stride.len() {
            let found = format!("{} sizes and {} strides", tensor.shape.len(), tensor.stride.len());
            return Err(Flaw::size(offset, "a stride for each size", found));
        }
        if tensor.numel().is_none_or(|numel| i64::try_from(numel).is_err()) {
            return Err(Flaw::size(offset, "a tensor of less than 2^63 elements", describe(&tensor)));
        }
        Ok(tensor)
    }
}

/// The metadata of a tensor: the flags that are true, `neg` first, as torch
/// writes them.
struct Flags {
    neg: bool,
    conj: bool,
}

impl Flags {
    /// None for metadata that would not be written again like this.
    fn parse(context: &Context<'_>, metadata: Option<Value>) -> Option<Self> {
        let Some(metadata) = metadata else { return Some(Self { neg: false, conj: false }) };
        let is = |key, name| context.text(key) == Some(name);
        if !context.exact {
            return Self::any(context, metadata);
        }
        match *context.dict(metadata)? {
            [(key, Value::Bool(true))] if is(key, "neg") => Some(Self { neg: true, conj: false }),
            [(key, Value::Bool(true))] if is(key, "conj") => Some(Self { neg: false, conj: true }),
            [(neg, Value::Bool(true)), (conj, Value::Bool(true))] if is(neg, "neg") && is(conj, "conj") => {
                Some(Self { neg: true, conj: true })
            }
            _ => None,
        }
    }

    /// The flags as torch sets them, however they are written.
    fn any(context: &Context<'_>, metadata: Value) -> Option<Self> {
        let mut flags = Self { neg: false, conj: false };
        for &(key, value) in context.dict(metadata)? {
            match (context.text(key)?, value) {
                ("neg", Value::Bool(value)) => flags.neg = value,
                ("conj", Value::Bool(value)) => flags.conj = value,
                _ => return None,
            }
        }
        Some(flags)
    }

    fn set<'g>(self, mut tensor: Tensor, offset: u64) -> Result<Draft<'g>, Flaw> {
        if self.conj && !tensor.dtype.is_complex() {
            return Err(Flaw::nonsense(offset, "a complex dtype for a conjugate view", tensor.dtype.name()));
        }
        (tensor.neg, tensor.conj) = (self.neg, self.conj);
        Ok(Draft::leaf(Node::Tensor(Box::new(tensor))))
    }
}

/// Whether there are no hooks: torch 0.4 wrote None, all later an empty
/// `OrderedDict`.
fn no_hooks(context: &Context<'_>, hooks: Value) -> bool {
    hooks == Value::None || is_empty_ordered_dict(context, hooks)
}

/// A tuple, list or `torch.Size` of integers that are not negative.
fn naturals(context: &mut Context<'_>, value: Value, what: &str, offset: u64) -> Result<Vec<u64>, Flaw> {
    let items = context.tuple(value).or_else(|| context.list(value));
    let items = items.or_else(|| scalars::size_items(context, value));
    let Some(items) = items else {
        return Err(Flaw::size(offset, format!("{what}, a tuple"), context.describe(value)));
    };
    if items.len() > DIMENSIONS {
        let expected = format!("{what} of at most {DIMENSIONS} dimensions");
        return Err(Error::unsupported(offset, "", expected, format!("{}", items.len())).into());
    }
    context.charge(items.len(), offset)?;
    items
        .iter()
        .map(|&item| {
            let wrong = || Flaw::size(offset, format!("{what}, none negative"), context.describe(item));
            natural(item).ok_or_else(wrong)
        })
        .collect()
}

/// torch computes with up to 64. One tensor of a million would be copied wherever
/// it is looked at, and a list can refer to it a million times.
const DIMENSIONS: usize = 256;

fn boolean(context: &Context<'_>, value: Value, offset: u64) -> Result<bool, Flaw> {
    match value {
        Value::Bool(value) => Ok(value),
        _ => Err(Flaw::nonsense(offset, "requires_grad, a bool", context.describe(value))),
    }
}

fn arguments(offset: u64, expected: &str, args: &[Value]) -> Flaw {
    Flaw::nonsense(offset, format!("{expected} arguments"), format!("{}", args.len()))
}

/// `offset 2, shape [4], stride [1] of float32: 24 bytes`
fn describe(tensor: &Tensor) -> String {
    let extent = match tensor.extent() {
        Some(bytes) => format!("{bytes} bytes"),
        None => "more than 64 bits count".into(),
    };
    let (shape, stride) = (numbers(&tensor.shape), numbers(&tensor.stride));
    format!("offset {}, shape {shape}, stride {stride} of {}: {extent}", tensor.offset, tensor.dtype.name())
}

/// The first few numbers of a list.
fn numbers(all: &[u64]) -> String {
    const SHOWN: usize = 8;
    let shown = all.get(..SHOWN).unwrap_or(all);
    let more = if all.len() > SHOWN { format!(" … ({})", all.len()) } else { String::new() };
    format!("{shown:?}{more}")
}
