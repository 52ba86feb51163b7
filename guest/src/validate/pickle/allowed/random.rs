//! Generators of random numbers. numpy takes any position, and reads there at the next draw.
//! Sources: the state setters in `_mt19937.pyx`, `_philox.pyx`, `_pcg64.pyx`, `_sfc64.pyx` and
//! `mtrand.pyx` of numpy 1.26 and 2.4, and `random_setstate` of CPython.

use super::numpy::{LIES, is_array};
use super::row::{Finished, Flaw, Row, expect};
use super::{Entry, Means, entry};
use crate::pickle::{Object, Value};
use crate::validate::examine::{Part, Scope};
use crate::validate::pickle::Objects;
use crate::validate::pickle::cost::Work;

pub(super) static TABLE: &[Entry] = &[
    entry(&["random"], &["Random"], Means::Object(Row::call(Work::Generator, python))),
    entry(PICKLE, &["__bit_generator_ctor"], Means::Object(Row::call(Work::Generator, bit_generator))),
    entry(
        PICKLE,
        &["__generator_ctor", "__randomstate_ctor"],
        Means::Object(Row::call(Work::Generator, generator)),
    ),
    entry(SEED, &["__pyx_unpickle_SeedSequence"], Means::Object(Row::call(Work::Generator, seed))),
    entry(SEED, &["SeedSequence"], Means::Class),
    entry(&["numpy.random._mt19937"], &["MT19937"], Means::Class),
    entry(&["numpy.random._pcg64"], &["PCG64", "PCG64DXSM"], Means::Class),
    entry(&["numpy.random._philox"], &["Philox"], Means::Class),
    entry(&["numpy.random._sfc64"], &["SFC64"], Means::Class),
];

const PICKLE: &[&str] = &["numpy.random._pickle"];
const SEED: &[&str] = &["numpy.random.bit_generator"];

/// `Random()` with the state `(3, 624 numbers and a position, None or a number)`.
fn python(it: Finished<'_>) -> Result<(), Flaw> {
    expect(it.args.is_empty(), "it is made of nothing")?;
    it.has_no_items()?;
    let fits = match it.state_tuple()? {
        &[Value::Int(3), numbers, Value::None | Value::Float(_)] => {
            match it.objects.tuple(numbers).unwrap_or_default() {
                &[ref numbers @ .., Value::Int(position)] => {
                    numbers.len() == TWISTER
                        && numbers.iter().all(|number| is_number(*number))
                        && is_position(position)
                }
                _ => false,
            }
        }
        _ => false,
    };
    expect(fits, "its state is that of a Mersenne Twister")
}

/// `__bit_generator_ctor(class)`, in older versions its name; and the state, or the state and
/// a seed sequence.
fn bit_generator(it: Finished<'_>) -> Result<(), Flaw> {
    let &[class] = it.args else { return Err(Flaw::odd("it is made of a class")) };
    let name = it.objects.text(class).or_else(|| it.objects.global(class).map(|class| class.name.as_str()));
    let Some(state) = it.instance.state else { return Err(Flaw::odd("it takes a state")) };
    let state = match it.objects.tuple(state) {
        // One that was seeded in the old way has no sequence.
        Some(&[state, seed])
            if seed == Value::None || is_called(it.objects, seed, "__pyx_unpickle_SeedSequence") =>
        {
            state
        }
        Some(_) => return Err(Flaw::odd("its state is a dict and a seed sequence")),
        None => state,
    };
    it.has_no_items()?;
    match name {
        Some(name) if is_state(it.objects, state, name) => Ok(()),
        _ => Err(lies("its state is not one of its kind")),
    }
}

/// `__generator_ctor(bit generator)`, in older versions the name of one and a function; and the
/// state of that, with a legacy normal number beside it.
fn generator(it: Finished<'_>) -> Result<(), Flaw> {
    it.has_no_items()?;
    let is_maker = |value| it.objects.global(value).is_some_and(|it| it.name == "__bit_generator_ctor");
    let named = match it.args {
        [inner] if is_called(it.objects, *inner, "__bit_generator_ctor") => None,
        [name] => Some(*name),
        [name, maker] if is_maker(*maker) => Some(*name),
        _ => return Err(Flaw::odd("it is made of a bit generator")),
    };
    let Some(state) = it.instance.state.filter(|state| *state != Value::None) else {
        return expect(named.is_none(), "it takes a state");
    };
    let inner = named.is_none().then(|| it.objects.item(state, "bit_generator")).flatten();
    match named.or(inner).and_then(|name| it.objects.text(name)) {
        Some(name) if is_state(it.objects, state, name) => Ok(()),
        _ => Err(lies("its state is not one of its kind")),
    }
}

