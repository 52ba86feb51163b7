use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use super::elements::Elements;
use super::number::Number;
use super::reading::{Absent, Check, Look, Places, Reading};
use super::view::{node, strided};
use crate::dtype::{DType, QScheme};
use crate::model::{Node, NodeId, Quantizer, Tensor};
use crate::torch::Surveyed;
use crate::validate::examine::{Part, Scope};
use crate::validate::finding::Rule;

/// Parameters that map integers to no numbers.
pub(super) static RULE: Rule = Rule::malformed(
    "SR-TENSOR-QUANTIZER",
    "a quantizer that makes no sense",
    "Scales and zero points say what the integers of a quantized tensor mean. Kernels use them \
     unchecked: too few of them are read beyond their end, and a zero point out of range stops \
     whatever looks at the tensor.",
);

/// The numbers of a quantizer by channel, one by one.
#[derive(Debug)]
pub(super) enum Parameters {
    /// Each above zero and finite.
    Scales,
    /// Each in the range of this type.
    ZeroPoints(DType),
}

/// Reports quantizers whose parameters are wrong by what the pickle says.
pub(super) fn check(found: &Surveyed, part: &Part, scope: &mut Scope<'_>) {
    for (id, value) in (0u32..).zip(&found.nodes) {
        let Node::Quantized { tensor, quantizer } = value else { continue };
        let flaw = match **quantizer {
            Quantizer::PerTensor { scheme, scale, zero_point } => {
                per_tensor(tensor.dtype, scheme, f64::from_bits(scale), zero_point)
            }
            Quantizer::PerChannel { scales, zero_points, axis, .. } => {
                match (node(found, scales), node(found, zero_points)) {
                    (Some(Node::List(scales)), Some(Node::List(zeros))) => {
                        listed(found, tensor, scales, zeros, axis)
                    }
                    _ => per_channel(found, tensor, quantizer).err(),
                }
            }
        };
        if let Some(flaw) = flaw.filter(|flaw| !flaw.is_empty()) {
            scope.find(&RULE, part, found.offsets.near(id), flaw);
        }
    }
}

/// What must be read of a quantizer.
pub(super) fn readings(at: &Places<'_>, id: NodeId, node: &Node) -> Result<Vec<Reading>, Absent> {
    let Node::Quantized { tensor, quantizer } = node else { return Ok(Vec::new()) };
    let Ok((scales, zero_points)) = per_channel(at.found, tensor, quantizer) else { return Ok(Vec::new()) };
    let offset = at.offset(id);
    let reading = |elements, parameters| Reading {
        offset,
        streams: vec![elements],
        check: Check::Parameters(parameters),
    };
    let scales = at.elements(scales, &[0])?.map(|numbers| reading(numbers, Parameters::Scales));
    let range = Parameters::ZeroPoints(tensor.dtype);
    let zero_points = at.elements(zero_points, &[0])?.map(|numbers| reading(numbers, range));
    Ok(scales.into_iter().chain(zero_points).collect())
}

/// The tensors of which [`readings`] reads.
pub(super) fn read_of<'a>(found: &'a Surveyed, node: &Node) -> Vec<&'a Tensor> {
    let Node::Quantized { tensor, quantizer } = node else { return Vec::new() };
    per_channel(found, tensor, quantizer)
        .map(|(scales, zero_points)| vec![scales, zero_points])
        .unwrap_or_default()
}

impl Parameters {
    /// Looks at what is there of the numbers.
    pub(super) fn look(&self, numbers: &mut Elements) -> Look {
        while let Some(number) = numbers.next() {
            let flaw = match (self, number) {
                (Self::Scales, Number::Float(scale)) => scale_flaw(scale),
                (Self::ZeroPoints(dtype), Number::Int(zero_point)) => zero_point_flaw(*dtype, zero_point),
                (Self::ZeroPoints(_), Number::Float(zero)) if zero.is_finite() => None,
                _ => Some(format!("a parameter of {number:?}")),
            };
            if let Some(flaw) = flaw {
                return Look::Wrong(flaw);
            }
        }
        if numbers.is_over() { Look::Done } else { Look::More(0) }
    }
}

