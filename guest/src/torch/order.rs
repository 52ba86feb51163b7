//! Whether writing a state dict again does what its pickle does.
//!
//! Nodes say what a pickle makes, not when: which call comes before which, and what
//! lists and dicts held when a call saw them. For what torch writes by itself that is all
//! the same. Calls of anything else may look, so they have to be made in the same order
//! and see the same. Picklers write in the order of this writer; what does not comes
//! of other hands, or of protocols that can say what protocol 2 cannot.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::emit;
use super::interpret::{self, Interpreted, NamedStorage};
use crate::error::Fault;
use crate::model::{Node, NodeId, Storage};
use crate::pickle::{self, Given, Graph, Machine, Object, ObjectId, Progress};
use crate::{Error, Limits};

/// Gives a pickle's objects their torch meaning, and says if writing that would do
/// something else than the pickle of `length` bytes does.
pub(super) fn interpret(
    graph: &Graph,
    length: u64,
    part: &str,
    limits: &Limits,
) -> Result<Interpreted, Error> {
    let (mut interpreted, ids) = interpret::interpret(graph, part, limits)?;
    interpreted.irreproducible = check(graph, length, &interpreted, &ids, part, limits);
    Ok(interpreted)
}

/// Refuses a pickle that executes what no value leads to.
pub(super) fn expect_nothing_lost(graph: &Graph, part: &str) -> Result<(), Error> {
    let Some(lost) = &graph.lost else { return Ok(()) };
    let found = format!("{} that none does", lost.what);
    Err(Error::unsupported(lost.offset, part, "what a value leads to", found))
}

/// Something that happens while a pickle is read, and that a call may notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    /// A call makes an object: the how manieth of all nodes that are one object each.
    Call(NodeId),
    /// A call is made once more for a value that leads back to itself, and dropped.
    Again,
    /// An object is given something after a call made or took it.
    Given(NodeId, Given),
}

fn check(
    graph: &Graph,
    length: u64,
    interpreted: &Interpreted,
    ids: &[Option<NodeId>],
    part: &str,
    limits: &Limits,
) -> Option<Fault> {
    if let Err(Error::Unsupported(fault)) = expect_nothing_lost(graph, part) {
        return Some(fault);
    }
    let happens = events(graph, &interpreted.nodes, ids);
    if happens.is_empty() {
        return None;
    }
    let fault = |offset, found: String| {
        let expected = "calls in the order in which a pickler makes them, on what is whole by then";
        Fault { offset, part: part.into(), expected: expected.into(), found }
    };
    let again = match again(length, interpreted, part, limits) {
        Ok(events) => events,
        // The writer says so itself.
        Err(Error::Unrepresentable(_)) => return None,
        Err(error) => {
            return Some(fault(0, format!("values that cannot be read when written again: {error}")));
        }
    };
    let differ =
        |&(at, (_, event)): &(usize, &(u64, Event))| again.get(at).is_none_or(|(_, other)| other != event);
    if let Some((_, &(offset, event))) = happens.iter().enumerate().find(differ) {
        return Some(fault(offset, describe(graph, offset, event)));
    }
    (again.len() > happens.len()).then(|| fault(0, "values that take more calls to write again".into()))
}

/// What happens when the state dict that was read is written and read again.
fn again(
    length: u64,
    interpreted: &Interpreted,
    part: &str,
    limits: &Limits,
) -> Result<Vec<(u64, Event)>, Error> {
    let storage =
        |storage: &NamedStorage| Storage { length: storage.length, location: storage.location.clone() };
    let storages: Vec<Storage> = interpreted.storages.iter().map(storage).collect();
    // Protocol 2 writes longer than later ones, but not at any length.
    let most = usize::try_from(length).unwrap_or(usize::MAX).saturating_mul(4).saturating_add(1 << 20);
    let emitted = emit::rehearse(&interpreted.nodes, &storages, 0, most)?;
    let mut machine = Machine::new(0, part, limits);
    let Progress::Done(_) = machine.feed(&emitted.bytes)? else {
        return Err(Error::misuse("the pickle has no end"));
    };
    let graph = machine.finish()?;
    expect_nothing_lost(&graph, part)?;
    let (interpreted, ids) = interpret::interpret(&graph, part, limits)?;
    Ok(events(&graph, &interpreted.nodes, &ids))
}

