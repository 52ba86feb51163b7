//! `strongroom validate` where it runs for every change: what is known, what is written beside
//! the answer, what a project says once for all.

mod levels;
mod links;
mod paths;
mod room;
mod settings;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};

use room::{Room, text};

/// Imports `os.system` and calls it.
const EVIL: &[u8] = b"cos\nsystem\n(S'echo owned'\ntR.";

/// Builds a range, which `torch.load(weights_only=True)` refuses.
const RANGE: &[u8] = b"c__builtin__\nrange\n(I3\ntR.";

/// An empty dict.
const HARMLESS: &[u8] = b"\x80\x02}.";

#[test]
fn what_is_known_passes_until_the_file_changes() {
    let room = Room::new();
    room.write("evil.pkl", EVIL);
    room.write("range.pkl", RANGE);
    let files = ["evil.pkl", "range.pkl"];
    let run = |more: &[&str]| room.code(&[&files, more].concat());
    assert_eq!(run(&["--write-baseline", "known.json"]), 1, "writing it changes nothing");
    assert_eq!(run(&["--baseline", "known.json"]), 0);
    let json = room.json(&[&files[..], &["--baseline", "known.json"]].concat());
    let counts = |index: usize| (&json["files"][index]["passes"], &json["files"][index]["known"]);
    assert_eq!([counts(0), counts(1)], [(&json!(true), &json!(2)), (&json!(true), &json!(null))]);
    assert_eq!(json["files"][0]["verdict"], "unsafe");
    // What is known may be written again, by whoever knows it already.
    let before = room.read("known.json");
    assert_eq!(run(&["--baseline", "known.json", "--write-baseline", "known.json"]), 0);
    assert_eq!(room.read("known.json"), before);
    // The same bytes elsewhere are the same file.
    room.write("moved.pkl", EVIL);
    assert_eq!(room.code(&["moved.pkl", "--baseline", "known.json"]), 0);
    // What was not found then is found now.
    let known: Json = serde_json::from_str(&before).unwrap();
    let mut less = known.clone();
    for file in less["files"].as_object_mut().unwrap().values_mut() {
        file["findings"].as_array_mut().unwrap().retain(|finding| finding["rule"] != "SR-PICKLE-CALL");
    }
    room.write("less.json", less.to_string().as_bytes());
    assert_eq!(run(&["--baseline", "less.json"]), 1);
    room.write("evil.pkl", &[EVIL, b"\n"].concat());
    assert_eq!(run(&["--baseline", "known.json"]), 1);
    for (version, baseline) in [(2, true), (1, false)] {
        let mut wrong = known.clone();
        wrong["version"] = version.into();
        if !baseline {
            wrong["more"] = true.into();
        }
        room.write("wrong.json", wrong.to_string().as_bytes());
        assert_eq!(run(&["--baseline", "wrong.json"]), 64);
    }
}

#[test]
fn one_run_writes_all_that_was_asked_for() {
    let room = Room::new();
    room.write("evil.pkl", EVIL);
    let arguments = ["evil.pkl", "--format", "json", "--digest"];
    let alone = room.run(&arguments);
    let outputs = ["text=found.txt", "json=found/all.json", "sarif=found.sarif", "in-toto=statement.json"];
    let outputs: Vec<&str> = outputs.iter().flat_map(|output| ["--output", output]).collect();
    let together = room.run(&[&arguments[..], &outputs].concat());
    assert_eq!((together.status.code(), &together.stdout), (Some(1), &alone.stdout));
    assert_eq!(room.read("found/all.json").as_bytes(), alone.stdout);
    for (format, file) in [("text", "found.txt"), ("sarif", "found.sarif"), ("in-toto", "statement.json")] {
        let alone = room.run(&["evil.pkl", "--format", format, "--digest"]);
        assert_eq!(room.read(file).as_bytes(), alone.stdout, "{format}");
    }
    // Nothing is left of what cannot be written, and the answer is there all the same.
    let output = room.run(&["evil.pkl", "--output", "json=evil.pkl/found.json"]);
    assert_eq!(output.status.code(), Some(3));
    assert!(text(&output.stdout).contains("UNSAFE") && text(&output.stderr).contains("evil.pkl/found.json"));
    let names: BTreeSet<String> = fs::read_dir(room.path(""))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(names.iter().map(String::as_str).eq([
        "evil.pkl",
        "found",
        "found.sarif",
        "found.txt",
        "statement.json"
    ]));
}

