use std::io::Write;

use anyhow::Result;
use serde_json::json as object;
use strongroom::Engine;

use crate::output::json;

/// Show what this command is made of
///
/// The component is what understands files; what it says of one does not depend on the machine code
/// that runs it. Both are told by their SHA-256.
#[derive(clap::Args)]
pub struct Args {
    /// As JSON
    #[arg(long)]
    json: bool,
}

impl Args {
    /// Writes it.
    pub fn exec(self, out: &mut dyn Write) -> Result<()> {
        let engine = Engine::shared()?;
        let (version, code) = (env!("CARGO_PKG_VERSION"), engine.machine_code());
        if self.json {
            let code = object!({"target": code.target(), "sha256": code.sha256()});
            return Ok(json::write(
                out,
                &object!({
                    "version": version,
                    "component": {"sha256": engine.component_sha256()},
                    "machine_code": code,
                    "wasmtime": Engine::wasmtime(),
                }),
            )?);
        }
        writeln!(out, "strongroom {version}")?;
        writeln!(out, "component     sha256:{}", engine.component_sha256())?;
        match code.sha256() {
            Some(sha256) => writeln!(out, "machine code  sha256:{sha256}, for {}", code.target())?,
            None => writeln!(out, "machine code  compiled at this start, for {}", code.target())?,
        }
        Ok(writeln!(out, "wasmtime      {}", Engine::wasmtime())?)
    }
}
