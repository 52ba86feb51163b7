//! Checkpoints of a few tensors, of which any file can be another.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::thread;

use strongroom::store::{Memory, Store};
use strongroom::{
    Checkpoint, CheckpointReader, CheckpointReaderConfig, CheckpointWriter, CheckpointWriterConfig, Engine,
    HookArguments, LocalBarrier, RankInfo, Result, StateDict, Tensor, Value,
};

use crate::common::cases::Failures;
use crate::common::same::same;

/// A committed checkpoint in memory.
pub struct Saved {
    kind: Kind,
    pub files: BTreeMap<String, Vec<u8>>,
    states: Vec<StateDict<'static>>,
}

#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// One state dict, shared over ranks.
    Shared(usize),
    /// One for each rank.
    Own(usize),
}

pub const KINDS: [Kind; 3] = [Kind::Shared(2), Kind::Own(2), Kind::Own(1)];

/// One file of a checkpoint that is not what it was.
pub struct Damage<'n> {
    pub what: String,
    pub name: &'n str,
    /// Where, if it is at one byte.
    pub at: Option<usize>,
    pub bytes: Vec<u8>,
}

impl Saved {
    pub fn new(kind: Kind, state: StateDict<'static>) -> Self {
        let store = Memory::default();
        save(&store, Path::new(PATH), kind, &state).unwrap();
        let names =
            store.list(Path::new(PATH)).unwrap().into_iter().map(|entry| entry.name.into_string().unwrap());
        let bytes = |name: &String| store.get(Path::new(PATH).join(name)).unwrap().to_vec();
        let files = names.map(|name| (name.clone(), bytes(&name))).collect();
        let states = load(&store, kind).unwrap();
        Self { kind, files, states }
    }

    /// Two threads: each damage is a checkpoint read three times.
    pub fn all_are_found(&self, damages: Vec<Damage<'_>>, failures: &mut Failures) {
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
    pub fn found(&self, damage: &Damage<'_>) -> std::result::Result<(), String> {
        let store = self.with(damage.name, &damage.bytes);
        let said = self.said(damage);
        let verified = open(&store).and_then(|checkpoint| checkpoint.verify());
        says("verify", verified.map(|_| "nothing".into()), &said)?;
        let loaded = load(&store, self.kind);
        says("a load", loaded.map(|loaded| self.differ(&loaded)), &said)
    }

    /// The checkpoint with one file that is another.
    pub fn with(&self, damaged: &str, as_it_is: &[u8]) -> Memory {
        let store = Memory::default();
        for (name, bytes) in &self.files {
            let bytes = if name == damaged { as_it_is } else { bytes };
            store.insert(Path::new(PATH).join(name), bytes);
        }
        store
    }

    /// The files of the ranks, by rank.
    pub fn ranks(&self) -> impl Iterator<Item = (&str, &Vec<u8>)> {
        let files = self.files.iter().map(|(name, bytes)| (name.as_str(), bytes));
        files.filter(|(name, _)| name.starts_with("checkpoint_") && name.ends_with(".pt"))
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
    pub fn payload(&self, name: &str, at: usize) -> Option<(String, Range<usize>)> {
        let file = &self.files[name];
        let tensors = self.states.iter().flat_map(StateDict::tensors);
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

pub const PATH: &str = "run/step-1";

pub fn open(store: &Memory) -> Result<Checkpoint> {
    Checkpoint::open_in(Engine::shared()?, Arc::new(store.clone()), Path::new(PATH))
}

pub fn load(store: &Memory, kind: Kind) -> Result<Vec<StateDict<'static>>> {
    let config = CheckpointReaderConfig::default();
    let reader =
        CheckpointReader::new_in(Engine::shared()?, Arc::new(store.clone()), config, RankInfo::single());
    match kind {
        Kind::Shared(_) => Ok(vec![reader.read_merged(PATH)?]),
        Kind::Own(_) => reader.read_all(PATH),
    }
}

pub fn save<S: Store + Clone + 'static>(
    store: &S,
    path: &Path,
    kind: Kind,
    state: &StateDict<'_>,
) -> Result<()> {
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
pub fn state(step: i64, element: u8) -> StateDict<'static> {
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
