//! Tables of aligned columns, measured first and printed after: rows need not be
//! in memory at once.

use std::io::{self, Write};

use unicode_width::UnicodeWidthStr;

/// The columns of a table and how wide they are.
pub struct Table<const N: usize> {
    headings: [&'static str; N],
    sides: [Side; N],
    widths: [usize; N],
}

/// The side a column is flush with.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// For text.
    Left,
    /// For sizes.
    Right,
}

impl<const N: usize> Table<N> {
    /// A table with these columns.
    pub fn new(columns: [(&'static str, Side); N]) -> Self {
        let headings = columns.map(|(heading, _)| heading);
        Self { headings, sides: columns.map(|(_, side)| side), widths: headings.map(UnicodeWidthStr::width) }
    }

    /// Makes room for a row.
    pub fn measure(&mut self, row: &[String; N]) {
        for (width, cell) in self.widths.iter_mut().zip(row) {
            // One endless name must not push all others off the screen.
            *width = cell.width().min(WIDEST).max(*width);
        }
    }

    /// Prints the headings.
    pub fn head(&self, out: &mut dyn Write) -> io::Result<()> {
        self.row(out, &self.headings.map(String::from))
    }

    /// Prints a row.
    pub fn row(&self, out: &mut dyn Write, row: &[String; N]) -> io::Result<()> {
        let mut line = String::new();
        for ((cell, side), width) in row.iter().zip(self.sides).zip(self.widths) {
            let space = " ".repeat(width.saturating_sub(cell.width()));
            line.push_str("  ");
            match side {
                Side::Left => line.extend([cell.as_str(), &space]),
                Side::Right => line.extend([&space, cell.as_str()]),
            }
        }
        writeln!(out, "{}", line.trim_end())
    }
}

const WIDEST: usize = 60;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell_up_to_a_point() -> io::Result<()> {
        let long = "x".repeat(WIDEST + 5);
        let rows = [["a", "5 B"], ["漢字", "1.0 KiB"], [&long, "2 B"]].map(|row| row.map(String::from));
        let mut table = Table::new([("path", Side::Left), ("size", Side::Right)]);
        rows[..2].iter().for_each(|row| table.measure(row));
        let mut out = Vec::new();
        table.head(&mut out)?;
        rows.iter().try_for_each(|row| table.row(&mut out, row))?;
        let expected = format!("  path     size\n  a         5 B\n  漢字  1.0 KiB\n  {long}      2 B\n");
        assert_eq!(String::from_utf8_lossy(&out), expected);
        Ok(())
    }
}
