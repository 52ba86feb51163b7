//! Makes what `strongroom-component` packs, of the component that was built: its machine code for
//! each target, and notes of what it was made of.

use std::env;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail, ensure};
use sha2::{Digest, Sha256};
use wasmtime::{Config, Engine};

#[path = "../../stamp.rs"]
mod stamp;
#[path = "../../src/tune.rs"]
mod tune;

fn main() -> Result<()> {
    let args: Vec<String> = env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--check", root] if check(Path::new(root))? => Ok(()),
        // Without a word: it is made then.
        ["--check", _] => std::process::exit(1),
        ["--make", root, component] => make(Path::new(root), component),
        ["--compare", root, component] => compare(Path::new(root), component),
        _ => bail!("usage: strongroom-component-make --check ROOT | (--make | --compare) ROOT COMPONENT"),
    }
}

/// Whether all is there, made of what is there.
fn check(root: &Path) -> Result<bool> {
    let made = root.join("component/made");
    let is_whole = wanted().all(|(_, name)| made.join(name).with_extension("cwasm").exists());
    let made_of = fs::read_to_string(made.join("stamp")).unwrap_or_default();
    Ok(is_whole && made_of == stamp::stamp(root)?)
}

fn make(root: &Path, component: &str) -> Result<()> {
    let made = root.join("component/made");
    if made.exists() {
        fs::remove_dir_all(&made)?;
    }
    fs::create_dir_all(&made)?;
    let write = |name: &str, content: &[u8]| {
        fs::write(made.join(name), content).with_context(|| format!("cannot write {name}"))
    };
    let wasm = fs::read(component).with_context(|| format!("cannot read {component}"))?;
    write("strongroom.wasm", &wasm)?;
    write("sha256", stamp::hex(&Sha256::digest(&wasm)).as_bytes())?;
    for (target, name) in wanted() {
        write(&format!("{name}.cwasm"), &compiled(&wasm, target)?)?;
    }
    write("wasmtime", wasmtime_version(root)?.as_bytes())?;
    // Last: what was ended on the way is not taken for whole.
    write("stamp", stamp::stamp(root)?.as_bytes())
}

/// Whether what is there is what would be made of this component.
fn compare(root: &Path, component: &str) -> Result<()> {
    let made = root.join("component/made");
    let wasm = fs::read(component).with_context(|| format!("cannot read {component}"))?;
    ensure!(fs::read(made.join("strongroom.wasm"))? == wasm, "the component built again is another one");
    for (target, name) in wanted() {
        let code = compiled(&wasm, target)?;
        let is_same = fs::read(made.join(name).with_extension("cwasm"))? == code;
        ensure!(is_same, "the machine code for {target}, made again, is another");
    }
    Ok(())
}

/// The version that this was built with.
fn wasmtime_version(root: &Path) -> Result<String> {
    let lock = fs::read_to_string(root.join("Cargo.lock"))?;
    let (_, rest) =
        lock.split_once("name = \"wasmtime\"\nversion = \"").context("no wasmtime in Cargo.lock")?;
    Ok(rest.split('"').next().unwrap_or_default().into())
}

/// Machine code for the baseline of a target: nothing of the machine that compiles goes in.
fn compiled(wasm: &[u8], target: &str) -> Result<Vec<u8>> {
    let mut config = Config::new();
    tune::tune(&mut config, target.contains("windows"));
    config.target(target).map_err(|error| anyhow!("{error:#}"))?;
    let code = Engine::new(&config).and_then(|engine| engine.precompile_component(wasm));
    let code = code.map_err(|error| anyhow!("cannot compile for {target}: {error:#}"))?;
    println!("{target}: {} KiB", code.len() >> 10);
    Ok(code)
}

/// What there should be.
fn wanted() -> impl Iterator<Item = &'static (&'static str, &'static str)> {
    TARGETS.iter().filter(|(_, name)| cfg!(feature = "all") || *name == here() || *name == PORTABLE)
}

/// What the machine code of this machine is called.
fn here() -> String {
    let system = if cfg!(target_os = "macos") { "darwin" } else { env::consts::OS };
    format!("{}-{system}", env::consts::ARCH)
}

/// All that there is machine code for, and what it is called: the C library does not matter.
const TARGETS: [(&str, &str); 5] = [
    ("x86_64-unknown-linux-gnu", "x86_64-linux"),
    ("aarch64-unknown-linux-gnu", "aarch64-linux"),
    ("x86_64-pc-windows-gnu", "x86_64-windows"),
    ("aarch64-apple-darwin", "aarch64-darwin"),
    (PORTABLE, PORTABLE),
];
/// wasmtime's own interpreter: a fallback for each.
const PORTABLE: &str = "pulley64";
