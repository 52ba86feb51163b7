//! Says what is wrong with a file before anything loads it.

use strongroom::validate::Severity;
use strongroom::{Verdict, validate};

fn main() -> strongroom::Result<()> {
    let report = validate("model.pt")?;
    for finding in report.findings.iter().filter(|finding| finding.severity == Severity::Error) {
        println!("{} at byte {}: {}", finding.id, finding.offset, finding.message);
    }
    assert_eq!(report.verdict, Verdict::Safe);
    Ok(())
}
