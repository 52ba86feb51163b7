//! What objects of the table are hashed by, each as its own class does it. Sources: `Decimal` in
//! `_decimal.c`, `fractions.py`, `_datetimemodule.c`, `rangeobject.c` and `pathlib.py` of CPython
//! 3.8 to 3.13, and `scalartypes.c.src` of numpy 1.26 and 2.4.
//!
//! An object that is not as its pickler writes it is one whose hash the file chooses: nothing is
//! said for it that its proof has not said.

use super::hashing::{self, Key, NUMBER, PRIME, content, float, signed, tuple, valid};
use crate::pickle::{Instance, Object, Value};
use crate::validate::pickle::Objects;

/// What objects of a class are hashed by, where they are keys.
#[derive(Clone, Copy, Debug)]
pub(in crate::validate::pickle) enum Keyed {
    /// They cannot be.
    Never,
    /// By where they are, which no file chooses.
    Place,
    /// By two of their fields, as a tuple.
    Index,
    /// By what they are made of.
    As(fn(Objects<'_>, &Instance) -> Hashed),
}

/// What one object is hashed by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::validate::pickle) enum Hashed {
    /// `hash` fails.
    Fails,
    /// As other keys that the file does not choose, or by a number that is known.
    As(Key),
    /// By what the file chooses, and nobody computes here: all may fall on one place.
    Chosen {
        /// Nanoseconds to hash or to compare one.
        time: u64,
    },
}

impl PartialEq for Keyed {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Never, Self::Never) | (Self::Place, Self::Place) | (Self::Index, Self::Index) => true,
            (Self::As(one), Self::As(other)) => core::ptr::fn_addr_eq(*one, *other),
            _ => false,
        }
    }
}

fn is(hash: u64, time: u64) -> Hashed {
    Hashed::As(Key { hash, time, is_chosen: false })
}

const CHOSEN: Hashed = Hashed::Chosen { time: SLOW };

fn args<'a>(objects: Objects<'a>, instance: &Instance) -> &'a [Value] {
    instance.args.and_then(|args| objects.tuple(args)).unwrap_or_default()
}

/// `range`: its length, its start and its step, as a tuple.
pub(in crate::validate::pickle) fn range(objects: Objects<'_>, instance: &Instance) -> Hashed {
    let (start, stop, step) = match *args(objects, instance) {
        [Value::Int(stop)] => (0, stop, 1),
        [Value::Int(start), Value::Int(stop)] => (start, stop, 1),
        [Value::Int(start), Value::Int(stop), Value::Int(step)] if step != 0 => (start, stop, step),
        _ => return CHOSEN,
    };
    let (low, high) = if step > 0 { (start, stop) } else { (stop, start) };
    let span = i128::from(high).saturating_sub(i128::from(low));
    let length = if span > 0 {
        span.saturating_sub(1).checked_div(i128::from(step.unsigned_abs())).unwrap_or(0).saturating_add(1)
    } else {
        0
    };
    let none = hashing::plain(hashing::NONE);
    let number = |value: i64| hashing::plain(hashing::number(Value::Int(value)).unwrap_or(0));
    let length_key = hashing::plain(u64::try_from(length % i128::from(PRIME)).unwrap_or(0));
    let parts = match length {
        0 => [length_key, none, none],
        1 => [length_key, number(start), none],
        _ => [length_key, number(start), number(step)],
    };
    Hashed::As(tuple(parts.into_iter()))
}

/// `Decimal`: its value's remainder.
pub(in crate::validate::pickle) fn decimal(objects: Objects<'_>, instance: &Instance) -> Hashed {
    let &[text] = args(objects, instance) else { return CHOSEN };
    let Some(text) = objects.text(text) else { return CHOSEN };
    let (negative, number) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    if number.starts_with("sNaN") {
        return Hashed::Fails;
    }
    // Before Python 3.10 all of them had one hash.
    if number.starts_with("NaN") {
        return is(0, QUICK);
    }
    if number == "Infinity" {
        return is(signed(314_159, negative), QUICK);
    }
    let (number, exponent) = number.split_once('E').unwrap_or((number, "0"));
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let Ok(exponent) = exponent.parse::<i64>() else { return CHOSEN };
    let exponent = exponent.saturating_sub(i64::try_from(fraction.len()).unwrap_or(i64::MAX));
    let digits = whole.bytes().chain(fraction.bytes());
    let Some(value) = digits_of(digits) else { return CHOSEN };
    let ten = if exponent < 0 { inverse(10) } else { 10 };
    let value = times(value, power(ten, exponent.unsigned_abs()));
    // Comparing writes both out to the same exponent.
    let size = (text.len() as u64).saturating_add(exponent.unsigned_abs());
    is(signed(value, negative), SLOW.saturating_add(size.saturating_mul(25)))
}

