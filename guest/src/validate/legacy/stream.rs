use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

use super::keys::Placed;
use super::{count, header, sole, source, trailing, untyped};
use crate::foreign::Kind;
use crate::pickle::Graph;
use crate::step::{Next, Range, Window};
use crate::torch::NamedStorage;
use crate::validate::examine::{Child, Examine, Part, Scope};
use crate::validate::pickle::{Dialect, Fed, PickleRun};
use crate::validate::tensor::Tensors;

/// Judges a legacy stream. What is wrong with one pickle does not keep the next
/// from being judged, as long as its end is known.
#[derive(Debug)]
pub(super) struct Stream {
    stage: Stage,
    run: PickleRun,
    /// Where the current pickle starts.
    start: u64,
    /// Where the next window starts.
    position: u64,
    window: Window,
    /// What the state dict means, once it was read.
    tensors: Option<Tensors>,
    /// Whether that is a storage and nothing else.
    is_sole: bool,
}

/// What came of a stream that was followed to its end.
pub(super) struct Outcome<'a> {
    /// Whether the state dict is a storage and nothing else.
    pub(super) is_sole: bool,
    /// All storages.
    pub(super) storages: &'a [NamedStorage],
    /// Where their bytes are.
    pub(super) places: &'a [Option<Range>],
}

/// What the stream is at.
#[derive(Debug)]
enum Stage {
    Begin,
    Magic,
    Version,
    System,
    State,
    Keys,
    /// The element counts are on their way.
    Counts(Placed),
    /// Numbers in storages are.
    Tensors(Placed),
    Over,
}

/// The current region as a legacy stream.
pub(in crate::validate) fn child(scope: &Scope<'_>) -> Child {
    Child::same(Box::new(Stream::new(scope)), scope)
}

impl Examine for Stream {
    fn resume(&mut self, parts: Vec<Vec<u8>>, scope: &mut Scope<'_>) -> Next<Vec<Child>> {
        let next = match core::mem::replace(&mut self.stage, Stage::Over) {
            Stage::Begin => {
                scope.kind(Kind::TorchLegacy);
                self.stage = Stage::Magic;
                self.fetch(1, scope)
            }
            Stage::Counts(placed) => self.counts(placed, &parts, scope),
            Stage::Tensors(placed) => self.read(placed, parts, scope),
            stage => {
                self.stage = stage;
                self.feed(parts.first().map_or(&[], Vec::as_slice), scope)
            }
        };
        match next {
            Next::Fetch(ranges) => Next::Fetch(ranges),
            Next::Done(()) => Next::Done(Vec::new()),
        }
    }
}

impl Stream {
    /// At the start of a region.
    pub(super) fn new(scope: &Scope<'_>) -> Self {
        let run = Stage::Magic.run(0, scope);
        let (start, position, window) = (0, 0, Window::default());
        Self { stage: Stage::Begin, run, start, position, window, tensors: None, is_sole: false }
    }

