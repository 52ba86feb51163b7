//! The component and the same code linked natively say and write the same: what
//! is tested of the one holds for the other, and nothing is lost at the border.

mod common;

use std::path::Path;

use common::cases::{Case, bad, good};
use common::native;
use strongroom::store::{Local, Memory};
use strongroom::validate::Finding;
use strongroom::{
    Engine, Fault, File, SafetensorsOptions, StateDict, TorchOptions, WriteFormat, WriteOptions, save_with,
};
use strongroom_guest::model::Node;
use strongroom_guest::validate::ValidateOptions;
use strongroom_guest::{Checkpoint, Error, Format};

#[test]
fn both_read_the_same() {
    for case in good() {
        let (checkpoint, file) = (native(&case), File::open(&case.file).unwrap());
        let name = &case.name;
        assert_eq!(file.archive(), checkpoint.archive, "{name}");
        assert_eq!(file.alignment(), checkpoint.alignment, "{name}");
        assert_eq!(file.has_checksums(), checkpoint.checksums, "{name}");
        assert_eq!(file.state().metadata(), checkpoint.metadata, "{name}");
        let lengths = |state: &StateDict<'_>| {
            let facts = state.storages().iter().map(|s| (s.length(), s.location().to_owned()));
            facts.collect::<Vec<_>>()
        };
        let expected: Vec<_> =
            checkpoint.storages.iter().map(|s| (s.range.length, s.location.clone())).collect();
        assert_eq!(lengths(file.state()), expected, "{name}");
        for (index, storage) in file.load().unwrap().storages().iter().enumerate() {
            let payload = native::payload(&case.bytes(), &checkpoint.storages[index]);
            assert!(storage.bytes().unwrap() == payload, "{name}: storage {index}");
        }
    }
}

/// Every node crosses the border twice on the way through the component, in and
/// out. A pickle that comes out the same to the byte tells that none changed.
#[test]
fn both_write_the_same() {
    for case in good() {
        let (checkpoint, file) = (native(&case), case.bytes());
        let expected = native::rewrite(&checkpoint, &file, native::same_options(&checkpoint)).unwrap();
        let written = rewritten_by_component(&case, &checkpoint);
        assert!(written == expected, "{} is written differently", case.name);
    }
}

#[test]
fn both_refuse_the_same() {
    let mut refused = 0;
    for case in bad() {
        let native = native::read(&case.bytes(), usize::MAX);
        match (native, File::open(&case.file)) {
            (Ok(_), Ok(_)) => {}
            (Err(native), Err(strongroom::Error::Format { fault, .. })) => {
                refused += 1;
                assert!(same(&native, &fault), "{}: `{native}` and `{fault}`", case.name);
            }
            (native, component) => {
                panic!("{}: natively {:?}, in the component {:?}", case.name, native.err(), component.err())
            }
        }
    }
    assert!(refused > 90, "only {refused} bad files were refused");
}

/// One of everything in a state dict, through the limits as well: a cap means
/// the same on both sides.
#[test]
fn both_stop_at_the_same_limit() {
    let case = common::cases::good_named("full_checkpoint");
    let nodes = native(&case).nodes.len();
    let mut limits = strongroom::Limits::default();
    limits.format.nodes = u32::try_from(nodes / 2).unwrap();
    let engine = Engine::shared().unwrap().limited(limits);
    let component = File::open_in(&engine, &Local, &case.file);
    let Err(strongroom::Error::Format { fault, .. }) = component else { panic!("{component:?}") };
    let limits = strongroom_guest::Limits { nodes: limits.format.nodes, ..Default::default() };
    let native = native::read_limited(&case.bytes(), usize::MAX, limits).unwrap_err();
    assert!(matches!(native, Error::Limit(_)) && same(&native, &fault), "`{native}` and `{fault}`");
}

