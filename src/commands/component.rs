//! Components that take the place of the one that is shipped.

use std::path::Path;

#[cfg(feature = "compiler")]
use anyhow::Context;
use anyhow::Result;
#[cfg(feature = "compiler")]
use strongroom::{Engine, Limits};

/// Makes a component the one of this process.
#[cfg(feature = "compiler")]
pub fn share(file: &Path) -> Result<()> {
    let component = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    let engine = Engine::with_component(&component, Limits::default());
    let engine = engine.with_context(|| format!("{} does not take the component's place", file.display()))?;
    Ok(engine.share()?)
}

#[cfg(not(feature = "compiler"))]
pub fn share(file: &Path) -> Result<()> {
    Err(strongroom::Error::NoCompiler { path: file.into() }.into())
}
