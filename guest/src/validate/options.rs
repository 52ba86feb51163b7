use alloc::string::String;
use alloc::vec::Vec;

use crate::Limits;

/// What a pickle may build.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Policy {
    /// What `torch.load(weights_only=True)` of torch 2.15 builds, without its holes, and what can
    /// do no more: `frozenset`, and the instructions of other pickle protocols.
    #[default]
    WeightsOnly,
    /// Tensors, numbers, texts and containers of them; no classes at all.
    TensorsOnly,
}

/// How a file is judged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ValidateOptions {
    /// What a pickle may build.
    pub policy: Policy,
    /// Classes and functions that may be imported and called besides, as
    /// `module.name`. [`Policy::TensorsOnly`] knows none.
    pub allow: Vec<String>,
    /// Caps: what reaches one is [`Verdict::Unverified`](super::Verdict).
    pub limits: Limits,
}

impl ValidateOptions {
    /// Whether the user allows a class or function.
    pub(super) fn allows(&self, module: &str, name: &str) -> bool {
        let same = |allowed: &String| {
            allowed.strip_prefix(module).and_then(|rest| rest.strip_prefix('.')) == Some(name)
        };
        self.policy == Policy::WeightsOnly && self.allow.iter().any(same)
    }
}
