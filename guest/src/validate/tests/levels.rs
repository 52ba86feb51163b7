use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::build::legacy;
use super::judge;
use crate::validate::{Class, Level, Report, Severity, ValidateOptions, Verdict};

fn pickle(text: &str) -> Report {
    judge(text.as_bytes(), ValidateOptions::default())
}

/// The rules of errors and warnings.
fn broken(report: &Report) -> Vec<&'static str> {
    let rules = report.findings.iter().map(|finding| finding.rule);
    rules.filter(|rule| rule.severity > Severity::Note).map(|rule| rule.id).collect()
}

#[test]
fn a_file_reaches_the_strictest_level_that_all_of_it_leaves() {
    for (text, level) in [
        ("(lI1\na.", Level::TensorsOnly),
        ("ccollections\nOrderedDict\n(tR.", Level::TensorsOnly),
        ("ctorch\nfloat32\n.", Level::TensorsOnly),
        ("ctorch.nn.parameter\nParameter\n.", Level::WeightsOnly),
        ("ctorch\nTensor\n.", Level::WeightsOnly),
        ("c__builtin__\nfrozenset\n((lI1\natR.", Level::NoCode),
        ("c__builtin__\nxrange\n(I3\ntR.", Level::NoCode),
        ("(lcdatetime\ntimedelta\n(I1\nI2\nI3\ntRactorch\nTensor\na.", Level::NoCode),
    ] {
        let report = pickle(text);
        assert_eq!((report.verdict, report.reached()), (Verdict::Safe, Some(level)), "{text}");
    }
    let unsafe_one = pickle("(lc__builtin__\nxrange\n(I3\ntRacos\nsystem\na.");
    assert_eq!((unsafe_one.verdict, unsafe_one.reached()), (Verdict::Unsafe, None));
}

#[test]
fn what_a_file_needs_is_said() {
    let report = pickle("c__builtin__\nxrange\n(I3\ntR.");
    let said: Vec<String> =
        report.findings.iter().map(|finding| format!("{} {}", finding.rule.id, finding.message)).collect();
    assert_eq!(said, ["SR-LEVEL-NO-CODE needs builtins.range"]);
}

#[test]
fn torch_loads_what_is_at_its_level_only_in_its_own_protocol() {
    let of = |object: &str| judge(&legacy(object, &[]), ValidateOptions::default()).reached();
    assert_eq!(of("ctorch;FloatStorage;"), Some(Level::NoCode));
    assert_eq!(judge(b"\x80\x04}.", ValidateOptions::default()).reached(), Some(Level::TensorsOnly));
}

#[test]
fn a_class_that_nobody_knows_is_foreign_and_what_runs_code_is_not() {
    for (text, rule, class) in [
        ("cos\nsystem\n.", "SR-PICKLE-IMPORT", Class::Runs),
        ("cbuiltins\neval\n.", "SR-PICKLE-IMPORT", Class::Runs),
        ("cos.path\njoin\n.", "SR-PICKLE-IMPORT", Class::Runs),
        ("ctorch\nload\n.", "SR-PICKLE-IMPORT", Class::Runs),
        ("cmodels\nNet.__init__\n.", "SR-PICKLE-IMPORT", Class::Runs),
        ("cossified\nBone\n.", "SR-PICKLE-FOREIGN", Class::Foreign),
        ("c__main__\nNet\n.", "SR-PICKLE-FOREIGN", Class::Foreign),
        ("ctransformers.training_args\nTrainingArguments\n.", "SR-PICKLE-FOREIGN", Class::Foreign),
    ] {
        let report = pickle(text);
        let finding = report.findings.first().unwrap();
        assert_eq!((finding.rule.id, finding.rule.class), (rule, Some(class)), "{text}");
        assert_eq!(report.verdict, Verdict::Unsafe, "{text}");
    }
    // An object of one is the class and nothing more.
    assert_eq!(broken(&pickle("cmodels\nNet\n(tR.")), ["SR-PICKLE-FOREIGN"]);
    assert_eq!(broken(&pickle("cos\nsystem\n(Vx\ntR.")), ["SR-PICKLE-IMPORT", "SR-PICKLE-CALL"]);
}

