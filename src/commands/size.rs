/// Bytes as people write them: `4096`, `64K`, `256M`, `1G`, `1GiB`; powers of 1024.
pub fn parse(text: &str) -> Result<usize, &'static str> {
    const EXPECTED: &str = "expected bytes, as in 4096, 64K, 256M or 1G";
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let shift = match unit.to_ascii_uppercase().as_str() {
        "" | "B" => 0,
        "K" | "KB" | "KIB" => 10,
        "M" | "MB" | "MIB" => 20,
        "G" | "GB" | "GIB" => 30,
        _ => return Err(EXPECTED),
    };
    let number: usize = number.parse().map_err(|_| EXPECTED)?;
    number.checked_mul(1 << shift).ok_or("that is more than there can be")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_with_and_without_a_unit() {
        let parsed: Vec<_> =
            ["0", "4096", "64K", "256M", "256MiB", "1g", "2GB"].into_iter().map(parse).collect();
        let expected = [0, 4096, 64 << 10, 256 << 20, 256 << 20, 1 << 30, 2 << 30];
        assert_eq!(parsed, expected.map(Ok));
        for wrong in ["", "M", "-1", "1.5G", "1T", "1 G", "99999999999999999999", "99999999999G"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
