//! The wrapper that every `main` calls: parse, decide the output form, run, report a fatal error once,
//! exit. Must not know what the tool does.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use serde::Serialize;
use serde_json::{Value, json};

use crate::error::Failure;
use crate::exit::Exit;
use crate::format::Format;
use crate::progress::Progress;
use crate::record::{RunFailed, RunFinished, RunStarted};
use crate::term::{ColorChoice, Styles, plain};
use crate::title;
use crate::writer::Output;

/// What the wrapper needs to know of a tool.
pub struct Tool {
    /// The binary's name, which is also the first word of its record types.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
    /// The JSON Schema of its records, from [`crate::schema::of`].
    pub schema: fn() -> Value,
}

/// The options that all four tools share; flatten it into the tool's own.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Output")]
pub struct OutputArgs {
    /// Text for people or one JSON record a line [default: human on a terminal, else jsonl]
    #[arg(long, global = true, value_enum, value_name = "human|jsonl", hide_possible_values = true)]
    pub format: Option<Format>,
    /// When to colour [default: auto, on a terminal]
    #[arg(
        long,
        global = true,
        value_enum,
        default_value_t,
        value_name = "auto|always|never",
        hide_possible_values = true,
        hide_default_value = true
    )]
    pub color: ColorChoice,
    /// Say only what went wrong
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Say more; twice for everything
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
}

/// A tool's command line.
pub trait CommandLine: Parser {
    /// The shared options.
    fn output(&self) -> &OutputArgs;

    /// The command line as it may be shown, argument by argument: a tool that takes secrets leaves them out here.
    /// Records, messages and `/proc/PID/cmdline` have it from there.
    fn conceal(argv: &[String]) -> Vec<String> {
        argv.to_vec()
    }
}

/// One run of one tool: where its output goes and how it is framed.
pub struct Session {
    tool: &'static Tool,
    argv: Vec<String>,
    /// The form of standard output.
    pub format: Format,
    /// Styles for standard output.
    pub styles: Styles,
    /// Styles for standard error.
    pub error_styles: Styles,
    /// `-q`: say only what went wrong.
    pub quiet: bool,
    /// How often `-v` was given.
    pub verbose: u8,
    /// Progress bars, drawn only where a person watches.
    pub progress: Progress,
    output: Output,
    copy: Option<Output>,
    begun: bool,
    counts: BTreeMap<String, u64>,
    dropped: u64,
}

impl Session {
    fn new(tool: &'static Tool, output: &OutputArgs, argv: Vec<String>) -> Self {
        Session {
            tool,
            argv,
            format: Format::resolve(output.format),
            styles: Styles::new(output.color.enabled(io::stdout().is_terminal())),
            error_styles: Styles::new(output.color.enabled(io::stderr().is_terminal())),
            quiet: output.quiet,
            verbose: output.verbose,
            progress: Progress::new(!output.quiet),
            output: Output::new(io::BufWriter::new(io::stdout())),
            copy: None,
            begun: false,
            counts: BTreeMap::new(),
            dropped: 0,
        }
    }

    /// Opens the run: in the JSON form, writes `<tool>.run.started`.
    ///
    /// Call it once, before the first record; a command that only prints an answer need not.
    pub fn begin(&mut self) -> io::Result<()> {
        self.begun = true;
        let wall_clock = jiff::Timestamp::now().to_string();
        let version = self.tool.version.to_owned();
        let argv = self.argv.clone();
        self.frame("started", RunStarted { version, argv, wall_clock })
    }

    /// From now on the frame of the run goes here too, in whatever form standard output is: for a tool that keeps
    /// its records. What comes between it writes itself. Failures to write to it are nobody's.
    pub fn copy_to(&mut self, copy: Output) {
        self.copy = Some(copy);
    }

    /// Standard output: records with [`Output::record`], text through [`Write`]. Clone it freely.
    pub fn output(&self) -> Output {
        self.output.clone()
    }

    /// Sets one of the counts of `<tool>.run.finished`.
    pub fn count(&mut self, what: &str, number: u64) {
        self.counts.insert(what.to_owned(), number);
    }

    /// Says that events were lost on the way.
    pub fn dropped(&mut self, number: u64) {
        self.dropped += number;
    }

    /// A warning for people, on standard error.
    pub fn warn(&self, message: &str) {
        let label = self.error_styles.warn("warning:");
        self.progress.suspend(|| {
            // Nowhere to report a failure to write to standard error.
            let _ = writeln!(io::stderr(), "{label} {message}");
        });
    }

    /// News for people, on standard error; silent with `-q`.
    pub fn note(&self, message: &str) {
        if !self.quiet {
            self.progress.suspend(|| {
                let _ = writeln!(io::stderr(), "{message}");
            });
        }
    }

    /// What closes the run's frame from another thread, where the one that runs cannot be asked to: at Ctrl-C.
    pub fn closer(&self) -> Closer {
        Closer {
            tool: self.tool,
            output: (self.begun && self.format == Format::Jsonl).then(|| self.output()),
        }
    }

    fn frame(&self, what: &str, payload: impl Serialize) -> io::Result<()> {
        if !self.begun || (self.format == Format::Human && self.copy.is_none()) {
            return Ok(());
        }
        let record = framed(self.tool, what, payload)?;
        if let Some(copy) = &self.copy {
            let _ = copy.record(&record);
        }
        if self.format == Format::Human { Ok(()) } else { self.output.record(&record) }
    }