/// What a pickle does, in order, each with the offset of the call before or at it.
fn events(graph: &Graph, nodes: &[Node], ids: &[Option<NodeId>]) -> Vec<(u64, Event)> {
    let ranks = Ranks::new(nodes);
    let rank = |object: ObjectId| {
        let id = usize::try_from(object).ok().and_then(|object| *ids.get(object)?);
        id.and_then(|id| ranks.of(id))
    };
    let (mut events, mut offset) = (Vec::new(), 0);
    let mut deeds = graph.deeds.as_slice();
    let calls = (0u32..).zip(&graph.objects).filter_map(|(id, object)| match object {
        Object::Instance(instance) => Some((id, instance.offset)),
        _ => None,
    });
    for (before, call) in (0u32..).zip(calls.map(Some).chain([None])) {
        let until = deeds.partition_point(|deed| call.is_none() || deed.calls <= before);
        let (now, later) = deeds.split_at_checked(until).unwrap_or((deeds, &[]));
        deeds = later;
        for deed in now {
            if let Some((rank, opaque)) = rank(deed.target)
                && (opaque || deed.taken)
            {
                push(&mut events, offset, Event::Given(rank, deed.given));
            }
        }
        let Some((id, at)) = call else { break };
        offset = at;
        match rank(id) {
            Some((rank, true)) => push(&mut events, offset, Event::Call(rank)),
            None if graph.again.contains(&id) => push(&mut events, offset, Event::Again),
            _ => {}
        }
    }
    events
}

/// In how many pieces an object is given something, with nothing between, is no matter.
fn push(events: &mut Vec<(u64, Event)>, offset: u64, event: Event) {
    if let (Some((_, Event::Given(last, given))), Event::Given(rank, more)) = (events.last_mut(), event)
        && *last == rank
        && let Some(both) = given.and(more)
    {
        *given = both;
        return;
    }
    events.push((offset, event));
}

/// The nodes that are one object each, numbered among themselves: texts and the like may
/// be fewer when they are written again.
struct Ranks(BTreeMap<NodeId, (NodeId, bool)>);

impl Ranks {
    fn new(nodes: &[Node]) -> Self {
        let own = (0u32..).zip(nodes).filter_map(|(id, node)| Some((id, is_call(node)?)));
        Self((0u32..).zip(own).map(|(rank, (id, call))| (id, (rank, call))).collect())
    }

    /// A node's number, and whether a call makes it that may run code.
    fn of(&self, id: NodeId) -> Option<(NodeId, bool)> {
        self.0.get(&id).copied()
    }
}

/// Whether a call that may run code makes a node, if it is one object wherever it is.
fn is_call(node: &Node) -> Option<bool> {
    match node {
        Node::Object(_) | Node::Subclass { .. } | Node::Parameter { state: Some(_), .. } => Some(true),
        Node::ByteArray(_)
        | Node::List(_)
        | Node::Dict(_)
        | Node::OrderedDict { .. }
        | Node::Counter(_)
        | Node::Set(_) => Some(false),
        Node::None
        | Node::Bool(_)
        | Node::Int(_)
        | Node::BigInt(_)
        | Node::Float(_)
        | Node::Complex { .. }
        | Node::Text(_)
        | Node::SurrogateText(_)
        | Node::Bytes(_)
        | Node::Tuple(_)
        | Node::FrozenSet(_)
        | Node::Size(_)
        | Node::Device { .. }
        | Node::DType(_)
        | Node::QScheme(_)
        | Node::Layout(_)
        | Node::Global(_)
        | Node::Storage { .. }
        | Node::Tensor(_)
        | Node::Parameter { state: None, .. }
        | Node::Quantized { .. }
        | Node::SparseCoo { .. }
        | Node::SparseCompressed(_)
        | Node::NumpyScalar { .. }
        | Node::Absent => None,
    }
}

