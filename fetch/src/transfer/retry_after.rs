//! The `Retry-After` header of RFC 9110, section 10.2.3. Must not know what is retried.

use std::time::Duration;

use jiff::Timestamp;

/// How long to wait: a number of seconds, or the time until a date.
pub fn parse(value: &str) -> Option<Duration> {
    after(value, Timestamp::now())
}

fn after(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::parse(value).ok()?.timestamp();
    // A date that has passed means: now.
    Some(Duration::try_from(date.duration_since(now)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_dates_are_understood() -> Result<(), jiff::Error> {
        let now: Timestamp = "1994-11-06T08:49:30Z".parse()?;
        assert_eq!(after("7", now), Some(Duration::from_secs(7)));
        assert_eq!(after("Sun, 06 Nov 1994 08:49:37 GMT", now), Some(Duration::from_secs(7)));
        assert_eq!(after("Sun, 06 Nov 1994 08:49:00 GMT", now), Some(Duration::ZERO));
        assert_eq!(after("soon", now), None);
        assert_eq!(after("-1", now), None);
        Ok(())
    }
}
