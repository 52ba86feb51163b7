//! Hash tables as CPython has them, to count the steps that keys take to their places.

use alloc::vec;
use alloc::vec::Vec;

use super::hashing::Key;
use crate::pickle::Value;

/// How a table looks for a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// As `dict` does since 3.7.
    Dict,
    /// As `set` does since 3.7: some places in a row before the next jump.
    Set,
}

/// A table that keys are put into, one after another.
struct Table {
    kind: Kind,
    /// A power of two; for each place the entry there and one more, or 0.
    places: Vec<u32>,
    entries: Vec<(Value, Key)>,
    /// Keys whose hash the file chooses: they have no place here, and may be on any other's way.
    chosen: u64,
    /// The time to compare one of these, at most.
    slowest: u64,
    /// Nanoseconds.
    time: u64,
}

/// The time to put keys into a new table, in nanoseconds, or some time more than `most`. `same`
/// says whether two values are certainly equal.
pub(super) fn time(
    kind: Kind,
    keys: impl Iterator<Item = (Value, Key)>,
    same: impl Fn(Value, Value) -> bool,
    most: u64,
) -> u64 {
    let mut table = Table { kind, places: vec![0; 8], entries: Vec::new(), chosen: 0, slowest: 0, time: 0 };
    for (value, key) in keys {
        table.insert(value, key, &same);
        if table.time > most {
            break;
        }
    }
    table.time
}

impl Table {
    fn insert(&mut self, value: Value, key: Key, same: &impl Fn(Value, Value) -> bool) {
        self.time = self.time.saturating_add(INSERT).saturating_add(key.time);
        let met = STEP.saturating_add(COMPARE);
        let each = met.saturating_add(self.slowest.min(key.time));
        self.time = self.time.saturating_add(self.chosen.saturating_mul(each));
        if key.is_chosen {
            // It steps over all that are there.
            let each = met.saturating_add(key.time);
            self.time = self.time.saturating_add(each.saturating_mul(self.entries.len() as u64));
            self.chosen = self.chosen.saturating_add(1);
            self.slowest = self.slowest.max(key.time);
            return;
        }
        let (entries, mut compared) = (&self.entries, 0u64);
        let (place, steps) = find(self.kind, &self.places, key.hash, |entry| {
            let Some((there, other)) = entry_of(entries, entry) else { return false };
            if other.hash != key.hash {
                return false;
            }
            compared = compared.saturating_add(COMPARE).saturating_add(other.time.min(key.time));
            same(*there, value)
        });
        self.time = self.time.saturating_add(compared).saturating_add(steps.saturating_mul(STEP));
        let Some(place) = place.and_then(|place| self.places.get_mut(place)) else { return };
        self.entries.push((value, key));
        *place = u32::try_from(self.entries.len()).unwrap_or(u32::MAX);
        self.grow();
    }

    /// Makes room as CPython does, when it does.
    fn grow(&mut self) {
        let (used, size) = (self.entries.len(), self.places.len());
        let wanted = match self.kind {
            Kind::Dict if used >= size.saturating_mul(2) / 3 => used.saturating_mul(3),
            Kind::Set if used.saturating_mul(5) >= (size - 1).saturating_mul(3) => {
                used.saturating_mul(if used > 50_000 { 2 } else { 4 }).saturating_add(1)
            }
            _ => return,
        };
        let again = STEP.saturating_mul(self.chosen).saturating_mul(used as u64);
        self.time = self.time.saturating_add(again);
        let mut places = vec![0; wanted.next_power_of_two()];
        for (at, (_, key)) in (1u32..).zip(&self.entries) {
            let (place, steps) = find(self.kind, &places, key.hash, |_| false);
            self.time = self.time.saturating_add(steps.saturating_mul(STEP));
            if let Some(place) = place.and_then(|place| places.get_mut(place)) {
                *place = at;
            }
        }
        self.places = places;
    }
}

fn entry_of(entries: &[(Value, Key)], entry: u32) -> Option<&(Value, Key)> {
    entries.get(usize::try_from(entry).ok()?.checked_sub(1)?)
}

