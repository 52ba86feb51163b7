//! What holds for any state dict, any bytes, and any damage to a good file.

mod common;

use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;

use common::cases;
use common::same::same;
use common::strategy;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use strongroom::store::Memory;
use strongroom::{Engine, Error, File, Limits, Result, StateDict, Value, WriteOptions, save_with};

/// Enough for any file of these tests, and an end to whatever is wrong with one.
static ENGINE: LazyLock<Engine> = LazyLock::new(|| {
    let limits = Limits { memory: 64 << 20, deadline: Duration::from_secs(1), ..Limits::default() };
    Engine::shared().unwrap().limited(limits)
});

static GOOD: LazyLock<Vec<Vec<u8>>> =
    LazyLock::new(|| cases::good().iter().map(cases::Case::bytes).collect());

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_state_dict_comes_back_from_a_torch_file_as_it_was(state in strategy::state()) {
        let written = save("model.pt", &state).unwrap();
        let loaded = load("model.pt", &written).unwrap();
        prop_assert_eq!(same(&state, &loaded), Ok(()));
        prop_assert!(save("model.pt", &loaded).unwrap() == written, "written again it is another file");
    }

    #[test]
    fn tensors_come_back_from_safetensors_as_they_were(state in strategy::tensors()) {
        let written = save("model.safetensors", &state).unwrap();
        let loaded = load("model.safetensors", &written).unwrap();
        let facts = |state: &StateDict<'_>| {
            let mut tensors: Vec<_> = state
                .tensors()
                .map(|(name, tensor)| {
                    (name, tensor.dtype().name(), tensor.shape().to_vec(), tensor.bytes().unwrap().to_vec())
                })
                .collect();
            tensors.sort();
            tensors
        };
        prop_assert_eq!(facts(&loaded), facts(&state));
        prop_assert_eq!(loaded.metadata(), state.metadata());
        prop_assert!(save("model.safetensors", &loaded).unwrap() == written, "written again it is another file");
    }

    #[test]
    fn any_bytes_are_read_or_refused(start in 0..4usize, bytes in vec(any::<u8>(), 0..400)) {
        let starts: [&[u8]; 4] = [b"", b"PK\x03\x04", b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02", b"\x40\0\0\0\0\0\0\0{\""];
        let file = [starts[start], &bytes].concat();
        survives(&file)?;
    }

    #[test]
    fn a_damaged_file_is_read_or_refused(case: Index, damage in vec(damage(), 1..6)) {
        let mut file = case.get(&GOOD).clone();
        damage.iter().for_each(|damage| damage.apply(&mut file));
        survives(&file)?;
    }
}

/// The cap on depth is a cap on files, and it is the last that may be reached.
#[test]
fn a_tree_may_be_as_deep_as_the_limit_says() {
    // A `Value` is built and dropped by recursion, whose frames are large unless optimised.
    let thread = std::thread::Builder::new().stack_size(64 << 20).spawn(as_deep_as_the_limit_says);
    thread.expect("a thread").join().expect("the test");
}

fn as_deep_as_the_limit_says() {
    let deep = |depth: u32| {
        let nest = |inner, _| Value::List(vec![inner]);
        StateDict::from_value((0..depth).fold(Value::None, nest))
    };
    let limit = Limits::default().format.depth;
    let written = save("model.pt", &deep(limit)).unwrap();
    assert_eq!(load("model.pt", &written).unwrap().leaves().count(), 1);
    let error = save("model.pt", &deep(limit + 1)).unwrap_err().to_string();
    assert!(error.contains("the limit `depth` of 1000 was reached"), "{error}");
}

/// Something that goes wrong with a file.
#[derive(Clone, Debug)]
enum Damage {
    Set(Index, u8),
    Flip(Index, u8),
    /// A number becomes very large or very small.
    Saturate(Index, bool),
    Remove(Index, usize),
    Repeat(Index, usize),
    Insert(Index, Vec<u8>),
    Cut(Index),
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        4 => (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Damage::Set(at, byte)),
        4 => (any::<Index>(), 0..8u8).prop_map(|(at, bit)| Damage::Flip(at, bit)),
        2 => (any::<Index>(), any::<bool>()).prop_map(|(at, high)| Damage::Saturate(at, high)),
        1 => (any::<Index>(), 1..40usize).prop_map(|(at, length)| Damage::Remove(at, length)),
        1 => (any::<Index>(), 1..40usize).prop_map(|(at, length)| Damage::Repeat(at, length)),
        1 => (any::<Index>(), vec(any::<u8>(), 1..10)).prop_map(|(at, bytes)| Damage::Insert(at, bytes)),
        1 => any::<Index>().prop_map(Damage::Cut),
    ]
}

impl Damage {
    fn apply(&self, file: &mut Vec<u8>) {
        if file.is_empty() {
            return;
        }
        let whole = file.len();
        let part = |at: &Index, length: usize| {
            let start = at.index(whole);
            start..whole.min(start + length)
        };
        match self {
            Self::Set(at, byte) => file[at.index(whole)] = *byte,
            Self::Flip(at, bit) => file[at.index(whole)] ^= 1 << bit,
            Self::Saturate(at, high) => {
                let part = part(at, 4);
                file[part].fill(if *high { 0xff } else { 0 });
            }
            Self::Remove(at, length) => drop(file.drain(part(at, *length))),
            Self::Repeat(at, length) => {
                let part = part(at, *length);
                let (end, again) = (part.end, file[part].to_vec());
                file.splice(end..end, again);
            }
            Self::Insert(at, bytes) => drop(file.splice(part(at, 0), bytes.iter().copied())),
            Self::Cut(at) => file.truncate(at.index(whole)),
        }
    }
}

/// Reads a file, and if that works walks and writes it. Whatever is wrong with
/// the file must be an error about the file: a trap, a cap of the sandbox or an
/// answer that cannot be true would be an error of strongroom.
fn survives(file: &[u8]) -> std::result::Result<(), TestCaseError> {
    let outcome = load("model.pt", file).and_then(|state| {
        state.leaves().for_each(|leaf| drop(leaf.item.repr()));
        save("again.pt", &state)
    });
    match outcome {
        Ok(_) | Err(Error::Format { .. } | Error::Checksum { .. } | Error::Irreproducible { .. }) => Ok(()),
        Err(error) => Err(TestCaseError::fail(error.to_string())),
    }
}

fn save(path: &str, state: &StateDict<'_>) -> Result<Vec<u8>> {
    let (store, path) = (Memory::default(), Path::new(path));
    save_with(&ENGINE, &store, path, state, &WriteOptions::for_path(path).unwrap())?;
    Ok(store.get(path).unwrap().to_vec())
}

fn load(path: &str, file: &[u8]) -> Result<StateDict<'static>> {
    let store = Memory::default();
    store.insert(path, file);
    File::open_in(&ENGINE, &store, Path::new(path))?.load()
}