    fn fail(&self, failure: &Failure) {
        let Failure { message, causes, hint, code, .. } = failure;
        let error = self.error_styles.bad("error:");
        let mut text = format!("{error} {}\n", plain_lines(&failure.chain()));
        if let Some(hint) = hint {
            text += &format!("  {} {}\n", self.error_styles.accent("hint:"), plain_lines(hint));
        }
        self.progress.suspend(|| {
            let _ = io::stderr().write_all(text.as_bytes());
        });
        let record = RunFailed {
            code: (*code).to_owned(),
            message: message.clone(),
            causes: causes.clone(),
            hint: hint.clone(),
        };
        // The error is already on standard error; that standard output fails too changes nothing.
        let _ = self.frame("failed", record);
    }

    fn finish(&mut self, exit: Exit) -> io::Result<()> {
        let counts = std::mem::take(&mut self.counts);
        self.frame("finished", RunFinished { exit_code: exit.0, counts, dropped: self.dropped })?;
        self.output.flush()
    }
}

/// Closes the frame of a run; see [`Session::closer`].
pub struct Closer {
    tool: &'static Tool,
    output: Option<Output>,
}

impl Closer {
    /// Writes `<tool>.run.finished`, without counts, as the last record there is.
    pub fn close(&self, exit: Exit) -> io::Result<()> {
        let Some(output) = &self.output else { return Ok(()) };
        let finished = RunFinished { exit_code: exit.0, counts: BTreeMap::new(), dropped: 0 };
        output.last_record(&framed(self.tool, "finished", finished)?)
    }
}

/// A record of the frame of `tool`'s run.
fn framed(tool: &Tool, what: &str, payload: impl Serialize) -> serde_json::Result<Value> {
    let mut record = json!({"type": format!("{}.run.{what}", tool.name)});
    if let (Value::Object(record), Value::Object(payload)) = (&mut record, serde_json::to_value(payload)?) {
        record.extend(payload);
    }
    Ok(record)
}

/// A message, perhaps of several lines, in which what others wrote commands no terminal.
fn plain_lines(message: &str) -> String {
    message.lines().map(plain).collect::<Vec<_>>().join("\n")
}

/// Runs a tool: the whole of its `main`.
///
/// A hidden first argument `__schema` prints the schema of the tool's records, for `cargo xtask schema`.
pub fn run<C: CommandLine>(
    tool: &'static Tool,
    body: impl FnOnce(C, &mut Session) -> Result<Exit, Failure>,
) -> ExitCode {
    let exact: Vec<OsString> = std::env::args_os().collect();
    if exact.get(1).is_some_and(|arg| arg == "__schema") {
        let mut stdout = io::stdout().lock();
        let written = serde_json::to_writer_pretty(&mut stdout, &(tool.schema)());
        return if written.is_ok() && writeln!(stdout).is_ok() {
            Exit::YES.into()
        } else {
            Exit::CANNOT.into()
        };
    }
    let argv: Vec<String> = exact.iter().map(|arg| arg.to_string_lossy().into_owned()).collect();
    let shown = C::conceal(&argv);
    let hidden = if shown == argv { Ok(()) } else { title::rewrite(&exact, &shown) };
    let command_line = match C::try_parse_from(exact) {
        Ok(command_line) => command_line,
        // Help and version go to standard output with 0; a usage error to standard error with 2.
        Err(error) => {
            print_concealed(&error, &argv, &shown);
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(Exit::CANNOT.0));
        }
    };
    let mut session = Session::new(tool, command_line.output(), shown);
    if let Err(error) = hidden {
        session.warn(&format!("others on this machine can read the secret on the command line: {error}"));
    }
    let mut exit = match body(command_line, &mut session) {
        Ok(exit) => exit,
        Err(failure) => {
            session.fail(&failure);
            failure.exit
        }
    };
    if let Err(error) = session.finish(exit)
        // A run that failed has said why, and it may have been this.
        && exit != Exit::CANNOT
    {
        session.fail(&Failure::from(anyhow::Error::new(error).context("failed to write to standard output")));
        exit = Exit::CANNOT;
    }
    exit.into()
}

/// Prints what clap has to say, with each argument as it may be shown.
fn print_concealed(error: &clap::Error, argv: &[String], shown: &[String]) {
    let secrets: Vec<_> = argv.iter().zip(shown).filter(|(given, shown)| given != shown).collect();
    if secrets.is_empty() {
        let _ = error.print();
        return;
    }
    let mut text = error.render().to_string();
    for (given, shown) in secrets {
        // Of an option with its value behind `=`, clap may name the value alone.
        let values = given.split_once('=').zip(shown.split_once('='));
        text = text.replace(given.as_str(), shown);
        if let Some(((_, given), (_, shown))) = values {
            text = text.replace(given, shown);
        }
    }
    let _ = if error.use_stderr() {
        io::stderr().write_all(text.as_bytes())
    } else {
        io::stdout().write_all(text.as_bytes())
    };
}

/// Prints the completion script of a tool for one shell.
pub fn completions<C: CommandFactory>(tool: &Tool, shell: Shell, session: &Session) {
    clap_complete::generate(shell, &mut C::command(), tool.name, &mut session.output());
}

pub use clap_complete::Shell;