/// The first place on a hash's way that is empty, or None where `is_it` says that a key is there
/// already; and how many were looked at.
fn find(kind: Kind, places: &[u32], hash: u64, mut is_it: impl FnMut(u32) -> bool) -> (Option<usize>, u64) {
    let mask = (places.len() as u64).saturating_sub(1);
    let row = match kind {
        Kind::Dict => 0,
        Kind::Set => IN_A_ROW,
    };
    let (mut at, mut perturb, mut steps) = (hash & mask, hash, 0u64);
    loop {
        let last = if at.saturating_add(row) <= mask { at.saturating_add(row) } else { at };
        for place in at..=last {
            steps = steps.saturating_add(1);
            let index = usize::try_from(place).unwrap_or_default();
            match places.get(index).copied() {
                None | Some(0) => return (Some(index), steps),
                Some(entry) if is_it(entry) => return (None, steps),
                Some(_) => {}
            }
        }
        perturb >>= 5;
        at = at.wrapping_mul(5).wrapping_add(1).wrapping_add(perturb) & mask;
    }
}

/// Places a set looks at in a row behind the first.
const IN_A_ROW: u64 = 9;
/// Nanoseconds to set an item, to step to the next place, and to begin to compare.
const INSERT: u64 = 100;
const STEP: u64 = 20;
const COMPARE: u64 = 60;

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeSet;

    use super::*;

    fn of(kind: Kind, hashes: impl Iterator<Item = u64>) -> u64 {
        let keys =
            hashes.map(|hash| (Value::Int(hash.cast_signed()), Key { hash, time: 20, is_chosen: false }));
        time(kind, keys, |one, other| one == other, 1 << 33)
    }

    #[test]
    fn numbers_in_a_row_cost_next_to_nothing() {
        for kind in [Kind::Dict, Kind::Set] {
            let time = of(kind, 0..1_000_000);
            assert!(time < 1_000_000 * 300, "{kind:?}: {time}");
            // The same one again and again.
            let time = of(kind, (0..1_000_000).map(|_| 7));
            assert!(time < 1_000_000 * 300, "{kind:?}: {time}");
        }
    }

    #[test]
    fn keys_of_one_hash_cost_the_square() {
        for kind in [Kind::Dict, Kind::Set] {
            let keys = (0..10_000).map(|at| (Value::Int(at), Key { hash: 0, time: 20, is_chosen: false }));
            let time = time(kind, keys, |one, other| one == other, u64::MAX);
            assert!(time > 10_000 * 10_000 / 2 * 50, "{kind:?}: {time}");
        }
    }

    #[test]
    fn a_key_whose_hash_is_chosen_meets_all_others() {
        for kind in [Kind::Dict, Kind::Set] {
            let others = (0..10_000u64).map(|at| (at, false));
            let mixed = others.chain((10_000..10_500).map(|at| (at, true)));
            let keys = mixed
                .map(|(at, is_chosen)| (Value::Int(at.cast_signed()), Key { hash: at, time: 20, is_chosen }));
            let time = time(kind, keys, |one, other| one == other, u64::MAX);
            assert!(time > 10_000 * 500 * 80, "{kind:?}: {time}");
        }
    }

    /// They end in one row of places for another reason than that their hashes are equal.
    #[test]
    fn keys_that_follow_the_same_way_are_noticed() {
        // Small numbers fill the way of 0 to its end, in the order of that way; then come numbers
        // whose first places are filled, and whose way joins it at its start.
        let mask = (1u64 << 16) - 1;
        let way = |at: u64| at.wrapping_mul(5).wrapping_add(1) & mask;
        let mut filled = BTreeSet::new();
        let mut at = 0u64;
        let mut keys = Vec::new();
        for _ in 0..22_000 {
            filled.insert(at);
            keys.push(at);
            at = way(at);
        }
        let joins = |hash: u64| {
            let (mut at, mut perturb) = (hash & mask, hash);
            for _ in 0..13 {
                if !filled.contains(&at) {
                    return false;
                }
                perturb >>= 5;
                at = at.wrapping_mul(5).wrapping_add(1).wrapping_add(perturb) & mask;
            }
            filled.contains(&at)
        };
        let plain = of(Kind::Dict, keys.iter().copied());
        let candidates = (0..u64::MAX).map(|at| at.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 3);
        keys.extend(candidates.filter(|&hash| joins(hash)).take(200));
        let time = of(Kind::Dict, keys.into_iter());
        assert!(time > plain + 200 * 1000 * STEP, "{plain} {time}");
    }
}