fn native(case: &Case) -> Checkpoint {
    let checkpoint = native::read(&case.bytes(), usize::MAX).unwrap();
    assert!(!checkpoint.nodes.is_empty() && !matches!(checkpoint.nodes[0], Node::Storage { .. }));
    checkpoint
}

fn rewritten_by_component(case: &Case, checkpoint: &Checkpoint) -> Vec<u8> {
    let format = if checkpoint.format == Format::Safetensors {
        WriteFormat::Safetensors(SafetensorsOptions::default())
    } else {
        WriteFormat::Torch(TorchOptions {
            alignment: checkpoint.alignment.unwrap_or(64),
            checksums: checkpoint.checksums,
            file_name: (!checkpoint.archive.is_empty()).then(|| format!("{}.pt", checkpoint.archive)),
        })
    };
    let (store, path) = (Memory::default(), Path::new("model.pt"));
    let options = WriteOptions { format, durable: false };
    let state = strongroom::load(&case.file).unwrap();
    save_with(Engine::shared().unwrap(), &store, path, &state, &options).unwrap();
    store.get(path).unwrap().to_vec()
}

/// Whether the host says of a file what the guest found, field by field.
fn same(native: &Error, component: &Fault) -> bool {
    let equal = |native: &strongroom_guest::Fault, component: &strongroom::Finding| {
        (native.offset, &native.part, &native.expected, &native.found)
            == (component.offset, &component.part, &component.expected, &component.found)
    };
    match (native, component) {
        (Error::Malformed(native), Fault::Malformed(component))
        | (Error::Unsupported(native), Fault::Unsupported(component))
        | (Error::Truncated(native), Fault::Truncated(component)) => equal(native, component),
        (Error::Limit(native), Fault::Limit { offset, limit, allowed }) => {
            (native.offset, native.limit, native.allowed) == (*offset, limit.as_str(), *allowed)
        }
        _ => false,
    }
}

#[test]
fn the_host_s_default_caps_are_the_guest_s() {
    let ours = strongroom::Limits::default().format;
    let theirs = strongroom_guest::Limits::default();
    // Neither crate may link the other, so each has the table. WIT writes dashes.
    let fields =
        |limits: String| limits.replace('-', "_").split_once('{').map(|(_, fields)| fields.to_owned());
    assert_eq!(fields(format!("{ours:?}")), fields(format!("{theirs:?}")));
}

#[test]
fn both_judge_the_same() {
    let engine = Engine::shared().unwrap();
    let options = strongroom::ValidateOptions::default();
    let mut found = 0;
    for case in good().iter().chain(&bad()) {
        let report = strongroom::validate_in(engine, &Local, &case.file, &options).unwrap();
        let limits = strongroom_guest::Limits::within(options.memory as u64);
        let file = case.file.file_name().map(|name| name.to_string_lossy().into_owned());
        let native = ValidateOptions { limits, name: file, ..ValidateOptions::default() };
        let (native, _) = native::judge(&case.bytes(), usize::MAX, native);
        let name = &case.name;
        assert_eq!(report.verdict.name(), format!("{:?}", native.verdict).to_lowercase(), "{name}");
        assert_eq!(report.kind.name(), native.kind.name(), "{name}");
        assert_eq!(report.unlisted, native.unlisted, "{name}");
        let expected: Vec<_> = native.findings.iter().map(facts).collect();
        let findings: Vec<_> = report
            .findings
            .iter()
            .map(|finding| {
                let Finding { id, offset, part, part_offset, message, .. } = finding;
                (id.as_str(), *offset, part.as_str(), *part_offset, message.as_str())
            })
            .collect();
        assert_eq!(findings, expected, "{name}");
        found += findings.len();
    }
    assert!(found > 90, "only {found} things were found");
}

fn facts(finding: &strongroom_guest::validate::Finding) -> (&str, u64, &str, u64, &str) {
    (finding.rule.id, finding.offset, &finding.part, finding.part_offset, &finding.message)
}
