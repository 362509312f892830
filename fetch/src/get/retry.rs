//! When to try again, and how often. Pure; must not know what is tried.

use std::time::Duration;

/// The wait before the second attempt; it doubles with each further one.
const FIRST_WAIT: Duration = Duration::from_millis(250);
/// The longest wait of our own choice.
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// The longest wait that a server may ask for; who asks for more gets no further attempt.
const LONGEST_RETRY_AFTER: Duration = Duration::from_mins(2);

/// How often the URLs of a file are tried: in rounds, each URL once a round, so that a mirror is asked at once
/// and not after the last attempt at the URL before it.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// Rounds after the first.
    pub retries: u32,
}

impl Policy {
    /// The wait after round `round`, counted from 0; nothing when it was the last.
    ///
    /// `asked` is the longest wait that a server asked for in this round.
    pub fn wait(self, round: u32, asked: Option<Duration>) -> Option<Duration> {
        if round >= self.retries || asked.is_some_and(|asked| asked > LONGEST_RETRY_AFTER) {
            return None;
        }
        let own = FIRST_WAIT.saturating_mul(2_u32.saturating_pow(round)).min(LONGEST_WAIT);
        Some(asked.unwrap_or(own))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_and_end() {
        let policy = Policy { retries: 3 };
        let waits: Vec<_> =
            (0..5).map_while(|round| policy.wait(round, None)).map(|wait| wait.as_millis()).collect();
        assert_eq!(waits, [250, 500, 1000]);
        assert_eq!(Policy { retries: u32::MAX }.wait(40, None), Some(LONGEST_WAIT));
    }

    #[test]
    fn a_server_may_ask_for_a_wait_within_reason() {
        let policy = Policy { retries: 3 };
        assert_eq!(policy.wait(0, Some(Duration::ZERO)), Some(Duration::ZERO));
        assert_eq!(policy.wait(0, Some(Duration::from_secs(30))), Some(Duration::from_secs(30)));
        assert_eq!(policy.wait(0, Some(Duration::from_hours(1))), None);
    }
}
