// Of what the component was made. Read by the build script, and by the program that makes it.

use std::fs;
use std::io;
use std::path::Path;

use sha2::{Digest, Sha256};

/// All that the component and its machine code are made of, from the root of the repository.
pub const SOURCES: [&str; 8] = [
    "Cargo.lock",
    "component/make/src",
    "component/src/tune.rs",
    "guest/Cargo.toml",
    "guest/src",
    "names",
    "wit/format",
    "xtask/src/component.rs",
];

/// The digest, in hex, of all files of the sources: another one, and the component is made again.
pub fn stamp(root: &Path) -> io::Result<String> {
    let mut hasher = Sha256::new();
    for source in SOURCES {
        add(root, Path::new(source), &mut hasher)?;
    }
    Ok(hex(&hasher.finalize()))
}

/// Bytes in hex.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn add(root: &Path, path: &Path, hasher: &mut Sha256) -> io::Result<()> {
    let place = root.join(path);
    if !place.is_dir() {
        let content = fs::read(&place)?;
        // No two trees of files give one text.
        hasher.update(format!("{} {}\n", path.display(), content.len()));
        hasher.update(content);
        return Ok(());
    }
    let mut names: Vec<_> =
        fs::read_dir(&place)?.map(|entry| Ok(entry?.file_name())).collect::<io::Result<_>>()?;
    names.sort();
    names.iter().try_for_each(|name| add(root, &path.join(name), hasher))
}
