//! State dicts with tensors in every place, over ranks and back.

use std::path::Path;
use std::sync::Arc;

use super::*;
use crate::sandbox::bindings::types::{self as wit, Pair};
use crate::state::{Node, StateDict, Storage, Tensor};
use crate::store::{Memory, Store};
use crate::{
    Checkpoint, DType, Engine, File, SaveOptions, TorchOptions, WriteFormat, WriteOptions, save_sharded,
    save_with,
};

/// Builds nodes one by one.
#[derive(Default)]
struct Arena {
    nodes: Vec<Node>,
    storages: Vec<Storage<'static>>,
}

impl Arena {
    fn add(&mut self, node: Node) -> u32 {
        self.nodes.push(node);
        u32::try_from(self.nodes.len() - 1).unwrap()
    }

    /// A tensor of so many bytes, over a storage of its own.
    fn tensor(&mut self, bytes: u8) -> u32 {
        self.storages.push(Storage::new(vec![bytes; bytes.into()]));
        let mut tensor = Tensor::meta(DType::Uint8, &[u64::from(bytes)]).raw().clone();
        tensor.storage = Some(u32::try_from(self.storages.len() - 1).unwrap());
        self.add(Node::Tensor(tensor))
    }

    fn text(&mut self, value: &str) -> u32 {
        self.add(Node::Text(wit::Text { value: value.into(), interned: false }))
    }

    fn dict(&mut self, pairs: &[(u32, u32)]) -> u32 {
        self.add(Node::Dict(pairs.iter().map(|&(key, value)| Pair { key, value }).collect()))
    }

    fn object(&mut self, args: u32, state: Option<u32>, effects: Vec<u32>) -> u32 {
        let (module, name) = ("models".into(), "Net".into());
        let callable = self.add(Node::Global(wit::Global { module, name }));
        let args = Some(self.add(Node::Tuple(vec![args])));
        let (items, pairs, kwargs) = (vec![], vec![], None);
        let construct = wit::Construct::Call;
        self.add(Node::Object(wit::Object {
            construct,
            callable,
            args,
            kwargs,
            items,
            pairs,
            state,
            effects,
        }))
    }

    fn state(self, root: u32) -> StateDict<'static> {
        StateDict::from_parts(self.nodes, self.storages, root, vec![("format".into(), "pt".into())])
    }
}

fn file(state: &StateDict<'_>) -> Arc<Vec<u8>> {
    let (store, path) = (Memory::default(), Path::new("whole.pt"));
    let options = WriteOptions { format: WriteFormat::Torch(TorchOptions::default()), durable: false };
    save_with(Engine::shared().unwrap(), &store, path, state, &options).unwrap();
    store.get(path).unwrap()
}

/// Saves over ranks and merges: the same file comes out, each rank's opens, and each
/// storage is in one. Answers the bytes of payloads on each rank.
fn round_trip(state: &StateDict<'static>, ranks: usize) -> Vec<u64> {
    let (engine, store, path) =
        (Engine::shared().unwrap(), Arc::new(Memory::default()), Path::new("run/step-1"));
    save_sharded(engine, store.clone(), path, state, &SaveOptions { ranks, overwrite: false }).unwrap();
    let checkpoint = Checkpoint::open_in(engine, store.clone(), path).unwrap();
    checkpoint.verify().unwrap();
    let merged = checkpoint.merged().unwrap();
    assert_eq!(merged.metadata(), state.metadata());
    assert_eq!(file(&merged.loaded(true).unwrap()), file(state), "{ranks} ranks");
    let used: u64 = encountered(state).iter().map(|&id| state.storages()[id as usize].length()).sum();
    let shares: Vec<u64> = (0..ranks)
        .map(|rank| {
            let file = File::open_in(engine, &*store, &path.join(format!("checkpoint_{rank}.pt"))).unwrap();
            file.state().length()
        })
        .collect();
    assert_eq!(shares.iter().sum::<u64>(), used, "{ranks} ranks");
    shares
}

