use std::io::Write;

use anyhow::Result;
use clap::CommandFactory;
use clap_complete::Shell;

use super::Cli;

/// Print a script that completes strongroom's commands in a shell
///
/// For bash, for example, put it where bash looks for completions:
///
///     strongroom completions bash > ~/.local/share/bash-completion/completions/strongroom
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// The shell to complete in
    shell: Shell,
}

impl Args {
    /// Prints the script.
    pub fn exec(self, out: &mut dyn Write) -> Result<()> {
        // By way of memory: the generator panics on a closed pipe.
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "strongroom", &mut script);
        Ok(out.write_all(&script)?)
    }
}
