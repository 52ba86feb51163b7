use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use alloc::{format, vec};

use super::super::write::{ORDER, layout};
use super::{State, file, header, read, tensor, write};
use crate::model::{Construct, Global, Node, NodeId, Object, Quantizer, Storage};
use crate::model::{FileLayout as Layout, SafetensorsOptions, Slot, Source};
use crate::{DType, Error, QScheme};

fn plan(state: &State, root: NodeId) -> Result<Layout, Error> {
    layout(&SafetensorsOptions::default(), &state.nodes, &state.storages, root)
}

fn plan_tensors(state: &State, root: NodeId) -> Result<Layout, Error> {
    let options = SafetensorsOptions { tensors_only: true, ..SafetensorsOptions::default() };
    layout(&options, &state.nodes, &state.storages, root)
}

/// What does not fit, as `path: reason`.
fn unfit(result: Result<Layout, Error>) -> Vec<String> {
    match result {
        Err(Error::Unrepresentable(unfit)) => {
            unfit.iter().map(|u| format!("{}: {}", u.path, u.reason)).collect()
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_header_is_the_references_own() {
    // safetensors.torch.save of a tensor of each dtype, named by number in the
    // order of torch's list.
    let expected = concat!(
        r#"{"t17":{"dtype":"U64","shape":[3],"data_offsets":[0,24]},"#,
        r#""t13":{"dtype":"I64","shape":[3],"data_offsets":[24,48]},"#,
        r#""t00":{"dtype":"F64","shape":[3],"data_offsets":[48,72]},"#,
        r#""t10":{"dtype":"C64","shape":[3],"data_offsets":[72,96]},"#,
        r#""t01":{"dtype":"F32","shape":[3],"data_offsets":[96,108]},"#,
        r#""t18":{"dtype":"U32","shape":[3],"data_offsets":[108,120]},"#,
        r#""t14":{"dtype":"I32","shape":[3],"data_offsets":[120,132]},"#,
        r#""t03":{"dtype":"BF16","shape":[3],"data_offsets":[132,138]},"#,
        r#""t02":{"dtype":"F16","shape":[3],"data_offsets":[138,144]},"#,
        r#""t19":{"dtype":"U16","shape":[3],"data_offsets":[144,150]},"#,
        r#""t15":{"dtype":"I16","shape":[3],"data_offsets":[150,156]},"#,
        r#""t06":{"dtype":"F8_E5M2FNUZ","shape":[3],"data_offsets":[156,159]},"#,
        r#""t07":{"dtype":"F8_E4M3FNUZ","shape":[3],"data_offsets":[159,162]},"#,
        r#""t08":{"dtype":"F8_E8M0","shape":[3],"data_offsets":[162,165]},"#,
        r#""t05":{"dtype":"F8_E4M3","shape":[3],"data_offsets":[165,168]},"#,
        r#""t04":{"dtype":"F8_E5M2","shape":[3],"data_offsets":[168,171]},"#,
        r#""t16":{"dtype":"I8","shape":[3],"data_offsets":[171,174]},"#,
        r#""t20":{"dtype":"U8","shape":[3],"data_offsets":[174,177]},"#,
        r#""t09":{"dtype":"F4","shape":[6],"data_offsets":[177,180]},"#,
        r#""t21":{"dtype":"BOOL","shape":[3],"data_offsets":[180,183]}}"#,
    );
    let dtypes = [
        DType::Float64,
        DType::Float32,
        DType::Float16,
        DType::BFloat16,
        DType::Float8E5M2,
        DType::Float8E4M3FN,
        DType::Float8E5M2FNUZ,
        DType::Float8E4M3FNUZ,
        DType::Float8E8M0FNU,
        DType::Float4E2M1FNx2,
        DType::Complex64,
        DType::Complex128,
        DType::Complex32,
        DType::Int64,
        DType::Int32,
        DType::Int16,
        DType::Int8,
        DType::UInt64,
        DType::UInt32,
        DType::UInt16,
        DType::UInt8,
        DType::Bool,
    ];
    let mut state = State::default();
    let items: Vec<(String, NodeId)> = (0..)
        .zip(dtypes)
        .filter(|(_, dtype)| dtype.safetensors().is_some())
        .map(|(number, dtype)| (format!("t{number:02}"), state.vector(dtype, 3)))
        .collect();
    let items: Vec<_> = items.iter().map(|(name, node)| (name.as_str(), *node)).collect();
    let root = state.dict(&items);
    let layout = plan(&state, root).unwrap();
    assert_eq!(header(&layout).trim_end(), expected);
    assert!(!layout.seal);
}

#[test]
fn every_safetensors_dtype_has_a_place() {
    let named: Vec<DType> =
        DType::ALL.iter().copied().filter(|dtype| dtype.safetensors().is_some()).collect();
    assert_eq!(named.len(), ORDER.len());
    assert!(named.iter().all(|dtype| ORDER.contains(dtype)));
}

#[test]
fn names_and_metadata_are_escaped_like_the_references() {
    // safetensors.torch.save({"": zeros(1), 'é"\\/\n\x01\x7f😀\u2028': zeros(1)}, {'k"': 'v\t'})
    let expected = "{\"__metadata__\":{\"k\\\"\":\"v\\t\"},\"\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},\
        \"é\\\"\\\\/\\n\\u0001\x7f😀\u{2028}\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}   ";
    let mut state = State::default();
    let (a, b) = (state.vector(DType::Float32, 1), state.vector(DType::Float32, 1));
    let root = state.dict(&[("é\"\\/\n\x01\x7f😀\u{2028}", a), ("", b)]);
    let mut options =
        SafetensorsOptions { metadata: vec![("k\"".into(), "v\t".into())], tensors_only: false };
    let layout_of = |options: &SafetensorsOptions| layout(options, &state.nodes, &state.storages, root);
    assert_eq!(header(&layout_of(&options).unwrap()), expected);

    // Several keys: the reference follows its hash map, we the alphabet.
    options.metadata.insert(0, ("z".into(), String::new()));
    assert!(header(&layout_of(&options).unwrap()).starts_with(r#"{"__metadata__":{"k\"":"v\t","z":""},"#));
    options.metadata.push(("z".into(), "again".into()));
    assert_eq!(layout_of(&options).unwrap_err(), Error::misuse("a key of the metadata comes twice"));
}

#[test]
fn an_empty_state_dict_is_an_empty_file() {
    let mut state = State::default();
    let root = state.dict(&[]);
    let layout = plan(&state, root).unwrap();
    assert_eq!((header(&layout).as_str(), layout.length, layout.slots.len()), ("{}      ", 16, 0));
    // Another root would come back as a dict.
    for (node, what) in
        [(Node::List(Vec::new()), "an empty list"), (Node::Tuple(Vec::new()), "an empty tuple")]
    {
        let root = state.add(node);
        let reason = format!(": {what}: a safetensors file without tensors is an empty dict");
        assert_eq!(unfit(plan(&state, root)), [reason]);
    }
    // An empty list in it would not come back.
    let list = state.add(Node::List(Vec::new()));
    let root = state.dict(&[("nothing", list)]);
    assert_eq!(unfit(plan(&state, root)), ["nothing: a list: safetensors holds only tensors"]);
}

#[test]
fn a_file_that_is_read_is_written_again_byte_for_byte() {
    // safetensors.torch.save({"m": tensor(True), "n": arange(3), "e": zeros(0, 2), "a.f": …})
    let header = r#"{"__metadata__":{"format":"pt"},"n":{"dtype":"I64","shape":[3],"data_offsets":[0,24]},"e":{"dtype":"F32","shape":[0,2],"data_offsets":[24,24]},"a.f":{"dtype":"F4","shape":[1,2],"data_offsets":[24,25]},"m":{"dtype":"BOOL","shape":[],"data_offsets":[25,26]}}"#;
    let payload: Vec<u8> = (0..26).collect();
    let original = file(header, &payload);
    let checkpoint = read(&original).unwrap();
    let storages: Vec<Storage> = checkpoint
        .storages
        .iter()
        .map(|stored| Storage { length: stored.range.length, location: stored.location.clone() })
        .collect();
    let options = SafetensorsOptions { metadata: checkpoint.metadata.clone(), tensors_only: false };
    let layout = layout(&options, &checkpoint.nodes, &storages, checkpoint.root).unwrap();
    let written = write(&layout, |storage| {
        super::slice(&original, &checkpoint.storages[usize::try_from(storage).unwrap()].range).to_vec()
    });
    assert_eq!(written, original);
}

#[test]
fn nested_containers_become_names() {
    let mut state = State::default();
    let leaves: Vec<NodeId> = (0..4).map(|_| state.vector(DType::UInt8, 1)).collect();
    let parameter = state.add(Node::Parameter { tensor: leaves[1], requires_grad: true, state: None });
    let inner = state.dict(&[("w", leaves[0]), ("p", parameter)]);
    let (seven, yes) = (state.add(Node::Int(7)), state.add(Node::Bool(true)));
    let numbered =
        state.add(Node::OrderedDict { items: vec![(seven, leaves[2]), (yes, leaves[3])], attributes: None });
    let tuple = state.add(Node::Tuple(vec![inner, numbered]));
    let root = state.dict(&[("layers", tuple)]);
    let layout = plan(&state, root).unwrap();
    let header = header(&layout);
    for name in ["\"layers[0].p\"", "\"layers[0].w\"", "\"layers[1].7\"", "\"layers[1].True\""] {
        assert!(header.contains(name), "{name}: {header}");
    }
}

#[test]
fn slots_say_whole_storage_or_tensor() {
    let mut state = State::default();
    let (whole, matrix) = (state.storage(16), state.storage(24));
    let a = state.view(whole, DType::Float32, 0, &[2, 2], &[2, 1]);
    let transposed = state.view(matrix, DType::Float32, 0, &[3, 2], &[1, 3]);
    let empty = state.view(matrix, DType::Float32, 2, &[0], &[1]);
    let expanded = state.storage(4);
    let expanded = state.view(expanded, DType::Float32, 0, &[1000], &[0]);
    let root = state.dict(&[("a", a), ("b", transposed), ("c", empty), ("d", expanded)]);
    let layout = plan(&state, root).unwrap();
    let start = layout.segments[0].bytes.len() as u64;
    let view = |node: NodeId| match &state.nodes[usize::try_from(node).unwrap()] {
        Node::Tensor(tensor) => Source::Tensor((**tensor).clone()),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        layout.slots,
        [
            Slot { offset: start, length: 16, source: Source::Storage(whole) },
            Slot { offset: start + 16, length: 24, source: view(transposed) },
            Slot { offset: start + 40, length: 0, source: view(empty) },
            Slot { offset: start + 40, length: 4000, source: view(expanded) },
        ]
    );
    assert_eq!(layout.length, start + 4040);
}

#[test]
fn all_that_does_not_fit_is_listed() {
    let (state, root, mut expected) = misfits();
    let mut found = unfit(plan(&state, root));
    found.sort_unstable();
    expected.sort_unstable();
    assert_eq!(found, expected);

    // On request it is left out instead.
    let layout = plan_tensors(&state, root).unwrap();
    let mut left_out: Vec<String> =
        layout.left_out.iter().map(|u| format!("{}: {}", u.path, u.reason)).collect();
    left_out.sort_unstable();
    assert_eq!(left_out, expected);
    assert_eq!(header(&layout).trim_end(), r#"{"fits":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}"#);
}

fn misfits() -> (State, NodeId, Vec<String>) {
    let mut state = State::default();
    let mut items: Vec<(&str, NodeId, &str)> = Vec::new();
    let storage = state.storage(64);
    let view = |dtype| tensor(Some(storage), dtype, 0, &[2], &[1]);
    let conj = crate::model::Tensor { conj: true, ..view(DType::Complex64) };
    let neg = crate::model::Tensor { neg: true, ..view(DType::Float32) };
    let quantizer = Quantizer::PerTensor { scheme: QScheme::PerTensorAffine, scale: 0, zero_point: 0 };
    let scalar = tensor(Some(storage), DType::Float4E2M1FNx2, 0, &[], &[]);
    let six = tensor(Some(storage), DType::Float6E2M3, 0, &[2], &[1]);
    let class = state.add(Node::Global(Global { module: "my.module".into(), name: "Thing".into() }));
    let plain = state.vector(DType::UInt8, 1);
    let object = Object {
        construct: Construct::Call,
        callable: class,
        args: None,
        kwargs: None,
        items: Vec::new(),
        pairs: Vec::new(),
        state: None,
        effects: Vec::new(),
    };
    let nodes = [
        ("none", Node::None, "None: safetensors holds only tensors"),
        ("step", Node::Int(3), "an int: safetensors holds only tensors"),
        ("lr", Node::Float(0), "a float: safetensors holds only tensors"),
        (
            "conj",
            Node::Tensor(Box::new(conj)),
            "a conjugate view: `resolve_conj()` makes it a tensor of its own",
        ),
        ("neg", Node::Tensor(Box::new(neg)), "a negative view: `resolve_neg()` makes it a tensor of its own"),
        (
            "quant",
            Node::Quantized { tensor: Box::new(view(DType::QInt8)), quantizer: Box::new(quantizer) },
            "a quantized tensor: safetensors has no scales",
        ),
        (
            "sparse",
            Node::SparseCoo { indices: 0, values: 0, shape: vec![1], coalesced: None },
            "a sparse tensor: `to_dense()` makes it one that fits",
        ),
        (
            "meta",
            Node::Tensor(Box::new(tensor(None, DType::Float32, 0, &[2], &[1]))),
            "a meta tensor: it has no data",
        ),
        (
            "wide",
            Node::Tensor(Box::new(view(DType::Complex128))),
            "a tensor of complex128: safetensors has no such dtype",
        ),
        (
            "four",
            Node::Tensor(Box::new(scalar)),
            "a scalar of F4: safetensors counts its two halves in the last dimension",
        ),
        (
            "six",
            Node::Tensor(Box::new(six)),
            "a tensor of F6_E2M3: its elements do not fill whole bytes in order",
        ),
        (
            "sub",
            Node::Subclass { tensor: plain, class, state: plain },
            "a tensor of class `my.module.Thing`: safetensors holds only tensors",
        ),
        (
            "object",
            Node::Object(Box::new(object)),
            "an object of `my.module.Thing`, with all that is in it: safetensors holds only tensors",
        ),
        (
            "__metadata__",
            Node::Parameter { tensor: plain, requires_grad: true, state: None },
            "a tensor named `__metadata__`: the header's own",
        ),
    ];
    for (name, node, reason) in nodes {
        let node = state.add(node);
        items.push((name, node, reason));
    }
    let key = state.add(Node::Float(0));
    let odd = state.add(Node::Dict(vec![(key, plain)]));
    items.push(("odd", odd, "a value whose key is a float: safetensors needs a name"));
    // Its place has a name by what the key is.
    let place = |name: &str| if name == "odd" { "odd.0.0".into() } else { String::from(name) };
    let expected = items.iter().map(|(name, _, reason)| format!("{}: {reason}", place(name))).collect();
    let mut items: Vec<(&str, NodeId)> = items.iter().map(|&(name, node, _)| (name, node)).collect();
    items.push(("fits", plain));
    let root = state.dict(&items);
    (state, root, expected)
}

#[test]
fn a_subclass_in_name_only_is_a_tensor() {
    let mut state = State::default();
    let plain = state.vector(DType::UInt8, 1);
    let class =
        state.add(Node::Global(Global { module: "torch.nn.parameter".into(), name: "Parameter".into() }));
    let none = state.dict(&[]);
    let sub = state.add(Node::Subclass { tensor: plain, class, state: none });
    let root = state.dict(&[("sub", sub)]);
    assert_eq!(plan(&state, root).unwrap().slots.len(), 1);
}

#[test]
fn ties_are_refused_or_written_in_full() {
    let mut state = State::default();
    let (shared, apart) = (state.storage(64), state.storage(64));
    let vector =
        |state: &mut State, storage, offset, size| state.view(storage, DType::Float32, offset, &[size], &[1]);
    let whole = vector(&mut state, shared, 0, 16);
    let (left, middle, right) =
        (vector(&mut state, apart, 0, 4), vector(&mut state, apart, 4, 8), vector(&mut state, apart, 11, 2));
    let empty = vector(&mut state, shared, 4, 0);
    let root =
        state.dict(&[("b", right), ("w", whole), ("c", left), ("a", middle), ("w2", whole), ("e", empty)]);
    assert_eq!(
        unfit(plan(&state, root)),
        ["a: shares its storage with `b`", "w2: shares its storage with `w`"]
    );

    let layout = plan_tensors(&state, root).unwrap();
    assert_eq!((layout.slots.len(), layout.left_out.len()), (6, 0));
    let doubled = layout.slots.iter().filter(|slot| slot.source == Source::Storage(shared)).count();
    assert_eq!(doubled, 2);
}

#[test]
fn tensors_of_one_name_are_all_refused_or_all_left_out() {
    let mut state = State::default();
    let step = state.add(Node::Int(1));
    let [a, b, c, d] = [0; 4].map(|_| state.vector(DType::UInt8, 1));
    let inner = state.dict(&[("b", b), ("", c)]);
    let root = state.dict(&[("a.b", a), ("a", inner), ("d", d), ("step", step)]);
    let twice = [
        r#"["a.b"]: has the name `a.b`, as `["a"]["b"]` has"#,
        r#"["a"]["b"]: has the name `a.b`, as `["a.b"]` has"#,
        r#"["a"][""]: a tensor under an empty key, which no name shows: safetensors needs a name"#,
    ];
    let step = "step: an int: safetensors holds only tensors";
    assert_eq!(unfit(plan(&state, root)), [&twice[..], &[step]].concat());
    let layout = plan_tensors(&state, root).unwrap();
    assert_eq!(layout.left_out.len(), 4);
    assert_eq!(header(&layout).trim_end(), r#"{"d":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}"#);
}

#[test]
fn an_empty_key_at_the_root_is_never_taken_for_its_contents() {
    let mut state = State::default();
    let [t, u] = [0; 2].map(|_| state.vector(DType::UInt8, 1));
    let inner = state.dict(&[("a", u)]);
    let root = state.dict(&[("a", t), ("", inner)]);
    let empty = r#"[""]["a"]: a tensor under an empty key, which no name shows: safetensors needs a name"#;
    assert_eq!(unfit(plan(&state, root)), [empty]);
}

#[test]
fn tensors_in_keys_and_in_what_a_dict_has_beside_its_items_are_refused() {
    let mut state = State::default();
    let [t, u] = [0; 2].map(|_| state.vector(DType::UInt8, 1));
    let attributes = state.dict(&[("note", u)]);
    let key = state.text("a");
    let ordered = state.add(Node::OrderedDict { items: vec![(key, t)], attributes: Some(attributes) });
    let keyed = state.add(Node::Dict(vec![(t, u)]));
    let root = state.dict(&[("o", ordered), ("k", keyed)]);
    let expected = [
        "o@note: a tensor in an attribute: safetensors needs a name",
        "k{0}: a tensor in a key: safetensors needs a name",
        "k[#0]: a value whose key is a tensor: safetensors needs a name",
    ];
    assert_eq!(unfit(plan(&state, root)), expected);
}

#[test]
fn what_an_ordered_dict_has_beside_its_items_is_not_forgotten() {
    let mut state = State::default();
    let (key, tensor, one) = (state.text("a"), state.vector(DType::UInt8, 1), state.add(Node::Int(1)));
    let ordered = |state: &mut State, attributes| {
        state.add(Node::OrderedDict { items: vec![(key, tensor)], attributes: Some(attributes) })
    };
    let module = state.dict(&[("version", one)]);
    let modules = state.dict(&[("", module)]);
    let versions = state.dict(&[("_metadata", modules)]);
    let root = ordered(&mut state, versions);
    assert_eq!(plan(&state, root).unwrap().slots.len(), 1, "what a module writes is no loss");

    let text = state.text("important");
    let (noted, both) = (state.dict(&[("foo", text)]), state.dict(&[("_metadata", modules), ("foo", text)]));
    for attributes in [noted, both] {
        let root = ordered(&mut state, attributes);
        let expected = "@foo: a str in an attribute: safetensors needs a name";
        assert_eq!(unfit(plan(&state, root)), [expected]);
        let layout = plan_tensors(&state, root).unwrap();
        assert_eq!((layout.slots.len(), layout.left_out.len()), (1, 1));
    }
    let (more, text) = (state.dict(&[("version", one), ("step", one)]), state.dict(&[("_metadata", text)]));
    let (more, empty) = (state.dict(&[("", more)]), state.add(Node::List(Vec::new())));
    let (more, list) = (state.dict(&[("_metadata", more)]), state.dict(&[("l", empty)]));
    for (attributes, losses) in [(more, 2), (text, 1), (list, 1)] {
        let inner = ordered(&mut state, attributes);
        let root = state.dict(&[("o", inner)]);
        assert_eq!(unfit(plan(&state, root)).len(), losses);
        // The dict itself may have nothing else.
        let alone = state.add(Node::OrderedDict { items: Vec::new(), attributes: Some(attributes) });
        assert_eq!(unfit(plan(&state, alone)).len(), losses);
    }
}

#[test]
fn a_key_is_called_what_it_is() {
    let mut state = State::default();
    let (tensor, one) = (state.vector(DType::UInt8, 1), state.add(Node::Int(1)));
    let class = state.add(Node::Global(Global { module: "torch".into(), name: "Tensor".into() }));
    let noted = state.dict(&[("note", one)]);
    let keys = [
        (Node::Parameter { tensor, requires_grad: true, state: None }, "a parameter"),
        (Node::Subclass { tensor, class, state: noted }, "a tensor with attributes"),
    ];
    for (key, kind) in keys {
        let key = state.add(key);
        let root = state.add(Node::Dict(vec![(key, tensor)]));
        let refused = unfit(plan(&state, root));
        let said = |text: String| refused.iter().any(|refused| refused.contains(&text));
        assert!(said(format!("{{0}}: {kind} in a key")), "{refused:?}");
        assert!(said(format!("a value whose key is {kind}: ")), "{refused:?}");
    }
}

#[test]
fn objects_are_called_by_their_class() {
    let mut state = State::default();
    let mut global = |module: &str, name: &str| {
        state.add(Node::Global(Global { module: module.into(), name: name.into() }))
    };
    let (function, array) = (global("numpy._core.multiarray", "_reconstruct"), global("numpy", "ndarray"));
    let moved = global("torch._utils", "_rebuild_device_tensor_from_cpu_tensor");
    let (getattr, outer) = (global("builtins", "getattr"), global("m", "Outer"));
    let tensor = state.vector(DType::UInt8, 1);
    let dtype = state.add(Node::DType(DType::UInt8));
    let (name, none) = (state.text("Inner"), state.add(Node::None));
    let mut object = |callable, args: Vec<NodeId>| {
        let args = Some(state.add(Node::Tuple(args)));
        let (items, pairs, effects) = (Vec::new(), Vec::new(), Vec::new());
        let construct = Construct::Call;
        let object = Object { construct, callable, args, kwargs: None, items, pairs, state: None, effects };
        state.add(Node::Object(Box::new(object)))
    };
    let (array, moved) = (object(function, vec![array]), object(moved, vec![tensor, dtype, dtype, dtype]));
    // A class inside another, as protocol 2 has it.
    let inner = object(getattr, vec![outer, name]);
    let inside = object(inner, vec![]);
    let of_inner = state.add(Node::Subclass { tensor, class: inner, state: none });
    let root = state.dict(&[("a", array), ("i", inside), ("m", moved), ("t", of_inner)]);
    let expected = [
        "a: an object of `numpy.ndarray`, with all that is in it: safetensors holds only tensors",
        "i: an object of `m.Outer.Inner`, with all that is in it: safetensors holds only tensors",
        "m: a tensor of class `torch.Tensor`, which is made of others: safetensors holds only plain tensors",
        "t: a tensor of class `m.Outer.Inner`: safetensors holds only tensors",
    ];
    assert_eq!(unfit(plan(&state, root)), expected);
}

#[test]
fn a_header_that_nobody_could_read_is_refused_and_no_limit_is_blamed() {
    let mut state = State::default();
    let tensor = state.vector(DType::UInt8, 0);
    let long = "n".repeat(1 << 20);
    let names: Vec<String> = (0..100).map(|number| format!("{number}{long}")).collect();
    let items: Vec<(&str, NodeId)> = names.iter().map(|name| (name.as_str(), tensor)).collect();
    let root = state.dict(&items);
    let refused = unfit(plan(&state, root));
    assert!(refused[0].starts_with(": the names and shapes of 100 tensors take more than 100000000 bytes"));
    assert_eq!(refused.len(), 1);
}

#[test]
fn what_matters_most_is_said_first_and_attributes_are_not_forgotten() {
    let mut state = State::default();
    let global = |module: &str, name: &str| Node::Global(Global { module: module.into(), name: name.into() });
    let (step, plain) = (state.add(Node::Int(1)), state.vector(DType::UInt8, 1));
    let attributes = state.dict(&[("note", step), ("tags", step)]);
    let none = state.dict(&[]);
    let parameter = |tensor, at| Node::Parameter { tensor, requires_grad: true, state: Some(at) };
    let (noted, bare) = (state.add(parameter(plain, attributes)), state.add(parameter(plain, none)));
    let class = state.add(global("torch", "Tensor"));
    let tagged = state.dict(&[("tag", step)]);
    let tagged = state.add(Node::Subclass { tensor: plain, class, state: tagged });
    let (callable, thing) =
        (state.add(global("copyreg", "_reconstructor")), state.add(global("my.module", "Thing")));
    let args = state.add(Node::Tuple(vec![thing]));
    let (items, pairs) = (Vec::new(), Vec::new());
    let object = Object {
        construct: Construct::Call,
        callable,
        args: Some(args),
        kwargs: None,
        items,
        pairs,
        state: None,
        effects: Vec::new(),
    };
    let object = state.add(Node::Object(Box::new(object)));
    let root = state.dict(&[
        ("step", step),
        ("noted", noted),
        ("bare", bare),
        ("tagged", tagged),
        ("object", object),
    ]);
    let expected = [
        "object: an object of `my.module.Thing`, with all that is in it: safetensors holds only tensors",
        "noted: the tensor's attributes `note`, `tags`, not the tensor itself: safetensors holds only tensors",
        "tagged: the tensor's attribute `tag`, not the tensor itself: safetensors holds only tensors",
        "step: an int: safetensors holds only tensors",
    ];
    let said = |left_out: Vec<crate::Unfit>| -> Vec<String> {
        left_out.into_iter().map(|unfit| format!("{}: {}", unfit.path, unfit.reason)).collect()
    };
    let layout = plan_tensors(&state, root).unwrap();
    assert_eq!((layout.slots.len(), said(layout.left_out)), (3, expected.map(String::from).to_vec()));
    // They are values like any other: nothing is lost unasked.
    let refused = unfit(plan(&state, root));
    assert!(expected.iter().all(|reason| refused.iter().any(|found| found == reason)), "{refused:?}");
}

#[test]
fn a_file_of_nothing_is_not_made() {
    let mut state = State::default();
    let step = state.add(Node::Int(1));
    let (root, empty) = (state.dict(&[("step", step)]), state.dict(&[]));
    let nothing = ": no tensor is left: safetensors can hold none of what is here";
    assert_eq!(unfit(plan_tensors(&state, root)), [nothing, "step: an int: safetensors holds only tensors"]);
    assert_eq!(unfit(plan_tensors(&state, empty)), [nothing]);
    // All of it is there, and nobody asked to leave anything out.
    assert_eq!(plan(&state, empty).unwrap().slots, []);
}

#[test]
fn a_tensor_by_itself_has_no_name() {
    let mut state = State::default();
    let root = state.vector(DType::UInt8, 1);
    assert_eq!(unfit(plan(&state, root)), [": a tensor by itself: safetensors needs a name"]);
}

#[test]
fn a_tensor_outside_its_storage_is_the_callers_mistake() {
    let cases = [
        (0, 2, vec![16], vec![1]),
        (1, 0, vec![1], vec![1]),
        (0, 0, vec![2, 2], vec![1]),
        (0, u64::MAX, vec![2], vec![1]),
        (0, 0, vec![u64::MAX, u64::MAX], vec![0, 0]),
    ];
    for (storage, offset, shape, stride) in cases {
        let mut state = State::default();
        state.storage(64);
        let view = state.view(storage, DType::Float32, offset, &shape, &stride);
        let root = state.dict(&[("t", view)]);
        assert!(matches!(plan(&state, root), Err(Error::Misuse(_))), "{shape:?}");
    }
    assert_eq!(plan(&State::default(), 0).unwrap_err(), Error::misuse("there is no node 0"));
}
