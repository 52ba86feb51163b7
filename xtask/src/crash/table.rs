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

    /// Whether all points passed.
    pub fn passed(&self) -> bool {
        self.rows.iter().all(|row| row.failures.is_empty())
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
