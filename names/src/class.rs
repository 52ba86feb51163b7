//! The class of an object that was not made. Most often a file names the class itself;
//! else it names a function, which is told the class, or makes objects of one.

use crate::{Look, Nodes};

/// The module and the name of an object's class, or of the function that makes it where
/// that is all that is known.
pub fn class<N: Nodes + ?Sized>(nodes: &N, object: u32) -> Option<(&str, &str)> {
    let Look::Object { callable, args, state: _ } = nodes.look(object) else { return None };
    let Look::Global { module, name } = nodes.look(callable) else { return None };
    let told = |at: usize| match args.map(|args| nodes.look(args)) {
        Some(Look::Tuple(args)) => match nodes.look(*args.get(at)?) {
            Look::Global { module, name } => Some((module, name)),
            _ => None,
        },
        _ => None,
    };
    let class = match function(module, name) {
        Some(Of::Told(at)) => told(at),
        Some(Of::One(module, name)) => Some((module, name)),
        None => None,
    };
    Some(class.unwrap_or((module, name)))
}

/// What a function makes.
enum Of {
    /// An object of the class that is this argument.
    Told(usize),
    /// An object of one class.
    One(&'static str, &'static str),
}

fn function(module: &str, name: &str) -> Option<Of> {
    Some(match (module, name) {
        ("copyreg", "_reconstructor" | "__newobj__" | "__newobj_ex__")
        | ("torch._utils", "_rebuild_wrapper_subclass")
        | ("numpy._core.multiarray" | "numpy.core.multiarray", "_reconstruct")
        | ("tensordict._reductions", "_make_td") => Of::Told(0),
        ("torch._tensor", "_rebuild_from_type_v2" | "_rebuild_from_type") => Of::Told(1),
        (
            "torch._utils",
            "_rebuild_device_tensor_from_cpu_tensor"
            | "_rebuild_device_tensor_from_numpy"
            | "_rebuild_xla_tensor"
            | "_rebuild_nested_tensor",
        ) => Of::One("torch", "Tensor"),
        ("numpy._core.multiarray" | "numpy.core.multiarray", "scalar") => Of::One("numpy", "generic"),
        _ => return None,
    })
}
