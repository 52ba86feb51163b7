//! Every kind of node at every place: what goes in comes out, natively, through the
//! component, and over ranks.

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use common::arena::{Arena, Kind, Place, Sketch, kind, sketch};
use common::native;
use proptest::prelude::*;
use strongroom::store::Memory;
use strongroom::{Checkpoint, Engine, File, SaveOptions, StateDict, WriteOptions, save_sharded, save_with};
use strongroom_guest::model::{Node, NodeId, visit, visit_mut};

/// Every pair is tried, and each kind is what it is called.
#[test]
fn every_kind_at_every_place_comes_back() {
    let (mut failures, mut tried) = (Vec::new(), 0);
    for (index, &what) in Kind::ALL.iter().enumerate() {
        for &place in Place::ALL {
            let seed = u8::try_from(index * 5 % 256).unwrap();
            let Some(arena) = single(what, place, seed) else { continue };
            tried += 1;
            if let Err(wrong) = comes_back(&arena, 1 + tried % 5) {
                failures.push(format!("{what:?} as {place:?}: {wrong}"));
            }
        }
    }
    println!("{} kinds, {} places, {tried} pairs", Kind::ALL.len(), Place::ALL.len());
    assert!(failures.is_empty(), "{} of {tried} pairs:\n{}", failures.len(), failures.join("\n"));
}

/// The pairs that are left out cannot be: no kind and no place is left out by mistake.
#[test]
fn what_is_left_out_cannot_be() {
    for &what in Kind::ALL {
        let arena = single(what, Place::Root, 1).unwrap();
        assert_eq!(kind(&arena.nodes[arena.root as usize]), what);
        let places = |place: &&Place| single(what, **place, 1).is_some();
        let count = Place::ALL.iter().filter(places).count();
        // All, but for keys where the kind cannot be hashed, and calls where it cannot be called.
        let keys = [0, 8][usize::from(single(what, Place::DictKey, 1).is_none())];
        let calls = usize::from(single(what, Place::Callable, 1).is_none());
        assert_eq!(count, Place::ALL.len() - keys - calls, "{what:?}");
    }
}

/// Nodes that nothing leads to are no part of what is written.
#[test]
fn what_nothing_leads_to_has_no_say() {
    let mut arena = single(Kind::Effect, Place::DictKey, 1).unwrap();
    let effects = arena.nodes.iter().filter_map(|node| match node {
        Node::Object(object) => object.effects.first().copied(),
        _ => None,
    });
    let effects: Vec<_> = effects.collect();
    assert!(!effects.is_empty());
    arena.nodes.push(Node::Tuple(effects));
    assert_eq!(comes_back(&arena, 1), Ok(()));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_tree_comes_back(sketch in sketch(), ranks in 1..=5usize) {
        let Some(arena) = Arena::of(&sketch) else { return Ok(()) };
        prop_assert_eq!(comes_back(&arena, ranks), Ok(()));
    }
}

fn single(kind: Kind, place: Place, seed: u8) -> Option<Arena> {
    Arena::of(&Sketch::At(place, Box::new(Sketch::Leaf(kind, seed)), Vec::new()))
}

/// Written and read natively, by the component, and over ranks: nothing is lost.
fn comes_back(arena: &Arena, ranks: usize) -> Result<(), String> {
    let options = WriteOptions::for_path(Path::new("model.pt")).unwrap();
    let file = native::write(
        arena.nodes.clone(),
        arena.storages(),
        arena.root,
        &arena.payloads,
        strongroom_guest::WriteOptions::TorchZip(strongroom_guest::TorchOptions {
            file_name: Some("model.pt".into()),
            ..Default::default()
        }),
    )
    .map_err(|error| format!("written: {error}"))?;
    let read = native::read(&file, usize::MAX).map_err(|error| format!("read: {error}"))?;
    let payloads: Vec<_> = read.storages.iter().map(|stored| native::payload(&file, stored)).collect();
    let found = Arena { nodes: read.nodes.clone(), payloads, root: read.root };
    same(arena, &found).map_err(|wrong| format!("read: {wrong}"))?;
    let again =
        native::rewrite(&read, &file, native::same_options(&read)).map_err(|error| error.to_string())?;
    ensure(again == file, "written again it is another file")?;

    let said = |error: strongroom::Error| error.to_string();
    let store = Memory::default();
    let path = Path::new("model.pt");
    store.insert(path, file.as_slice());
    let engine = Engine::shared().map_err(said)?;
    let state = File::open_in(engine, &store, path).and_then(|file| file.load()).map_err(said)?;
    ensure(written(&state, &options)? == file, "by the component it is another file")?;
    over_ranks(&state, ranks, arena, &file).map_err(|wrong| format!("over {ranks} ranks: {wrong}"))
}

