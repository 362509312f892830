//! Which bytes of a file are there, which are coming by which connection, and which part a connection takes next.
//! Pure: must not know connections, clocks or files.

use std::ops::Range;
use std::time::Duration;

/// Shorter parts are not worth a request.
pub const SHORTEST: u64 = 2 << 20;
/// A part of which nothing came for so long is taken over by a connection that has nothing else to do.
pub const PATIENCE: Duration = Duration::from_secs(3);

/// The bytes of one file.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Without gap or overlap, none empty.
    pieces: Vec<Piece>,
    tickets: u64,
}

#[derive(Clone, Debug)]
struct Piece {
    bytes: Range<u64>,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    There,
    Wanted,
    Coming {
        ticket: Ticket,
        /// When something of it came last.
        moved: Duration,
    },
}

/// The right of one connection to bring one part, until the part is there or somebody else has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket(u64);

/// A part that a connection is to bring.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Its right to do so.
    pub ticket: Ticket,
    /// Which bytes; others may take over an end of them.
    pub bytes: Range<u64>,
}

impl Plan {
    /// A plan for a file of `size` bytes, of which those of `there` are there: sorted, apart from one another.
    pub fn new(size: u64, there: &[Range<u64>]) -> Plan {
        let mut plan = Plan { pieces: Vec::new(), tickets: 0 };
        let mut at = 0;
        for known in there {
            plan.push(at..known.start.min(size), State::Wanted);
            plan.push(known.start.max(at)..known.end.min(size), State::There);
            at = at.max(known.start.min(size)).max(known.end);
        }
        plan.push(at..size, State::Wanted);
        plan
    }

    fn push(&mut self, bytes: Range<u64>, state: State) {
        if !bytes.is_empty() {
            self.pieces.push(Piece { bytes, state });
        }
    }

    /// The part that one more connection should bring, at the time `now`: the first that nobody brings, else the
    /// second half of the longest, else one that has come to a stand.
    pub fn claim(&mut self, now: Duration) -> Option<Claim> {
        if let Some(index) = self.pieces.iter().position(|piece| piece.state == State::Wanted) {
            return Some(self.hand_over(index, now));
        }
        let coming = || self.pieces.iter().enumerate().filter(|(_, piece)| piece.ticket().is_some());
        let length = |piece: &Piece| piece.bytes.end - piece.bytes.start;
        let longest = coming().max_by_key(|(_, piece)| length(piece)).map(|(index, _)| index)?;
        if length(&self.pieces[longest]) >= 2 * SHORTEST {
            let Range { start, end } = self.pieces[longest].bytes;
            let middle = start + (end - start) / 2;
            self.pieces[longest].bytes.end = middle;
            self.pieces.insert(longest + 1, Piece { bytes: middle..end, state: State::Wanted });
            return Some(self.hand_over(longest + 1, now));
        }
        let stands =
            |piece: &Piece| matches!(piece.state, State::Coming { moved, .. } if moved + PATIENCE <= now);
        let index = coming().find(|(_, piece)| stands(piece)).map(|(index, _)| index)?;
        Some(self.hand_over(index, now))
    }

    /// The part at `at`, when nobody brings it: for a connection whose own part ends there.
    pub fn claim_at(&mut self, at: u64, now: Duration) -> Option<Claim> {
        let wanted = |piece: &Piece| piece.bytes.start == at && piece.state == State::Wanted;
        let index = self.pieces.iter().position(wanted)?;
        Some(self.hand_over(index, now))
    }

    fn hand_over(&mut self, index: usize, now: Duration) -> Claim {
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        self.pieces[index].state = State::Coming { ticket, moved: now };
        Claim { ticket, bytes: self.pieces[index].bytes.clone() }
    }

    /// What of a part has still to come; nothing when it is there, or somebody else's.
    pub fn rest(&self, ticket: Ticket) -> Option<Range<u64>> {
        self.find(ticket).map(|index| self.pieces[index].bytes.clone())
    }

    /// The next `length` bytes of a part are there; no more than [`Plan::rest`] says.
    pub fn advance(&mut self, ticket: Ticket, length: u64, now: Duration) {
        let Some(index) = self.find(ticket) else { return };
        let Range { start, end } = self.pieces[index].bytes;
        let at = end.min(start + length);
        self.pieces[index] = Piece { bytes: at..end, state: State::Coming { ticket, moved: now } };
        self.pieces.insert(index, Piece { bytes: start..at, state: State::There });
        self.tidy();
    }

    /// Nobody brings the rest of a part any more.
    pub fn release(&mut self, ticket: Ticket) {
        if let Some(index) = self.find(ticket) {
            self.pieces[index].state = State::Wanted;
            self.tidy();
        }
    }

    /// How many parts are being brought.
    pub fn coming(&self) -> usize {
        self.pieces.iter().filter(|piece| piece.ticket().is_some()).count()
    }

    /// How many bytes are there from the start on.
    pub fn prefix(&self) -> u64 {
        self.pieces.first().filter(|first| first.state == State::There).map_or(0, |first| first.bytes.end)
    }

    /// How many bytes are not there.
    pub fn missing(&self) -> u64 {
        let missing = self.pieces.iter().filter(|piece| piece.state != State::There);
        missing.map(|piece| piece.bytes.end - piece.bytes.start).sum()
    }

