//! Results, for people and for programs.

use std::fmt;

use super::rows::Row;

/// The runs of one row.
pub struct Line {
    row: &'static Row,
    /// strongroom's.
    pub ours: Vec<f64>,
    /// The peer's.
    pub theirs: Vec<f64>,
}

impl Line {
    /// No run yet.
    pub fn new(row: &'static Row) -> Self {
        Self { row, ours: Vec::new(), theirs: Vec::new() }
    }

    fn json(&self) -> String {
        let (ours, theirs) = (median(&self.ours), median(&self.theirs));
        let peer = match self.row.peer {
            Some((peer, _)) => format!("\"{peer}\""),
            None => "null".into(),
        };
        format!(
            "{{\"name\": \"{}\", \"unit\": \"{}\", \"ours\": {}, \"peer\": {peer}, \"theirs\": {}, \
             \"ratio\": {}, \"runs\": {{\"ours\": {:?}, \"theirs\": {:?}}}}}",
            self.row.name,
            self.row.unit.name(),
            number(ours),
            number(theirs),
            number(ratio(ours, theirs)),
            self.ours,
            self.theirs
        )
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (ours, theirs) = (median(&self.ours), median(&self.theirs));
        let unit = self.row.unit.name();
        write!(f, "{:36} {:>12}", self.row.name, rounded(ours, unit))?;
        if let (Some((peer, _)), Some(theirs)) = (self.row.peer, theirs) {
            let ratio = ratio(ours, Some(theirs)).map_or_else(String::new, |ratio| format!("{ratio:.2}"));
            write!(f, "  {peer:36} {:>12} {ratio:>7}", rounded(Some(theirs), unit))?;
        }
        Ok(())
    }
}

/// What stands above the lines.
pub fn heading() -> String {
    format!("{:36} {:>12}  {:36} {:>12} {:>7}", "job (medians)", "strongroom", "peer", "peer's", "ratio")
}

/// All lines as a JSON list.
pub fn json(lines: &[Line]) -> String {
    let lines: Vec<String> = lines.iter().map(|line| format!("  {}", line.json())).collect();
    format!("[\n{}\n]\n", lines.join(",\n"))
}

fn median(runs: &[f64]) -> Option<f64> {
    let mut sorted = runs.to_vec();
    sorted.sort_by(f64::total_cmp);
    let upper = *sorted.get(sorted.len() / 2)?;
    // Of an even number the mean of the two in the middle.
    let lower = *sorted.get((sorted.len() - 1) / 2)?;
    Some(f64::midpoint(lower, upper))
}

/// How many times strongroom's is contained in the peer's: above 1 it is better.
fn ratio(ours: Option<f64>, theirs: Option<f64>) -> Option<f64> {
    let ratio = theirs? / ours?;
    ratio.is_finite().then_some(ratio)
}

fn rounded(value: Option<f64>, unit: &str) -> String {
    value.map_or_else(String::new, |value| format!("{value:.3} {unit}"))
}

fn number(value: Option<f64>) -> String {
    value.map_or_else(|| "null".into(), |value| value.to_string())
}
