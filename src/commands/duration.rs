use std::time::Duration;

/// Time as people write it: `500ms`, `1m`; some of it, for none at all is a slip.
pub fn parse(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(Duration::ZERO) => Err("no time at all: nothing could be done in it".into()),
        parsed => parsed.map_err(|error| error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_always_some_time() {
        assert_eq!(parse("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(parse("1m 5s"), Ok(Duration::from_secs(65)));
        for wrong in ["0s", "0ms", "5", "", "-1s"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
