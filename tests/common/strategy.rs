//! Random state dicts.

use proptest::collection::vec;
use proptest::prelude::*;
use strongroom::{DType, StateDict, Storage, Tensor, Value};

/// What torch can save in a plain tensor.
const DTYPES: &[DType] = &[
    DType::Float64,
    DType::Float32,
    DType::Float16,
    DType::Bfloat16,
    DType::Float8E5m2,
    DType::Float8E4m3fn,
    DType::Complex128,
    DType::Complex64,
    DType::Complex32,
    DType::Int64,
    DType::Int32,
    DType::Int16,
    DType::Int8,
    DType::Uint64,
    DType::Uint32,
    DType::Uint16,
    DType::Uint8,
    DType::Boolean,
];

/// A value of a tree, tensors still to be made.
#[derive(Clone, Debug)]
enum Sketch {
    Plain(Plain),
    List(Vec<Sketch>),
    Tuple(Vec<Sketch>),
    Dict(Vec<(Key, Sketch)>),
    View(View),
}

#[derive(Clone, Debug)]
enum Plain {
    None,
    Bool(bool),
    Int(i64),
    Float(u64),
    Str(String),
    Bytes(Vec<u8>),
}

#[derive(Clone, Debug, PartialEq)]
enum Key {
    Str(String),
    Int(i64),
}

/// A tensor over one of a few storages: most have several tensors over them.
#[derive(Clone, Debug)]
struct View {
    storage: usize,
    offset: u64,
    /// Sizes and strides.
    dimensions: Vec<(u64, u64)>,
    parameter: bool,
    requires_grad: bool,
    meta: bool,
}

/// Any state dict that `torch.save` could be given: values of every kind,
/// nested, tensors that are views, tied, empty or on no device at all.
pub fn state() -> impl Strategy<Value = StateDict<'static>> {
    let storages = vec((any::<prop::sample::Index>(), any::<u8>()), 4);
    (storages, root()).prop_map(|(storages, root)| {
        let mut pool: Vec<(DType, u64)> = storages.iter().map(|(dtype, _)| (*dtype.get(DTYPES), 0)).collect();
        reserve(&root, &mut pool);
        let filled = pool.iter().zip(&storages).map(|(&(dtype, elements), (_, seed))| {
            let length = dtype.bytes(elements).unwrap();
            (dtype, Storage::new(noise(*seed, usize::try_from(length).unwrap())))
        });
        let filled: Vec<_> = filled.collect();
        StateDict::from_value(make(&root, &filled))
    })
}

/// A flat dict of contiguous tensors, none tied: what safetensors holds.
pub fn tensors() -> impl Strategy<Value = StateDict<'static>> {
    let tensor = (any::<prop::sample::Index>(), vec(0u64..4, 0..4), any::<u8>());
    let metadata = prop::collection::btree_map(".*", ".*", 0..3);
    (prop::collection::btree_map(".{0,12}", tensor, 0..8), metadata).prop_map(|(tensors, metadata)| {
        let mut state = StateDict::new();
        for (name, (dtype, shape, seed)) in tensors.into_iter().filter(|(name, _)| name != "__metadata__") {
            let safe: Vec<DType> = DTYPES.iter().copied().filter(|dtype| is_safe(*dtype)).collect();
            let dtype = *dtype.get(&safe);
            let length = dtype.bytes(shape.iter().product()).unwrap();
            let storage = Storage::new(noise(seed, usize::try_from(length).unwrap()));
            state.insert(&name, Tensor::new(storage, dtype, &shape).unwrap());
        }
        // An empty file with metadata is the one that safetensors writes wrongly.
        if !state.storages().is_empty() {
            state.set_metadata(metadata.into_iter().collect());
        }
        state
    })
}

fn is_safe(dtype: DType) -> bool {
    !matches!(dtype, DType::Complex128 | DType::Complex32)
}

/// Most often a dict, as state dicts are.
fn root() -> impl Strategy<Value = Sketch> {
    prop_oneof![4 => dict(sketch()), 1 => sketch()]
}

fn sketch() -> impl Strategy<Value = Sketch> {
    let leaf = prop_oneof![plain().prop_map(Sketch::Plain), view().prop_map(Sketch::View)];
    leaf.prop_recursive(4, 48, 6, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Sketch::List),
            vec(inner.clone(), 0..6).prop_map(Sketch::Tuple),
            dict(inner),
        ]
    })
}

