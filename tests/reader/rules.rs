//! What a template's value becomes of what is there, case for case.

use strongroom::{DType, Error, StateDict, Template, Tensor, TensorTarget, Value};

use crate::setting::{PATH, reader, saved};

#[test]
fn nested_dicts_and_lists_are_filled_by_their_keys() {
    let (template, missing) = read(
        Template::dict([
            ("lr", Template::Float(0.5)),
            ("groups", Template::list([Template::dict([("name", "x")]), Template::Any])),
            ("state", Template::dict([(0, Template::dict([("step", Template::Any)]))])),
        ]),
        Value::dict([
            ("lr", Value::Float(0.1)),
            ("momentum", Value::Float(0.9)),
            ("groups", Value::list([Value::dict([("name", "bias")]), Value::dict([("name", "weight")])])),
            ("state", Value::Dict(vec![(Value::Int(0), Value::dict([("step", 3)]))])),
        ]),
    )
    .unwrap();
    assert_eq!(missing, [""; 0]);
    let read = template.into_state_dict();
    assert_eq!(read.get("lr").unwrap().as_f64(), Some(0.1));
    assert!(read.get("momentum").is_none(), "a key that was not asked for");
    assert_eq!(read.get("groups[0].name").unwrap().as_str(), Some("bias"));
    assert_eq!(read.get("groups[1].name").unwrap().as_str(), Some("weight"));
    assert_eq!(read.get("state.0.step").unwrap().as_i64(), Some(3));
}

#[test]
fn missing_keys_are_named_by_their_paths_and_keep_their_values() {
    let (template, missing) = read(
        Template::dict([
            ("a", Template::dict([("b", Template::list([Template::dict([("c", 1), ("d", 2)])]))])),
            ("e", Template::Str("kept".into())),
        ]),
        Value::dict([("a", Value::dict([("b", Value::list([Value::dict([("c", 7)])]))]))]),
    )
    .unwrap();
    assert_eq!(missing, ["a.b[0].d", "e"]);
    let read = template.into_state_dict();
    assert_eq!(read.get("a.b[0].c").unwrap().as_i64(), Some(7));
    assert_eq!(read.get("a.b[0].d").unwrap().as_i64(), Some(2));
    assert_eq!(read.get("e").unwrap().as_str(), Some("kept"));
}

#[test]
fn missing_keys_under_a_list_and_under_a_number() {
    let (_, missing) = read(
        Template::list([Template::Any, Template::dict([("z", 1)])]),
        Value::list([Value::None, Value::dict([("y", 1)])]),
    )
    .unwrap();
    assert_eq!(missing, ["[1].z"]);
    let (_, missing) = read(Template::dict([(5, 1)]), Value::Dict(vec![("5".into(), 1.into())])).unwrap();
    assert_eq!(missing, ["5"], "the text 5 is not the number");
}

#[test]
fn kinds_that_do_not_go_together_are_named_with_their_key() {
    let tensor = || Value::from(Tensor::from_vec(vec![0.0f32; 6], &[2, 3]).unwrap());
    let target = |dtype, shape: &[u64]| Template::from(TensorTarget::new(dtype, shape));
    let cases: Vec<(Template<'static>, Value<'static>, &str)> = vec![
        (Template::Int(1), Value::Float(2.5), "expected int, found float 2.5"),
        (Template::Float(1.0), Value::Int(2), "expected float, found int 2"),
        (Template::Int(1), Value::Bool(true), "expected int, found bool True"),
        (Template::Int(1), Value::None, "expected int, found NoneType"),
        (Template::Str("x".into()), Value::Bytes(b"x".to_vec()), "expected str, found bytes b'x'"),
        (Template::Bytes(vec![]), "x".into(), "expected bytes, found str 'x'"),
        (Template::list([1]), Value::dict([("a", 1)]), "expected list, found dict"),
        (Template::list([1]), Value::Tuple(vec![1.into()]), "expected list, found tuple"),
        (Template::dict([("a", 1)]), Value::list([1]), "expected dict, found list"),
        (Template::Int(1), tensor(), "expected int, found a float32 tensor of shape [2, 3]"),
        (target(DType::Float32, &[2, 3]), 1.into(), "expected a float32 tensor of shape [2, 3], found int 1"),
        (
            target(DType::Float32, &[3, 2]),
            tensor(),
            "expected a float32 tensor of shape [3, 2], found a float32 tensor of shape [2, 3]",
        ),
        (
            target(DType::Bfloat16, &[2, 3]),
            tensor(),
            "expected a bfloat16 tensor of shape [2, 3], found a float32 tensor of shape [2, 3]",
        ),
        (
            target(DType::Float32, &[2]),
            Tensor::meta(DType::Float32, &[2]).into(),
            "expected a float32 tensor of shape [2] with data, found one without data, saved from the device meta",
        ),
    ];
    for (template, value, says) in cases {
        let error = read(Template::dict([("a", Template::list([template]))]), at_a(value)).unwrap_err();
        assert!(matches!(&error, Error::Mismatch { key, .. } if key == "a[0]"), "{error:?}");
        assert_eq!(error.to_string(), format!("{PATH}/checkpoint_0.pt: a[0]: {says}"));
    }
}

