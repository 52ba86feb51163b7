use alloc::vec;
use alloc::vec::Vec;

use super::content::Content;
use super::zip_end::{self, End};
use super::{limit, onnx, polyglot, tar};
use crate::Excess;
use crate::foreign::{self, HEAD};
use crate::step::{Next, Range};
use crate::validate::examine::{Child, Examine, Part, Scope};
use crate::zip::windows::{self, Windows};

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
    /// The starts of what may be directories of zip archives, and HDF5 files.
    Others {
        content: Content,
        children: Vec<Child>,
        ends: Vec<End>,
        asked: Vec<Range>,
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
        if content.is_judged() {
            children.extend(onnx::child(head, content, scope));
        }
        let pdf = head.get(..PDF_HEAD).unwrap_or(head);
        let pdf = pdf.windows(PDF.len()).position(|bytes| bytes == PDF).map(|at| at as u64);
        if content == Content::Empty {
            return Next::Done(children);
        }
        // The end of a zip archive is for its own examiner.
        if content == Content::Zip && pdf.is_none() {
            return self.elsewhere(content, children, Vec::new(), scope);
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
            return self.elsewhere(content, children, Vec::new(), scope);
        }
        let start = scope.length.saturating_sub(tail.len() as u64);
        let (mut ends, more) = zip_end::candidates(tail, start);
        if more && content.is_judged() {
            let allowed = zip_end::MOST as u64;
            limit::reached(
                &Excess { offset: start, limit: "ends of zip archives", allowed },
                &Part::whole(),
                scope,
            );
        }
        ends.retain(|end| end.exact || content.is_judged());
        self.elsewhere(content, children, ends, scope)
    }

    /// Asks for what tells whether these records, and HDF5 files, are there.
    fn elsewhere(
        &mut self,
        content: Content,
        children: Vec<Child>,
        ends: Vec<End>,
        scope: &Scope<'_>,
    ) -> Next<Vec<Child>> {
        let hdf5 = hdf5(content, scope.length).map(|at| Range::new(at, foreign::HDF5_START.len() as u64));
        let inside = |range: &Range| range.end().is_some_and(|end| end <= scope.length);
        let asked = windows::merge(zip_end::evidence(&ends).chain(hdf5).filter(inside).collect());
        self.state = State::Others { content, children, ends, asked: asked.clone() };
        Next::Fetch(asked)
    }

    /// What other readers than those of the first bytes find.
    fn others(
        (content, mut children, ends): (Content, Vec<Child>, Vec<End>),
        windows: &Windows,
        scope: &mut Scope<'_>,
    ) -> Vec<Child> {
        let starts = |at: &u64| {
            windows.get(Range::new(*at, foreign::HDF5_START.len() as u64)) == Some(foreign::HDF5_START)
        };
        if let Some(at) = hdf5(content, scope.length).find(starts) {
            polyglot::hdf5(at, content, scope);
        }
        if let Some(end) = ends.iter().find(|end| end.is_proven(windows)) {
            polyglot::zip(end.at, content, scope);
            let children_of_zip = Content::Zip.children(scope).into_iter();
            children.extend(children_of_zip.map(|child| named(child, "as a zip archive")));
        }
        children
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
            State::Others { content, children, ends, asked } => {
                Next::Done(Self::others((content, children, ends), &Windows::new(&asked, parts), scope))
            }
        }
    }
}

/// Where an HDF5 file may start that the first bytes do not tell of.
fn hdf5(content: Content, length: u64) -> impl Iterator<Item = u64> {
    foreign::hdf5_places(length).filter(move |at| *at >= HEAD && content.is_judged())
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