fn all_ranks(build: impl Fn(&mut Arena) -> u32) -> Vec<Vec<u64>> {
    (1..=4)
        .map(|ranks| {
            let mut arena = Arena::default();
            let root = build(&mut arena);
            round_trip(&arena.state(root), ranks)
        })
        .collect()
}

#[test]
fn a_key_with_data_goes_where_its_value_goes() {
    let shares = all_ranks(|arena| {
        let entries: Vec<(u32, u32)> = (1..=4)
            .map(|n| {
                let (key, momentum, name) = (arena.tensor(n), arena.tensor(10 * n), arena.text("m"));
                (key, arena.dict(&[(name, momentum)]))
            })
            .collect();
        let state = arena.dict(&entries);
        let name = arena.text("state");
        // The keys are the weights.
        let weights = arena.add(Node::List(entries.iter().map(|&(key, _)| key).collect()));
        let named = arena.text("weights");
        arena.dict(&[(name, state), (named, weights)])
    });
    assert_eq!(shares[3], [44, 33, 22, 11]);
}

#[test]
fn a_key_with_data_over_a_value_without_is_on_one_rank() {
    let shares = all_ranks(|arena| {
        let entries: Vec<(u32, u32)> =
            (1..=3).map(|n| (arena.tensor(n), arena.add(Node::Int(n.into())))).collect();
        arena.dict(&entries)
    });
    assert_eq!(shares[2], [3, 2, 1]);
}

#[test]
fn a_root_that_is_in_its_own_attributes_is_on_rank_0() {
    let shares = all_ranks(|arena| {
        let root = arena.add(Node::None);
        let name = arena.text("self");
        let attributes = Some(arena.dict(&[(name, root)]));
        let items = vec![Pair { key: arena.text("w"), value: arena.tensor(2) }];
        arena.nodes[root as usize] = Node::OrderedDict(wit::OrderedDict { items, attributes });
        root
    });
    assert_eq!(shares[1], [2, 0]);
}

#[test]
fn keys_without_data_are_whole_on_every_rank() {
    all_ranks(|arena| {
        let entries: Vec<(u32, u32)> = (1..=4)
            .map(|n| {
                let (number, name) = (arena.add(Node::Int(n.into())), arena.text("w"));
                let inner = arena.add(Node::Tuple(vec![name]));
                (arena.add(Node::Tuple(vec![number, inner])), arena.tensor(n))
            })
            .collect();
        arena.dict(&entries)
    });
}

#[test]
fn attributes_sets_objects_and_effects_keep_their_data() {
    let shares = all_ranks(|arena| {
        let mut entries = Vec::new();
        let (scale, tensor, name) = (arena.tensor(7), arena.tensor(1), arena.text("scale"));
        let attributes = arena.dict(&[(name, scale)]);
        let parameter = wit::Parameter { tensor, requires_grad: true, state: Some(attributes) };
        entries.push((arena.text("parameter"), arena.add(Node::Parameter(parameter))));
        let members = vec![arena.tensor(20), arena.tensor(21)];
        entries.push((arena.text("set"), arena.add(Node::Set(members))));
        let (first, second, third) = (arena.tensor(30), arena.tensor(31), arena.tensor(32));
        let effect = arena.object(third, None, vec![]);
        entries.push((arena.text("object"), arena.object(first, Some(second), vec![effect])));
        // Shared between the object's state and a list on the way from the root.
        let list = arena.add(Node::List(vec![second, first]));
        entries.push((arena.text("list"), list));
        let (named, of) = (arena.text("note"), arena.tensor(40));
        let attributes = Some(arena.dict(&[(named, of)]));
        let items = vec![Pair { key: arena.text("w"), value: arena.tensor(2) }];
        entries.push((
            arena.text("ordered"),
            arena.add(Node::OrderedDict(wit::OrderedDict { items, attributes })),
        ));
        arena.dict(&entries)
    });
    // 40 is the dict's own; 30 + 31 + 32, 20 + 21, 1 + 7 and 2 are shared out.
    assert_eq!(shares[3], [40, 93, 41, 10]);
}