/// Each row of the table as its pickler writes it, and its hostile brothers.
#[test]
fn objects_are_proven_one_by_one() {
    let state = |class: &str, state: &str| {
        format!("ccopy_reg\n_reconstructor\n(c{class}c__builtin__\nobject\nNtR(d{state}b.")
    };
    let bytes = |bytes: &str| format!("c_codecs\nencode\n(V{bytes}\nVlatin1\ntR");
    let good = [
        state("argparse\nNamespace\n", "Va\nI1\ns"),
        state("argparse\nNamespace\n", "Vtype\nc__builtin__\nfloat\ns"),
        "ctypes\nSimpleNamespace\n(tR(dVa\nI1\nsb.".into(),
        state("uuid\nUUID\n", "Vint\nI7\ns"),
        "ccollections\ndefaultdict\n(c__builtin__\nlist\ntRVa\n(ls.".into(),
        "ccollections\ndeque\n((tI5\ntRI1\naI2\na.".into(),
        "cdecimal\nDecimal\n(V-1.5E+3\ntR.".into(),
        "cdecimal\nDecimal\n(VNaN12\ntR.".into(),
        "cdecimal\nDecimal\n(V0.000001\ntR.".into(),
        "cdecimal\nDecimal\n(V1E-7\ntR.".into(),
        "cdecimal\nDecimal\n(V0E-10\ntR.".into(),
        "cdecimal\nDecimal\n(V-Infinity\ntR.".into(),
        "cfractions\nFraction\n(V-1/3\ntR.".into(),
        "cpathlib\nPosixPath\n(Va\nVb\ntR.".into(),
        "c__builtin__\nslice\n(I1\nNNtR.".into(),
        format!("cdatetime\ndate\n({}tR.", bytes("\\u0007\\u00e8\\u0002\\u001d")),
        "cdatetime\ntimezone\n(cdatetime\ntimedelta\n(I-1\nI1\nI0\ntRVx\ntR.".into(),
    ];
    for text in &good {
        let report = pickle(text);
        assert_eq!(
            (report.verdict, report.reached()),
            (Verdict::Safe, Some(Level::NoCode)),
            "{text} {report:?}"
        );
    }
    let bad: &[(String, &str)] = &[
        // Attributes that do something, or are functions.
        (state("argparse\nNamespace\n", "V__class__\nI1\ns"), "SR-PICKLE-ATTRIBUTE"),
        (state("argparse\nNamespace\n", "V__setstate__\nI1\ns"), "SR-PICKLE-ATTRIBUTE"),
        (state("argparse\nNamespace\n", "V_get_args\nI1\ns"), "SR-PICKLE-OBJECT"),
        (state("argparse\nNamespace\n", "Va b\nI1\ns"), "SR-PICKLE-OBJECT"),
        (state("argparse\nNamespace\n", "I1\nI1\ns"), "SR-PICKLE-OBJECT"),
        (state("argparse\nNamespace\n", "Va\nctorch._utils\n_rebuild_tensor_v2\ns"), "SR-PICKLE-ATTRIBUTE"),
        ("ctypes\nSimpleNamespace\n(tR(dVa\nI1\nsb(dV__setstate__\nI1\nsb.".into(), "SR-PICKLE-TARGET"),
        ("ctypes\nSimpleNamespace\n(tR(N(dVa\nI1\nstb.".into(), "SR-PICKLE-OBJECT"),
        // A class that is made otherwise than its pickler does.
        ("cargparse\nNamespace\n(tR.".into(), "SR-PICKLE-ARGUMENTS"),
        (
            "ccopy_reg\n_reconstructor\n(cdatetime\ndatetime\nc__builtin__\nobject\nNtR.".into(),
            "SR-PICKLE-ARGUMENTS",
        ),
        (
            "ccopy_reg\n_reconstructor\n(cargparse\nNamespace\nc__builtin__\nlist\n(ltR.".into(),
            "SR-PICKLE-ARGUMENTS",
        ),
        // Factories and iterables without end.
        ("ccollections\ndefaultdict\n(c__builtin__\nobject\ntR.".into(), "SR-PICKLE-ATTRIBUTE"),
        ("ccollections\ndefaultdict\n(ctorch._utils\n_rebuild_tensor\ntR.".into(), "SR-PICKLE-ATTRIBUTE"),
        ("ccollections\ndeque\n(c__builtin__\nxrange\n(L1099511627776L\ntRtR.".into(), "SR-PICKLE-OBJECT"),
        ("ccollections\ndeque\n((tI-1\ntR.".into(), "SR-PICKLE-OBJECT"),
        ("c__builtin__\nlist\n(c__builtin__\nxrange\n(L1099511627776L\ntRtR.".into(), "SR-PICKLE-ARGUMENTS"),
        ("c__builtin__\nxrange\n(I1\nI2\nI0\ntR.".into(), "SR-PICKLE-OBJECT"),
        // Numbers that fill the memory when they are written out.
        ("cdecimal\nDecimal\n(V1E+999999999\ntR.".into(), "SR-PICKLE-OBJECT"),
        ("cdecimal\nDecimal\n(V1E-9999\ntR.".into(), "SR-PICKLE-OBJECT"),
        ("cdecimal\nDecimal\n(V1_0\ntR.".into(), "SR-PICKLE-OBJECT"),
        // What no Decimal is written as: Python fails on some of them.
        ("cdecimal\nDecimal\n(V1E+-5\ntR.".into(), "SR-PICKLE-OBJECT"),
        ("cdecimal\nDecimal\n(V1E++5\ntR.".into(), "SR-PICKLE-OBJECT"),
        ("cdecimal\nDecimal\n(V1E5\ntR.".into(), "SR-PICKLE-OBJECT"),
        ("cdecimal\nDecimal\n(V1E+05\ntR.".into(), "SR-PICKLE-OBJECT"),
        ("cdecimal\nDecimal\n(V10E+5\ntR.".into(), "SR-PICKLE-OBJECT"),
        ("cdecimal\nDecimal\n(V1.5E+1\ntR.".into(), "SR-PICKLE-OBJECT"),
        ("cdecimal\nDecimal\n(V1E-6\ntR.".into(), "SR-PICKLE-OBJECT"),
        ("cdecimal\nDecimal\n(V0.0000001\ntR.".into(), "SR-PICKLE-OBJECT"),
        ("cdecimal\nDecimal\n(V1.\ntR.".into(), "SR-PICKLE-OBJECT"),
        ("cdecimal\nDecimal\n(V.5\ntR.".into(), "SR-PICKLE-OBJECT"),
        ("cdecimal\nDecimal\n(V007\ntR.".into(), "SR-PICKLE-OBJECT"),
        ("cdecimal\nDecimal\n(V+1\ntR.".into(), "SR-PICKLE-OBJECT"),
        ("cdecimal\nDecimal\n(VNaN0\ntR.".into(), "SR-PICKLE-OBJECT"),
        ("cdecimal\nDecimal\n(VsNaN0\ntR.".into(), "SR-PICKLE-OBJECT"),
        ("ccollections\nCounter\n((dI1\ncdecimal\nDecimal\n(VsNaN\ntRstR.".into(), "SR-PICKLE-OBJECT"),
        ("ccollections\nCounter\n(tRI1\ncdecimal\nDecimal\n(VsNaN\ntRs.".into(), "SR-PICKLE-OBJECT"),
        ("cdecimal\nDecimal\n(VInf\ntR.".into(), "SR-PICKLE-OBJECT"),
        ("(dcdecimal\nDecimal\n(VsNaN\ntRNs.".into(), "SR-PICKLE-KEY"),
        // Bytes that can change are none of a date: its class takes them for a year.
        (
            format!(
                "cdatetime\ndate\n(c__builtin__\nbytearray\n({}tRtR.",
                bytes("\\u0007\\u00e8\\u0002\\u001d")
            ),
            "SR-PICKLE-OBJECT",
        ),
        ("cfractions\nFraction\n(V1e999999999\ntR.".into(), "SR-PICKLE-OBJECT"),
        ("cfractions\nFraction\n(V1/00\ntR.".into(), "SR-PICKLE-OBJECT"),
        (state("uuid\nUUID\n", "Vint\nI-1\ns"), "SR-PICKLE-OBJECT"),
        (state("uuid\nUUID\n", "Vint\nI1\nsVint\nI2\ns"), "SR-PICKLE-OBJECT"),
        (format!("cdatetime\ndate\n({}tR.", bytes("\\u0007\\u00e7\\u0002\\u001d")), "SR-PICKLE-OBJECT"),
        ("cdatetime\ntimezone\n(cdatetime\ntimedelta\n(I1\nI0\nI0\ntRtR.".into(), "SR-PICKLE-OBJECT"),
        ("(lVMT19937\nVkey\nI1000000\nta.".replacen("(lV", "((lI0\natV", 1), "SR-PICKLE-TARGET"),
        ("(VMT19937\nNI1000000\nI0\nF0.0\nt.".into(), "SR-PICKLE-NUMPY"),
    ];
    for (text, rule) in bad {
        let report = pickle(text);
        assert_ne!(report.verdict, Verdict::Safe, "{text}");
        if *rule != "SR-PICKLE-TARGET" {
            assert!(broken(&report).contains(rule), "{text}: {:?}", broken(&report));
        }
    }
}
