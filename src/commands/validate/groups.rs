//! Findings of one kind, said once.

use strongroom::validate::Finding;

use super::gate::Standing;
use crate::output::{Printable, grouped};

/// Findings by one rule whose messages begin with the same word, and which count for the same.
pub struct Group<'r> {
    /// What they count for.
    pub standing: Standing,
    /// One at least.
    pub findings: Vec<&'r Finding>,
}

/// The groups, in the order of what comes first in each.
pub fn of<'r>(findings: impl Iterator<Item = (&'r Finding, Standing)>) -> Vec<Group<'r>> {
    let mut groups: Vec<Group<'r>> = Vec::new();
    for (finding, standing) in findings {
        let alike = |group: &&mut Group<'r>| group.standing == standing && alike(group.findings[0], finding);
        match groups.iter_mut().find(alike) {
            Some(group) => group.findings.push(finding),
            None => groups.push(Group { standing, findings: vec![finding] }),
        }
    }
    groups
}

fn alike(one: &Finding, other: &Finding) -> bool {
    one.id == other.id && split(one).0 == split(other).0
}

/// The first word of a message, and what follows.
fn split(finding: &Finding) -> (&str, &str) {
    finding.message.split_once(' ').unwrap_or((&finding.message, ""))
}

impl Group<'_> {
    /// The member that all are in, if it is one.
    pub fn part(&self) -> Option<&str> {
        let part = self.findings[0].part.as_str();
        let one = self.findings.iter().all(|finding| finding.part == part);
        (one && !part.is_empty()).then_some(part)
    }

    /// What was found, the first few of it.
    pub fn message(&self) -> String {
        let mut different: Vec<&str> = Vec::new();
        for finding in &self.findings {
            let (_, rest) = split(finding);
            if !different.contains(&rest) {
                different.push(rest);
            }
        }
        // On each name that nobody knows somebody has to decide.
        let is_foreign = self.findings[0].class.as_deref() == Some("foreign");
        let most = if is_foreign { FOREIGN } else { SHOWN };
        let shown: Vec<String> =
            different.iter().take(most).map(|rest| Printable(rest).to_string()).collect();
        let more = match different.len().saturating_sub(most) {
            0 => String::new(),
            more => format!(", and {} more", grouped(more as u64)),
        };
        format!("{} {}{more}", Printable(split(self.findings[0]).0), shown.join(", ")).trim_end().into()
    }
}

/// What of a group is shown, and how many findings are none.
pub const SHOWN: usize = 3;

/// The same of names that are not known.
const FOREIGN: usize = 10;
