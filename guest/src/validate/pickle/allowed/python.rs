//! Classes of Python's own library. Sources: the `__reduce__` of each in CPython 3.11 and 3.13.

use alloc::borrow::Cow;

use super::row::{Finished, Flaw, Row, expect};
use super::{Entry, Means, entry, training};
use crate::pickle::{Object, Value};
use crate::validate::pickle::cost::{Keyed, Work, hashes};

const fn object(row: Row) -> Means {
    Means::Object(row)
}

pub(super) static TABLE: &[Entry] = &[
    entry(&["copyreg"], &["_reconstructor"], Means::Maker),
    entry(&["builtins"], CLASSES, Means::Class),
    entry(&["collections"], &["defaultdict"], object(Row::call(Work::Numbers, default_dict))),
    entry(&["collections"], &["deque"], object(Row::call(Work::Numbers, deque))),
    entry(&["builtins"], &["slice"], object(Row::call(Work::Numbers, slice))),
    entry(&["builtins"], &["range"], object(Row::key(Work::Numbers, Keyed::As(hashes::range), range))),
    entry(
        &["datetime"],
        &["datetime"],
        object(Row::key(Work::Numbers, Keyed::As(hashes::datetime), datetime)),
    ),
    entry(&["datetime"], &["date"], object(Row::key(Work::Numbers, Keyed::As(hashes::date), date))),
    entry(&["datetime"], &["time"], object(Row::key(Work::Numbers, Keyed::As(hashes::time), time))),
    entry(
        &["datetime"],
        &["timedelta"],
        object(Row::key(Work::Numbers, Keyed::As(hashes::timedelta), timedelta)),
    ),
    entry(
        &["datetime"],
        &["timezone"],
        object(Row::key(Work::Numbers, Keyed::As(hashes::timezone), timezone)),
    ),
    entry(&["decimal"], &["Decimal"], object(Row::key(Work::Decimal, Keyed::As(hashes::decimal), decimal))),
    entry(
        &["fractions"],
        &["Fraction"],
        object(Row::key(Work::Fraction, Keyed::As(hashes::fraction), fraction)),
    ),
    entry(&["uuid"], &["UUID"], object(Row::new(Work::Python, Keyed::As(hashes::uuid), uuid))),
    entry(&["pathlib", "pathlib._local"], PATHS, object(Row::key(Work::Path, Keyed::As(hashes::path), path))),
    entry(&["argparse"], &["Namespace"], object(Row::new(Work::Numbers, Keyed::Never, namespace).keeping())),
    entry(&["types"], &["SimpleNamespace"], object(Row::call(Work::Numbers, simple_namespace).keeping())),
];

/// What is harmless as a value, and as the factory of a defaultdict.
#[rustfmt::skip]
const CLASSES: &[&str] = &[
    "Ellipsis", "NotImplemented", "bool", "dict", "float", "int", "list", "object", "str", "tuple",
];

const PATHS: &[&str] = &["Path", "PosixPath", "PurePath", "PurePosixPath", "PureWindowsPath", "WindowsPath"];

/// `defaultdict(factory)`, and its items. `input` is a factory, too.
fn default_dict(it: Finished<'_>) -> Result<(), Flaw> {
    let factory = |value: Value| {
        if it.objects.global(value).is_some_and(training::is_fresh) {
            return true;
        }
        let name = it.objects.global(value).map(|global| (global.module.as_str(), global.name.as_str()));
        match name {
            None => value == Value::None,
            Some(("builtins", name)) => FACTORIES.contains(&name),
            Some(("collections", name)) => {
                matches!(name, "OrderedDict" | "Counter" | "deque" | "defaultdict")
            }
            Some(_) => false,
        }
    };
    match it.args {
        [] => {}
        &[one] if factory(one) => {}
        _ => return Err(Flaw::active("its factory should be a container or a number")),
    }
    expect(it.instance.state.is_none() && it.instance.items.is_empty(), "it takes items with keys alone")
}

#[rustfmt::skip]
const FACTORIES: &[&str] = &[
    "bool", "bytearray", "bytes", "complex", "dict", "float", "frozenset", "int", "list", "set",
    "str", "tuple",
];

/// `deque((), maxlen)`, and its items. Any other iterable may have no end.
fn deque(it: Finished<'_>) -> Result<(), Flaw> {
    let empty = |value| matches!(it.objects.tuple(value), Some([]));
    let listed = |value| matches!(it.objects.get(value), Some(Object::List(_)));
    match it.args {
        [] => {}
        &[items] if empty(items) || listed(items) => {}
        &[items, Value::Int(most)] if (empty(items) || listed(items)) && most >= 0 => {}
        &[items, Value::None] if empty(items) || listed(items) => {}
        _ => return Err(Flaw::odd("it is made of no items or a list, and of its largest length")),
    }
    expect(it.instance.state.is_none() && it.instance.pairs.is_empty(), "it takes items alone")
}