#[test]
fn a_root_that_cannot_be_cut_is_on_rank_0() {
    let shares = all_ranks(|arena| {
        let (a, b) = (arena.tensor(1), arena.tensor(2));
        let list = arena.add(Node::List(vec![a, b]));
        arena.object(list, None, vec![])
    });
    assert_eq!(shares[2], [3, 0, 0]);
}

#[test]
fn containers_in_cycles_of_coprime_lengths_are_merged() {
    // Two rings of lists, of 997 and 991: pairs of places in them would be a million.
    let shares = all_ranks(|arena| {
        let mut rings = Vec::new();
        for length in [997u32, 991] {
            let first = u32::try_from(arena.nodes.len()).unwrap();
            for index in 0..length {
                arena.add(Node::List(vec![first + (index + 1) % length]));
            }
            let tensor = arena.tensor(5);
            if let Node::List(items) = &mut arena.nodes[first as usize] {
                items.push(tensor);
            }
            rings.push(first);
        }
        arena.add(Node::List(rings))
    });
    assert_eq!(shares[1], [5, 5]);
}

#[test]
fn a_storage_that_is_twice_or_nowhere_is_refused() {
    let record = |outline: &[u32], length: &[u64]| crate::FileRecord {
        version: 2,
        name: "checkpoint_0.pt".into(),
        length: 1,
        structure_crc32: 0,
        structure_digest: None,
        storages: crate::StorageRecords {
            outline: Some(outline.to_vec()),
            length: length.to_vec(),
            crc32: vec![0; length.len()],
            digest: None,
        },
        metadata: Vec::new(),
    };
    let check = |records: &[crate::FileRecord]| {
        once(Path::new("d"), &[4, 8], &records.iter().collect::<Vec<_>>()).map(|places| places.len())
    };
    assert_eq!(check(&[record(&[1], &[8]), record(&[0], &[4])]).unwrap(), 2);
    for wrong in [
        vec![record(&[1], &[8])],
        vec![record(&[1, 0], &[8, 4]), record(&[0], &[4])],
        vec![record(&[1, 0], &[8, 5])],
        vec![record(&[1, 0, 2], &[8, 4, 1])],
    ] {
        check(&wrong).unwrap_err();
    }
}

#[test]
fn every_file_and_record_of_a_shared_checkpoint_counts() {
    let mut arena = Arena::default();
    let (a, b) = (arena.tensor(9), arena.tensor(8));
    let root = arena.add(Node::List(vec![a, b]));
    let (engine, store, path) =
        (Engine::shared().unwrap(), Arc::new(Memory::default()), Path::new("run/step-1"));
    let options = SaveOptions { ranks: 2, overwrite: false };
    save_sharded(engine, store.clone(), path, &arena.state(root), &options).unwrap();
    for entry in store.list(path).unwrap() {
        let file = path.join(&entry.name);
        let good = store.get(&file).unwrap();
        for at in [0, good.len() / 2, good.len() - 1] {
            let mut bad = good.to_vec();
            bad[at] ^= 1;
            store.insert(&file, bad);
            let verified =
                Checkpoint::open_in(engine, store.clone(), path).and_then(|checkpoint| checkpoint.verify());
            assert!(verified.is_err(), "{:?} at {at}", entry.name);
        }
        store.insert(&file, good.to_vec());
    }
    Checkpoint::open_in(engine, store, path).unwrap().verify().unwrap();
}

/// A checkpoint of two ranks, which somebody may change who knows how it is sealed.
struct Forged {
    store: Arc<Memory>,
    records: Vec<crate::FileRecord>,
    storages: u32,
}

const FORGED: &str = "run/step-1";

impl Forged {
    /// Four tensors of 8 bytes, under these names.
    fn of(names: [&str; 4]) -> Self {
        let mut arena = Arena::default();
        let entries: Vec<(u32, u32)> = names.iter().map(|name| (arena.text(name), arena.tensor(8))).collect();
        let root = arena.dict(&entries);
        let (engine, store) = (Engine::shared().unwrap(), Arc::new(Memory::default()));
        let options = SaveOptions { ranks: 2, overwrite: false };
        save_sharded(engine, store.clone(), Path::new(FORGED), &arena.state(root), &options).unwrap();
        let checkpoint = Checkpoint::open_in(engine, store.clone(), Path::new(FORGED)).unwrap();
        let records = (0..2).map(|rank| checkpoint.file_record(rank).unwrap()).collect();
        Self { store, records, storages: 4 }
    }