#[test]
fn what_breaks_nothing_is_no_result() {
    let room = Room::new();
    room.write("range.pkl", RANGE);
    room.write("note.txt", b"Dear reader,\n");
    let rules = |arguments: &[&str]| {
        let output = room.run(&[&[".", "--format", "sarif"], arguments].concat());
        let log: Json = serde_json::from_slice(&output.stdout).unwrap();
        let results = log["runs"][0]["results"].as_array().unwrap();
        results.iter().map(|result| result["ruleId"].to_string()).collect::<Vec<_>>()
    };
    assert_eq!(rules(&[]), Vec::<String>::new());
    assert_eq!(rules(&["--require", "weights-only"]).len(), 1);
    let output = room.run(&[".", "--only", "failing"]);
    assert_eq!(text(&output.stdout), "2 files: 1 safe, 1 inert; all pass\n");
}

#[test]
fn advice_is_no_command_of_a_files() {
    let room = Room::new();
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let name = "it's; touch PWNED.pth";
    room.write(name, &fs::read(data.join("good/opaque_namespace/model.pt")).unwrap());
    let said = text(&room.run(&[name]).stdout);
    let advice = r"`strongroom convert 'it'\''s; touch PWNED.pth' FILE.safetensors --tensors-only` takes its";
    assert!(said.contains(advice), "{said}");
    // Without a tensor there is none to take out.
    room.write("model.pt", &fs::read(data.join("hostile/names_defaultdict/model.pt")).unwrap());
    let said = text(&room.run(&["model.pt"]).stdout);
    assert!(said.contains("weights_only=True) refuses it") && !said.contains("convert"), "{said}");
}

#[test]
fn no_output_goes_through_a_link_of_what_is_judged() {
    let room = Room::new();
    room.write("tree/model.pkl", HARMLESS);
    room.write("mine.txt", b"Dear reader,\n");
    fs::create_dir(room.path("elsewhere")).unwrap();
    symlink("../mine.txt", room.path("tree/out.json")).unwrap();
    symlink("../new.txt", room.path("tree/new.json")).unwrap();
    symlink("../elsewhere", room.path("tree/found")).unwrap();
    symlink("elsewhere", room.path("mine")).unwrap();
    for file in ["tree/out.json", "tree/new.json", "tree/found/a.json", "mine/../tree/found/b/c.json"] {
        let output = room.run(&["tree", "--output", &format!("json={file}")]);
        assert_eq!(output.status.code(), Some(64), "{file}");
        assert!(text(&output.stderr).contains(" is a link inside what is judged"), "{file}");
        assert_eq!(room.code(&["tree", "--write-baseline", file]), 64, "{file}");
    }
    assert_eq!(room.read("mine.txt"), "Dear reader,\n");
    assert!(!room.path("new.txt").exists() && fs::read_dir(room.path("elsewhere")).unwrap().next().is_none());
    // One's own links are one's own.
    let passing = ["--exclude", "*.json", "--output"];
    for file in ["json=mine/found.json", "json=tree/found.json", "json=/dev/stdout"] {
        assert_eq!(room.code(&[&["tree"], &passing[..], &[file]].concat()), 0, "{file}");
    }
    assert!(room.path("elsewhere/found.json").exists());
}

