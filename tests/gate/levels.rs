//! What levels count for, whatever else passes.

use serde_json::{Value as Json, json};

use crate::room::{Room, text};
use crate::{EVIL, RANGE};

#[test]
fn a_baseline_knows_nothing_of_levels() {
    let room = Room::new();
    // One with nothing against it but its level, and one with more.
    room.write("range.pkl", RANGE);
    room.write("both.pkl", b"c__builtin__\nrange\n(I3\ntR0cos\nsystem\n(S'echo'\ntR.");
    let strict = ["--require", "weights-only"];
    for file in ["range.pkl", "both.pkl"] {
        let run = |more: &[&str]| room.run(&[&[file], &strict[..], more].concat());
        assert_eq!(run(&["--write-baseline", "known.json"]).status.code(), Some(1));
        let output = run(&["--baseline", "known.json"]);
        assert_eq!(output.status.code(), Some(1), "{file}");
        assert!(text(&output.stdout).contains("BELOW weights-only"), "{}", text(&output.stdout));
        assert!(text(&output.stdout).contains("  error SR-LEVEL-NO-CODE"), "{}", text(&output.stdout));
        assert!(!room.read("known.json").contains("SR-LEVEL"));
        assert_eq!(room.code(&[file, "--baseline", "known.json"]), 0, "{file}");
    }
}

#[test]
fn what_is_trusted_is_of_the_first_level_in_every_format() {
    let room = Room::new();
    room.write("evil.pkl", EVIL);
    let allowed = ["evil.pkl", "--allow", "os.system"];
    let print = |format: &str| text(&room.run(&[&allowed[..], &["--format", format]].concat()).stdout);
    let parse = |format: &str| -> Json { serde_json::from_str(&print(format)).unwrap() };
    assert!(print("text").contains("safe, trusting 1 name (pickle, no-code)"), "{}", print("text"));
    assert_eq!(parse("json")["files"][0]["level"], "no-code");
    let predicate = &parse("in-toto")["predicate"];
    assert_eq!(
        (&predicate["level"], &predicate["files"][0]["level"]),
        (&json!("no-code"), &json!("no-code"))
    );
    for level in ["weights-only", "tensors-only"] {
        let strict = [&allowed[..], &["--require", level]].concat();
        let output = room.run(&strict);
        assert_eq!(output.status.code(), Some(1), "{level}");
        let line = format!("BELOW {level}, trusting 1 name (pickle, only no-code)");
        assert!(text(&output.stdout).contains(&line), "{}", text(&output.stdout));
        let log: Json =
            serde_json::from_slice(&room.run(&[&strict[..], &["--format", "sarif"]].concat()).stdout)
                .unwrap();
        assert_eq!(log["runs"][0]["results"][0]["level"], "error", "{level}");
    }
}