    fn bytes(&self, name: &str) -> Arc<Vec<u8>> {
        self.store.get(Path::new(FORGED).join(name)).unwrap()
    }

    fn put(&self, name: &str, bytes: Vec<u8>) {
        self.store.insert(Path::new(FORGED).join(name), bytes);
    }

    /// Seals all of it anew, with checksums and digests that are right.
    fn opened(&self) -> Vec<crate::Result<()>> {
        use crate::checkpoint::{OUTLINE, OutlineSeal, RECORD, Ranks, Record, Sealed, rank_record};
        use crate::payload::checksum::crc32;
        use crate::payload::digest;
        let path = Path::new(FORGED);
        let written: Vec<Vec<u8>> = self.records.iter().map(|record| record.to_bytes().unwrap()).collect();
        for (rank, bytes) in written.iter().enumerate() {
            self.put(&rank_record(rank), bytes.clone());
        }
        let outline = self.bytes(OUTLINE);
        let sealed = Sealed {
            ranks: Ranks {
                length: self.records.iter().map(|record| record.length).collect(),
                record_length: written.iter().map(|bytes| bytes.len() as u64).collect(),
                record_crc32: written.iter().map(|bytes| crc32(bytes)).collect(),
                record_digest: written.iter().map(|bytes| Some(digest::of(bytes))).collect(),
            },
            outline: Some(OutlineSeal {
                length: outline.len() as u64,
                crc32: crc32(&outline),
                digest: Some(digest::of(&outline)),
                storages: self.storages,
            }),
        };
        self.put(RECORD, Record::new(7, &sealed).to_bytes(&sealed).unwrap());
        let open = || Checkpoint::open_in(Engine::shared().unwrap(), self.store.clone(), path);
        vec![
            open().and_then(|checkpoint| checkpoint.verify().map(drop)),
            open().and_then(|checkpoint| checkpoint.merged().map(drop)),
        ]
    }

    fn refused(&self, words: &str) {
        for opened in self.opened() {
            let error = opened.unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
    }
}

#[test]
fn a_record_that_leads_to_other_storages_than_the_files_say_is_refused() {
    let names = ["a", "b", "c", "d"];
    assert!(Forged::of(names).opened().iter().all(Result::is_ok));

    let mut one = Forged::of(names);
    one.records[0].storages.outline.as_mut().unwrap().reverse();
    one.refused("it is not the part of the outline that its record says: ");

    let mut across = Forged::of(names);
    let (first, second) = across.records.split_at_mut(1);
    std::mem::swap(&mut first[0].storages.outline, &mut second[0].storages.outline);
    across.refused("it is not the part of the outline that its record says: ");

    let renamed = Forged::of(names);
    renamed.put("outline.pkl", Forged::of(["a", "b", "d", "c"]).bytes("outline.pkl").to_vec());
    renamed.refused("it is not the part of the outline that its record says: ");
}

#[test]
fn a_record_that_contradicts_the_outline_or_itself_is_refused() {
    let names = ["a", "b", "c", "d"];
    for storages in [0, 1, 5] {
        let mut counted = Forged::of(names);
        counted.storages = storages;
        counted.refused("and it names 4");
    }
    let mut bare = Forged::of(names);
    bare.records[1].storages.digest = None;
    bare.refused("it has no digests");

    let mut other = Forged::of(names);
    other.records[1].metadata = vec![("format".into(), "np".into())];
    other.refused("its metadata is another than that of checkpoint_0.pt");

    let mut twice = Forged::of(names);
    for record in &mut twice.records {
        record.metadata.push(("format".into(), "np".into()));
    }
    twice.refused("it has the metadata key \"format\" twice");
}
