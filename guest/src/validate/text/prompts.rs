//! Templates of prompts that settings hold: programs in Jinja.

/// Whether the strings below a key are templates: `chat_template`, `default_chat_template` and their
/// kin, the prompts of lm-evaluation-harness, those of smolagents. Whatever they are called there, a
/// name gets them.
pub(super) fn is_template(key: &str) -> bool {
    key.contains("chat_template") || key == "prompt_templates" || key.starts_with("doc_to_")
}

/// Such keys that are followed in one text.
pub(super) const MOST: usize = 1000;

/// The same in YAML, where a file has only prompts.
pub(super) fn is_template_of_yaml(key: &str) -> bool {
    is_template(key) || PROMPTS.contains(&key)
}

/// What lm-evaluation-harness alone renders, and files of all kinds have.
pub(super) const DESCRIPTION: &str = "description";

/// Prompts of smolagents, and what lm-evaluation-harness renders besides.
const PROMPTS: &[&str] = &[
    "system_prompt",
    "initial_plan",
    "update_plan_pre_messages",
    "update_plan_post_messages",
    "pre_messages",
    "post_messages",
    "task",
    "report",
    DESCRIPTION,
    "gen_prefix",
];
