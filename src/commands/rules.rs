use std::io::Write;

use anyhow::{Result, bail};
use strongroom::validate::{Rule, Verdict};

use crate::failure::Usage;
use crate::output::{Printable, json, wrapped};

/// Show the rules that files are judged by
///
/// For each: what it makes of a file that breaks it, the strictest level that the file can reach
/// all the same, what it is about, what it means and what to do.
#[derive(clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub struct Args {
    /// Only this rule, as in SR-PICKLE-IMPORT
    id: Option<String>,

    /// Print JSON: a list of objects
    #[arg(long)]
    json: bool,
}

impl Args {
    /// Prints the rules.
    pub fn exec(self, out: &mut dyn Write) -> Result<()> {
        let mut rules = strongroom::rules()?;
        if let Some(id) = &self.id {
            rules.retain(|rule| rule.id.eq_ignore_ascii_case(id));
            if rules.is_empty() {
                bail!(Usage(format!("{id}: there is no such rule; `strongroom rules` shows all")));
            }
        }
        if self.json {
            return Ok(json::write(out, &rules)?);
        }
        for (index, rule) in rules.iter().enumerate() {
            if index > 0 {
                writeln!(out)?;
            }
            let Rule { id, verdict, severity, level, class, title, help } = rule;
            let class = class.as_ref().map_or(String::new(), |class| format!(", {}", Printable(class)));
            writeln!(out, "{}: {}", Printable(id), Printable(title))?;
            match verdict {
                // Of what is not safe a level says nothing.
                Verdict::Safe | Verdict::Trusting => write!(out, "  {severity}, {verdict}, {level}")?,
                verdict => write!(out, "  {severity}, {verdict}")?,
            }
            writeln!(out, "{class}")?;
            for line in wrapped(&Printable(help).to_string()) {
                writeln!(out, "  {line}")?;
            }
        }
        Ok(())
    }
}

const EXAMPLES: &str = "\
Examples:
  What a finding means:
    strongroom rules SR-PICKLE-IMPORT

  The rules that make a file unsafe, by way of jq:
    strongroom rules --json | jq -r '.[] | select(.verdict == \"unsafe\").id'";
