//! Whether the file of a request is to be had, without getting it. Must not know how servers are asked.

use super::job::Job;
use crate::error::Problem;
use crate::events::{FileChecked, Outcome};
use crate::source::Address;
use crate::transfer::Found;

impl Job<'_> {
    /// Asks one URL after the other until one has the file; nothing when the run was stopped before.
    ///
    /// `allowed` is whether it may be asked for. The file is missing when each of them says so, and failed when one of them could not be asked.
    pub fn availability(mut self, allowed: Result<(), Problem>) -> Option<Outcome> {
        if let Err(problem) = allowed {
            return Some(Outcome::Failed(self.failed(&problem)));
        }
        let mut failed = None;
        let mut missing = Found::default();
        let result = self.rounds(|job| {
            let _seat = job.seat()?;
            job.attempts += 1;
            let address: &Address = job.address();
            job.getter.transfer.check(address, &job.request.access).inspect_err(|refusal| {
                match &refusal.problem {
                    Problem::NotFound { status } => missing.http_status = Some(*status),
                    Problem::NoLocalFile(_) => {}
                    problem => failed = Some(job.failed(problem)),
                }
            })
        });
        match (result, failed) {
            (Ok(found), _) => Some(self.checked(true, found)),
            (Err(Problem::Stopped), _) => None,
            (Err(_), Some(failed)) => Some(Outcome::Failed(failed)),
            (Err(_), None) => Some(self.checked(false, missing)),
        }
    }

    fn checked(&self, available: bool, found: Found) -> Outcome {
        Outcome::Checked(FileChecked {
            name: self.request.name.clone(),
            url: self.address().to_string(),
            available,
            size_bytes: found.size_bytes,
            http_status: found.http_status,
            attempts: self.attempts,
            extra: self.request.extra.clone(),
        })
    }
}
