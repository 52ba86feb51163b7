//! The class of an object that was not made. Most often a file names the class itself;
//! else it names a function, which is told the class, or makes objects of one.

use alloc::borrow::Cow;
use alloc::vec::Vec;

use crate::{Look, Nodes};

/// A module, and what it calls something.
type Name<'n> = (&'n str, Cow<'n, str>);

/// The module and the name of an object's class, or of the function that makes it where
/// that is all that is known.
pub fn class<N: Nodes + ?Sized>(nodes: &N, object: u32) -> Option<Name<'_>> {
    let Look::Object { callable, args, state: _ } = nodes.look(object) else { return None };
    let (module, name) = global(nodes, callable)?;
    let told = |at: usize| match args.map(|args| nodes.look(args)) {
        Some(Look::Tuple(args)) => global(nodes, *args.get(at)?),
        _ => None,
    };
    let class = match function(module, &name) {
        Some(Of::Told(at)) => told(at),
        Some(Of::One(module, name)) => Some((module, name.into())),
        None => None,
    };
    Some(class.unwrap_or((module, name)))
}

/// The module and the name of a class or function. Before protocol 4, one that is inside a
/// class is a call: `getattr(Outer, 'Inner')`.
pub fn global<N: Nodes + ?Sized>(nodes: &N, mut node: u32) -> Option<Name<'_>> {
    let mut inner = Vec::new();
    loop {
        match nodes.look(node) {
            Look::Global { module, name } if inner.is_empty() => return Some((module, name.into())),
            Look::Global { module, name } => {
                inner.push(name);
                inner.reverse();
                return Some((module, inner.join(".").into()));
            }
            Look::Object { callable, args: Some(args), state: _ } => {
                let Look::Global { module: "builtins", name: "getattr" } = nodes.look(callable) else {
                    return None;
                };
                let Look::Tuple(&[outer, name]) = nodes.look(args) else { return None };
                let Look::Text(name) = nodes.look(name) else { return None };
                // Real names are short, and a hostile file could have each one many times.
                if inner.len() >= MOST_NESTED || name.len() > LONGEST {
                    return None;
                }
                inner.push(name);
                node = outer;
            }
            _ => return None,
        }
    }
}

/// Classes inside each other, and bytes of their names.
const MOST_NESTED: usize = 10;
const LONGEST: usize = 100;

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
