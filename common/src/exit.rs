//! The documented exit codes. Must not know what a tool means by "yes".

/// How a program ends, as its parent sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exit(pub u8);

impl Exit {
    /// 0: it worked, or the answer is yes.
    pub const YES: Exit = Exit(0);
    /// 1: it worked and the answer is no: a test failed, a hash was wrong, a leak was found.
    pub const NO: Exit = Exit(1);
    /// 2: it could not be done: bad arguments, unreadable input, no network.
    pub const CANNOT: Exit = Exit(2);
    /// 130: ended by Ctrl-C, as a shell reports it (128 + SIGINT).
    pub const INTERRUPTED: Exit = Exit(130);
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        std::process::ExitCode::from(exit.0)
    }
}