/// `Fraction`: the numerator divided by the denominator, as remainders.
pub(in crate::validate::pickle) fn fraction(objects: Objects<'_>, instance: &Instance) -> Hashed {
    let int = |value: Value| match (value, objects.get(value)) {
        (Value::Int(value), _) => Some((value.unsigned_abs() % PRIME, value < 0, 8)),
        (_, Some(Object::BigInt(bytes))) => {
            let negative = bytes.last().is_some_and(|byte| byte & 0x80 != 0);
            let hash = hashing::big(bytes);
            let hash = if negative { hash.wrapping_neg() } else { hash };
            // The two numbers whose hash is the other's name: -1 hashes as -2 does.
            let hash = if negative && hash == 2 { return None } else { hash };
            Some((hash % PRIME, negative, bytes.len()))
        }
        _ => None,
    };
    let text = |text: &str| digits_of(text.bytes()).map(|value| (value, false, text.len()));
    let parts = match *args(objects, instance) {
        [one] => match objects.text(one) {
            Some(whole) => {
                let (negative, number) = whole.strip_prefix('-').map_or((false, whole), |rest| (true, rest));
                let (above, below) = number.split_once('/').unwrap_or((number, "1"));
                text(above).zip(text(below)).map(|((value, _, size), below)| ((value, negative, size), below))
            }
            None => None,
        },
        [above, below] => int(above).zip(int(below)),
        _ => None,
    };
    let Some(((above, one, size), (below, other, more))) = parts else { return CHOSEN };
    let time = SLOW.saturating_add((size.saturating_add(more) as u64).saturating_mul(12));
    // In lowest terms it may be another: what both are multiples of is not known.
    if below == 0 {
        return Hashed::Chosen { time };
    }
    is(signed(times(above, inverse(below)), one != other), time)
}

/// `UUID`: its number.
pub(in crate::validate::pickle) fn uuid(objects: Objects<'_>, instance: &Instance) -> Hashed {
    let Some(Object::Dict(pairs)) = instance.state.and_then(|state| objects.get(state)) else {
        return CHOSEN;
    };
    let number = pairs.iter().rev().find(|(key, _)| objects.text(*key) == Some("int"));
    let hash = number.and_then(|&(_, value)| match objects.get(value) {
        Some(Object::BigInt(bytes)) => Some(hashing::big(bytes)),
        _ => hashing::number(value),
    });
    hash.map_or(CHOSEN, |hash| is(hash, SLOW))
}

/// A path: what is left of its texts, which nobody can choose the hash of.
pub(in crate::validate::pickle) fn path(objects: Objects<'_>, instance: &Instance) -> Hashed {
    let texts = args(objects, instance).iter().filter_map(|&part| objects.text(part));
    let (mut hash, mut bytes, mut count) = (hashing::FNV, 0u64, 0u64);
    for text in texts {
        hash = hashing::mix(hash, content(text.as_bytes()));
        bytes = bytes.saturating_add(text.len() as u64);
        count = count.saturating_add(1);
    }
    let time = SLOW.saturating_mul(count.saturating_add(1)).saturating_add(bytes.saturating_mul(PATH));
    is(hash, time)
}

/// `date`, which is hashed by its bytes: nobody can choose that.
pub(in crate::validate::pickle) fn date(objects: Objects<'_>, instance: &Instance) -> Hashed {
    match *args(objects, instance) {
        [bytes] => objects.bytes(bytes).map_or(CHOSEN, |bytes| is(content(&bytes), SLOW)),
        _ => CHOSEN,
    }
}