/// The state of Cython's: entropy, children, pool, its size, and the key.
fn seed(it: Finished<'_>) -> Result<(), Flaw> {
    it.has_no_items()?;
    let is_own = |class| it.objects.global(class).is_some_and(|class| class.name == "SeedSequence");
    let is_made =
        matches!(it.args, &[class, Value::Int(sum), Value::None] if is_own(class) && SUMS.contains(&sum));
    expect(is_made, "it is made of its class, the checksum of its fields and no state")?;
    let fits = match it.state_tuple()? {
        &[_, Value::Int(_), pool, Value::Int(size @ 4..=64), key] => {
            let key = it.objects.tuple(key);
            usize::try_from(size).is_ok_and(|size| is_array(it.objects, pool, "u4", size))
                && key.is_some_and(|key| key.iter().all(|part| it.objects.is_natural(*part, 64)))
        }
        _ => false,
    };
    if fits { Ok(()) } else { Err(lies("its pool is not as large as it says")) }
}

fn lies(what: &str) -> Flaw {
    Flaw { rule: &LIES, what: what.into() }
}

fn is_called(objects: Objects<'_>, value: Value, name: &str) -> bool {
    objects
        .called(value)
        .is_some_and(|(global, _)| global.name == name && global.module.starts_with("numpy.random."))
}

/// Whether a dict is the state of a bit generator of this name.
fn is_state(objects: Objects<'_>, dict: Value, name: &str) -> bool {
    let item = |key| objects.item(dict, key);
    let Some(inner) = item("state") else { return false };
    let part = |key| objects.item(inner, key);
    let array = |value: Option<Value>, kind, length| {
        value.is_some_and(|value| is_array(objects, value, kind, length))
    };
    let large = |value: Option<Value>| value.is_some_and(|value| objects.is_natural(value, 16));
    let own = match name {
        "MT19937" => {
            array(part("key"), "u4", TWISTER)
                && matches!(part("pos"), Some(Value::Int(at)) if is_position(at))
        }
        "PCG64" | "PCG64DXSM" => large(part("state")) && large(part("inc")),
        "Philox" => {
            array(part("counter"), "u8", 4)
                && array(part("key"), "u8", 2)
                && array(item("buffer"), "u8", 4)
                && matches!(item("buffer_pos"), Some(Value::Int(0..=4)))
        }
        "SFC64" => array(part("state"), "u8", 4),
        _ => false,
    };
    let flag = |value: Option<Value>| matches!(value, None | Some(Value::Int(0 | 1)));
    // The Mersenne Twister has no half of a number left over; the others look theirs up.
    let leftover = name == "MT19937" || item("has_uint32").and(item("uinteger")).is_some();
    own && leftover
        && item("bit_generator").is_some_and(|text| objects.text(text) == Some(name))
        && flag(item("has_uint32"))
        && item("uinteger").is_none_or(is_number)
        && flag(item("has_gauss"))
        && matches!(item("gauss"), None | Some(Value::Float(_)))
}

fn is_number(value: Value) -> bool {
    matches!(value, Value::Int(number) if u32::try_from(number).is_ok())
}

fn is_position(position: i64) -> bool {
    usize::try_from(position).is_ok_and(|position| position <= TWISTER)
}

/// Checksums of the fields' names, by three hashes: Cython writes the first that its build has, and
/// takes each. The same in numpy 1.26 and 2.4.
const SUMS: &[i64] = &[0x3eaa222, 0xc464c19, 0xf88304a];

/// Numbers of a Mersenne Twister's state.
const TWISTER: usize = 624;

/// Reports a state of numpy's Mersenne Twister, as `get_state` gives it, whose position is beyond
/// its end: `set_state` takes it, and the next draw reads there.
pub(in crate::validate::pickle) fn check_loose(objects: Objects<'_>, part: &Part, scope: &mut Scope<'_>) {
    for object in objects.0 {
        let position = match object {
            Object::Tuple(items) => match items.as_slice() {
                &[name, _, position, ..] if objects.text(name) == Some("MT19937") => Some(position),
                _ => None,
            },
            Object::Dict(pairs) if (2..=8).contains(&pairs.len()) => {
                let item = |key| pairs.iter().find(|(name, _)| objects.text(*name) == Some(key));
                item("key").and(item("pos")).map(|&(_, position)| position)
            }
            _ => None,
        };
        if let Some(Value::Int(position)) = position
            && !is_position(position)
        {
            let message = alloc::format!("a Mersenne Twister at position {position} of 624");
            return scope.find(&LIES, part, 0, message);
        }
    }
}
