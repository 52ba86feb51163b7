//! Long lists cut short: the state of a random number generator is 600 integers.

use std::iter::Peekable;

use crate::inventory::LeafEntry;

/// Leaves, where of those that follow each other in one list only the first few
/// are given, and then one that counts the others.
pub struct Runs<I: Iterator<Item = LeafEntry>> {
    leaves: Peekable<I>,
    most: usize,
    /// The list the last leaf was in, and how many of it were given.
    list: String,
    given: usize,
}

impl<I: Iterator<Item = LeafEntry>> Runs<I> {
    /// Gives at most `most` leaves of a list.
    pub fn new(leaves: I, most: usize) -> Self {
        Self { leaves: leaves.peekable(), most, list: String::new(), given: 0 }
    }
}

impl<I: Iterator<Item = LeafEntry>> Iterator for Runs<I> {
    type Item = LeafEntry;

    fn next(&mut self) -> Option<LeafEntry> {
        let mut leaf = self.leaves.next()?;
        let Some(list) = list(&leaf.path) else {
            self.given = 0;
            return Some(leaf);
        };
        if self.given == 0 || list != self.list {
            self.list = list.to_owned();
            self.given = 0;
        }
        self.given += 1;
        if self.given <= self.most {
            return Some(leaf);
        }
        let mut more = 0usize;
        let same = |next: &LeafEntry| self::list(&next.path) == Some(&self.list);
        while self.leaves.next_if(same).is_some() {
            more += 1;
        }
        self.given = 0;
        if more > 0 {
            // One line for one leaf is no gain; this is at least two.
            leaf = LeafEntry {
                path: format!("{}[…]", self.list),
                kind: String::new(),
                value: format!("{} more", more + 1),
            };
        }
        Some(leaf)
    }
}

/// The path of the list that a path of a value in a list begins with.
fn list(path: &str) -> Option<&str> {
    let (list, index) = path.strip_suffix(']')?.rsplit_once('[')?;
    index.bytes().all(|byte| byte.is_ascii_digit()).then_some(list)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(paths: &[&str], most: usize) -> Vec<String> {
        let leaf = |path: &&str| LeafEntry { path: (*path).into(), kind: "int".into(), value: "1".into() };
        Runs::new(paths.iter().map(leaf), most).map(|leaf| format!("{} {}", leaf.path, leaf.value)).collect()
    }

    #[test]
    fn a_long_list_is_counted_and_its_neighbours_are_whole() {
        let paths = ["a[0]", "a[1]", "a[2]", "a[3]", "b[0]", "b[1]", "c", "c[0][0]", "c[1][0]"];
        let expected =
            ["a[0] 1", "a[1] 1", "a[…] 2 more", "b[0] 1", "b[1] 1", "c 1", "c[0][0] 1", "c[1][0] 1"];
        assert_eq!(shown(&paths, 2), expected);
    }

    #[test]
    fn the_last_of_a_list_is_shown_rather_than_counted() {
        assert_eq!(shown(&["[0]", "[1]", "[2]"], 2), ["[0] 1", "[1] 1", "[2] 1"]);
        assert_eq!(shown(&["[0]", "[1]", "[2]", "[3]"], 2), ["[0] 1", "[1] 1", "[…] 2 more"]);
    }
}
