//! What holds a value at each place.

use strongroom_guest::model::{Construct, Node, NodeId, Object};

use super::{Arena, Place};

impl Arena {
    /// A holder with the value at the place; None if it cannot be there.
    pub(super) fn put(&mut self, place: Place, value: NodeId, rest: &[NodeId]) -> Option<NodeId> {
        let is_key = matches!(
            place,
            Place::DictKey
                | Place::KeyOfMany
                | Place::KeyInTuple
                | Place::OrderedKey
                | Place::CounterKey
                | Place::SetMember
                | Place::FrozenSetMember
                | Place::PairKey
        );
        if is_key && !self.hashable(value) || place == Place::Callable && !self.callable(value) {
            return None;
        }
        Some(match place {
            Place::Root => value,
            Place::TupleItem => self.tuple(&[&[value], rest].concat()),
            Place::ListItem => self.add(Node::List([rest, &[value]].concat())),
            Place::DictKey => {
                let weight = self.plain(&[2], 9);
                self.add(Node::Dict(vec![(value, weight)]))
            }
            Place::KeyOfMany => {
                let (tensor, text, weight) = (self.plain(&[5], 11), self.text("w"), self.plain(&[2], 12));
                let one = self.int(1);
                let others = rest.iter().copied().filter(|&key| self.hashable(key)).map(|key| (key, one));
                let pairs = [(value, one), (tensor, one), (text, weight)].into_iter().chain(others);
                let pairs = pairs.collect();
                self.add(Node::Dict(pairs))
            }
            Place::KeyInTuple => {
                let (one, two) = (self.int(1), self.int(2));
                let keys = [self.tuple(&[one, value]), self.tuple(&[two, value])];
                let pairs = keys.map(|key| (key, self.plain(&[2], u8::try_from(key % 200).unwrap())));
                self.add(Node::Dict(pairs.to_vec()))
            }
            Place::DictValue => self.dict("k", value),
            Place::OrderedKey => {
                let weight = self.plain(&[2], 9);
                self.add(Node::OrderedDict { items: vec![(value, weight)], attributes: None })
            }
            Place::OrderedValue => {
                let key = self.text("k");
                self.add(Node::OrderedDict { items: vec![(key, value)], attributes: None })
            }
            Place::OrderedAttribute => {
                let attributes = Some(self.dict("_metadata", value));
                self.add(Node::OrderedDict { items: vec![], attributes })
            }
            Place::CounterKey => {
                let count = self.int(3);
                self.add(Node::Counter(vec![(value, count)]))
            }
            Place::CounterValue => {
                let key = self.text("k");
                self.add(Node::Counter(vec![(key, value)]))
            }
            Place::SetMember => self.add(Node::Set(vec![value])),
            Place::FrozenSetMember => self.add(Node::FrozenSet(vec![value])),
            Place::ParameterAttribute | Place::TensorAttribute | Place::SparseAttribute => {
                self.attribute(place, value)
            }
            _ => self.in_object(place, value, rest),
        })
    }

    fn attribute(&mut self, place: Place, value: NodeId) -> NodeId {
        let state = self.dict("note", value);
        match place {
            Place::ParameterAttribute => {
                let tensor = self.plain(&[3], 7);
                self.add(Node::Parameter { tensor, requires_grad: true, state: Some(state) })
            }
            place => {
                let class = self.global("torch", "Tensor");
                let tensor = match place {
                    Place::SparseAttribute => {
                        let sparse = self.sparse(4);
                        self.add(sparse)
                    }
                    _ => self.plain(&[3], 7),
                };
                self.add(Node::Subclass { tensor, class, state })
            }
        }
    }

    fn in_object(&mut self, place: Place, value: NodeId, rest: &[NodeId]) -> NodeId {
        let all = [&[value], rest].concat();
        let object = match place {
            Place::Callable => {
                let object = self.object(Construct::Call, rest);
                Object { callable: value, ..object }
            }
            Place::Argument => self.object(Construct::Call, &all),
            Place::NewArgument => self.object(Construct::New, &all),
            Place::Keyword => {
                let kwargs = Some(self.dict("k", value));
                Object { kwargs, ..self.object(Construct::NewEx, rest) }
            }
            Place::Effect => return self.effect(value),
            Place::Twice => {
                let again = self.dict("again", value);
                return self.add(Node::List(vec![value, again]));
            }
            place => {
                let (key, weight) = (self.text("k"), self.plain(&[2], 8));
                let attributes = self.dict("v", value);
                return self.hold(|object| match place {
                    Place::State => object.state = Some(value),
                    Place::Attribute => object.state = Some(attributes),
                    Place::Item => object.items = all,
                    Place::PairKey => object.pairs = vec![(value, weight)],
                    _ => object.pairs = vec![(key, value)],
                });
            }
        };
        self.add(Node::Object(Box::new(object)))
    }

    /// Whether Python can hash it.
    fn hashable(&self, id: NodeId) -> bool {
        match &self.nodes[id as usize] {
            Node::List(_)
            | Node::Dict(_)
            | Node::OrderedDict { .. }
            | Node::Counter(_)
            | Node::Set(_)
            | Node::ByteArray(_)
            | Node::Absent => false,
            Node::Tuple(items) | Node::FrozenSet(items) => items.iter().all(|&item| self.hashable(item)),
            _ => true,
        }
    }

    fn callable(&self, id: NodeId) -> bool {
        matches!(&self.nodes[id as usize], Node::Global(_) | Node::Object(_))
    }
}