fn over_ranks(state: &StateDict<'_>, ranks: usize, arena: &Arena, file: &[u8]) -> Result<(), String> {
    let said = |error: strongroom::Error| error.to_string();
    let (store, path) = (Memory::default(), Path::new("checkpoint"));
    let engine = Engine::shared().map_err(said)?;
    let options = SaveOptions { ranks, overwrite: false };
    save_sharded(engine, Arc::new(store.clone()), path, state, &options).map_err(said)?;
    let checkpoint = Checkpoint::open_in(engine, Arc::new(store.clone()), path).map_err(said)?;
    checkpoint.verify().map_err(said)?;
    let parts: Vec<_> =
        (0..ranks).map(|rank| store.get(path.join(format!("checkpoint_{rank}.pt"))).unwrap()).collect();
    for payload in used(arena) {
        let holders =
            parts.iter().filter(|part| part.windows(payload.len()).any(|bytes| bytes == payload)).count();
        ensure(holders == 1, "a storage is in the files of several ranks, or of none")?;
    }
    let merged = checkpoint.merged().map_err(said)?;
    let options = WriteOptions::for_path(Path::new("model.pt")).unwrap();
    ensure(written(&merged, &options)? == file, "merged it is another file")
}

/// The payloads that the tree looks into, and that are in no pickle by chance.
fn used(arena: &Arena) -> Vec<&[u8]> {
    let mut storages = BTreeSet::new();
    let (mut stack, mut seen) = (vec![arena.root], BTreeSet::new());
    while let Some(id) = stack.pop() {
        if seen.insert(id) {
            let node = &arena.nodes[id as usize];
            visit(node, |&child| stack.push(child), |&storage| storages.extend([storage]));
        }
    }
    let payloads = storages.into_iter().map(|id| arena.payloads[id as usize].as_slice());
    let mut payloads: Vec<_> = payloads.filter(|payload| payload.len() >= 8).collect();
    // Two alike cannot be told apart.
    payloads.sort_unstable();
    let alike = |payload: &&[u8]| payloads.iter().filter(|other| other.starts_with(payload)).count() == 1;
    payloads.iter().copied().filter(alike).collect()
}

fn written(state: &StateDict<'_>, options: &WriteOptions) -> Result<Vec<u8>, String> {
    let (store, path) = (Memory::default(), Path::new("model.pt"));
    let engine = Engine::shared().map_err(|error| error.to_string())?;
    save_with(engine, &store, path, state, options).map_err(|error| format!("written: {error}"))?;
    Ok(store.get(path).unwrap().to_vec())
}

fn ensure(holds: bool, wrong: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(wrong.into()) }
}

/// Whether two arenas hold the same: nodes, what is one object, and payloads.
fn same(ours: &Arena, theirs: &Arena) -> Result<(), String> {
    let mut partners = BTreeMap::new();
    let (mut storages, mut seen) = (BTreeMap::new(), BTreeSet::new());
    let mut stack = vec![(ours.root, theirs.root)];
    while let Some((a, b)) = stack.pop() {
        if !seen.insert((a, b)) {
            continue;
        }
        let (left, right) = (&ours.nodes[a as usize], &theirs.nodes[b as usize]);
        ensure(stripped(left) == stripped(right), &format!("{left:?} is {right:?}"))?;
        if is_object(left) && *partners.entry(a).or_insert(b) != b {
            return Err(format!("{left:?} is two objects"));
        }
        let (children, looks) = parts(left);
        let (its, others) = parts(right);
        ensure(
            children.len() == its.len() && looks.len() == others.len(),
            &format!("{left:?} is {right:?}"),
        )?;
        for (&one, &other) in looks.iter().zip(&others) {
            ensure(*storages.entry(one).or_insert(other) == other, "a storage is two")?;
            ensure(ours.payloads[one as usize] == theirs.payloads[other as usize], "another payload")?;
        }
        stack.extend(children.into_iter().zip(its));
    }
    Ok(())
}

/// A node without what it refers to.
fn stripped(node: &Node) -> Node {
    let mut node = node.clone();
    visit_mut(&mut node, |id| *id = 0, |id| *id = 0);
    if let Node::Text(text) = &mut node {
        text.interned = false;
    }
    node
}

fn parts(node: &Node) -> (Vec<NodeId>, Vec<u32>) {
    let (mut children, mut storages) = (Vec::new(), Vec::new());
    visit(node, |&id| children.push(id), |&id| storages.push(id));
    (children, storages)
}

/// What can change, so that it matters which of two equal ones it is.
fn is_object(node: &Node) -> bool {
    matches!(
        node,
        Node::List(_)
            | Node::Dict(_)
            | Node::OrderedDict { .. }
            | Node::Counter(_)
            | Node::Set(_)
            | Node::ByteArray(_)
            | Node::Object(_)
    )
}