    /// What came of it, if it was followed to its end.
    pub(super) fn outcome(&self) -> Option<Outcome<'_>> {
        let (Stage::Tensors(placed), Some(tensors)) = (&self.stage, &self.tensors) else { return None };
        Some(Outcome { is_sole: self.is_sole, storages: tensors.storages(), places: &placed.places })
    }

    /// Runs pickles over a window, as far as it goes.
    fn feed(&mut self, mut bytes: &[u8], scope: &mut Scope<'_>) -> Next<()> {
        loop {
            match self.run.feed(bytes, scope) {
                Fed::Broken => return Next::Done(()),
                Fed::More(missing) => {
                    self.position = self.position.saturating_add(bytes.len() as u64);
                    if self.position >= scope.length {
                        self.run.end(scope.length.saturating_sub(self.start), scope);
                        return Next::Done(());
                    }
                    return self.fetch(missing, scope);
                }
                Fed::Stopped(length) => {
                    let end = self.start.saturating_add(length);
                    let used = usize::try_from(end.saturating_sub(self.position)).ok();
                    bytes = used.and_then(|used| bytes.get(used..)).unwrap_or_default();
                    self.position = end;
                    if let Some(next) = self.accept(end, scope) {
                        return next;
                    }
                }
            }
        }
    }

    fn fetch(&mut self, missing: u64, scope: &Scope<'_>) -> Next<()> {
        let left = scope.length.saturating_sub(self.position);
        Next::Fetch(vec![Range::new(self.position, self.window.next(missing, left))])
    }

    /// Takes what a pickle built, and turns to the next, at `end`. After the last
    /// the answer is what to do.
    fn accept(&mut self, end: u64, scope: &mut Scope<'_>) -> Option<Next<()>> {
        let stage = core::mem::replace(&mut self.stage, Stage::Over);
        let part = Part::at(stage.part(), self.start);
        self.stage = match stage {
            Stage::Magic => Stage::Version,
            Stage::Version => Stage::System,
            Stage::System => Stage::State,
            _ => Stage::Keys,
        };
        let next = self.stage.run(end, scope);
        let run = core::mem::replace(&mut self.run, next);
        self.start = end;
        let Some(graph) = run.into_graph() else { return Some(Next::Done(())) };
        match stage {
            Stage::Magic => header::magic(&graph, &part, scope),
            Stage::Version => header::version(&graph, &part, scope),
            Stage::System => header::system(&graph, &part, scope),
            Stage::State => {
                source::check(&graph, &part, scope);
                untyped::check(&graph, &part, scope);
                self.is_sole = sole::is_sole(&graph);
                let tensors = Tensors::new(&graph, &part, scope);
                if !tensors.are_all_known() {
                    // What follows is told by them.
                    return Some(Next::Done(()));
                }
                self.tensors = Some(tensors);
            }
            _ => return Some(self.place(&graph, end, &part, scope)),
        }
        None
    }

    /// Finds the storages.
    fn place(&mut self, graph: &Graph, end: u64, part: &Part, scope: &mut Scope<'_>) -> Next<()> {
        let storages = self.tensors.as_ref().map_or(&[][..], Tensors::storages);
        let placed = Placed::follow(graph, storages, end, part, scope);
        for (storage, place) in storages.iter().zip(&placed.places) {
            if let Some(range) = place {
                scope.payload(&alloc::format!("storage {}", storage.key), *range, None);
            }
        }
        if let Some(end) = placed.end {
            trailing::check(end, scope);
        }
        let counts = count::ranges(&placed);
        if counts.is_empty() {
            return self.counts(placed, &[], scope);
        }
        self.stage = Stage::Counts(placed);
        Next::Fetch(counts)
    }

    fn counts(&mut self, placed: Placed, counts: &[Vec<u8>], scope: &mut Scope<'_>) -> Next<()> {
        let storages = self.tensors.as_ref().map_or(&[][..], Tensors::storages);
        count::check(&placed, counts, storages, scope);
        self.read(placed, Vec::new(), scope)
    }

    fn read(&mut self, placed: Placed, parts: Vec<Vec<u8>>, scope: &mut Scope<'_>) -> Next<()> {
        let Some(tensors) = &mut self.tensors else { return Next::Done(()) };
        // Least byte first, whatever the header says of the machine that wrote it.
        let next = tensors.read(&placed.places, false, parts, scope);
        self.stage = Stage::Tensors(placed);
        next
    }
}

impl Stage {
    /// What findings call the part.
    fn part(&self) -> &'static str {
        match self {
            Self::Begin | Self::Magic => "magic number",
            Self::Version => "protocol version",
            Self::System => "system information",
            Self::State => "state dict",
            Self::Keys => "storage keys",
            Self::Counts(_) | Self::Tensors(_) | Self::Over => "storages",
        }
    }

    /// A run of the pickle of this stage, which starts at `start`.
    fn run(&self, start: u64, scope: &Scope<'_>) -> PickleRun {
        PickleRun::new(
            Part::at(self.part(), start),
            Dialect::Legacy,
            scope.length.saturating_sub(start),
            scope,
        )
    }
}
