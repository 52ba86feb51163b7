//! Damage to a committed checkpoint: one bit at every byte of every file, a cut at
//! every length, files swapped, gone, or something else than files. All of it is found
//! by `verify` and by a full load, and the error names where it is.

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::thread;

use common::cases::Failures;
use common::process::built;
use common::same::same;
use strongroom::store::{Local, Memory, Store};
use strongroom::{
    Checkpoint, CheckpointReader, CheckpointReaderConfig, CheckpointWriter, CheckpointWriterConfig, Engine,
    HookArguments, LocalBarrier, RankInfo, Result, StateDict, Tensor, Value,
};

#[test]
fn a_bit_that_flips_is_found_at_every_byte_of_every_file() {
    each_kind(|saved, failures| {
        let damages = saved.files.iter().flat_map(|(name, bytes)| {
            // Each bit of a byte has its turn, the next byte's is another one.
            (0..bytes.len()).map(move |at| {
                let mut bytes = bytes.clone();
                bytes[at] ^= 1 << (at * 3 % 8);
                Damage { what: format!("{name}: a bit of byte {at}"), name, at: Some(at), bytes }
            })
        });
        saved.all_are_found(damages.collect(), failures);
    });
}

#[test]
fn a_cut_is_found_at_every_length() {
    each_kind(|saved, failures| {
        let damages = saved.files.iter().flat_map(|(name, bytes)| {
            (0..bytes.len()).map(move |length| Damage {
                what: format!("{name}: cut to {length}"),
                name,
                at: None,
                bytes: bytes[..length].to_vec(),
            })
        });
        saved.all_are_found(damages.collect(), failures);
    });
}

#[test]
fn bytes_too_many_are_found() {
    each_kind(|saved, failures| {
        let extended = |name, bytes: &[u8], front: &[u8], back: &[u8]| Damage {
            what: format!("{name}: {} bytes before and {} after", front.len(), back.len()),
            name,
            at: None,
            bytes: [front, bytes, back].concat(),
        };
        let damages = saved.files.iter().flat_map(|(name, bytes)| {
            [
                extended(name, bytes, &[], &[0]),
                extended(name, bytes, &[], b"\n"),
                extended(name, bytes, &[], &[0; 4096]),
                extended(name, bytes, &[0], &[]),
                extended(name, bytes, b" ", &[]),
                extended(name, bytes, bytes, &[]),
            ]
        });
        saved.all_are_found(damages.collect(), failures);
    });
}

#[test]
fn a_block_of_zeros_is_found() {
    // As a disk leaves a block that it never wrote.
    each_kind(|saved, failures| {
        let damages = saved.files.iter().flat_map(|(name, bytes)| {
            (0..bytes.len()).step_by(64).filter_map(move |start| {
                let mut zeroed = bytes.clone();
                let end = bytes.len().min(start + 512);
                zeroed[start..end].fill(0);
                let what = format!("{name}: zeros from {start} to {end}");
                (zeroed != *bytes).then_some(Damage { what, name, at: None, bytes: zeroed })
            })
        });
        saved.all_are_found(damages.collect(), failures);
    });
}

/// A file of another save, or of another rank: whole, and not the one that was
/// committed. The other saves differ in one value, or in one element, and their files
/// have the same lengths.
#[test]
fn a_file_of_elsewhere_is_found() {
    let mut failures = Failures::default();
    for kind in KINDS {
        let saved = Saved::new(kind, state(1, 0));
        for (difference, other) in [("step", state(2, 0)), ("element", state(1, 1)), ("both", state(2, 1))] {
            let other = Saved::new(kind, other);
            for (name, bytes) in &saved.files {
                let theirs = &other.files[name];
                if theirs != bytes {
                    let what = format!("{kind:?}: {name} of a save with another {difference}");
                    let found =
                        saved.found(&Damage { what: what.clone(), name, at: None, bytes: theirs.clone() });
                    found.unwrap_or_else(|error| failures.add(&what, error));
                }
            }
        }
        for (name, other) in pairs(&saved.files) {
            let (what, bytes) =
                (format!("{kind:?}: {other} in the place of {name}"), saved.files[other].clone());
            let found = saved.found(&Damage { what: what.clone(), name, at: None, bytes });
            found.unwrap_or_else(|error| failures.add(&what, error));
        }
    }
    failures.check();
}

