//! Generators of random numbers. numpy takes any position, and reads there at the next draw.
//! Sources: the state setters in `_mt19937.pyx`, `_philox.pyx`, `_pcg64.pyx`, `_sfc64.pyx` and
//! `mtrand.pyx` of numpy 1.26 and 2.4, and `random_setstate` of CPython.

mod items;
mod iterated;
mod loose;
mod state;

pub(in crate::validate::pickle) use loose::check as check_loose;
use state::{Words, is_dead, is_position, is_state};

use super::numpy::{LIES, is_array, is_for_torch, parts, short};
use super::row::{Finished, Flaw, Row, expect};
use super::{Entry, Means, entry};
use crate::pickle::{Object, Value};
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
                &[ref numbers @ .., position] => {
                    numbers.len() == TWISTER
                        && numbers.iter().all(|number| is_number(*number))
                        && is_position(position)
                        && !is_dead(it.objects, numbers)
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
        Some(name) if is_state(it.objects, it.objects.pairs(state), name, Words::Arrays) => Ok(()),
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
    let pairs = it.objects.pairs(state);
    let mut inner = pairs.iter().filter(|(key, _)| it.objects.text(*key) == Some("bit_generator"));
    match named.or(inner.next().map(|&(_, name)| name)).and_then(|name| it.objects.text(name)) {
        Some(name) if is_state(it.objects, pairs, name, Words::Arrays) => Ok(()),
        _ => Err(lies("its state is not one of its kind")),
    }
}

/// The state of Cython's: entropy, children, pool, its size, and the key.
fn seed(it: Finished<'_>) -> Result<(), Flaw> {
    it.has_no_items()?;
    let is_own = |class| it.objects.global(class).is_some_and(|class| class.name == "SeedSequence");
    let is_made = matches!(it.args, &[class, Value::Int(sum), Value::None] if is_own(class) && CHECKSUMS.contains(&sum));
    expect(is_made, "it is made of its class, the checksum of its fields and no state")?;
    let fits = match it.state_tuple()? {
        &[entropy, Value::Int(0..=0xffff_ffff), pool, Value::Int(size @ 4..=64), key] => {
            let key = it.objects.tuple(key);
            usize::try_from(size).is_ok_and(|size| is_array(it.objects, pool, "u4", size))
                && is_entropy(it.objects, entropy)
                && key.is_some_and(|key| key.iter().all(|part| it.objects.is_natural(*part, 64)))
        }
        _ => false,
    };
    if fits { Ok(()) } else { Err(lies("its pool is not as large as it says")) }
}

/// What a sequence is seeded with: nothing, an int, several, or an array of them.
fn is_entropy(objects: Objects<'_>, entropy: Value) -> bool {
    match objects.get(entropy) {
        Some(Object::List(items) | Object::Tuple(items)) => {
            items.len() <= ENTROPY && items.iter().all(|&item| objects.is_natural(item, ENTROPY))
        }
        Some(Object::Instance(_)) => is_for_torch(objects, entropy),
        _ => entropy == Value::None || objects.is_natural(entropy, ENTROPY),
    }
}

fn lies(what: &str) -> Flaw {
    Flaw { rule: &LIES, what: what.into() }
}

fn is_called(objects: Objects<'_>, value: Value, name: &str) -> bool {
    objects
        .called(value)
        .is_some_and(|(global, _)| global.name == name && global.module.starts_with("numpy.random."))
}

fn is_number(value: Value) -> bool {
    matches!(value, Value::Int(number) if u32::try_from(number).is_ok())
}

/// Numbers of a Mersenne Twister's state.
const TWISTER: usize = 624;
/// Bytes of an int that seeds, as splitting it into words takes the square of them; and ints.
const ENTROPY: usize = 4096;
/// What Cython makes of the names of a sequence's members: by SHA-256, SHA-1 and MD5.
const CHECKSUMS: &[i64] = &[0x3ea_a222, 0xc46_4c19, 0xf88_304a];
