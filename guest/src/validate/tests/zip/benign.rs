//! Archives that torch, Python and Info-ZIP wrote.

extern crate std;

use alloc::format;
use alloc::vec::Vec;
use std::{eprintln, fs, path::Path};

use crate::validate::tests::{judge, summary_of};
use crate::validate::{Kind, ValidateOptions, Verdict};

/// The files that `torch.save` wrote: whatever is in them is judged elsewhere,
/// nothing may be said against their frame.
#[test]
fn what_torch_wrote_has_no_fault() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/good");
    let mut files = 0;
    let mut faults = Vec::new();
    for case in fs::read_dir(folder).unwrap() {
        let path = case.unwrap().path();
        let Ok(bytes) = fs::read(path.join("model.pt")) else { continue };
        if !bytes.starts_with(b"PK\x03\x04") {
            continue;
        }
        let report = judge(&bytes, ValidateOptions::default());
        files += 1;
        assert_eq!(report.kind, Kind::TorchZip, "{path:?}");
        let frame =
            |id: &str| id.starts_with("SR-ZIP") || id == "SR-TENSOR-STORAGE" || id.starts_with("SR-FILE");
        if report.findings.iter().any(|finding| frame(finding.rule.id)) {
            faults.push(format!("{path:?}: {}", summary_of(&report)));
        }
        if report.verdict != Verdict::Safe {
            eprintln!("{} {}", path.file_name().unwrap().to_string_lossy(), summary_of(&report));
        }
    }
    assert!(files > 60, "{files}");
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn what_other_tools_wrote_is_safe() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/zip/testdata");
    let mut files = 0;
    for file in fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "pt") {
            continue;
        }
        files += 1;
        let report = judge(&fs::read(&path).unwrap(), ValidateOptions::default());
        let text = summary_of(&report);
        // One was made with a comment.
        let commented = report.findings.iter().any(|finding| finding.rule.id == "SR-ZIP-COMMENT");
        let verdict = if commented { Verdict::Malformed } else { Verdict::Safe };
        assert_eq!((report.kind, report.verdict), (Kind::TorchZip, verdict), "{path:?} {text}");
        for finding in &report.findings {
            let known = ["SR-ZIP-DEFLATE", "SR-ZIP-COMMENT"];
            assert!(known.contains(&finding.rule.id), "{path:?} {text}");
        }
    }
    assert_eq!(files, 12);
}
