//! Paths as tests/fixtures/describe.py writes them.

use strongroom_guest::model::{Node, NodeId};

/// The path of what `key` leads to.
pub fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// The path of what is under the key at a position of a dict.
pub fn below(nodes: &[Node], path: &str, at: usize, key: NodeId) -> String {
    if is_plain(nodes, key) { join(path, &key_text(nodes, key)) } else { format!("{path}[#{at}]") }
}

fn is_plain(nodes: &[Node], key: NodeId) -> bool {
    match &nodes[key as usize] {
        Node::None
        | Node::Bool(_)
        | Node::Int(_)
        | Node::Float(_)
        | Node::Text(_)
        | Node::SurrogateText(_) => true,
        Node::Tuple(ids) => ids.iter().all(|&id| is_plain(nodes, id)),
        _ => false,
    }
}

/// A dict's key: text as it is, all else as Python prints it.
pub fn key_text(nodes: &[Node], key: NodeId) -> String {
    match &nodes[key as usize] {
        Node::Text(text) => text.value.clone(),
        Node::SurrogateText(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        other => repr(nodes, other),
    }
}

fn repr(nodes: &[Node], node: &Node) -> String {
    match node {
        Node::None => "None".into(),
        Node::Bool(true) => "True".into(),
        Node::Bool(false) => "False".into(),
        Node::Int(value) => value.to_string(),
        Node::Float(bits) if f64::from_bits(*bits).is_nan() => "nan".into(),
        Node::Float(bits) => format!("{:?}", f64::from_bits(*bits)),
        Node::Text(text) => format!("'{}'", text.value),
        Node::Tuple(ids) => {
            let items: Vec<String> = ids.iter().map(|&id| repr(nodes, &nodes[id as usize])).collect();
            format!("({})", items.join(", "))
        }
        other => panic!("no case has a {other:?} as a key"),
    }
}
