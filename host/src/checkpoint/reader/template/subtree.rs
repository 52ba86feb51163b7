use std::fmt;
use std::sync::Arc;

use crate::state::{Brought, Item, StateDict};

/// A value with all that is in it, as it was read or as another state dict has it.
///
/// Clones, and the values of one read, share what they have in common: tensors
/// that were tied stay so.
///
/// ```
/// use strongroom::{StateDict, Template, Value};
///
/// let betas = Value::Tuple(vec![0.9.into(), 0.999.into()]);
/// let template = Template::like(&StateDict::from_value(betas));
/// let Template::Value(betas) = template else { panic!("a tuple is taken whole") };
/// assert_eq!(betas.item().items().unwrap().len(), 2);
/// assert_eq!(betas.to_state_dict().get("[1]").unwrap().as_f64(), Some(0.999));
/// ```
#[derive(Clone)]
pub struct Subtree<'b> {
    state: Arc<StateDict<'b>>,
    id: u32,
}

impl<'b> Subtree<'b> {
    pub(in super::super) fn new(state: Arc<StateDict<'b>>, id: u32) -> Self {
        Self { state, id }
    }

    /// The value.
    pub fn item(&self) -> Item<'_, 'b> {
        Item::new(&self.state, self.id)
    }

    /// A state dict of this value and what is in it, and of nothing else.
    pub fn to_state_dict(&self) -> StateDict<'b> {
        let mut state = StateDict::bare();
        let root = state.graft(&self.state, self.id, &mut Brought::new());
        state.with_root(root)
    }

    pub(super) fn state(&self) -> &Arc<StateDict<'b>> {
        &self.state
    }
}

impl fmt::Debug for Subtree<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The state dict it is a part of may be a whole checkpoint.
        f.debug_tuple("Subtree").field(&format_args!("{}", self.item().repr())).finish()
    }
}
