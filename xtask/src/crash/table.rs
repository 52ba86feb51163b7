//! The matrix, as it is printed and as it stands in the documentation.

use std::fmt::Write;

use super::outcome::{Outcome, Tally};

/// All rows.
#[derive(Debug, Default)]
pub struct Table {
    rows: Vec<Row>,
}

/// One job under one kind of fault.
#[derive(Debug)]
pub struct Row {
    job: String,
    fault: String,
    tally: Tally,
    failures: Vec<String>,
    not_hit: Vec<String>,
}

impl Row {
    pub fn new(job: impl Into<String>, fault: impl Into<String>) -> Self {
        Self {
            job: job.into(),
            fault: fault.into(),
            tally: Tally::default(),
            failures: Vec::new(),
            not_hit: Vec::new(),
        }
    }

    /// One point, and what came of it.
    pub fn add(&mut self, point: &str, outcome: &Outcome) {
        self.tally.add(outcome);
        if !outcome.passed() {
            self.failures.push(format!("at {point}: {outcome}"));
        }
    }

    /// A point like one that was added before.
    pub fn add_another(&mut self, outcome: &Outcome) {
        self.tally.add(outcome);
    }

    fn join(&mut self, other: Self) {
        self.tally.join(&other.tally);
        self.failures.extend(other.failures);
        self.not_hit.extend(other.not_hit);
    }

    /// A point that no run came to: strace counts the calls of each thread by itself,
    /// and another thread was always first.
    pub fn not_hit(&mut self, point: &str) {
        self.not_hit.push(point.into());
    }
}

impl Table {
    /// Adds a row, and prints it at once: the whole takes long.
    pub fn add(&mut self, row: Row) {
        println!("  {}, {}: {} of {} points pass", row.job, row.fault, row.tally.pass, row.tally.points());
        for failure in &row.failures {
            println!("    {failure}");
        }
        for point in &row.not_hit {
            println!("    not reached: {point}");
        }
        self.rows.push(row);
    }

    /// Adds rows; those of one job and fault that follow each other become one.
    pub fn add_joined(&mut self, rows: Vec<Row>) {
        let mut joined: Vec<Row> = Vec::new();
        for row in rows {
            match joined.last_mut().filter(|last| last.job == row.job && last.fault == row.fault) {
                Some(last) => last.join(row),
                None => joined.push(row),
            }
        }
        joined.into_iter().for_each(|row| self.add(row));
    }

    /// Whether all points passed, and hardly any could not be reached: where threads
    /// take turns, a call may come only once in many runs.
    pub fn passed(&self) -> bool {
        let reached = |row: &Row| row.tally.points() > 0 && row.not_hit.len() <= 2 + row.tally.points() / 10;
        self.rows.iter().all(|row| row.failures.is_empty() && reached(row))
    }

    /// How many points there were, and which calls no run came to.
    pub fn summary(&self) -> String {
        let count = |of: fn(&Tally) -> usize| self.rows.iter().map(|row| of(&row.tally)).sum::<usize>();
        let (points, passed) = (count(Tally::points), count(|tally| tally.pass));
        let mut text = format!("{passed} of {points} points pass.");
        let missed: usize = self.rows.iter().map(|row| row.not_hit.len()).sum();
        if missed > 0 {
            let _ = write!(text, " {missed} more could not be reached:");
            for row in self.rows.iter().filter(|row| !row.not_hit.is_empty()) {
                let _ = write!(text, " {} in `{}` ({});", row.not_hit.len(), row.job, row.fault);
            }
            text.pop();
            text.push('.');
        }
        text.push('\n');
        text
    }

    /// As Markdown.
    pub fn markdown(&self) -> String {
        let mut text = String::from(
            "| save | fault | points | pass | hard fail | silent divergence | lost work |\n\
             |---|---|---:|---:|---:|---:|---:|\n",
        );
        for Row { job, fault, tally, .. } in &self.rows {
            let Tally { pass, hard_fail, silent_divergence, lost_work } = tally;
            let points = tally.points();
            let _ = writeln!(
                text,
                "| {job} | {fault} | {points} | {pass} | {hard_fail} | {silent_divergence} | {lost_work} |"
            );
        }
        text
    }
}

/// Puts the text between the two markers of `name` in a document.
pub fn insert(document: &str, name: &str, text: &str) -> Option<String> {
    let (start, end) = (format!("<!-- {name} -->\n"), format!("<!-- /{name} -->"));
    let (before, rest) = document.split_once(&start)?;
    let (_, after) = rest.split_once(&end)?;
    Some(format!("{before}{start}{text}{end}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_class_has_a_column_and_each_failure_a_line() {
        let mut row = Row::new("a save", "kill");
        row.add("fsync a", &Outcome::Pass);
        row.add("fsync b", &Outcome::LostWork("gone".into()));
        row.not_hit("fsync c");
        assert_eq!(row.failures, ["at fsync b: lost work: gone"]);
        let mut table = Table::default();
        table.add(row);
        assert!(!table.passed());
        assert_eq!(table.markdown().lines().last(), Some("| a save | kill | 2 | 1 | 0 | 0 | 1 |"));
        let summary = "1 of 2 points pass. 1 more could not be reached: 1 in `a save` (kill).\n";
        assert_eq!(table.summary(), summary);
    }

    #[test]
    fn a_table_replaces_the_one_before() {
        let document = "a\n<!-- matrix -->\nold\n<!-- /matrix -->\nb\n";
        let expected = "a\n<!-- matrix -->\nnew\n<!-- /matrix -->\nb\n";
        assert_eq!(insert(document, "matrix", "new\n").as_deref(), Some(expected));
        assert_eq!(insert("a\n", "matrix", "new\n"), None);
    }
}
