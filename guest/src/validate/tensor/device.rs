use alloc::format;
use alloc::string::String;

use super::view::{self, node};
use crate::model::{Global, Node, Object};
use crate::show;
use crate::torch::Surveyed;
use crate::validate::examine::{Part, Scope};
use crate::validate::finding::Rule;

/// A device or layout that torch does not have.
pub(super) static RULE: Rule = Rule::malformed(
    "SR-TENSOR-DEVICE",
    "a device or layout that PyTorch does not have",
    "Making it fails, or makes another device than the file says: PyTorch keeps eight bits of a \
     device's number.",
);

/// Reports devices and layouts that torch refuses or misreads.
pub(super) fn check(found: &Surveyed, part: &Part, scope: &mut Scope<'_>) {
    for (id, node) in (0u32..).zip(&found.nodes) {
        let flaw = match node {
            Node::Device { kind, index } => flaw(kind, *index),
            Node::Object(object) => called(found, object),
            _ => None,
        };
        if let Some(flaw) = flaw {
            scope.find(&RULE, part, found.offsets.near(id), flaw);
        }
    }
}

/// The number of a device as torch reads it.
pub(super) fn index(text: &str) -> Option<i64> {
    let plain = text == "0" || (text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0'));
    text.parse().ok().filter(|_| plain)
}

/// A call that the model has no node for: a device in one string, a layout
/// nobody knows.
fn called(found: &Surveyed, object: &Object) -> Option<String> {
    let (Global { module, name }, args) = view::called(found, object)?;
    // Which argument names one.
    let at = match name.as_str() {
        "_rebuild_device_tensor_from_cpu_tensor" | "_rebuild_device_tensor_from_numpy" => 2,
        "_rebuild_wrapper_subclass" => 6,
        _ => 0,
    };
    let Some(Node::Text(text)) = node(found, *args.get(at)?) else { return None };
    match (module.as_str(), name.as_str()) {
        ("torch", "device") | ("torch._utils", _) if at > 0 || module == "torch" => {
            match text.value.split_once(':') {
                Some((kind, number)) => match index(number) {
                    Some(number) => flaw(kind, Some(number)),
                    None => Some(format!("the device {}", show::name(&text.value))),
                },
                None => flaw(&text.value, None),
            }
        }
        ("torch.serialization", "_get_layout") => Some(format!("the layout {}", show::name(&text.value))),
        _ => None,
    }
}

fn flaw(kind: &str, index: Option<i64>) -> Option<String> {
    match index {
        _ if !KINDS.contains(&kind) => Some(format!("the device {}", show::name(kind))),
        Some(index) if !(0..=127).contains(&index) => Some(format!("the device {kind} of number {index}")),
        _ => None,
    }
}

/// The types of devices of torch 2.15.
#[rustfmt::skip]
const KINDS: &[&str] = &[
    "cpu", "cuda", "fpga", "hip", "hpu", "ideep", "ipu", "lazy", "maia", "meta", "mkldnn", "mps",
    "mtia", "opencl", "opengl", "privateuseone", "ve", "vulkan", "xla", "xpu",
];