#[test]
fn an_output_takes_the_place_of_nothing_that_is_wanted() {
    let room = Room::new();
    room.write("model.pkl", HARMLESS);
    symlink("model.pkl", room.path("link.json")).unwrap();
    for (arguments, file) in [
        (vec!["--output", "json=x", "--output", "sarif=./x"], "./x"),
        (vec!["--output", "json=known.json", "--write-baseline", "known.json"], "known.json"),
        (vec!["--output", "json=model.pkl"], "model.pkl"),
        (vec!["--output", "json=link.json"], "link.json"),
        (vec!["--write-baseline", "model.pkl"], "model.pkl"),
    ] {
        let output = room.run(&[&[".", "--no-config"][..], &arguments].concat());
        assert_eq!(output.status.code(), Some(64), "{arguments:?}");
        assert!(text(&output.stderr).contains(&format!("error: {file}: ")), "{arguments:?}");
    }
    assert_eq!(fs::read(room.path("model.pkl")).unwrap(), HARMLESS);
    assert!(!room.path("x").exists() && !room.path("known.json").exists());
    // What an earlier run wrote is judged and written anew.
    for _ in 0..2 {
        assert_eq!(room.code(&[".", "--output", "json=found.json", "--output", "text=found.txt"]), 0);
    }
}

/// The component says which formats are known and not judged, the command which can be passed.
#[test]
fn each_format_that_is_known_can_be_accepted() {
    let corpus = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/hostile");
    let mut formats = BTreeSet::new();
    for case in fs::read_dir(corpus).unwrap() {
        let Ok(report) = fs::read(case.unwrap().path().join("expected.json")) else { continue };
        let report: Json = serde_json::from_slice(&report).unwrap();
        let is_format = |finding: &Json| finding["id"] == "SR-FILE-FORMAT" && finding["part"] == "";
        if report["findings"].as_array().unwrap().iter().any(is_format) {
            formats.insert(report["format"].as_str().unwrap().to_string());
        }
    }
    assert!(formats.len() >= 5, "{formats:?}");
    let room = Room::new();
    room.write("harmless.pkl", HARMLESS);
    for format in formats {
        assert_eq!(room.code(&["harmless.pkl", "--accept", &format]), 0, "{format}");
    }
}

