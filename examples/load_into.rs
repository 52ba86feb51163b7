//! Reads of a checkpoint directory what the state dict of another file asks for.
//!
//! `load_into DIRECTORY LIKE.pt OUT.pt [RANK]`: the state dict of `LIKE.pt` with its
//! values replaced by those the rank saved goes to `OUT.pt`; where it has `None`, all
//! that is there. Prints the keys that are missing, as JSON. Directories that are
//! not committed are read too, as PyTorch's own writer leaves them.

use std::env;
use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

use strongroom::{CheckpointReader, CheckpointReaderConfig, RankInfo, Template};

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let done = match arguments.as_slice() {
        [directory, like, out] => run(directory, like, out, "0"),
        [directory, like, out, rank] => run(directory, like, out, rank),
        _ => Err("usage: load_into DIRECTORY LIKE.pt OUT.pt [RANK]".into()),
    };
    done.map_or_else(
        |error| {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        },
        |()| ExitCode::SUCCESS,
    )
}

fn run(directory: &str, like: &str, out: &str, rank: &str) -> Result<(), Box<dyn Error>> {
    let config = CheckpointReaderConfig { uncommitted: true, ..CheckpointReaderConfig::default() };
    let reader = CheckpointReader::new(RankInfo::from_env()?)?.with_config(config);
    let mut template = Template::like(&strongroom::load(like)?);
    let missing = reader.read_rank_into(directory, rank.parse()?, &mut template, false)?;
    println!("{}", serde_json::to_string(&missing)?);
    strongroom::save(Path::new(out), &template.into_state_dict())?;
    Ok(())
}