fn slice(it: Finished<'_>) -> Result<(), Flaw> {
    let fits = |value: &Value| matches!(value, Value::None | Value::Int(_));
    expect(it.args.len() == 3 && it.args.iter().all(fits), "it is made of three ints or None")?;
    it.is_left_alone()
}

fn range(it: Finished<'_>) -> Result<(), Flaw> {
    match it.args {
        [Value::Int(_)] | [Value::Int(_), Value::Int(_)] => {}
        [Value::Int(_), Value::Int(_), Value::Int(step)] if *step != 0 => {}
        _ => return Err(Flaw::odd("it is made of one to three ints, and its step is not 0")),
    }
    it.is_left_alone()
}

/// `datetime(bytes)` or with a time zone. Python itself looks at the month alone.
fn datetime(it: Finished<'_>) -> Result<(), Flaw> {
    let zoned = zone(it)?;
    let bytes = first_bytes(it);
    let fits = match bytes.as_deref() {
        Some(&[y1, y0, month, day, ref time @ ..]) => is_date(y1, y0, month & 0x7f, day) && is_time(time),
        _ => false,
    };
    expect(fits && zoned, "it is made of ten bytes that are a date and a time")?;
    it.is_left_alone()
}

fn date(it: Finished<'_>) -> Result<(), Flaw> {
    let bytes = first_bytes(it);
    let fits = matches!(bytes.as_deref(), Some(&[y1, y0, month, day]) if is_date(y1, y0, month, day));
    expect(fits && it.args.len() == 1, "it is made of four bytes that are a date")?;
    it.is_left_alone()
}

fn time(it: Finished<'_>) -> Result<(), Flaw> {
    let zoned = zone(it)?;
    let bytes = first_bytes(it);
    let fits = match bytes.as_deref() {
        Some(&[hour, minute, second, u2, u1, u0]) => is_time(&[hour & 0x7f, minute, second, u2, u1, u0]),
        _ => false,
    };
    expect(fits && zoned, "it is made of six bytes that are a time")?;
    it.is_left_alone()
}

/// The bytes that it is made of. A `bytearray` is none: its class takes that for a number, and fails.
fn first_bytes(it: Finished<'_>) -> Option<Cow<'_, [u8]>> {
    let &first = it.args.first()?;
    let is_other = matches!(it.objects.get(first), Some(Object::ByteArray(_)));
    it.objects.bytes(first).filter(|_| !is_other)
}

/// Whether the arguments end as they may: in nothing more, or in a `datetime.timezone`.
fn zone(it: Finished<'_>) -> Result<bool, Flaw> {
    match it.args {
        [_] => Ok(true),
        &[_, zone] => match it.objects.called(zone) {
            Some((global, _)) if global.module == "datetime" && global.name == "timezone" => Ok(true),
            _ => Err(Flaw::odd("its time zone should be a datetime.timezone")),
        },
        _ => Ok(false),
    }
}

fn is_date(y1: u8, y0: u8, month: u8, day: u8) -> bool {
    let year = u16::from_be_bytes([y1, y0]);
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        2 => 28 + u8::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    (1..=9999).contains(&year) && (1..=12).contains(&month) && (1..=days).contains(&day)
}

fn is_time(bytes: &[u8]) -> bool {
    match bytes {
        &[hour, minute, second, u2, u1, u0] => {
            hour < 24 && minute < 60 && second < 60 && u32::from_be_bytes([0, u2, u1, u0]) < 1_000_000
        }
        _ => false,
    }
}

fn timedelta(it: Finished<'_>) -> Result<(), Flaw> {
    match it.args {
        &[Value::Int(days), Value::Int(seconds), Value::Int(microseconds)]
            if days.unsigned_abs() < 1_000_000_000
                && (0..86_400).contains(&seconds)
                && (0..1_000_000).contains(&microseconds) => {}
        _ => return Err(Flaw::odd("it is made of days, seconds and microseconds in their ranges")),
    }
    it.is_left_alone()
}

fn timezone(it: Finished<'_>) -> Result<(), Flaw> {
    let offset = |value| {
        let inner = it
            .objects
            .called(value)
            .filter(|(global, _)| global.module == "datetime" && global.name == "timedelta");
        let args = inner.and_then(|(_, inner)| inner.args).and_then(|args| it.objects.tuple(args));
        // Less than a day, either way.
        match args {
            Some(&[Value::Int(days), Value::Int(seconds), Value::Int(more)]) => {
                days == 0 || days == -1 && (seconds, more) != (0, 0)
            }
            _ => false,
        }
    };
    let fits = match it.args {
        [delta] => offset(*delta),
        [delta, name] => offset(*delta) && it.objects.text(*name).is_some(),
        _ => false,
    };
    expect(fits, "it is made of less than a day, and of a name")?;
    it.is_left_alone()
}

/// `Decimal("1.5E+3")`. Written out, or made an int, it has no more digits than Python reads.
fn decimal(it: Finished<'_>) -> Result<(), Flaw> {
    let fits = match it.args {
        &[text] => it.objects.text(text).is_some_and(is_decimal),
        _ => false,
    };
    expect(fits, "it is made of a text that is a number of a few thousand digits")?;
    it.is_left_alone()
}

/// Whether a text is one that `str` makes of a `Decimal`. Hashing or comparing a signaling NaN raises what
/// nobody catches who shows a `Counter` or sorts: it is none.
fn is_decimal(text: &str) -> bool {
    let text = text.strip_prefix('-').unwrap_or(text);
    if let Some(payload) = text.strip_prefix("NaN") {
        return payload.is_empty() || is_whole(payload) && payload != "0";
    }
    if text == "Infinity" {
        return true;
    }
    let (number, exponent) = match text.split_once('E') {
        Some((number, exponent)) => (number, Some(exponent)),
        None => (text, None),
    };
    let (whole, fraction) = match number.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (number, None),
    };
    let digits = fraction.unwrap_or_default();
    let has_digits = is_whole(whole)
        && whole.len().saturating_add(digits.len()) <= DIGITS
        && (fraction.is_none() || !digits.is_empty())
        && digits.bytes().all(|byte| byte.is_ascii_digit());
    let zeros = digits.bytes().take_while(|byte| *byte == b'0').count();
    let Some(exponent) = exponent else {
        // Below a millionth it is written with an exponent.
        let most = if zeros == digits.len() { 6 } else { 5 };
        return has_digits && (whole != "0" || zeros <= most);
    };
    // The exponent of the first digit; the others are behind the point.
    let Some((sign, size)) = exponent.split_at_checked(1) else { return false };
    let Some(size) = is_whole(size).then(|| size.parse::<usize>().ok()).flatten() else { return false };
    let is_needed = match sign {
        "+" => size > digits.len(),
        "-" => size > 6,
        _ => false,
    };
    has_digits && whole.len() == 1 && (whole != "0" || fraction.is_none()) && is_needed && size <= DIGITS
}