/// A lazy load reads no payload. It says so, and everything else is checked.
#[test]
fn a_lazy_load_says_what_it_did_not_check() {
    for kind in KINDS {
        let saved = Saved::new(kind, state(1, 0));
        let (mut unnoticed, mut found) = (0, 0);
        for (name, bytes) in saved.ranks() {
            for at in 0..bytes.len() {
                let mut damaged = bytes.clone();
                damaged[at] ^= 0x10;
                let store = saved.with(name, &damaged);
                let rank = saved.ranks().position(|(other, _)| other == name).unwrap();
                match open(&store).unwrap().file(rank).and_then(|file| file.map()) {
                    Ok(mapped) => {
                        assert!(saved.payload(name, at).is_some(), "{kind:?}: {name}: byte {at}");
                        assert_eq!(mapped.unverified().count(), mapped.storages().len());
                        unnoticed += 1;
                    }
                    Err(error) => {
                        assert!(error.to_string().contains(name), "{error}");
                        found += 1;
                    }
                }
            }
        }
        // 40 and 24 bytes of payloads, in the files of all or on each rank.
        let copies = if let Kind::Own(ranks) = kind { ranks } else { 1 };
        assert_eq!(unnoticed, 64 * copies, "{kind:?}");
        assert!(found > 1000, "{kind:?}: {found}");
        let read = load(&saved.with("none", &[]), kind).unwrap();
        assert!(read.iter().all(|state| state.unverified().next().is_none()), "{kind:?}");
    }
}

/// What is in the place of a file, or nothing: the error names it, and nobody waits for
/// a pipe.
#[test]
fn a_file_that_is_gone_or_is_none_is_found() {
    for kind in KINDS {
        for name in Saved::new(kind, state(1, 0)).files.keys() {
            let in_place: [(&str, &dyn Fn(&Path)); 6] = [
                ("nothing", &|_| ()),
                ("a directory", &|path| fs::create_dir(path).unwrap()),
                ("an empty file", &|path| fs::write(path, "").unwrap()),
                ("a dangling link", &|path| symlink("nowhere", path).unwrap()),
                ("a link to itself", &|path| symlink(path, path).unwrap()),
                ("a pipe", &|path| {
                    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
                }),
            ];
            for (what, put) in in_place {
                let directory = tempfile::tempdir().unwrap();
                let path = directory.path().join("step-1");
                save(&Local, &path, kind, &state(1, 0)).unwrap();
                fs::remove_file(path.join(name)).unwrap();
                put(&path.join(name));
                let verified = Checkpoint::open(&path).and_then(|checkpoint| checkpoint.verify());
                let error = verified.expect_err(what).to_string();
                assert!(error.contains(name), "{kind:?}: {name} is {what}: {error}");
                assert_eq!(commanded(&path, kind, name), readers(kind, name), "{kind:?}: {name} is {what}");
            }
        }
    }
}

/// As users find it: by `strongroom verify` and `strongroom load`.
#[test]
fn the_command_names_the_file_and_the_tensor() {
    for kind in KINDS {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("step-1");
        save(&Local, &path, kind, &state(1, 0)).unwrap();
        let saved = Saved::new(kind, state(1, 0));
        assert_eq!(commanded(&path, kind, ""), 0);
        for name in saved.files.keys() {
            let bytes = fs::read(path.join(name)).unwrap();
            for at in (0..bytes.len()).step_by(bytes.len() / 6) {
                let mut damaged = bytes.clone();
                damaged[at] ^= 1;
                fs::write(path.join(name), damaged).unwrap();
                assert_eq!(commanded(&path, kind, name), readers(kind, name), "{kind:?}: {name}, byte {at}");
            }
            fs::write(path.join(name), bytes).unwrap();
        }
        let (name, bytes) = saved.ranks().next().unwrap();
        let (tensor, payload) = (0..bytes.len()).find_map(|at| saved.payload(name, at)).unwrap();
        let mut bytes = fs::read(path.join(name)).unwrap();
        bytes[payload.end - 1] ^= 0x80;
        fs::write(path.join(name), bytes).unwrap();
        assert_eq!(commanded(&path, kind, &format!("tensors {tensor}, ")), 2);
        assert_eq!(commanded(&path, kind, &format!("offset {}", payload.start)), 2);
    }
}

