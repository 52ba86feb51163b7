use std::io::Write;

use anyhow::{Result, bail};
use clap::CommandFactory;
use clap_mangen::Man;

use super::Cli;
use crate::failure::Usage;

/// Print a manual page, for `man -l -`
///
///     strongroom man | man -l -
///     strongroom man convert > strongroom-convert.1
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// The command to print the page of, instead of strongroom's own
    command: Option<String>,
}

impl Args {
    /// Prints the page.
    pub fn exec(self, out: &mut dyn Write) -> Result<()> {
        let mut cli = Cli::command();
        cli.build();
        let page = match &self.command {
            None => cli,
            Some(name) => match cli.find_subcommand(name) {
                Some(command) => command.clone(),
                None => {
                    bail!(Usage(format!("{name}: there is no such command; `strongroom --help` lists them")))
                }
            },
        };
        Ok(Man::new(page).render(&mut &mut *out)?)
    }
}