fn describe(graph: &Graph, offset: u64, event: Event) -> String {
    let call = graph.objects.iter().find_map(|object| match object {
        Object::Instance(instance) if instance.offset == offset => {
            Some(pickle::call_of(&graph.objects, instance))
        }
        _ => None,
    });
    let call = call.unwrap_or_else(|| "a value".into());
    match event {
        Event::Call(_) | Event::Again => format!("{call} out of that order"),
        Event::Given(..) => format!("{call}, and after it something that an earlier call may have missed"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Why a pickle is not written again.
    fn reason(pickle: &[u8]) -> Option<String> {
        let limits = Limits::default();
        let mut machine = Machine::new(0, "data.pkl", &limits);
        machine.feed(pickle).unwrap();
        let length = pickle.len() as u64;
        let read = interpret(&machine.finish().unwrap(), length, "data.pkl", &limits).unwrap();
        read.irreproducible.map(|fault| format!("{}: {}", fault.offset, fault.found))
    }

    #[test]
    fn what_picklers_write_is_written_again() {
        for pickle in [
            &b"\x80\x02}X\x01\0\0\0aK\x01s."[..],
            // An object with items, pairs and a state; a setter of six items; one in itself.
            b"\x80\x02cm\nC\n)R(K\x01K\x02e(K\x01K\x02u}X\x01\0\0\0aK\x01sb.",
            b"\x80\x02cm\nC\nq\0)Rq\x01cm\nput\nq\x02h\x01}q\x03\x86R0.",
            b"\x80\x02cm\nC\n)\x81q\0}X\x01\0\0\0ah\0sb.",
            // A call of an object that its list leads to, which it saw empty: so it does again.
            b"\x80\x02]q\0(K\x01cm\nf\nh\0\x85ReK\x01a.",
            // Made inside its own arguments, and once more.
            b"\x80\x02cm\nR\nq\x00]q\x01h\x00h\x01\x85q\x02Rq\x03a\x85q\x04R0h\x03.",
            // Two calls, in their order; in a set of protocol 4.
            b"\x80\x02(cm\na\n)Rcm\nb\n)Rt.",
            b"\x80\x04\x8f(cm\na\n)Rcm\nb\n)R\x90.",
            // A class inside another, which protocol 2 has to call for.
            b"\x80\x04(\x8c\x01m\x8c\x05O.I.J\x93)\x81cm\na\n)Rt.",
            b"\x80\x02(c__builtin__\ngetattr\ncm\nO\nX\x01\0\0\0I\x86R)\x81cm\na\n)Rt.",
        ] {
            assert_eq!(reason(pickle), None, "{}", pickle.escape_ascii());
        }
    }

    #[test]
    fn what_would_happen_in_another_order_is_not() {
        for (pickle, found) in [
            // Two calls that are made in one order, and met in another.
            (&b"\x80\x02(cm\na\n)Rq\x011(cm\nb\n)Rh\x01t."[..], "9: a call of `m.a` out of that order"),
            // A call of `getattr` is one like any other.
            (
                b"\x80\x02(c__builtin__\ngetattr\ncm\nO\nX\x01\0\0\0I\x86Rq\x011(cm\nb\n)Rh\x01t.",
                "36: a call of `builtins.getattr` out of that order",
            ),
            // A list that a call saw before it was whole: empty, and with its first item.
            (
                b"\x80\x02(]q\0cm\nf\nh\0\x85Rq\x01h\0K\x01a0h\x01t.",
                "14: a call of `m.f`, and after it something that an earlier call may have missed",
            ),
            (
                b"\x80\x02]q\0K\x01acm\nf\nh\0\x85Ra.",
                "16: a call of `m.f`, and after it something that an earlier call may have missed",
            ),
            // The same for a dict, a state, and a known container.
            (
                b"\x80\x02}q\0(K\x01K\x02uK\x03cm\nf\nh\0\x85Rs.",
                "21: a call of `m.f`, and after it something that an earlier call may have missed",
            ),
            (
                b"\x80\x02}q\0K\x01K\x02sK\x03ccollections\nOrderedDict\n)Rh\0bs.",
                "38: a call of `collections.OrderedDict`, and after it something that an earlier call may have missed",
            ),
            // An object that is given a state before its items.
            (
                b"\x80\x02cm\nC\n)R}bK\x01a.",
                "8: a call of `m.C`, and after it something that an earlier call may have missed",
            ),
            // What is called for nothing.
            (b"\x80\x02}cm\na\n)R0.", "9: a call of `m.a` that none does"),
        ] {
            assert_eq!(reason(pickle).as_deref(), Some(found), "{}", pickle.escape_ascii());
        }
    }
}
