use alloc::vec;
use alloc::vec::Vec;

use super::content::Content;
use super::zip_end::{self, End};
use super::{polyglot, tar};
use crate::foreign::{self, HEAD};
use crate::step::{Next, Range};
use crate::validate::examine::{Child, Examine, Scope};

/// Tells by its first bytes what a content is, and hands it to whoever judges that.
/// Names and extensions say nothing. Then looks at it as other readers do.
#[derive(Debug)]
pub(in crate::validate) struct Sniff {
    state: State,
}

#[derive(Debug)]
enum State {
    Start,
    Head,
    /// The end of what is no zip archive.
    Tail {
        content: Content,
        children: Vec<Child>,
        /// Where a PDF document starts, if the end tells of one too.
        pdf: Option<u64>,
    },
    /// The starts of what may be directories of zip archives.
    Directories {
        content: Content,
        children: Vec<Child>,
        ends: Vec<End>,
    },
}

impl Sniff {
    /// A look at a whole file, or at a member of an archive.
    pub(in crate::validate) fn new() -> Self {
        Self { state: State::Start }
    }

    fn head(&mut self, head: &[u8], scope: &mut Scope<'_>) -> Next<Vec<Child>> {
        let content = Content::new(head, scope.length);
        let mut children = content.children(scope);
        polyglot::check_head(head, content, scope);
        if content != Content::Tar && foreign::tar::is_header(head) {
            polyglot::tar(content, scope);
            children.push(named(tar::child(scope), "as a tar archive"));
        }
        let pdf = head.get(..PDF_HEAD).unwrap_or(head);
        let pdf = pdf.windows(PDF.len()).position(|bytes| bytes == PDF).map(|at| at as u64);
        // The end of a zip archive is for its own examiner.
        if content == Content::Empty || (content == Content::Zip && pdf.is_none()) {
            return Next::Done(children);
        }
        self.state = State::Tail { content, children, pdf: pdf.filter(|at| *at > 0) };
        let length = scope.length.min(zip_end::TAIL);
        Next::Fetch(vec![Range::new(scope.length - length, length)])
    }

    fn tail(
        &mut self,
        tail: &[u8],
        (content, children, pdf): (Content, Vec<Child>, Option<u64>),
        scope: &mut Scope<'_>,
    ) -> Next<Vec<Child>> {
        let last = tail.get(tail.len().saturating_sub(PDF_END)..).unwrap_or_default();
        if let Some(at) = pdf.filter(|_| last.windows(9).any(|bytes| bytes == b"startxref")) {
            polyglot::pdf(at, content, scope);
        }
        if content == Content::Zip {
            return Next::Done(children);
        }
        let start = scope.length.saturating_sub(tail.len() as u64);
        let mut ends = zip_end::candidates(tail, start);
        ends.retain(|end| end.exact || content.is_judged());
        let ends = zip_end::distinct(ends);
        let proofs = ends.iter().filter_map(End::proof).collect();
        self.state = State::Directories { content, children, ends };
        Next::Fetch(proofs)
    }
}

impl Examine for Sniff {
    fn resume(&mut self, parts: Vec<Vec<u8>>, scope: &mut Scope<'_>) -> Next<Vec<Child>> {
        let bytes = parts.first().map_or(&[][..], Vec::as_slice);
        match core::mem::replace(&mut self.state, State::Start) {
            State::Start => {
                self.state = State::Head;
                Next::Fetch(vec![Range::new(0, scope.length.min(HEAD))])
            }
            State::Head => self.head(bytes, scope),
            State::Tail { content, children, pdf } => self.tail(bytes, (content, children, pdf), scope),
            State::Directories { content, mut children, ends } => {
                let mut proofs = parts.iter();
                let mut proven = |end: &&End| {
                    end.proof().is_none() || proofs.next().is_some_and(|bytes| zip_end::is_directory(bytes))
                };
                if let Some(end) = ends.iter().find(|end| proven(end)) {
                    polyglot::zip(end.at, content, scope);
                    children.extend(
                        Content::Zip
                            .children(scope)
                            .into_iter()
                            .map(|child| named(child, "as a zip archive")),
                    );
                }
                Next::Done(children)
            }
        }
    }
}

/// The same bytes as another reader sees them.
fn named(child: Child, name: &str) -> Child {
    Child { name: name.into(), ..child }
}

const PDF: &[u8] = b"%PDF-";
/// Bytes from the start in which readers of PDF look for that.
const PDF_HEAD: usize = 1024;
/// Bytes from the end in which readers of PDF look for its table.
const PDF_END: usize = 1024;
