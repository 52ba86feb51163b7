//! `docs/rules.md` has every rule, as the table that judges has it.
//!
//! `BLESS=1` writes it anew.

use std::fmt::Write;
use std::path::Path;
use std::{env, fs};

use strongroom::Verdict;
use strongroom::validate::Rule;

#[test]
fn the_page_has_the_rules_that_there_are() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/rules.md");
    let page = page(&strongroom::rules().unwrap());
    if env::var_os("BLESS").is_some() {
        fs::write(&path, &page).unwrap();
    }
    assert_eq!(fs::read_to_string(&path).unwrap_or_default(), page, "BLESS=1 writes it anew");
}

fn page(rules: &[Rule]) -> String {
    let mut page = HEAD.to_owned();
    for Rule { id, verdict, severity, level, class, title, help } in rules {
        write!(page, "\n## {id}\n{title}\n\n*{severity}, {verdict}").unwrap();
        if matches!(verdict, Verdict::Safe | Verdict::Trusting) {
            write!(page, ", {level}").unwrap();
        }
        if let Some(class) = class {
            write!(page, ", {class}").unwrap();
        }
        writeln!(page, "*\n\n{help}").unwrap();
    }
    page
}

const HEAD: &str = "# Rules
What `strongroom validate` finds, as `strongroom rules` prints it. Under each name: how much a
finding matters, what it makes of the file, the strictest level that is left where it is safe, and
the class if it has one. [Validation](validation.md) says what these are.
";