    /// The bytes that are there.
    pub fn there(&self) -> Vec<Range<u64>> {
        let there = self.pieces.iter().filter(|piece| piece.state == State::There);
        there.map(|piece| piece.bytes.clone()).collect()
    }

    fn find(&self, ticket: Ticket) -> Option<usize> {
        self.pieces.iter().position(|piece| piece.ticket() == Some(ticket))
    }

    /// Drops empty pieces, and makes one of neighbours that nobody brings and that are alike.
    fn tidy(&mut self) {
        self.pieces.retain(|piece| !piece.bytes.is_empty());
        self.pieces.dedup_by(|next, piece| {
            let alike = piece.state == next.state && piece.ticket().is_none();
            if alike {
                piece.bytes.end = next.bytes.end;
            }
            alike
        });
    }
}

impl Piece {
    fn ticket(&self) -> Option<Ticket> {
        match self.state {
            State::Coming { ticket, .. } => Some(ticket),
            State::There | State::Wanted => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MIB: u64 = 1 << 20;

    /// What the connections of a run may do; numbers pick among them.
    #[derive(Clone, Debug)]
    enum Step {
        Claim,
        Come(usize, u64),
        BreakOff(usize),
        GoOn(usize),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            3 => Just(Step::Claim),
            6 => (0..8_usize, 1..3 * MIB).prop_map(|(who, length)| Step::Come(who, length)),
            1 => (0..8_usize).prop_map(Step::BreakOff),
            1 => (0..8_usize).prop_map(Step::GoOn),
        ];
        proptest::collection::vec(step, 0..200)
    }

    /// Pieces follow one another from 0 to `size`.
    fn is_whole(plan: &Plan, size: u64) -> bool {
        let mut at = 0;
        for piece in &plan.pieces {
            if piece.bytes.start != at || piece.bytes.is_empty() {
                return false;
            }
            at = piece.bytes.end;
        }
        at == size
    }

    proptest! {
        #[test]
        fn whatever_happens_every_byte_comes_once(
            size in 0..64 * MIB,
            known in proptest::collection::vec(0..64 * MIB, 0..6),
            steps in steps(),
        ) {
            let mut known = known;
            known.sort_unstable();
            known.dedup();
            let there: Vec<Range<u64>> = known.chunks_exact(2).map(|pair| pair[0]..pair[1]).collect();
            let mut plan = Plan::new(size, &there);
            let mut missing = plan.missing();
            let mut claims: Vec<Claim> = Vec::new();
            // Time stands still, so nothing is taken over: what comes counts.
            let now = Duration::ZERO;
            for step in steps {
                match step {
                    Step::Claim => claims.extend(plan.claim(now)),
                    Step::Come(who, length) => {
                        let Some(claim) = claims.get(who) else { continue };
                        let Some(rest) = plan.rest(claim.ticket) else { continue };
                        prop_assert!(claim.bytes.start <= rest.start && rest.end <= claim.bytes.end);
                        let length = length.min(rest.end - rest.start);
                        plan.advance(claim.ticket, length, now);
                        missing -= length;
                    }
                    Step::BreakOff(who) => claims.get(who).into_iter().for_each(|claim| plan.release(claim.ticket)),
                    Step::GoOn(who) => {
                        let Some(claim) = claims.get(who) else { continue };
                        claims.extend(plan.claim_at(claim.bytes.end, now));
                    }
                }
                prop_assert!(is_whole(&plan, size), "{plan:?}");
                prop_assert_eq!(plan.missing(), missing);
                prop_assert!(plan.prefix() <= size - missing);
            }
            // One connection alone can bring what is left.
            for claim in &claims {
                plan.release(claim.ticket);
            }
            while let Some(claim) = plan.claim(now) {
                plan.advance(claim.ticket, claim.bytes.end - claim.bytes.start, now);
            }
            prop_assert_eq!((plan.missing(), plan.prefix(), plan.coming()), (0, size, 0));
            prop_assert!(plan.there().into_iter().eq((size > 0).then_some(0..size)));
        }
    }

    #[test]
    fn the_longest_part_is_halved_until_halves_are_short() {
        let mut plan = Plan::new(16 * MIB, &[]);
        let claims: Vec<_> =
            std::iter::from_fn(|| plan.claim(Duration::ZERO)).map(|claim| claim.bytes).collect();
        assert_eq!(claims.len(), 8);
        assert_eq!(claims[..3], [0..16 * MIB, 8 * MIB..16 * MIB, 12 * MIB..16 * MIB]);
        assert!(plan.pieces.iter().all(|piece| piece.bytes.end - piece.bytes.start == SHORTEST));
    }

    #[test]
    fn a_part_that_stands_is_taken_over() {
        let mut plan = Plan::new(MIB, &[]);
        let stands = plan.claim(Duration::ZERO).map(|claim| claim.ticket);
        plan.advance(stands.unwrap_or(Ticket(0)), 10, Duration::from_secs(1));
        assert_eq!(plan.claim(Duration::from_secs(1)), None);
        let other = plan.claim(Duration::from_secs(1) + PATIENCE);
        assert_eq!(other.map(|claim| claim.bytes), Some(10..MIB));
        assert_eq!(stands.and_then(|ticket| plan.rest(ticket)), None);
    }
}