/// `time`: the same without a zone.
pub(in crate::validate::pickle) fn time(objects: Objects<'_>, instance: &Instance) -> Hashed {
    match *args(objects, instance) {
        [bytes] => objects.bytes(bytes).map_or(CHOSEN, |bytes| match *bytes {
            [hour, ref rest @ ..] => is(hashing::mix(content(rest), (hour & 0x7f).into()), SLOW),
            [] => CHOSEN,
        }),
        _ => CHOSEN,
    }
}

/// `datetime`: the same without a zone; with one, the time since the year 1 as a `timedelta`.
pub(in crate::validate::pickle) fn datetime(objects: Objects<'_>, instance: &Instance) -> Hashed {
    let (first, zone) = match *args(objects, instance) {
        [first] => (first, None),
        [first, zone] => (first, Some(zone)),
        _ => return CHOSEN,
    };
    let Some(bytes) = objects.bytes(first) else { return CHOSEN };
    let &[y1, y0, month, day, hour, minute, second, u2, u1, u0] = &*bytes else { return CHOSEN };
    let month = month & 0x7f;
    let Some(zone) = zone else {
        return is(content(&[y1, y0, month, day, hour, minute, second, u2, u1, u0]), SLOW);
    };
    let inner = objects.instance(zone).and_then(|zone| args(objects, zone).first().copied());
    let Some([days, seconds, micros]) =
        inner.and_then(|delta| objects.instance(delta)).and_then(|delta| delta_of(objects, delta))
    else {
        return CHOSEN;
    };
    let Some(ordinal) = ordinal(u16::from_be_bytes([y1, y0]).into(), month.into(), day.into()) else {
        return CHOSEN;
    };
    let clock = i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second);
    let own = u32::from_be_bytes([0, u2, u1, u0]).into();
    let delta =
        normal(ordinal.saturating_sub(days), clock.saturating_sub(seconds), i64::saturating_sub(own, micros));
    delta_key(delta)
}

/// `timedelta`: its three numbers, as a tuple.
pub(in crate::validate::pickle) fn timedelta(objects: Objects<'_>, instance: &Instance) -> Hashed {
    delta_of(objects, instance).map_or(CHOSEN, delta_key)
}

/// `timezone`: its offset.
pub(in crate::validate::pickle) fn timezone(objects: Objects<'_>, instance: &Instance) -> Hashed {
    let delta = args(objects, instance).first().and_then(|&delta| objects.instance(delta));
    delta.and_then(|delta| delta_of(objects, delta)).map_or(CHOSEN, delta_key)
}

fn delta_of(objects: Objects<'_>, instance: &Instance) -> Option<[i64; 3]> {
    match *args(objects, instance) {
        [Value::Int(days), Value::Int(seconds), Value::Int(micros)] => Some([days, seconds, micros]),
        _ => None,
    }
}

fn delta_key(parts: [i64; 3]) -> Hashed {
    let keys = parts.map(|part| hashing::plain(hashing::number(Value::Int(part)).unwrap_or(0)));
    let key = tuple(keys.into_iter());
    is(key.hash, SLOW)
}

/// The three numbers of a `timedelta`, the last two of them in their ranges.
fn normal(days: i64, seconds: i64, micros: i64) -> [i64; 3] {
    let seconds = seconds.saturating_add(micros.div_euclid(1_000_000));
    let days = days.saturating_add(seconds.div_euclid(86_400));
    [days, seconds.rem_euclid(86_400), micros.rem_euclid(1_000_000)]
}

