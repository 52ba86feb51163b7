//! Which bytes a partial read reads, and that they end where they belong.

use strongroom::store::{Metered, Store};
use strongroom::{DType, StateDict, Storage, Template, Tensor, TensorTarget, Value};

use crate::setting::{PATH, reader, saved};

const MIB: usize = 1 << 20;

#[test]
fn only_the_payloads_asked_for_are_read() {
    let mut state = StateDict::new();
    for layer in 0..8u8 {
        let weight = Tensor::from_vec(vec![layer; MIB], &[MIB as u64]).unwrap();
        state.insert(&format!("layer{layer}"), Value::dict([("weight", weight)]));
    }
    let store = Metered::new(saved(&state));
    for verify in [true, false] {
        let mut buffer = vec![0u8; MIB];
        let template = Template::dict([
            ("layer3", Template::dict([("weight", target(&mut buffer, DType::Uint8, &[MIB as u64]))])),
            ("layer5", Template::Any),
        ]);
        assert_eq!(payload(&store, verify, template), 2 * MIB as u64);
        assert!(buffer.iter().all(|&byte| byte == 3));
    }
}

#[test]
fn a_view_is_read_alone_unless_it_is_verified() {
    let storage =
        Storage::new((0..u32::try_from(MIB).unwrap()).flat_map(u32::to_le_bytes).collect::<Vec<_>>());
    let mut state = StateDict::new();
    let view = |offset| Tensor::view(storage.clone(), DType::Int32, offset, &[1000], &[1]).unwrap();
    state.insert("first", view(5));
    state.insert("second", view(70_000));
    let store = Metered::new(saved(&state));
    for (verify, expected) in [(true, 4 * MIB as u64), (false, 8000)] {
        let (mut first, mut second) = (vec![0i32; 1000], vec![0i32; 1000]);
        let template = Template::dict([
            ("first", TensorTarget::from_slice(&mut first, &[1000]).unwrap()),
            ("second", TensorTarget::from_slice(&mut second, &[1000]).unwrap()),
        ]);
        assert_eq!(payload(&store, verify, template), expected);
        assert_eq!(first, (5..1005).collect::<Vec<_>>());
        assert_eq!(second, (70_000..71_000).collect::<Vec<_>>());
    }
}

#[test]
fn a_large_transposed_view_is_gathered() {
    let (rows, columns) = (1500usize, 2100usize);
    let numbers: Vec<f32> = (0..rows * columns).map(|number| number as f32).collect();
    let storage = Storage::new(bytemuck::cast_slice::<f32, u8>(&numbers).to_vec());
    let shape = [columns as u64, rows as u64 - 1];
    let transposed = Tensor::view(storage, DType::Float32, columns as u64, &shape, &[1, columns as u64]);
    let mut state = StateDict::new();
    state.insert("transposed", transposed.unwrap());
    let store = Metered::new(saved(&state));
    let whole = 4 * (rows * columns) as u64;
    for (verify, expected) in [(true, whole), (false, whole - 4 * columns as u64)] {
        let mut buffer = vec![0.0f32; columns * (rows - 1)];
        let target = TensorTarget::from_slice(&mut buffer, &shape).unwrap();
        assert_eq!(payload(&store, verify, Template::dict([("transposed", target)])), expected);
        for (index, &found) in buffer.iter().enumerate() {
            let (column, row) = (index / (rows - 1), index % (rows - 1) + 1);
            assert_eq!(found, numbers[row * columns + column], "at {column}, {row}");
        }
    }
}

#[test]
fn tied_tensors_are_read_once_and_stay_tied() {
    let tensor = Tensor::from_vec(vec![1i64; MIB], &[MIB as u64]).unwrap();
    let mut state = StateDict::new();
    state.insert("encoder", tensor.clone());
    state.insert("decoder", tensor);
    let store = Metered::new(saved(&state));
    let length = 8 * MIB as u64;

    let mut buffers = [vec![0i64; MIB], vec![0i64; MIB]];
    let [encoder, decoder] = &mut buffers;
    let target = |buffer| TensorTarget::from_slice(buffer, &[MIB as u64]).unwrap();
    let template = Template::dict([("encoder", target(encoder)), ("decoder", target(decoder))]);
    assert_eq!(payload(&store, true, template), length);
    assert!(buffers.iter().flatten().all(|&number| number == 1));

    let mut buffer = vec![0i64; MIB];
    let target = Template::from(TensorTarget::from_slice(&mut buffer, &[MIB as u64]).unwrap());
    let template = Template::dict([("encoder", Template::Any), ("decoder", target)]);
    assert_eq!(payload(&store, false, template), length);
    assert!(buffer.iter().all(|&number| number == 1));

    for verify in [true, false] {
        let before = store.meter().read();
        let mut template = Template::like(reader(store.clone(), verify).open_rank(PATH, 0).unwrap().state());
        let opened = store.meter().read() - before;
        reader(store.clone(), verify).read_into(PATH, &mut template, true).unwrap();
        assert_eq!(store.meter().read() - before - 2 * opened, length);
        let read = template.into_state_dict();
        let [encoder, decoder] = ["encoder", "decoder"].map(|key| read.tensor(key).unwrap());
        assert!(encoder.storage().unwrap().is(decoder.storage().unwrap()));
        assert_eq!(read.length(), length);
    }
}

#[test]
fn tensors_in_many_places_of_any_size() {
    let mut state = StateDict::new();
    let lengths = [0usize, 1, 3, 7, 4096, MIB / 4 - 1, MIB / 4, MIB / 4 + 1, 9 * MIB / 4 + 3];
    let number = |at: usize| at as f32;
    for (index, &length) in lengths.iter().enumerate() {
        let numbers: Vec<f32> = (index..index + length).map(number).collect();
        state.insert(&index.to_string(), Tensor::from_vec(numbers, &[length as u64]).unwrap());
    }
    let store = saved(&state);
    for verify in [true, false] {
        let mut buffers: Vec<Vec<f32>> = lengths.iter().map(|&length| vec![-1.0; length]).collect();
        let targets = buffers.iter_mut().enumerate().map(|(index, buffer)| {
            let shape = [buffer.len() as u64];
            (index.to_string(), TensorTarget::from_slice(buffer, &shape).unwrap())
        });
        let mut template = Template::dict(targets.collect::<Vec<_>>());
        reader(store.clone(), verify).read_into(PATH, &mut template, true).unwrap();
        drop(template);
        for (index, buffer) in buffers.iter().enumerate() {
            let expected = (index..index + buffer.len()).map(number);
            assert!(buffer.iter().copied().eq(expected), "tensor {index}, verify {verify}");
        }
    }
}

fn target<'b>(buffer: &'b mut [u8], dtype: DType, shape: &[u64]) -> Template<'b> {
    TensorTarget::from_bytes(buffer, dtype, shape).unwrap().into()
}

/// Bytes of payload that a partial read reads: all but what opening the file takes.
fn payload(store: &Metered<impl Store + Clone + 'static>, verify: bool, mut template: Template<'_>) -> u64 {
    let reader = reader(store.clone(), verify);
    let start = store.meter().read();
    reader.open_rank(PATH, 0).unwrap();
    let opened = store.meter().read() - start;
    reader.read_into(PATH, &mut template, true).unwrap();
    store.meter().read() - start - 2 * opened
}
