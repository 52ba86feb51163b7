use crate::validate::finding::{Class, Rule};

/// Source code.
pub(super) static RULE: Rule = Rule::unverified(
    "SR-CODE-SOURCE",
    "source code",
    "Whoever runs it runs what its authors wrote. Loaders do so with trust_remote_code=True, and \
     people by hand. No scan proves code harmless: read it, or do without it. `--accept code` passes it.",
)
.about(Class::Code);
