//! Damaged payloads, and disks that die in the middle of a read.

use strongroom::store::{Memory, Store};
use strongroom::{CheckpointReaderConfig, Error, RankInfo, StateDict, Template, Tensor, TensorTarget, Value};

use crate::common::unreadable::Unreadable;
use crate::setting::{PATH, reader, reader_of, saved};

#[test]
fn a_damaged_payload_is_an_error_if_it_is_asked_for() {
    let store = damaged("weight");
    for template in [weight(), Template::dict([("weight", Template::Any)]), Template::Any] {
        let mut template = template;
        let error = reader(store.clone(), true).read_into(PATH, &mut template, false).unwrap_err();
        assert!(
            matches!(&error, Error::Checksum { path, part, tensors, length: 4000, .. }
                if path.ends_with("checkpoint_0.pt") && part.ends_with("data/0") && *tensors == ["weight"]),
            "{error:?}"
        );
        assert!(reader(store.clone(), false).read_into(PATH, &mut template, false).is_ok());
    }
    assert!(matches!(reader(store.clone(), true).read(PATH), Err(Error::Checksum { .. })));
    assert!(reader(store.clone(), false).read(PATH).is_ok());

    let mut other = Template::dict([("other", Template::Any), ("step", Template::Int(0))]);
    reader(store, true).read_into(PATH, &mut other, true).unwrap();
    assert!(matches!(other.get("step"), Some(Template::Int(7))));
}

#[test]
fn a_part_of_a_damaged_storage_is_an_error_too() {
    let numbers = Tensor::from_vec((0..1000).collect::<Vec<i32>>(), &[1000]).unwrap();
    let storage = numbers.storage().unwrap().clone();
    let part = |offset| Tensor::view(storage.clone(), numbers.dtype(), offset, &[10], &[1]).unwrap();
    let mut state = StateDict::new();
    state.insert("start", part(0));
    state.insert("end", part(990));
    let store = saved(&state);
    flip(&store, &5i32.to_le_bytes().iter().chain(&6i32.to_le_bytes()).copied().collect::<Vec<_>>());
    // The damage is in `start`: whoever verifies `end` learns of it all the same.
    for (verify, good) in [(true, false), (false, true)] {
        let mut end = [0i32; 10];
        let target = TensorTarget::from_slice(&mut end, &[10]).unwrap();
        let mut template = Template::dict([("end", target)]);
        assert_eq!(reader(store.clone(), verify).read_into(PATH, &mut template, true).is_ok(), good);
    }
}

#[test]
fn a_payload_that_cannot_be_read_changes_nothing_but_buffers() {
    let state = state();
    let store = saved(&state);
    let config = CheckpointReaderConfig::default();
    let mut failures = 0;
    for reads in 0.. {
        let dying = Unreadable::after(reads, store.clone());
        let reader = reader_of(dying, config, RankInfo::single());
        let mut buffer = [0.0f32; 1000];
        let target = TensorTarget::from_slice(&mut buffer, &[1000]).unwrap();
        let mut template = Template::dict([
            ("weight", Template::from(target)),
            ("other", Template::Any),
            ("step", Template::Int(0)),
        ]);
        match reader.read_into(PATH, &mut template, true) {
            Ok(_) => {
                assert!(matches!(template.get("step"), Some(Template::Int(7))));
                drop(template);
                assert_eq!(buffer, [1.0; 1000]);
                break;
            }
            Err(error) => {
                assert!(error.to_string().ends_with("the disk is dying"), "{error}");
                assert!(matches!(template.get("step"), Some(Template::Int(0))));
                assert!(matches!(template.get("other"), Some(Template::Any)));
                failures += 1;
            }
        }
    }
    // The record, the zip's directory, the pickle, and two payloads.
    assert!(failures >= 5, "only {failures} reads failed");
}

fn state() -> StateDict<'static> {
    StateDict::from_value(Value::dict([
        ("weight", Value::from(Tensor::from_vec(vec![1.0f32; 1000], &[1000]).unwrap())),
        ("other", Tensor::from_vec(vec![2u8; 10], &[10]).unwrap().into()),
        ("step", 7.into()),
    ]))
}

fn weight() -> Template<'static> {
    Template::dict([("weight", TensorTarget::new(strongroom::DType::Float32, &[1000]))])
}

/// A checkpoint with a flipped bit in the payload of `key`.
fn damaged(key: &str) -> Memory {
    let state = state();
    let store = saved(&state);
    let tensor = state.tensor(key).unwrap();
    flip(&store, &tensor.bytes().unwrap()[..40]);
    store
}

/// Flips a bit of the first place of a rank's file that has these bytes.
fn flip(store: &Memory, bytes: &[u8]) {
    let path = format!("{PATH}/checkpoint_0.pt");
    let mut file = store.get(&path).unwrap().to_vec();
    let at = file.windows(bytes.len()).position(|window| window == bytes).unwrap();
    file[at] ^= 1;
    assert!(store.exists(path.as_ref()).unwrap());
    store.insert(path, file);
}
