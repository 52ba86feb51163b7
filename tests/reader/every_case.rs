//! Each file that real PyTorch or safetensors wrote, as the file of a rank: what is
//! read of it in part is what is read of it whole.

use strongroom::{
    CheckpointReaderConfig, DType, DictKind, DictTarget, Item, Key, RankInfo, StateDict, Template, Tensor,
    TensorTarget,
};

use crate::common::cases::{self, Failures};
use crate::common::same::same;
use crate::setting::{PATH, reader_of, uncommitted};

#[test]
fn anything_is_all_that_is_there() {
    each_case(|reader, whole| {
        let mut template = Template::Any;
        assert_eq!(reader.read_into(PATH, &mut template, true).map_err(|error| error.to_string())?, [""; 0]);
        same(whole, &template.into_state_dict())
    });
}

#[test]
fn a_template_like_the_whole_becomes_the_whole() {
    each_case(|reader, whole| {
        // Without payloads: they must come from the read.
        let file = reader.open_rank(PATH, 0).unwrap();
        let mut template = Template::like(file.state());
        let missing = reader.read_into(PATH, &mut template, true).map_err(|error| error.to_string())?;
        assert_eq!(missing, [""; 0]);
        let read = template.into_state_dict();
        let (mut theirs, mut ours) = (whole.leaves(), read.leaves());
        loop {
            match (theirs.next(), ours.next()) {
                (None, None) => return Ok(()),
                (Some(a), Some(b)) if a.path == b.path => {
                    equal(&a.item, &b.item).map_err(|what| format!("{}: {what}", a.path))?;
                }
                (a, b) => {
                    let path = |leaf: Option<strongroom::Leaf<'_, '_>>| leaf.map(|leaf| leaf.path);
                    return Err(format!("{:?} became {:?}", path(a), path(b)));
                }
            }
        }
    });
}

#[test]
fn buffers_of_the_callers_own_get_the_values() {
    each_case(|reader, whole| {
        let tensors: Vec<Tensor<'_>> = asked_for(whole.root(), DEEP);
        let mut buffers: Vec<Vec<u8>> =
            tensors.iter().map(|tensor| vec![0xa5; usize::try_from(tensor.length()).unwrap()]).collect();
        let mut free = buffers.iter_mut();
        let mut template = with_buffers(whole.root(), DEEP, &mut free);
        let missing = reader.read_into(PATH, &mut template, true).map_err(|error| error.to_string())?;
        assert_eq!(missing, [""; 0]);
        drop(template);
        for (index, (tensor, buffer)) in tensors.iter().zip(&buffers).enumerate() {
            if values(tensor) != *buffer {
                return Err(format!("tensor {index}, {tensor:?}, has other values"));
            }
        }
        Ok(())
    });
}