fn per_tensor(dtype: DType, scheme: QScheme, scale: f64, zero_point: i64) -> Option<String> {
    if scheme != QScheme::PerTensorAffine {
        return Some(format!("the scheme {}, which torch.load does not know", scheme.name()));
    }
    scale_flaw(scale).or_else(|| zero_point_flaw(dtype, zero_point))
}

/// Parameters in lists, as old files have them.
fn listed(
    found: &Surveyed,
    tensor: &Tensor,
    scales: &[NodeId],
    zero_points: &[NodeId],
    axis: i64,
) -> Option<String> {
    let channels = usize::try_from(axis).ok().and_then(|axis| tensor.shape.get(axis)).copied();
    let (first, second) = (scales.len() as u64, zero_points.len() as u64);
    if channels != Some(first) || channels != Some(second) {
        let channels = channels.unwrap_or_default();
        return Some(format!("{first} scales and {second} zero points along an axis of size {channels}"));
    }
    let scale = |&id: &NodeId| match node(found, id) {
        Some(Node::Float(bits)) => scale_flaw(f64::from_bits(*bits)),
        _ => Some("a scale that is no float".into()),
    };
    let zero_point = |&id: &NodeId| match node(found, id) {
        Some(Node::Int(value)) => zero_point_flaw(tensor.dtype, *value),
        Some(Node::Float(bits)) if f64::from_bits(*bits).is_finite() => None,
        _ => Some("a zero point that is no number".into()),
    };
    scales.iter().find_map(scale).or_else(|| zero_points.iter().find_map(zero_point))
}

/// The scales and zero points, if the pickle says nothing against them.
fn per_channel<'a>(
    found: &'a Surveyed,
    tensor: &Tensor,
    quantizer: &Quantizer,
) -> Result<(&'a Tensor, &'a Tensor), String> {
    let &Quantizer::PerChannel { scheme, scales, zero_points, axis } = quantizer else {
        return Err(String::new());
    };
    if !matches!(scheme, QScheme::PerChannelAffine | QScheme::PerChannelAffineFloatQParams) {
        return Err(format!("the scheme {}, which torch.load does not know", scheme.name()));
    }
    let (scales, zero_points) = (numbers(found, scales)?, numbers(found, zero_points)?);
    let channels = usize::try_from(axis).ok().and_then(|axis| tensor.shape.get(axis));
    for (what, numbers) in [("scales", scales), ("zero points", zero_points)] {
        if numbers.shape.as_slice() != channels.map(core::slice::from_ref).unwrap_or_default() {
            let (axis, size) = (axis, channels.copied().unwrap_or_default());
            return Err(format!("{what} of shape {:?} along axis {axis} of size {size}", numbers.shape));
        }
    }
    if !matches!(scales.dtype, DType::Float64 | DType::Float32) {
        return Err(format!("scales of {}", scales.dtype.name()));
    }
    if !matches!(zero_points.dtype, DType::Int64 | DType::Int32 | DType::Float64 | DType::Float32) {
        return Err(format!("zero points of {}", zero_points.dtype.name()));
    }
    Ok((scales, zero_points))
}

/// A tensor of parameters; an empty reason is one that is reported elsewhere.
fn numbers(found: &Surveyed, id: NodeId) -> Result<&Tensor, String> {
    strided(found, id).ok_or_else(|| match node(found, id) {
        Some(Node::SparseCoo { .. } | Node::SparseCompressed(_) | Node::Quantized { .. } | Node::List(_)) => {
            String::from("parameters in what is no plain tensor")
        }
        _ => String::new(),
    })
}

fn scale_flaw(scale: f64) -> Option<String> {
    (!scale.is_finite() || scale <= 0.0).then(|| format!("a scale of {scale:?}"))
}

fn zero_point_flaw(dtype: DType, zero_point: i64) -> Option<String> {
    let range = match dtype {
        DType::QInt8 => -128..=127,
        DType::QUInt8 => 0..=255,
        DType::QUInt4x2 => 0..=15,
        DType::QUInt2x4 => 0..=3,
        _ => i64::from(i32::MIN)..=i64::from(i32::MAX),
    };
    (!range.contains(&zero_point)).then(|| format!("a zero point of {zero_point} in {}", dtype.name()))
}
