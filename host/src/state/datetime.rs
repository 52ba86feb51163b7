//! numpy's dates and spans of time, which are counts of a unit since 1970.

/// A date as numpy prints it, in the digits that its unit has.
pub(super) fn instant(value: i64, unit: &str) -> Option<String> {
    if value == i64::MIN {
        return Some("NaT".into());
    }
    let (count, unit) = counted(unit)?;
    let value = i128::from(value) * count;
    if let "Y" | "M" = unit {
        let months = if unit == "Y" { value * 12 } else { value };
        let (year, month) = (1970 + months.div_euclid(12), 1 + months.rem_euclid(12));
        return Some(if unit == "Y" { format!("{year:04}") } else { format!("{year:04}-{month:02}") });
    }
    if let "W" | "D" = unit {
        return Some(date(if unit == "W" { value * 7 } else { value }));
    }
    let (in_unit, per_day, digits) = match unit {
        "h" => (3600, 24, 0),
        "m" => (60, 24 * 60, 0),
        "s" => (1, SECONDS, 0),
        "ms" => (1, SECONDS * 1000, 3),
        "us" => (1, SECONDS * 1_000_000, 6),
        "ns" => (1, SECONDS * 1_000_000_000, 9),
        "ps" => (1, SECONDS * 1_000_000_000_000, 12),
        "fs" => (1, SECONDS * 1_000_000_000_000_000, 15),
        "as" => (1, SECONDS * 1_000_000_000_000_000_000, 18),
        _ => return None,
    };
    let fractions = 10i128.pow(digits);
    let (day, rest) = (date(value.div_euclid(per_day)), value.rem_euclid(per_day));
    let (seconds, fraction) = (rest / fractions * in_unit, rest % fractions);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    Some(match unit {
        "h" => format!("{day}T{hour:02}"),
        "m" => format!("{day}T{hour:02}:{minute:02}"),
        "s" => format!("{day}T{hour:02}:{minute:02}:{second:02}"),
        _ => {
            let digits = digits as usize;
            format!("{day}T{hour:02}:{minute:02}:{second:02}.{fraction:0digits$}")
        }
    })
}

/// A span of time: `5 milliseconds`.
pub(super) fn span(value: i64, unit: &str) -> Option<String> {
    if value == i64::MIN {
        return Some("NaT".into());
    }
    let (count, unit) = counted(unit)?;
    let (_, name) = UNITS.iter().find(|(short, _)| *short == unit)?;
    Some(format!("{} {name}", i128::from(value) * count))
}

/// A unit and how many of it make one: `25s`.
fn counted(unit: &str) -> Option<(i128, &str)> {
    let start = unit.find(|c: char| !c.is_ascii_digit())?;
    let (count, unit) = unit.split_at_checked(start)?;
    let count = if count.is_empty() { 1 } else { count.parse::<i32>().ok()?.into() };
    Some((count, unit))
}

/// A day since 1970 in the Gregorian calendar, of which 400 years have 146,097 days. Years
/// are counted from March here, so that the odd day is a year's last.
fn date(days: i128) -> String {
    let days = days + 719_468;
    let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let from_march = (5 * day + 2) / 153;
    let (month, day) = (1 + (from_march + 2) % 12, 1 + day - (153 * from_march + 2) / 5);
    let year = 400 * era + year + i128::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

const SECONDS: i128 = 86_400;

/// Units in short, and as they are printed.
const UNITS: [(&str, &str); 14] = [
    ("Y", "years"),
    ("M", "months"),
    ("W", "weeks"),
    ("D", "days"),
    ("h", "hours"),
    ("m", "minutes"),
    ("s", "seconds"),
    ("ms", "milliseconds"),
    ("us", "microseconds"),
    ("ns", "nanoseconds"),
    ("ps", "picoseconds"),
    ("fs", "femtoseconds"),
    ("as", "attoseconds"),
    ("generic", "generic time units"),
];

#[cfg(test)]
mod tests {
    use super::{instant, span};

    /// What numpy 2.4 prints of each.
    #[test]
    fn dates_are_shown_as_numpy_has_them() {
        let dates = [
            (54, "Y", "2024"),
            (-1, "M", "1969-12"),
            (-1, "D", "1969-12-31"),
            (19_782, "D", "2024-02-29"),
            (-719_528, "D", "0000-01-01"),
            (1, "W", "1970-01-08"),
            (25, "h", "1970-01-02T01"),
            (-1, "m", "1969-12-31T23:59"),
            (1_704_164_645, "s", "2024-01-02T03:04:05"),
            (2, "25s", "1970-01-01T00:00:50"),
            (-1, "ms", "1969-12-31T23:59:59.999"),
            (1_704_164_645_000_000_001, "ns", "2024-01-02T03:04:05.000000001"),
            (1, "as", "1970-01-01T00:00:00.000000000000000001"),
            (i64::MIN, "s", "NaT"),
        ];
        for (value, unit, shown) in dates {
            assert_eq!(instant(value, unit).as_deref(), Some(shown), "{value} {unit}");
        }
        assert_eq!(span(-5, "25s").as_deref(), Some("-125 seconds"));
        assert_eq!(span(i64::MIN, "D").as_deref(), Some("NaT"));
        assert_eq!((instant(0, ""), instant(0, "x"), span(0, "99999999999s")), (None, None, None));
        assert!(instant(i64::MAX, "2147483647Y").is_some());
    }
}