#[test]
fn kinds_that_do_go_together() {
    // Python's `True` is an int.
    let (template, _) = read(Template::Bool(true), 7.into()).unwrap();
    assert!(matches!(template, Template::Int(7)));
    let (template, _) = read(Template::ordered_dict([("a", 1)]), Value::dict([("a", 2)])).unwrap();
    assert_eq!(template.get("a").map(|value| format!("{value:?}")), Some("Int(2)".into()));
    assert_eq!(template.into_state_dict().root().kind(), "OrderedDict");
    // A `None` is taken by `Any` alone, which it leaves as it is.
    let (template, _) = read(Template::Any, Value::None).unwrap();
    assert!(matches!(template, Template::Any));
}

#[test]
fn lists_become_as_long_as_what_is_there() {
    let (template, _) = read(Template::list([1]), Value::list([7, 8, 9])).unwrap();
    let read_list = template.into_state_dict();
    let numbers: Vec<_> =
        read_list.root().items().unwrap().iter().map(|item| item.as_i64().unwrap()).collect();
    assert_eq!(numbers, [7, 8, 9]);

    let (template, _) = read(Template::list([Template::Any, Template::Any]), Value::list([7])).unwrap();
    assert_eq!(template.into_state_dict().root().items().unwrap().len(), 2);

    let error = read(Template::list([1, 2]), Value::list([7])).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("{PATH}/checkpoint_0.pt: [1]: expected int, found the end of a list of 1")
    );
}

#[test]
fn what_was_read_is_a_template_for_the_next_read() {
    let tensor = |first| Tensor::from_vec(vec![first, 2.0f32], &[2]).unwrap();
    let state = |first, text: &str| {
        StateDict::from_value(Value::dict([
            ("pair", Value::Tuple(vec![text.into(), tensor(first).into()])),
            ("weight", tensor(first).into()),
        ]))
    };
    let mut template = Template::dict([("pair", Template::Any), ("weight", Template::Any)]);
    for (first, text) in [(1.0, "one"), (3.0, "three")] {
        reader(saved(&state(first, text)), true).read_into(PATH, &mut template, true).unwrap();
        let Some(Template::Value(pair)) = template.get("pair") else { panic!("{template:?}") };
        let pair = pair.to_state_dict();
        assert_eq!(pair.get("[0]").unwrap().as_str(), Some(text));
        assert_eq!(pair.tensor("[1]").unwrap().as_slice::<f32>().unwrap(), [first, 2.0]);
        assert_eq!(pair.length(), 8, "no other tensor is in it");
        assert_eq!(template.tensor("weight").unwrap().as_slice::<f32>().unwrap(), [first, 2.0]);
    }
    let other = StateDict::from_value(Value::dict([
        ("pair", Value::Tuple(vec![])),
        ("weight", Tensor::from_vec(vec![0u8; 2], &[2]).unwrap().into()),
    ]));
    let error = reader(saved(&other), true).read_into(PATH, &mut template, true).unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("weight: expected a float32 tensor of shape [2], found a uint8 tensor of shape [2]"),
        "{error}"
    );
}

#[test]
fn nothing_changes_unless_all_is_as_asked_for() {
    let tensor = Tensor::from_vec(vec![1.0f32, 2.0], &[2]).unwrap();
    let state =
        StateDict::from_value(Value::dict([("a", Value::from(tensor)), ("b", 1.into()), ("c", 2.into())]));
    let store = saved(&state);
    let mut buffer = [9.0f32; 2];
    for (last, strict) in [(("c", Template::Str("text".into())), false), (("d", Template::Any), true)] {
        let mut template = Template::dict([
            ("a", Template::from(TensorTarget::from_slice(&mut buffer, &[2]).unwrap())),
            ("b", Template::Int(0)),
            last,
        ]);
        let error = reader(store.clone(), true).read_into(PATH, &mut template, strict).unwrap_err();
        match error {
            Error::MissingKeys { keys, .. } => assert_eq!((keys, strict), (vec!["d".to_owned()], true)),
            error => assert!(matches!(error, Error::Mismatch { .. }) && !strict, "{error}"),
        }
        assert!(matches!(template.get("b"), Some(Template::Int(0))));
        assert_eq!(template.tensor("a").unwrap().as_slice::<f32>().unwrap(), [9.0; 2]);
    }
}

#[test]
fn all_missing_keys_are_named_at_once() {
    let state = StateDict::from_value(Value::dict([("a", 1)]));
    let mut template = Template::dict([("b", 1), ("a", 1), ("c", 1)]);
    let error = reader(saved(&state), true).read_into(PATH, &mut template, true).unwrap_err();
    assert_eq!(error.to_string(), format!("{PATH}/checkpoint_0.pt: keys are missing: b, c"));
}

fn at_a(value: Value<'_>) -> Value<'_> {
    Value::dict([("a", Value::list([value]))])
}

/// Reads `value`, saved, into a template.
fn read<'b>(mut template: Template<'b>, value: Value<'_>) -> strongroom::Result<(Template<'b>, Vec<String>)> {
    let store = saved(&StateDict::from_value(value));
    let missing = reader(store, true).read_into(PATH, &mut template, false)?;
    Ok((template, missing))
}
