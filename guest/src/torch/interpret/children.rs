//! The children of a node, in the order in which a pickler meets them. All that
//! goes over the arena uses this one order, so that numbers and keys agree.

use crate::model::{Node, NodeId, Pair, Quantizer};

/// Calls `each` with every child.
pub(super) fn children(node: &Node, mut each: impl FnMut(NodeId)) {
    match node {
        Node::Tuple(items) | Node::List(items) | Node::Set(items) | Node::FrozenSet(items) => {
            items.iter().copied().for_each(each);
        }
        Node::Dict(pairs) | Node::Counter(pairs) => in_pairs(pairs, &mut each),
        Node::OrderedDict { items, attributes } => {
            in_pairs(items, &mut each);
            attributes.iter().copied().for_each(each);
        }
        Node::Parameter { tensor, state, .. } => {
            each(*tensor);
            state.iter().copied().for_each(each);
        }
        Node::Quantized { quantizer, .. } => {
            if let Quantizer::PerChannel { scales, zero_points, .. } = &**quantizer {
                [*scales, *zero_points].into_iter().for_each(each);
            }
        }
        Node::SparseCoo { indices, values, .. } => [*indices, *values].into_iter().for_each(each),
        Node::SparseCompressed(sparse) => {
            [sparse.compressed, sparse.plain, sparse.values].into_iter().for_each(each);
        }
        Node::Subclass { tensor, class, state } => {
            [*tensor, *class, *state].into_iter().for_each(each);
        }
        Node::NumpyScalar { source, .. } => each(*source),
        Node::Object(object) => {
            each(object.callable);
            object.args.iter().chain(&object.kwargs).chain(&object.items).copied().for_each(&mut each);
            in_pairs(&object.pairs, &mut each);
            object.state.iter().copied().for_each(each);
        }
        _ => {}
    }
}

/// Calls `each` with every child, to change it.
pub(super) fn children_mut(node: &mut Node, mut each: impl FnMut(&mut NodeId)) {
    match node {
        Node::Tuple(items) | Node::List(items) | Node::Set(items) | Node::FrozenSet(items) => {
            items.iter_mut().for_each(each);
        }
        Node::Dict(pairs) | Node::Counter(pairs) => in_pairs_mut(pairs, &mut each),
        Node::OrderedDict { items, attributes } => {
            in_pairs_mut(items, &mut each);
            attributes.iter_mut().for_each(each);
        }
        Node::Parameter { tensor, state, .. } => {
            each(tensor);
            state.iter_mut().for_each(each);
        }
        Node::Quantized { quantizer, .. } => {
            if let Quantizer::PerChannel { scales, zero_points, .. } = &mut **quantizer {
                [scales, zero_points].into_iter().for_each(each);
            }
        }
        Node::SparseCoo { indices, values, .. } => [indices, values].into_iter().for_each(each),
        Node::SparseCompressed(sparse) => {
            let sparse = &mut **sparse;
            [&mut sparse.compressed, &mut sparse.plain, &mut sparse.values].into_iter().for_each(each);
        }
        Node::Subclass { tensor, class, state } => [tensor, class, state].into_iter().for_each(each),
        Node::NumpyScalar { source, .. } => each(source),
        Node::Object(object) => {
            let object = &mut **object;
            each(&mut object.callable);
            let first = object.args.iter_mut().chain(&mut object.kwargs);
            first.chain(&mut object.items).for_each(&mut each);
            in_pairs_mut(&mut object.pairs, &mut each);
            object.state.iter_mut().for_each(each);
        }
        _ => {}
    }
}

fn in_pairs(pairs: &[Pair], mut each: impl FnMut(NodeId)) {
    for &(key, value) in pairs {
        each(key);
        each(value);
    }
}

fn in_pairs_mut(pairs: &mut [Pair], mut each: impl FnMut(&mut NodeId)) {
    for (key, value) in pairs {
        each(key);
        each(value);
    }
}
