//! The host, the component and the same code linked natively list the same tensors under
//! the same names, and each name leads to its tensor.

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::cases::{Case, good};
use common::native;
use strongroom::{File, Item};
use strongroom_guest::{Limits, Listing, TensorKind};
use wasmtime::component::{Component, Linker};
use wasmtime::{Engine, Store};

#[allow(missing_docs, unused_qualifications, clippy::all, clippy::pedantic)]
mod bindings {
    wasmtime::component::bindgen!({ path: "wit/format", world: "checkpoint" });
}

use bindings::exports::strongroom::format::reader::{Chunk, NamedTensor, ReadOptions, Step};

/// A name, the node's number, and the shape.
type Named = (String, u32, Vec<u64>, Option<String>);

#[test]
fn all_list_the_same_tensors_under_the_same_names() {
    let engine = Engine::default();
    let component = Component::new(&engine, fs::read(built()).unwrap()).unwrap();
    let mut listed = 0;
    for case in good() {
        let host = by_the_host(&case);
        assert_eq!(natively(&case), host, "{}", case.name);
        for page in [1, 1000] {
            let theirs = by_the_component(&engine, &component, &case.bytes(), page);
            let theirs: Vec<Named> =
                theirs.into_iter().map(|t| (t.name, t.node, t.shape, t.part_of)).collect();
            assert_eq!(theirs, host, "{}, {page} a page", case.name);
        }
        listed += host.len();
    }
    assert!(listed > 500, "only {listed} tensors were listed");
}

#[test]
fn there_is_a_cap_on_the_places() {
    let checkpoint = native::read(&common::cases::good_named("odd_places").bytes(), usize::MAX).unwrap();
    assert!(matches!(Listing::of(&checkpoint, 10), Err(strongroom_guest::Error::Limit(_))));
}

fn by_the_host(case: &Case) -> Vec<Named> {
    let file = File::open(&case.file).unwrap();
    let shape = |item: &Item<'_, '_>| {
        let tensor = item.as_tensor().or_else(|| item.as_quantized()).map(|tensor| tensor.shape().to_vec());
        let tensor = tensor.or_else(|| item.sparse_shape().map(<[u64]>::to_vec));
        tensor.or_else(|| item.wrapper().map(|wrapper| wrapper.shape))
    };
    let state = file.state();
    let named = state.leaves().filter_map(|leaf| {
        let shape = shape(&leaf.item)?;
        assert_eq!(state.get(&leaf.path).map(|item| item.id()), Some(leaf.item.id()), "{}", leaf.path);
        Some((leaf.path, leaf.item.id(), shape, leaf.part_of))
    });
    named.collect()
}

fn natively(case: &Case) -> Vec<Named> {
    let checkpoint = native::read(&case.bytes(), usize::MAX).unwrap();
    let mut listing = Listing::of(&checkpoint, Limits::default().tree).unwrap();
    let mut named = Vec::new();
    while let Some(tensor) = listing.next(&checkpoint) {
        let sparse = tensor.layout.name().starts_with("sparse");
        let own = sparse || tensor.kind == TensorKind::Wrapper;
        assert!(tensor.view.is_some() != own, "{}", tensor.name);
        named.push((tensor.name, tensor.node, tensor.shape, tensor.part_of));
    }
    named
}

fn by_the_component(engine: &Engine, component: &Component, file: &[u8], page: u32) -> Vec<NamedTensor> {
    let mut store = Store::new(engine, ());
    let bound = bindings::Checkpoint::instantiate(&mut store, component, &Linker::new(engine)).unwrap();
    let reader = bound.strongroom_format_reader();
    let limits = reader.call_default_limits(&mut store).unwrap();
    let reading = reader.reading();
    let this = reading.call_open(&mut store, file.len() as u64, ReadOptions { limits }).unwrap().unwrap();
    assert!(reading.call_tensors(&mut store, this, 0, page).unwrap().is_err(), "before it is ready");
    let mut chunks = Vec::new();
    while let Step::Fetch(ranges) = reading.call_advance(&mut store, this, &chunks).unwrap().unwrap() {
        let chunk = |range: &bindings::exports::strongroom::format::types::Range| {
            let start = usize::try_from(range.offset).unwrap();
            let end = start + usize::try_from(range.length).unwrap();
            Chunk { offset: range.offset, bytes: file[start..end].to_vec() }
        };
        chunks = ranges.iter().map(chunk).collect();
    }
    let mut tensors = Vec::new();
    loop {
        let start = u32::try_from(tensors.len()).unwrap();
        let more = reading.call_tensors(&mut store, this, start, page).unwrap().unwrap();
        if more.is_empty() {
            break;
        }
        tensors.extend(more);
    }
    let end = u32::try_from(tensors.len()).unwrap();
    assert!(reading.call_tensors(&mut store, this, end + 1, page).unwrap().is_err(), "beyond the end");
    this.resource_drop(&mut store).unwrap();
    tensors
}

fn built() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("component/made/strongroom.wasm")
}