/// Days since the year 0's end.
fn ordinal(year: i64, month: i64, day: i64) -> Option<i64> {
    const BEFORE: [i64; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
    let before = year.checked_sub(1)?;
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let months = BEFORE.get(usize::try_from(month.checked_sub(1)?).ok()?)?;
    let days = before.checked_mul(365)? + before / 4 - before / 100 + before / 400;
    Some(days + months + i64::from(leap && month > 2) + day)
}

/// A dtype of numpy: all that it is, as a tuple. One of many fields is compared field by field.
pub(in crate::validate::pickle) fn dtype(objects: Objects<'_>, instance: &Instance) -> Hashed {
    let state = instance.state.and_then(|state| objects.tuple(state)).unwrap_or_default();
    let has_fields = state.get(3).is_some_and(|names| *names != Value::None);
    let has_inner = state.get(2).is_some_and(|inner| *inner != Value::None);
    Hashed::Chosen { time: if has_fields || has_inner { FIELDS } else { SLOW } }
}

/// A scalar of numpy. Structures and plain bytes can be written to, and are no keys.
pub(in crate::validate::pickle) fn scalar(objects: Objects<'_>, instance: &Instance) -> Hashed {
    let &[kind, data] = args(objects, instance) else { return CHOSEN };
    let Some(kind) = objects.instance(kind) else { return CHOSEN };
    let name = args(objects, kind).first().and_then(|&name| objects.text(name)).unwrap_or_default();
    let state = kind.state.and_then(|state| objects.tuple(state)).unwrap_or_default();
    let is_big = state.get(1).is_some_and(|order| objects.text(*order) == Some(">"));
    let Some(bytes) = objects.bytes(data) else { return CHOSEN };
    let time = SLOW.saturating_add(bytes.len() as u64);
    let mut wide = [0u8; 8];
    let number = |bytes: &[u8]| {
        wide = [0; 8];
        let count = bytes.len().min(8);
        for (to, from) in wide.iter_mut().zip(bytes) {
            *to = *from;
        }
        if is_big {
            wide.get_mut(..count).unwrap_or_default().reverse();
        }
        u64::from_le_bytes(wide)
    };
    let mut number = number;
    match (name.as_bytes().first(), bytes.len()) {
        (Some(b'V'), _) => Hashed::Fails,
        (Some(b'S' | b'U'), _) => {
            let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last.saturating_add(1));
            is(content(bytes.get(..end).unwrap_or_default()), time)
        }
        (Some(b'b'), 1) => is(number(&bytes), QUICK),
        (Some(b'u'), 1 | 2 | 4 | 8) => whole(i128::from(number(&bytes))),
        (Some(b'i'), size @ (1 | 2 | 4 | 8)) => {
            let shift = u32::try_from(8usize.saturating_sub(size).saturating_mul(8)).unwrap_or(0);
            whole((number(&bytes) << shift).cast_signed().wrapping_shr(shift).into())
        }
        (Some(b'f'), 8) => is(float(number(&bytes)), QUICK),
        (Some(b'f'), 4) => is(float(single(number(&bytes))), QUICK),
        (Some(b'c'), 16 | 8) => {
            let half = bytes.len() / 2;
            let mut part = |bytes: &[u8]| {
                let bits = number(bytes);
                float(if half == 4 { single(bits) } else { bits })
            };
            let real = part(bytes.get(..half).unwrap_or_default());
            let imaginary = part(bytes.get(half..).unwrap_or_default());
            is(valid(real.wrapping_add(imaginary.wrapping_mul(1_000_003))), QUICK)
        }
        // What has no unit cannot be hashed since numpy 2.
        (Some(b'm' | b'M'), _) if !has_unit(objects, state) => Hashed::Fails,
        // Up to numpy 2.1 by the number that it is; later nobody can choose it.
        (Some(b'M'), 8) => is(valid(number(&bytes)), SLOW.saturating_mul(8)),
        // Long doubles are hashed as doubles, where most of them are infinite; times otherwise in
        // each version.
        _ => Hashed::Chosen { time },
    }
}

/// Whether the state of a dtype of dates or times says what they are counted in.
fn has_unit(objects: Objects<'_>, state: &[Value]) -> bool {
    let unit = state.last().and_then(|more| match objects.tuple(*more)? {
        [_, unit] => objects.tuple(*unit)?.first().copied(),
        _ => None,
    });
    unit.and_then(|unit| objects.bytes(unit)).is_some_and(|unit| *unit != *b"generic")
}

/// A number that numpy hashes as Python does, or, in some versions, as it is: the same below 2^61.
fn whole(value: i128) -> Hashed {
    if value.unsigned_abs() >= u128::from(PRIME) {
        return Hashed::Chosen { time: QUICK };
    }
    let remainder = u64::try_from(value.unsigned_abs()).unwrap_or(0);
    is(signed(remainder, value < 0), QUICK)
}

/// The bits of a float of 32 as one of 64.
fn single(bits: u64) -> u64 {
    f64::from(f32::from_bits(u32::try_from(bits).unwrap_or(0))).to_bits()
}

