use alloc::vec::Vec;

use crate::pickle::Graph;
use crate::step::{Next, Range};
use crate::torch::interpret::{NamedStorage, interpret};
use crate::validate::examine::{Part, Scope};

/// The tensors of a pickle.
#[derive(Debug)]
pub(super) struct Tensors {
    storages: Vec<NamedStorage>,
}

impl Tensors {
    /// Gives the graph its torch meaning.
    pub(super) fn new(graph: &Graph, part: &Part, scope: &mut Scope<'_>) -> Self {
        let storages = interpret(graph, part.name(), &scope.options.limits)
            .map(|interpreted| interpreted.storages)
            .unwrap_or_default();
        Self { storages }
    }

    /// The storages the pickle names.
    pub(super) fn storages(&self) -> &[NamedStorage] {
        &self.storages
    }

    /// Reads what can only be judged by its bytes.
    pub(super) fn read(
        &mut self,
        _places: &[Option<Range>],
        _big_endian: bool,
        _parts: Vec<Vec<u8>>,
        _scope: &mut Scope<'_>,
    ) -> Next<()> {
        Next::Done(())
    }
}