/// How many of the commands that read a checkpoint fail, all of which have to say
/// something then.
fn commanded(path: &Path, kind: Kind, said: &str) -> usize {
    let out = path.with_file_name("out.pt");
    let mut verify = Command::new(built("strongroom"));
    verify.arg("verify").arg(path);
    let mut commands = vec![verify];
    let ranks = match kind {
        Kind::Shared(_) => vec![None],
        Kind::Own(ranks) => (0..ranks).map(Some).collect(),
    };
    for rank in ranks {
        let mut load = Command::new(built("strongroom"));
        load.arg("load").arg(path).arg(&out);
        if let Some(rank) = rank {
            load.args(["--rank", &rank.to_string()]);
        }
        commands.push(load);
    }
    let ended: Vec<_> = commands.iter_mut().map(|command| command.output().unwrap()).collect();
    let failed: Vec<_> = ended.iter().filter(|output| !output.status.success()).collect();
    for output in &failed {
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(matches!(output.status.code(), Some(1 | 3)), "{}: {stderr}", output.status);
        assert!(stderr.contains(said), "`{said}` is not in {stderr}");
    }
    let _ = fs::remove_file(out);
    failed.len()
}

/// How many have to: those that read the file. Each rank's load reads its own.
fn readers(kind: Kind, name: &str) -> usize {
    match kind {
        Kind::Own(ranks) if name == "strongroom.json" => 1 + ranks,
        _ => 2,
    }
}

/// A committed checkpoint in memory.
struct Saved {
    kind: Kind,
    files: BTreeMap<String, Vec<u8>>,
    states: Vec<StateDict<'static>>,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    /// One state dict, shared over ranks.
    Shared(usize),
    /// One for each rank.
    Own(usize),
}

const KINDS: [Kind; 3] = [Kind::Shared(2), Kind::Own(2), Kind::Own(1)];

/// One file of a checkpoint that is not what it was.
struct Damage<'n> {
    what: String,
    name: &'n str,
    /// Where, if it is at one byte.
    at: Option<usize>,
    bytes: Vec<u8>,
}

impl Saved {
    fn new(kind: Kind, state: StateDict<'static>) -> Self {
        let store = Memory::default();
        save(&store, Path::new(PATH), kind, &state).unwrap();
        let names = store.list(Path::new(PATH)).unwrap().into_iter().map(|entry| entry.name);
        let bytes = |name: &String| store.get(Path::new(PATH).join(name)).unwrap().to_vec();
        let files = names.map(|name| (name.clone(), bytes(&name))).collect();
        let states = load(&store, kind).unwrap();
        Self { kind, files, states }
    }

    /// Two threads: each damage is a checkpoint read three times.
    fn all_are_found(&self, damages: Vec<Damage<'_>>, failures: &mut Failures) {
        assert!(!damages.is_empty());
        let (first, second) = damages.split_at(damages.len() / 2);
        let judge = |damages: &[Damage<'_>]| -> Vec<(String, String)> {
            let judged = damages.iter().map(|damage| (damage.what.clone(), self.found(damage)));
            judged.filter_map(|(what, found)| Some((what, found.err()?))).collect()
        };
        thread::scope(|scope| {
            let first = scope.spawn(|| judge(first));
            let second = judge(second);
            for (what, missed) in first.join().unwrap().into_iter().chain(second) {
                failures.add(&format!("{:?}: {what}", self.kind), missed);
            }
        });
    }

    /// Whether `verify` and a full load find the damage and name it.
    fn found(&self, damage: &Damage<'_>) -> std::result::Result<(), String> {
        let store = self.with(damage.name, &damage.bytes);
        let said = self.said(damage);
        let verified = open(&store).and_then(|checkpoint| checkpoint.verify());
        says("verify", verified.map(|_| "nothing".into()), &said)?;
        let loaded = load(&store, self.kind);
        says("a load", loaded.map(|loaded| self.differ(&loaded)), &said)
    }

    /// The checkpoint with one file that is another.
    fn with(&self, damaged: &str, as_it_is: &[u8]) -> Memory {
        let store = Memory::default();
        for (name, bytes) in &self.files {
            let bytes = if name == damaged { as_it_is } else { bytes };
            store.insert(Path::new(PATH).join(name), bytes);
        }
        store
    }

    /// The files of the ranks, by rank.
    fn ranks(&self) -> impl Iterator<Item = (&str, &Vec<u8>)> {
        let files = self.files.iter().map(|(name, bytes)| (name.as_str(), bytes));
        files.filter(|(name, _)| name.starts_with("checkpoint_"))
    }

    /// What an error has to say of a damage.
    fn said(&self, damage: &Damage<'_>) -> Vec<String> {
        let mut said = vec![damage.name.to_owned()];
        if let Some((tensor, payload)) = damage.at.and_then(|at| self.payload(damage.name, at)) {
            said.extend(["/data/".into(), format!("offset {}", payload.start), tensor]);
        }
        said
    }