/// The remainder of a number in decimal digits.
fn digits_of(digits: impl Iterator<Item = u8>) -> Option<u64> {
    let mut value = 0;
    for digit in digits {
        let digit = digit.checked_sub(b'0').filter(|digit| *digit < 10)?;
        value = remainder(u128::from(value) * 10 + u128::from(digit));
    }
    Some(value)
}

fn times(one: u64, other: u64) -> u64 {
    remainder(u128::from(one) * u128::from(other))
}

fn remainder(wide: u128) -> u64 {
    u64::try_from(wide % u128::from(PRIME)).unwrap_or(0)
}

fn power(base: u64, mut exponent: u64) -> u64 {
    let (mut result, mut square) = (1, base);
    while exponent > 0 {
        if exponent & 1 == 1 {
            result = times(result, square);
        }
        square = times(square, square);
        exponent >>= 1;
    }
    result
}

/// What a number is multiplied with to be 1.
fn inverse(value: u64) -> u64 {
    power(value, PRIME - 2)
}

/// Nanoseconds to hash or compare what is done in C, and what by a function in Python or by an
/// object of numpy that is no number.
const QUICK: u64 = NUMBER * 5;
const SLOW: u64 = 1_000;
/// Nanoseconds for each byte of a path, whose parts are objects.
const PATH: u64 = 200;
/// Nanoseconds to hash or compare a dtype of 16,384 fields, which is as many as there may be.
const FIELDS: u64 = 10_000_000;

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::String;

    use super::*;
    use crate::Limits;
    use crate::pickle::Machine;

    #[test]
    fn rationals_hash_as_in_cpython() {
        // hash(Fraction(1, 3)), hash(Decimal('0.1'))
        assert_eq!(inverse(3), 1_537_228_672_809_129_301);
        assert_eq!(inverse(10), 2_075_258_708_292_324_556);
        assert_eq!(power(10, 30), remainder(10u128.pow(30)));
        assert_eq!(digits_of(b"2305843009213693952".iter().copied()), Some(1));
        assert_eq!(digits_of(b"1 ".iter().copied()), None);
    }

    #[test]
    fn days_are_counted_as_in_cpython() {
        assert_eq!(ordinal(1, 1, 1), Some(1));
        assert_eq!(ordinal(2020, 3, 1), Some(737_485));
        assert_eq!(ordinal(9999, 12, 31), Some(3_652_059));
        assert_eq!(normal(5, -1, -1), [4, 86_398, 999_999]);
    }

    type By = fn(Objects<'_>, &Instance) -> Hashed;

    /// What the object of the last call in a pickle of protocol 0 is hashed by.
    fn hashed(pickle: &str, by: By) -> Hashed {
        let length = pickle.len() as u64;
        let mut machine = Machine::tolerant(0, "", &Limits::default(), length);
        machine.feed(pickle.as_bytes()).unwrap();
        let objects = Objects(machine.objects());
        let mut instances = objects.0.iter().filter_map(|object| match object {
            Object::Instance(instance) => Some(instance),
            _ => None,
        });
        by(objects, instances.next_back().unwrap())
    }

    #[test]
    fn objects_hash_as_in_cpython() {
        let delta = "cdatetime\ntimedelta\n(I0\nI19800\nI0\ntR";
        let moment = "c_codecs\nencode\n(V\\u0007\\u00e4\\u0003\\u0001\\u0001\\u0002\\u0003\\u0000\\u0000\\u0004\nVlatin1\ntR";
        let zone = format!("cdatetime\ntimezone\n({delta}tR");
        let cases: [(String, By, i64); 18] = [
            ("cf\nF\n(I1\nI3\ntR.".into(), fraction, 1_537_228_672_809_129_301),
            ("cf\nF\n(V1/3\ntR.".into(), fraction, 1_537_228_672_809_129_301),
            ("cf\nF\n(I-7\nI10\ntR.".into(), fraction, -691_752_902_764_108_186),
            ("cf\nF\n(V-7/10\ntR.".into(), fraction, -691_752_902_764_108_186),
            ("cf\nF\n(L-2305843009213693952L\nI1\ntR.".into(), fraction, -2),
            ("cf\nF\n(L-36893488147419103232L\nI1\ntR.".into(), fraction, -16),
            ("cd\nD\n(V0.1\ntR.".into(), decimal, 2_075_258_708_292_324_556),
            ("cd\nD\n(V1E+30\ntR.".into(), decimal, 465_258_685_558_744_706),
            ("cd\nD\n(V-12.50\ntR.".into(), decimal, -1_152_921_504_606_846_988),
            ("cd\nD\n(V-Infinity\ntR.".into(), decimal, -314_159),
            ("cd\nD\n(V-1\ntR.".into(), decimal, -2),
            (format!("cd\nD\n({moment}{zone}tR."), datetime, 1_179_359_205_096_886_557),
            ("cd\nD\n(I1\nI2\nI3\ntR.".into(), timedelta, 529_344_067_295_497_451),
            (format!("{zone}."), timezone, -4_197_507_011_611_817_179),
            ("cb\nr\n(I3\nI10\nI2\ntR.".into(), range, 6_780_757_389_018_338_722),
            ("cb\nr\n(I10\nI0\nI-3\ntR.".into(), range, -4_187_782_621_229_172_137),
            ("cuuid\nUUID\n(tR(dVint\nI7\nsb.".into(), uuid, 7),
            (
                format!(
                    "cn\ns\n(cn\nd\n(Vi2\ntR(I3\nV>\nNNNI-1\nI-1\nI0\ntb{}tR.",
                    encoded("\\u00ff\\u00fe")
                ),
                scalar,
                -2,
            ),
        ];
        for (pickle, by, hash) in cases {
            let found = hashed(&pickle, by);
            let Hashed::As(key) = found else { panic!("{pickle}: {found:?}") };
            assert_eq!(key.hash.cast_signed(), hash, "{pickle}");
        }
    }

    fn encoded(text: &str) -> String {
        format!("c_codecs\nencode\n(V{text}\nVlatin1\ntR")
    }

    #[test]
    fn scalars_hash_as_numbers_or_as_the_file_chooses() {
        let of = |kind: &str, data: &str| {
            let dtype = format!("cn\nd\n(V{kind}\ntR(I3\nV<\nNNNI-1\nI-1\nI0\ntb");
            hashed(&format!("cn\ns\n({dtype}{}tR.", encoded(data)), scalar)
        };
        let zeros = |count: usize| "\\u0000".repeat(count);
        let hash = |found: Hashed| match found {
            Hashed::As(key) => key.hash.cast_signed(),
            other => panic!("{other:?}"),
        };
        assert_eq!(hash(of("f8", &format!("{}\\u00f0\\u003f", zeros(6)))), 1);
        assert_eq!(hash(of("f4", &format!("{}\\u0080\\u00bf", zeros(2)))), -2);
        assert_eq!(hash(of("c8", &format!("{}\\u0080\\u003f{}", zeros(2), zeros(4)))), 1);
        assert_eq!(hash(of("u1", "\\u00ff")), 255);
        assert_eq!(hash(of("S2", &zeros(2))), 0);
        assert_eq!(of("V2", &zeros(2)), Hashed::Fails);
        // Without a unit.
        assert_eq!(of("M8", &zeros(8)), Hashed::Fails);
        let unit = |kind: &str, unit: &str| {
            let dtype =
                format!("cn\nd\n(V{kind}\ntR(I4\nV<\nNNNI-1\nI-1\nI0\n(N({}I1\nI1\nI1\ntttb", encoded(unit));
            hashed(&format!("cn\ns\n({dtype}{}tR.", encoded(&"\\u00ff".repeat(8))), scalar)
        };
        assert_eq!(hash(unit("M8", "s")), -2);
        assert!(matches!(unit("m8", "s"), Hashed::Chosen { .. }));
        assert_eq!(unit("m8", "generic"), Hashed::Fails);
        for (kind, size) in [("f16", 16), ("f2", 2), ("c32", 32)] {
            assert!(matches!(of(kind, &zeros(size)), Hashed::Chosen { .. }), "{kind}");
        }
        // Beyond 2^61 versions differ.
        assert!(matches!(of("i8", &"\\u007f".repeat(8)), Hashed::Chosen { .. }));
    }
}