/// With each good case as the one rank's file, verifying and not.
fn each_case(check: impl Fn(&strongroom::CheckpointReader, &StateDict<'_>) -> Result<(), String>) {
    let mut failures = Failures::default();
    for case in cases::good() {
        let whole = strongroom::load(&case.file).unwrap();
        for verify in [true, false] {
            let config = CheckpointReaderConfig { uncommitted: true, verify };
            let reader = reader_of(uncommitted([(0, &*case.bytes())]), config, RankInfo::single());
            if let Err(what) = check(&reader, &whole) {
                failures.add(&case.name, format!("verify {verify}: {what}"));
            }
        }
    }
    failures.check();
}

fn equal(a: &Item<'_, '_>, b: &Item<'_, '_>) -> Result<(), String> {
    let differ = |what: &str| Err(format!("another {what}: {} and {}", a.repr(), b.repr()));
    if a.kind() != b.kind() {
        return differ("type");
    }
    if a.as_f64().map(f64::to_bits) != b.as_f64().map(f64::to_bits) || a.as_bytes() != b.as_bytes() {
        return differ("value");
    }
    let facts = |tensor: Tensor<'_>| (tensor.dtype(), tensor.shape().to_vec(), tensor.requires_grad());
    match (a.as_tensor(), b.as_tensor()) {
        (Some(ours), Some(theirs)) => {
            if facts(ours.clone()) != facts(theirs.clone()) || values(&ours) != values(&theirs) {
                return differ("tensor");
            }
            Ok(())
        }
        (None, None) if a.repr() == b.repr() || a.as_f64().is_some() => Ok(()),
        _ => differ("value"),
    }
}

/// The tensors that [`with_buffers`] gives a buffer, in its order.
fn asked_for<'a>(item: Item<'_, 'a>, deep: usize) -> Vec<Tensor<'a>> {
    let mut tensors = Vec::new();
    if let Some(tensor) = buffered(&item) {
        tensors.push(tensor);
    } else if deep == 0 {
        // A list may be in itself.
    } else if item.kind() == "list" {
        tensors.extend(item.items().unwrap().iter().take(LONGEST).flat_map(|item| asked_for(item, deep - 1)));
    } else if let Some(entries) = keyed(&item) {
        tensors.extend(entries.into_iter().flat_map(|(_, value)| asked_for(value, deep - 1)));
    }
    tensors
}

/// A template of all dicts, lists and tensors, each tensor with a buffer.
fn with_buffers<'b>(
    item: Item<'_, '_>,
    deep: usize,
    free: &mut impl Iterator<Item = &'b mut Vec<u8>>,
) -> Template<'b> {
    if let Some(tensor) = buffered(&item) {
        let buffer = free.next().unwrap();
        return TensorTarget::from_bytes(buffer, tensor.dtype(), tensor.shape()).unwrap().into();
    }
    if deep == 0 {
        return Template::Any;
    }
    if item.kind() == "list" {
        let items = item.items().unwrap();
        return Template::list(items.iter().take(LONGEST).map(|item| with_buffers(item, deep - 1, free)));
    }
    match keyed(&item) {
        Some(entries) => {
            let entries = entries.into_iter().map(|(key, value)| (key, with_buffers(value, deep - 1, free)));
            let kind = match item.kind().as_str() {
                "dict" => DictKind::Dict,
                "OrderedDict" => DictKind::OrderedDict,
                _ => DictKind::Counter,
            };
            DictTarget::new(kind, entries.collect::<Vec<_>>()).into()
        }
        None => Template::Any,
    }
}

/// Containers in each other that are asked for by what is in them.
const DEEP: usize = 7;

/// Items of a list that are asked for one by one.
const LONGEST: usize = 100;

fn buffered<'a>(item: &Item<'_, 'a>) -> Option<Tensor<'a>> {
    item.as_tensor().filter(|tensor| tensor.storage().is_some())
}

/// The items of a dict with keys that templates have.
fn keyed<'s, 'a>(item: &Item<'s, 'a>) -> Option<Vec<(Key, Item<'s, 'a>)>> {
    let entries = item.entries()?.iter().filter_map(|(key, value)| {
        let number = || key.as_i64().map(Key::Int);
        Some((key.as_str().map(Key::from).or_else(number)?, value))
    });
    Some(entries.collect())
}

/// The values of a tensor in memory, conjugate and negative views resolved.
fn values(tensor: &Tensor<'_>) -> Vec<u8> {
    if tensor.storage().is_none() {
        return Vec::new();
    }
    let mut bytes = tensor.bytes().unwrap().into_owned();
    if tensor.is_lazy_view() {
        let shown = format!("{tensor:?}");
        let (conj, neg) = (shown.contains("conj: true"), shown.contains("neg: true"));
        assert!(conj || neg, "{shown}");
        let sign = |negative: bool| if negative { -1.0 } else { 1.0 };
        match tensor.dtype() {
            DType::Complex64 => {
                for pair in bytes.chunks_exact_mut(8) {
                    scale(&mut pair[..4], sign(neg));
                    scale(&mut pair[4..], sign(neg != conj));
                }
            }
            DType::Float32 => {
                for element in bytes.chunks_exact_mut(4) {
                    scale(element, sign(neg));
                }
            }
            dtype => panic!("no case has a lazy view of {dtype}"),
        }
    }
    bytes
}

fn scale(float: &mut [u8], factor: f32) {
    let value = f32::from_le_bytes((&*float).try_into().unwrap());
    float.copy_from_slice(&(value * factor).to_le_bytes());
}