#[test]
fn names_that_are_no_text_stay_apart_in_a_statement() {
    use std::os::unix::ffi::OsStrExt;
    let room = Room::new();
    // The last is written as the first would be.
    for name in [&b"a\xfe"[..], b"a\xff", b"a\\xfe"] {
        fs::write(room.path("").join(std::ffi::OsStr::from_bytes(name)), HARMLESS).unwrap();
    }
    let statement: Json = serde_json::from_slice(&room.run(&[".", "--format", "in-toto"]).stdout).unwrap();
    let names: BTreeSet<&str> =
        statement["subject"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(names.into_iter().collect::<Vec<_>>(), ["./a\\\\xfe", "./a\\xfe", "./a\\xff"]);
}

#[test]
fn a_statement_has_the_digests_of_what_was_judged() {
    let room = Room::new();
    room.write("abc.pkl", b"abc");
    room.write("sub/harmless", HARMLESS);
    symlink("harmless", room.path("sub/model.pkl")).unwrap();
    symlink("gone", room.path("dangling")).unwrap();
    let output = room.run(&[".", "--format", "in-toto"]);
    let statement: Json = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(statement["_type"], "https://in-toto.io/Statement/v1");
    let subjects: Vec<(&str, &str)> = statement["subject"]
        .as_array()
        .unwrap()
        .iter()
        .map(|subject| (subject["name"].as_str().unwrap(), subject["digest"]["sha256"].as_str().unwrap()))
        .collect();
    let empty = room.json(&["sub/harmless", "--digest"])["files"][0]["sha256"].clone();
    let empty = empty.as_str().unwrap();
    let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(subjects, [("./abc.pkl", abc), ("./sub/harmless", empty), ("./sub/model.pkl", empty)]);
    let predicate = &statement["predicate"];
    assert_eq!((&predicate["passes"], &predicate["level"]), (&json!(false), &json!(null)));
    assert_eq!(predicate["files"].as_array().unwrap().len(), 4);
    let component = predicate["validator"]["component"]["sha256"].as_str().unwrap();
    assert!(component.len() == 64 && component.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let output = room.run(&["sub", "--format", "in-toto"]);
    let statement: Json = serde_json::from_slice(&output.stdout).unwrap();
    let predicate = &statement["predicate"];
    let said = (&predicate["passes"], &predicate["level"], &predicate["verdict"]);
    assert_eq!(said, (&json!(true), &json!("tensors-only"), &json!("safe")));
}

#[test]
fn an_alert_outlives_a_training_and_no_other_name() {
    let room = Room::new();
    let prints = |pickle: &[u8]| -> Vec<String> {
        room.write("model.pkl", pickle);
        let output = room.run(&["model.pkl", "--format", "sarif"]);
        let log: Json = serde_json::from_slice(&output.stdout).unwrap();
        let results = log["runs"][0]["results"].as_array().unwrap();
        let print = |result: &Json| result["partialFingerprints"]["primaryLocationLineHash"].clone();
        results.iter().map(|result| print(result).as_str().unwrap().to_owned()).collect()
    };
    let first = prints(b"cos\nsystem\n(S'echo one'\ntR.");
    assert_eq!(first.len(), 2);
    assert_eq!(first, prints(b"I1\n0cos\nsystem\n(S'echo another'\ntR."));
    assert_ne!(first, prints(b"cos\npopen\n(S'echo one'\ntR."));
    assert_eq!(prints(b"cmylib\nA\n0cmylib\nB\n0}.").len(), 1, "one result for a rule in a file");
    // Code has no names that would tell it from what it becomes.
    let code = |name: &str, text: &str| {
        room.write(name, text.as_bytes());
        let log: Json = serde_json::from_slice(&room.run(&[name, "--format", "sarif"]).stdout).unwrap();
        log["runs"][0]["results"][0]["partialFingerprints"].to_string()
    };
    let first = code("a.py", "import os\n");
    assert_eq!(first, code("b.py", "import os\n"));
    assert_ne!(first, code("a.py", "import os\nos.system('echo')\n"));
}

#[test]
fn an_alert_is_as_grave_as_what_was_asked_for() {
    let room = Room::new();
    room.write("foreign.pkl", b"cmylib\nConfig\n)R.");
    room.write("range.pkl", RANGE);
    let levels = |arguments: &[&str]| -> Vec<(String, String, bool)> {
        let files = ["foreign.pkl", "range.pkl", "--format", "sarif"];
        let output = room.run(&[&files, arguments].concat());
        let log: Json = serde_json::from_slice(&output.stdout).unwrap();
        let text = |value: &Json| value.as_str().unwrap().to_owned();
        let result = |result: &Json| {
            (text(&result["ruleId"]), text(&result["level"]), result["suppressions"].is_array())
        };
        log["runs"][0]["results"].as_array().unwrap().iter().map(result).collect()
    };
    let level = |levels: &[(String, String, bool)], id: &str| -> (String, bool) {
        let (_, level, suppressed) = levels.iter().find(|(rule, _, _)| rule == id).unwrap();
        (level.clone(), *suppressed)
    };
    let usual = levels(&["--write-baseline", "known.json"]);
    assert_eq!(level(&usual, "SR-PICKLE-FOREIGN"), ("warning".into(), false));
    assert!(!usual.iter().any(|(rule, _, _)| rule == "SR-LEVEL-NO-CODE"), "it is reached");
    let strict = levels(&["--require", "weights-only"]);
    assert_eq!(level(&strict, "SR-LEVEL-NO-CODE"), ("error".into(), false));
    let known = levels(&["--baseline", "known.json"]);
    assert_eq!(level(&known, "SR-PICKLE-FOREIGN"), ("note".into(), true));
}
