use crate::Excess;
use crate::dcp::{self, About};
use crate::foreign::Kind;
use crate::pickle::Graph;
use crate::validate::examine::{Part, Scope};
use crate::validate::file::limit;
use crate::validate::finding::Rule;

/// The graph is the one that torch writes.
pub(super) static GRAPH: Rule = Rule::malformed(
    "SR-DCP-METADATA",
    "a `.metadata` that says something no writer says",
    "What a checkpoint holds and what lies where are said once each. Where they are not, a reader \
     fails, or leaves tensors as they were and says nothing.",
);

/// Chunks make up their tensor.
pub(super) static BOX: Rule = Rule::malformed(
    "SR-DCP-BOX",
    "chunks that do not make up their tensor",
    "dcp.load copies each chunk to its place and looks no further: what no chunk fills keeps what \
     was in memory, and of two that overlap the last wins.",
);

/// Files are beside the metadata.
pub(super) static PATH: Rule = Rule::refused(
    "SR-DCP-PATH",
    "a path that leads out of the checkpoint",
    "dcp.load opens the file wherever it is and runs the pickles in it. All files of a checkpoint \
     are in the directory of its `.metadata`.",
);

/// Items lie apart.
pub(super) static PLACE: Rule = Rule::malformed(
    "SR-DCP-PLACE",
    "items in places that they cannot have",
    "Writers put one item behind the other. What lies in another's bytes is read as something else \
     than it is.",
);

/// Items are what torch.save writes.
pub(super) static TRANSFORM: Rule = Rule::unverified(
    "SR-DCP-TRANSFORM",
    "items that were changed before they were written",
    "They are compressed, or changed in a way of somebody's own, and dcp.load runs what comes out: \
     nothing is proven about that. Save the checkpoint without extensions, or convert it where you \
     trust it.",
);

/// Judges what a pickle says that is the metadata of a distributed checkpoint; answers whether
/// it is one.
pub(in crate::validate) fn check(graph: &Graph, part: &Part, scope: &mut Scope<'_>) -> bool {
    let name = scope.options.name.as_deref().filter(|_| scope.is_file()).unwrap_or_default();
    let partial = is_of_one_rank(name);
    if !dcp::is_metadata(graph) {
        // Readers take it for one by its name.
        if partial || name == ".metadata" {
            scope.find(&GRAPH, part, 0, "it is called as the metadata of a checkpoint, and is none");
        }
        return false;
    }
    scope.kind(Kind::DcpMetadata);
    let (metadata, flaws) = dcp::parse(graph, partial);
    for flaw in flaws {
        let rule = match flaw.about {
            About::Graph => &GRAPH,
            About::Box => &BOX,
            About::Path => &PATH,
            About::Place => &PLACE,
            About::Transform => &TRANSFORM,
            About::Limit => {
                let excess =
                    Excess { offset: flaw.offset, limit: "comparisons of chunks", allowed: dcp::WORK };
                limit::reached(&excess, part, scope);
                continue;
            }
        };
        scope.find(rule, part, flaw.offset, flaw.what);
    }
    if scope.is_file() && scope.report.metadata.is_none() {
        scope.report.metadata = Some(metadata);
    }
    true
}

/// Whether a file has the metadata of one rank of several, by its name: readers go by that, too.
fn is_of_one_rank(name: &str) -> bool {
    let rank = name.strip_prefix("__").and_then(|rest| rest.strip_suffix(".metadata"));
    rank.is_some_and(|rank| !rank.is_empty() && rank.bytes().all(|byte| byte.is_ascii_digit()))
}
