//! The README's examples do what it says.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::{env, fs};

const README: &str = include_str!("../README.md");
const VALIDATION: &str = include_str!("../docs/validation.md");

#[test]
fn the_rust_example_is_the_one_that_runs() {
    let example = include_str!("../examples/save_and_load.rs");
    let program = example.split_once("\n\n").expect("a comment, then the program").1;
    assert_eq!(block(README, "rust"), program);

    let directory = tempfile::tempdir().unwrap();
    let output = Command::new(built("examples/save_and_load")).current_dir(&directory).output().unwrap();
    assert_eq!(text(&output), "weight: float32 [2, 2] [1.0, 2.0, 3.0, 4.0]\n");
    assert!(directory.path().join("model.pt").is_file());
}

#[test]
fn the_commands_work_on_the_file_that_the_example_saves() {
    let directory = tempfile::tempdir().unwrap();
    text(&Command::new(built("examples/save_and_load")).current_dir(&directory).output().unwrap());
    let mut ran = 0;
    for session in block(README, "console").split("$ strongroom ").skip(1) {
        let (command, expected) = session.split_once('\n').expect("a line");
        let output = Command::new(built("strongroom"))
            .args(command.split_whitespace())
            .current_dir(&directory)
            .output()
            .unwrap();
        let printed = text(&output) + &String::from_utf8_lossy(&output.stderr);
        if !expected.trim().is_empty() {
            assert_eq!(printed.trim(), expected.trim(), "{command}");
        }
        ran += 1;
    }
    assert_eq!(ran, 6);
    // torch names the archive in a file after the file: under the same name, the
    // merged checkpoint is the same file.
    fs::create_dir(directory.path().join("again")).unwrap();
    let load = ["load", "run/step-100", "again/model.pt"];
    text(&Command::new(built("strongroom")).args(load).current_dir(&directory).output().unwrap());
    let file = |name: &str| fs::read(directory.path().join(name)).unwrap();
    assert!(file("again/model.pt") == file("model.pt"));
    assert!(file("merged.pt") != file("model.pt"));
}

#[test]
fn the_example_of_validation_is_the_one_that_runs() {
    let example = include_str!("../examples/validate.rs");
    let program = example.split_once("\n\n").expect("a comment, then the program").1;
    assert_eq!(block(VALIDATION, "rust"), program);

    let directory = tempfile::tempdir().unwrap();
    let run = || Command::new(built("examples/validate")).current_dir(&directory).output().unwrap();
    let path = directory.path().join("model.pt");
    fs::write(&path, b"\x80\x02}.").unwrap();
    assert_eq!(text(&run()), "");
    fs::write(&path, b"cos\nsystem\n(S'true'\ntR.").unwrap();
    let output = run();
    assert!(!output.status.success());
    let expected = "SR-PICKLE-IMPORT at byte 0: imports os.system\n\
         SR-PICKLE-CALL at byte 21: calls os.system with 1 argument (the str `true`)\n";
    assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
}

/// The contents of a document's first block of a language.
fn block(document: &str, language: &str) -> String {
    let start = document.split_once(&format!("```{language}\n")).expect("a block").1;
    start.split_once("```").expect("its end").0.to_owned()
}

/// A program that cargo built for these tests.
fn built(name: &str) -> PathBuf {
    let binary = Path::new(env!("CARGO_BIN_EXE_strongroom"));
    binary.with_file_name(name)
}

fn text(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}