    /// The tensor and the payload that a byte of a file is in.
    fn payload(&self, name: &str, at: usize) -> Option<(String, Range<usize>)> {
        let file = &self.files[name];
        let tensors = self.states.iter().flat_map(|state| state.tensors());
        let payloads = tensors.filter_map(|(path, tensor)| {
            let bytes = tensor.storage()?.bytes().unwrap();
            let start = file.windows(bytes.len()).position(|window| window == bytes)?;
            Some((path, start..start + bytes.len()))
        });
        payloads.into_iter().find(|(_, payload)| payload.contains(&at))
    }

    /// How what was loaded differs from what was saved.
    fn differ(&self, loaded: &[StateDict<'_>]) -> String {
        if loaded.len() != self.states.len() {
            return format!("{} state dicts", loaded.len());
        }
        let difference = self.states.iter().zip(loaded).find_map(|(ours, theirs)| same(ours, theirs).err());
        difference.map_or("the same values".into(), |difference| format!("OTHER VALUES: {difference}"))
    }
}

fn says(who: &str, result: Result<String>, said: &[String]) -> std::result::Result<(), String> {
    match result {
        Ok(found) => Err(format!("{who} finds {found}")),
        Err(error) => {
            let error = error.to_string();
            let unsaid = said.iter().find(|said| !error.contains(*said));
            unsaid.map_or(Ok(()), |unsaid| Err(format!("{who} does not say {unsaid:?}: {error}")))
        }
    }
}

fn each_kind(test: impl Fn(&Saved, &mut Failures)) {
    let mut failures = Failures::default();
    for kind in KINDS {
        test(&Saved::new(kind, state(1, 0)), &mut failures);
    }
    failures.check();
}

fn pairs(files: &BTreeMap<String, Vec<u8>>) -> Vec<(&str, &str)> {
    let names = || files.keys().map(String::as_str);
    names()
        .flat_map(|name| names().filter(move |other| *other != name).map(move |other| (name, other)))
        .collect()
}

const PATH: &str = "run/step-1";

fn open(store: &Memory) -> Result<Checkpoint> {
    Checkpoint::open_in(Engine::shared()?, Arc::new(store.clone()), Path::new(PATH))
}

fn load(store: &Memory, kind: Kind) -> Result<Vec<StateDict<'static>>> {
    let config = CheckpointReaderConfig::default();
    let reader =
        CheckpointReader::new_in(Engine::shared()?, Arc::new(store.clone()), config, RankInfo::single());
    match kind {
        Kind::Shared(_) => Ok(vec![reader.read_merged(PATH)?]),
        Kind::Own(_) => reader.read_all(PATH),
    }
}

fn save<S: Store + Clone + 'static>(store: &S, path: &Path, kind: Kind, state: &StateDict<'_>) -> Result<()> {
    let (Kind::Shared(ranks) | Kind::Own(ranks)) = kind;
    let save = |barrier| {
        let config = CheckpointWriterConfig { durable: false, ..CheckpointWriterConfig::default() };
        let writer =
            CheckpointWriter::new_in(Engine::shared()?, Arc::new(store.clone()), config, Arc::new(barrier));
        match kind {
            Kind::Shared(_) => writer.write_shared(path, state, &HookArguments::new()),
            Kind::Own(_) => {
                let mut own = state.clone();
                own.insert("rank", i64::try_from(writer.rank_info().global_rank).unwrap());
                writer.write(path, &own, &HookArguments::new())
            }
        }
    };
    thread::scope(|scope| {
        let world = LocalBarrier::world(ranks).into_iter();
        let ranks: Vec<_> = world.map(|barrier| scope.spawn(|| save(barrier))).collect();
        ranks.into_iter().try_for_each(|rank| rank.join().unwrap())
    })
}

/// Tensors of a few bytes, no two with the same ones, a tie, a view, and values of
/// all kinds.
fn state(step: i64, element: u8) -> StateDict<'static> {
    let tensor = |seed: u8, length: u8| {
        let elements: Vec<u8> = (0..length).map(|index| index.wrapping_mul(29) ^ seed).collect();
        Tensor::from_vec(elements, &[u64::from(length)]).unwrap()
    };
    let weight = tensor(101 + element, 40);
    let view = Tensor::view(weight.storage().unwrap().clone(), weight.dtype(), 8, &[2, 4], &[4, 1]).unwrap();
    let mut state = StateDict::new();
    state.insert("layer.weight", weight.clone());
    state.insert("layer.bias", tensor(150, 24));
    state.insert("tied", weight);
    state.insert("view", view);
    state.insert("step", step);
    state.insert("name", "a run");
    state.insert("optimizer", Value::dict([("lr", 0.1), ("momentum", 0.9)]));
    state
}
