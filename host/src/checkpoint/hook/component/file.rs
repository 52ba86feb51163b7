use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::{Error, Result};

/// Reads a component's file.
pub(super) fn read(path: &Path) -> Result<Vec<u8>> {
    let failed = |action: &'static str| move |source| Error::io(path, action, source);
    let file = File::open(path).map_err(failed("open"))?;
    let mut component = Vec::new();
    // Not by what it says its length is: a device has none, and no end.
    file.take(LARGEST + 1).read_to_end(&mut component).map_err(failed("read"))?;
    check_length(path, component.len() as u64)?;
    Ok(component)
}

/// Compiling takes time and memory by length, and a file that is no hook at all
/// should not take much.
pub(super) fn check_length(path: &Path, length: u64) -> Result<()> {
    if length <= LARGEST {
        return Ok(());
    }
    let reason = format!("it is longer than the {LARGEST} bytes that a component may have");
    Err(Error::not_a_hook(path, reason))
}

/// Bytes of a component. One with a Python interpreter in it has some 40 MiB.
const LARGEST: u64 = 128 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_end_is_not_read_to_its_end() {
        let error = read(Path::new("/dev/zero")).unwrap_err();
        assert!(error.to_string().ends_with("longer than the 134217728 bytes that a component may have"));
    }
}
