//! Damaged and hostile files: each gets its error, word for word.
//!
//! `BLESS=1 cargo test --test bad` writes the texts anew, for the eye of whoever
//! reads the diff. A text of `loads` and leaves is for what torch loads as well.

mod common;

use std::fmt::Write;
use std::fs;
use std::time::{Duration, Instant};

use common::cases::{Case, Failures, bad};
use strongroom::File;

#[test]
fn each_bad_file_gets_its_error() {
    let bless = std::env::var_os("BLESS").is_some();
    let mut failures = Failures::default();
    // The component is compiled on first use: that is not the time of a case.
    strongroom::Engine::shared().unwrap();
    for case in bad() {
        let start = Instant::now();
        let found = outcome(&case);
        if start.elapsed() > Duration::from_secs(2) {
            failures.add(&case.name, format!("took {:?}", start.elapsed()));
        }
        let expected = case.directory.join("expected.txt");
        if bless {
            fs::write(&expected, &found).unwrap();
        } else if fs::read_to_string(&expected).unwrap_or_default() != found {
            failures.add(&case.name, format!("not as in expected.txt:\n{found}"));
        }
    }
    failures.check();
}

/// The error's text, or what was loaded.
fn outcome(case: &Case) -> String {
    let state = match File::open(&case.file).and_then(|file| file.load()) {
        Ok(state) => state,
        Err(error) => {
            let text = error.to_string();
            let file = case.file.file_name().unwrap().to_str().unwrap();
            return text.replace(case.file.to_str().unwrap(), file) + "\n";
        }
    };
    let mut text = String::from("loads\n");
    for leaf in state.leaves().take(100) {
        writeln!(text, "{}: {}", leaf.path, leaf.item.repr()).unwrap();
    }
    text
}
