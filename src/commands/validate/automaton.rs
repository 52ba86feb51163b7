//! What a pattern has seen of a path.

use globset::Glob;
use regex_automata::dfa::{Automaton as _, StartKind, dense};
use regex_automata::util::{primitives::StateID, start, syntax};
use regex_automata::{Anchored, MatchKind, nfa::thompson};

/// A pattern that takes a path byte by byte. Whether it is like what follows is said by its state alone:
/// links make endless paths, of few states.
pub struct Automaton(dense::DFA<Vec<u32>>);

impl Automaton {
    /// That of a pattern. None if it has too many states.
    pub fn new(glob: &Glob) -> Option<Self> {
        // As `globset` reads the same.
        let syntax = syntax::Config::new().utf8(false).dot_matches_new_line(true);
        let config = dense::Config::new()
            // Whichever of its branches is like the path, the others go on.
            .match_kind(MatchKind::All)
            .start_kind(StartKind::Anchored)
            .dfa_size_limit(Some(LARGEST))
            .determinize_size_limit(Some(LARGEST));
        let mut builder = dense::Builder::new();
        builder.configure(config).syntax(syntax).thompson(thompson::Config::new().utf8(false));
        builder.build(glob.regex()).ok().map(Self)
    }

    /// The state behind this part of a path.
    pub fn behind(&self, part: &[u8]) -> Option<StateID> {
        let start = start::Config::new().anchored(Anchored::Yes);
        let start = self.0.start_state(&start).ok()?;
        Some(part.iter().fold(start, |state, &byte| self.0.next_state(state, byte)))
    }
}

/// Bytes.
const LARGEST: usize = 1 << 20;