/// Whether a text is an int as Python writes it, without a sign.
fn is_whole(text: &str) -> bool {
    text == "0"
        || !text.starts_with('0') && !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Digits of an int that Python reads from a text, or writes.
const DIGITS: usize = 4300;
/// Bytes of an int of so many digits.
const BYTES: usize = 1785;

/// `Fraction("1/3")`, or of two ints.
fn fraction(it: Finished<'_>) -> Result<(), Flaw> {
    let digits =
        |text: &str| (1..=DIGITS).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_fraction = |text: &str| {
        let text = text.strip_prefix('-').unwrap_or(text);
        match text.split_once('/') {
            None => digits(text),
            Some((above, below)) => digits(above) && digits(below) && below.bytes().any(|byte| byte != b'0'),
        }
    };
    let is_int = |value| match it.objects.get(value) {
        Some(Object::BigInt(bytes)) => bytes.len() <= BYTES,
        _ => matches!(value, Value::Int(_)),
    };
    let fits = match it.args {
        [text] => it.objects.text(*text).is_some_and(is_fraction),
        [above, below] => is_int(*above) && is_int(*below) && *below != Value::Int(0),
        _ => false,
    };
    expect(fits, "it is made of ints of a few thousand digits")?;
    it.is_left_alone()
}

fn uuid(it: Finished<'_>) -> Result<(), Flaw> {
    let pairs = it.state_dict()?;
    let fits = |&(key, value): &(Value, Value)| match it.objects.text(key) {
        Some("int") => it.objects.is_natural(value, 16),
        Some("is_safe") => matches!(value, Value::Int(-1 | 0)),
        _ => false,
    };
    let numbers = pairs.iter().filter(|(key, _)| it.objects.text(*key) == Some("int")).count();
    let whole = it.args.is_empty() && numbers == 1 && pairs.iter().all(fits);
    expect(whole, "its state is a number of 16 bytes, and whether it is safe")?;
    it.has_no_items()
}

fn path(it: Finished<'_>) -> Result<(), Flaw> {
    expect(it.args.iter().all(|&part| it.objects.text(part).is_some()), "it is made of texts")?;
    it.is_left_alone()
}

fn namespace(it: Finished<'_>) -> Result<(), Flaw> {
    expect(it.args.is_empty(), "it is made of nothing")?;
    it.has_no_items()?;
    it.attributes(&["_get_args", "_get_kwargs"])
}

fn simple_namespace(it: Finished<'_>) -> Result<(), Flaw> {
    expect(it.args.is_empty(), "it is made of nothing")?;
    it.has_no_items()?;
    it.attributes(&[])
}