fn dict(value: impl Strategy<Value = Sketch>) -> impl Strategy<Value = Sketch> {
    let key = prop_oneof![4 => "[a-z_.0-9]{0,6}".prop_map(Key::Str), 1 => any::<i64>().prop_map(Key::Int)];
    vec((key, value), 0..6).prop_map(|mut entries| {
        let keys: Vec<Key> = entries.iter().map(|(key, _)| key.clone()).collect();
        let mut index = 0;
        entries.retain(|(key, _)| {
            index += 1;
            !keys[..index - 1].contains(key)
        });
        Sketch::Dict(entries)
    })
}

fn plain() -> impl Strategy<Value = Plain> {
    prop_oneof![
        Just(Plain::None),
        any::<bool>().prop_map(Plain::Bool),
        any::<i64>().prop_map(Plain::Int),
        (-300i64..70_000).prop_map(Plain::Int),
        any::<u64>().prop_map(Plain::Float),
        ".{0,20}".prop_map(Plain::Str),
        // Where the length's field changes width.
        "[a-c]{254,258}".prop_map(Plain::Str),
        vec(any::<u8>(), 0..20).prop_map(Plain::Bytes),
    ]
}

fn view() -> impl Strategy<Value = View> {
    let dimensions = vec((0u64..4, 0u64..5), 0..4);
    let flags = (any::<bool>(), any::<bool>(), prop::bool::weighted(0.1));
    (0..4usize, 0u64..6, dimensions, flags).prop_map(
        |(storage, offset, dimensions, (parameter, requires_grad, meta))| View {
            storage,
            offset,
            dimensions,
            parameter,
            requires_grad,
            meta,
        },
    )
}

/// Makes room in each storage for all views of it.
fn reserve(sketch: &Sketch, pool: &mut [(DType, u64)]) {
    match sketch {
        Sketch::List(items) | Sketch::Tuple(items) => items.iter().for_each(|item| reserve(item, pool)),
        Sketch::Dict(entries) => entries.iter().for_each(|(_, value)| reserve(value, pool)),
        Sketch::View(View { storage, offset, dimensions, .. }) => {
            let last = dimensions.iter().map(|(size, stride)| size.saturating_sub(1) * stride).sum::<u64>();
            pool[*storage].1 = pool[*storage].1.max(offset + last + 1);
        }
        Sketch::Plain(_) => {}
    }
}

fn make(sketch: &Sketch, pool: &[(DType, Storage<'static>)]) -> Value<'static> {
    let all = |items: &[Sketch]| items.iter().map(|item| make(item, pool)).collect();
    match sketch {
        Sketch::Plain(Plain::None) => Value::None,
        Sketch::Plain(Plain::Bool(value)) => Value::Bool(*value),
        Sketch::Plain(Plain::Int(value)) => Value::Int(*value),
        Sketch::Plain(Plain::Float(bits)) => Value::Float(f64::from_bits(*bits)),
        Sketch::Plain(Plain::Str(value)) => Value::Str(value.clone()),
        Sketch::Plain(Plain::Bytes(value)) => Value::Bytes(value.clone()),
        Sketch::List(items) => Value::List(all(items)),
        Sketch::Tuple(items) => Value::Tuple(all(items)),
        Sketch::Dict(entries) => Value::Dict(
            entries
                .iter()
                .map(|(key, value)| {
                    let key = match key {
                        Key::Str(key) => Value::Str(key.clone()),
                        Key::Int(key) => Value::Int(*key),
                    };
                    (key, make(value, pool))
                })
                .collect(),
        ),
        Sketch::View(view) => {
            let tensor = tensor(view, &pool[view.storage]).with_requires_grad(view.requires_grad);
            if view.parameter { Value::Parameter(tensor) } else { Value::Tensor(tensor) }
        }
    }
}

fn tensor(view: &View, (dtype, storage): &(DType, Storage<'static>)) -> Tensor<'static> {
    let (shape, stride): (Vec<u64>, Vec<u64>) = view.dimensions.iter().copied().unzip();
    if view.meta {
        return Tensor::meta(*dtype, &shape);
    }
    Tensor::view(storage.clone(), *dtype, view.offset, &shape, &stride).unwrap()
}

fn noise(seed: u8, length: usize) -> Vec<u8> {
    (0..length).map(|index| (index as u8).wrapping_mul(37).wrapping_add(seed)).collect()
}
