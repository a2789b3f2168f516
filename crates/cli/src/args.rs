//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use chrono::NaiveDate;
use clap::{Parser, Subcommand, ValueEnum};

/// 督办: turns a ledger of obligations into running workflows.
#[derive(Debug, Parser)]
#[command(name = "duban", version, about, max_term_width = 100)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Play the real 2021 ledger in time-lapse, with the console open. Needs nothing else.
    Demo(Demo),
    /// Run the services.
    Serve(Serve),
    /// Report every fault of a definition folder, and what the office must confirm.
    Check(Check),
    /// Read an office's ledger (docx, xlsx, csv) into a definition folder, with every doubt as a question.
    Import(Import),
    /// Write a ledger as it stands into a document: xlsx, docx, csv, or ics for calendars.
    Export(Export),
    /// Read one deadline phrase, e.g. 2021年12月底.
    Deadline(Deadline),
    /// Show what deploying a definition folder would change for what is running.
    Plan(Plan),
    /// Bring a changed definition folder, calendar or directory into force.
    Deploy(Deploy),
    /// Show how a ledger's notices read, with sample values.
    Preview(Preview),
    /// Print every notice that a definition would send in a span of time.
    Simulate(Simulate),
    /// Send events from a file of one CloudEvent a line (`-`: standard input).
    Send(Send),
    /// Show ledgers, lights and what is due next.
    Status(Status),
    /// Say why something happened to an obligation or notice, or why not; or what a code of `check`
    /// means.
    Explain(Explain),
    /// Print the JSON Schema of a definition file, for editors.
    Schema(Schema),
    /// Rebuild all state from the log and print its checksum.
    Replay(Replay),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Table,
    Json,
    Ndjson,
    Csv,
}

#[derive(Debug, Parser)]
pub(crate) struct Demo {
    /// Definition folder; without it, the 2021 ledger that this program brings along.
    #[arg(long)]
    pub ledger: Option<PathBuf>,
    /// Events to play; without it, the sample events.
    #[arg(long)]
    pub events: Option<PathBuf>,
    /// Seconds that a month takes; 0 for as fast as possible.
    #[arg(long, default_value_t = 10.0)]
    pub speed: f64,
    /// First day.
    #[arg(long, default_value = "2021-06-28")]
    pub from: NaiveDate,
    /// Last day.
    #[arg(long, default_value = "2022-01-31")]
    pub to: NaiveDate,
    /// Where the pages are served; port 0 for any free one.
    #[arg(long, default_value = "127.0.0.1:8321")]
    pub http: SocketAddr,
    /// No pages.
    #[arg(long)]
    pub no_http: bool,
    /// Keep (or go on with) the data in this folder instead of a temporary one.
    #[arg(long)]
    pub data: Option<PathBuf>,
    /// Keep the pages open after the summary, until Ctrl-C.
    #[arg(long)]
    pub stay: bool,
    /// Print nothing but the summary.
    #[arg(long)]
    pub quiet: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Role {
    All,
    Intake,
    Rules,
    Scheduler,
    Notifier,
    Console,
    /// Only create the streams in a NATS server, as its user `setup`, then end.
    Setup,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ClockKind {
    Live,
    Virtual,
}

#[derive(Debug, Parser)]
pub(crate) struct Serve {
    /// Which roles; single roles need --nats.
    #[arg(value_enum, default_value = "all")]
    pub roles: Vec<Role>,
    /// The data folder: log (when embedded), state, mail.
    #[arg(long, default_value = "./data")]
    pub data: PathBuf,
    /// The log in a NATS server instead of the data folder, e.g. `nats://duban@127.0.0.1:4222`;
    /// the password is taken from `DUBAN_NATS_PASSWORD` unless the URL has it. The servers of a
    /// cluster are separated by commas.
    #[arg(long, env = "DUBAN_NATS_URL")]
    pub nats: Option<String>,
    /// Copies that the servers of a NATS cluster keep of each stream, when `setup` or `all` creates
    /// them: 1 or 3.
    #[arg(long)]
    pub replicas: Option<u8>,
    /// A definition folder to bring into force at start, if it is not yet.
    #[arg(long)]
    pub ledger: Vec<PathBuf>,
    /// Where the pages are served; port 0 for any free one.
    #[arg(long, default_value = "127.0.0.1:8321")]
    pub http: SocketAddr,
    /// Where time comes from. On a virtual clock only `clock.advanced` events move it.
    #[arg(long, value_enum, default_value = "live")]
    pub clock: ClockKind,
    #[command(flatten)]
    pub channels: Channels,
    #[command(flatten)]
    pub answers: Answers,
}

#[derive(Clone, Debug, Default, Parser)]
pub(crate) struct Answers {
    /// Put a link to answer into every notice: the address under which contacts reach the pages,
    /// e.g. `https://duban.city.example`. Without it no notice has a link.
    #[arg(long, value_name = "ADDRESS", env = "DUBAN_ANSWER_URL")]
    pub answer_url: Option<String>,
    /// The key that signs those links, at least 32 bytes; older ones whose links are still out may
    /// follow it, one a line. Otherwise `DUBAN_ANSWER_KEY`, or, when one process runs everything, a
    /// key made and kept in the data folder.
    #[arg(long, value_name = "FILE", requires = "answer_url")]
    pub answer_key_file: Option<PathBuf>,
}

#[derive(Clone, Debug, Parser)]
pub(crate) struct Channels {
    /// Endpoints by channel, whom they serve and how people are reached: a file like
    /// `deploy/channels.yaml`.
    #[arg(long = "channels", value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Write mail as .eml files into this folder (default: `mail` in the data folder).
    #[arg(long)]
    pub mail_dir: Option<PathBuf>,
    /// Send mail through this server, e.g. `smtps://user:password@mail.example`.
    #[arg(
        long,
        env = "DUBAN_SMTP_URL",
        conflicts_with = "mail_dir",
        hide_env_values = true
    )]
    pub smtp: Option<String>,
    /// The sender of mail.
    #[arg(long, default_value = "督办 <duban@duban.example>")]
    pub mail_from: String,
    /// Where notices of channel `webhook` go.
    #[arg(long)]
    pub webhook_url: Option<String>,
    /// The environment variable that holds the webhook secret (`whsec_…`).
    #[arg(long, default_value = "DUBAN_WEBHOOK_SECRET")]
    pub webhook_secret_env: String,
}

#[derive(Debug, Parser)]
pub(crate) struct Check {
    /// The definition folder.
    pub dir: PathBuf,
    /// Exit 1 also on warnings and questions that the office has not confirmed.
    #[arg(long)]
    pub strict: bool,
    /// How to print.
    #[arg(long, value_enum, default_value = "table")]
    pub format: Format,
}

/// How a reading is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReadingFormat {
    Table,
    Json,
    Csv,
}

#[derive(Debug, Parser)]
pub(crate) struct Import {
    /// The document.
    pub file: PathBuf,
    /// The document lists units and contacts, and not tasks.
    #[arg(long)]
    pub units: bool,
    /// The folder to write the definition to; without it nothing is written.
    #[arg(long)]
    pub to: Option<PathBuf>,
    /// Write over files of an earlier import in that folder.
    #[arg(long, requires = "to")]
    pub replace: bool,
    /// The directory of units: directory.yaml or its folder. Without it: the one in the folder to
    /// write to, or else that of the 2021 ledger that this program brings along.
    #[arg(long)]
    pub directory: Option<PathBuf>,
    /// The notice to which the ledger is attached (docx, txt): where its dates differ, it is asked.
    #[arg(long, conflicts_with = "units")]
    pub notice: Option<PathBuf>,
    /// The ledger's year, if the document does not say it.
    #[arg(long, value_parser = clap::value_parser!(i32).range(2000..=2100))]
    pub year: Option<i32>,
    /// The ledger's date, if the document does not say it.
    #[arg(long)]
    pub issued: Option<NaiveDate>,
    /// The ledger's id; otherwise tenant and year.
    #[arg(long)]
    pub ledger: Option<String>,
    /// The supervising office, a unit id.
    #[arg(long)]
    pub office: Option<String>,
    /// The leading group, a unit id.
    #[arg(long)]
    pub leading_group: Option<String>,
    /// The office's id, for a new directory (with --units).
    #[arg(long, requires = "units")]
    pub tenant: Option<String>,
    /// How to print.
    #[arg(long, value_enum, default_value = "table")]
    pub format: ReadingFormat,
}

/// How a ledger is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportFormat {
    Xlsx,
    Docx,
    Csv,
    Ics,
}

/// Which tables a document has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportPart {
    /// The ledger, a row a task.
    Tasks,
    /// A row a duty.
    Duties,
    /// Both; a csv file has place for the ledger only.
    Both,
}

/// How the characters of a csv file are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportEncoding {
    /// UTF-8 with the mark by which Excel knows it.
    #[value(name = "utf-8-bom")]
    Utf8Bom,
    #[value(name = "utf-8")]
    Utf8,
    Gb18030,
}

/// A light by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportLight {
    Red,
    Yellow,
    Green,
    Done,
    Grey,
}

#[derive(Debug, Parser)]
pub(crate) struct Export {
    /// The ledger's id; may be left out where only one is in force.
    pub ledger: Option<String>,
    /// The file to write.
    #[arg(long)]
    pub to: PathBuf,
    /// The format; otherwise as the file's name ends.
    #[arg(long, value_enum)]
    pub format: Option<ExportFormat>,
    /// As of this instant (RFC 3339), from the log as it stood then.
    #[arg(long)]
    pub at: Option<String>,
    /// Only duties of this unit, by id or name; may be given several times.
    #[arg(long)]
    pub unit: Vec<String>,
    /// Only duties of this light; may be given several times.
    #[arg(long, value_enum)]
    pub light: Vec<ExportLight>,
    /// Which tables; otherwise the ledger alone in a docx and both in an xlsx.
    #[arg(long, value_enum)]
    pub part: Option<ExportPart>,
    /// How the characters of a csv file are stored.
    #[arg(long, value_enum, default_value = "utf-8-bom")]
    pub encoding: ExportEncoding,
    /// Write over the file if it is there.
    #[arg(long)]
    pub replace: bool,
    #[command(flatten)]
    pub place: Place,
}

#[derive(Debug, Parser)]
pub(crate) struct Deadline {
    /// The phrase as the ledger words it; empty for an empty cell.
    pub phrase: String,
    /// The ledger's year, meant where the phrase names none.
    #[arg(long, value_parser = clap::value_parser!(i32).range(2000..=2100))]
    pub year: Option<i32>,
    /// How to print.
    #[arg(long, value_enum, default_value = "table")]
    pub format: ReadingFormat,
}

#[derive(Debug, Parser)]
pub(crate) struct Schema {
    /// Which file: ledger, tasks or directory; without it, one schema that fits each of them.
    #[arg(value_parser = clap::builder::PossibleValuesParser::new(duban_rules::SCHEMA_FILES.iter().copied()))]
    pub file: Option<String>,
}

#[derive(Debug, Parser)]
pub(crate) struct Plan {
    /// The definition folder.
    pub dir: PathBuf,
    /// As of this instant (RFC 3339), from the log as it stood then.
    #[arg(long)]
    pub at: Option<String>,
    #[command(flatten)]
    pub place: Place,
    /// How to print.
    #[arg(long, value_enum, default_value = "table")]
    pub format: Format,
}

#[derive(Debug, Parser)]
pub(crate) struct Deploy {
    /// The definition folder.
    #[arg(required_unless_present_any = ["back", "list"], conflicts_with_all = ["back", "list"])]
    pub dir: Option<PathBuf>,
    /// Why; kept on the log.
    #[arg(long)]
    pub reason: Option<String>,
    /// Who; kept on the log.
    #[arg(long)]
    pub by: Option<String>,
    /// Deploy only if the plan is still the one with this hash (`duban plan` prints it).
    #[arg(long)]
    pub plan: Option<String>,
    /// Go back to an earlier definition, by its hash (`--list` shows them).
    #[arg(long, conflicts_with = "list")]
    pub back: Option<String>,
    /// List the definitions that were in force: hash, when, by whom, why.
    #[arg(long)]
    pub list: bool,
    #[command(flatten)]
    pub place: Place,
    /// How to print.
    #[arg(long, value_enum, default_value = "table")]
    pub format: Format,
}

/// How the notices of a simulated span are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SimulateFormat {
    Table,
    Json,
    Ndjson,
    Csv,
    /// A workbook, into the file of --to.
    Xlsx,
    /// Calendar entries.
    Ics,
}

impl SimulateFormat {
    /// The format of what is printed; nothing for one that is a document.
    pub(crate) fn printed(self) -> Option<Format> {
        match self {
            SimulateFormat::Table => Some(Format::Table),
            SimulateFormat::Json => Some(Format::Json),
            SimulateFormat::Ndjson => Some(Format::Ndjson),
            SimulateFormat::Csv => Some(Format::Csv),
            SimulateFormat::Xlsx | SimulateFormat::Ics => None,
        }
    }
}

#[derive(Debug, Parser)]
pub(crate) struct Simulate {
    /// The definition folder.
    pub dir: PathBuf,
    /// First day; the ledger is brought into force as it begins.
    #[arg(long)]
    pub from: NaiveDate,
    /// Last day, to its end.
    #[arg(long)]
    pub to: NaiveDate,
    /// Events to play.
    #[arg(long)]
    pub events: Option<PathBuf>,
    /// How to print.
    #[arg(long, value_enum, default_value = "table")]
    pub format: SimulateFormat,
    /// Print counts instead of notices.
    #[arg(long)]
    pub summary: bool,
    /// Another definition folder: play the same events under it too, and print only what DIR
    /// changes against it.
    #[arg(long, value_name = "DIR")]
    pub against: Option<PathBuf>,
    /// The file to write a workbook or calendar to; a calendar is printed without it.
    #[arg(long, value_name = "FILE", required_if_eq("format", "xlsx"))]
    pub output: Option<PathBuf>,
    /// Write over the file if it is there.
    #[arg(long, requires = "output")]
    pub replace: bool,
}

/// Where a running or stopped installation is found.
#[derive(Clone, Debug, Parser)]
pub(crate) struct Place {
    /// The data folder.
    #[arg(long, default_value = "./data")]
    pub data: PathBuf,
    /// The log in a NATS server instead.
    #[arg(long, env = "DUBAN_NATS_URL")]
    pub nats: Option<String>,
}

#[derive(Debug, Parser)]
pub(crate) struct Send {
    /// The file, or `-`.
    pub file: PathBuf,
    #[command(flatten)]
    pub place: Place,
    /// Play the file on a virtual clock in rounds, each event at its own `time` (needs --nats and
    /// services started with --clock virtual).
    #[arg(long, requires = "to", requires = "nats")]
    pub rounds: bool,
    /// Definition folder brought into force at the first instant (with --rounds).
    #[arg(long, requires = "rounds")]
    pub ledger: Option<PathBuf>,
    /// First day (with --rounds).
    #[arg(long, default_value = "2021-06-28")]
    pub from: NaiveDate,
    /// Last day (with --rounds).
    #[arg(long)]
    pub to: Option<NaiveDate>,
}

#[derive(Debug, Parser)]
pub(crate) struct Status {
    #[command(flatten)]
    pub place: Place,
    /// Only this ledger.
    #[arg(long)]
    pub ledger: Option<String>,
    /// One line an obligation instead of a summary.
    #[arg(long)]
    pub obligations: bool,
    /// How to print.
    #[arg(long, value_enum, default_value = "table")]
    pub format: Format,
}

/// The language of a preview.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PreviewLanguage {
    Zh,
    En,
}

#[derive(Debug, Parser)]
pub(crate) struct Preview {
    /// The definition folder.
    pub dir: PathBuf,
    /// Which sorts of notice, e.g. `reminder,escalation`; all if not given.
    #[arg(long, value_delimiter = ',')]
    pub kind: Vec<String>,
    /// About which task; the first if not given.
    #[arg(long)]
    pub task: Option<String>,
    /// To which unit; the task's first if not given.
    #[arg(long)]
    pub unit: Option<String>,
    /// In which language; the ledger's if not given.
    #[arg(long, value_enum)]
    pub language: Option<PreviewLanguage>,
    /// How to print.
    #[arg(long, value_enum, default_value = "table")]
    pub format: Format,
}

#[derive(Debug, Parser)]
pub(crate) struct Explain {
    /// An obligation such as `tongliao-2021/10/city-spj/responsible`, a notice's id, or a code of
    /// `duban check` such as `D020`, for which no data folder is needed.
    pub id: String,
    /// As of this instant (RFC 3339).
    #[arg(long)]
    pub at: Option<String>,
    #[command(flatten)]
    pub place: Place,
    /// How to print.
    #[arg(long, value_enum, default_value = "table")]
    pub format: Format,
}

#[derive(Debug, Parser)]
pub(crate) struct Replay {
    /// Also check the log: order, ids, causes, and that rebuilt rows equal folded state.
    #[arg(long)]
    pub verify: bool,
    #[command(flatten)]
    pub place: Place,
    /// How to print.
    #[arg(long, value_enum, default_value = "table")]
    pub format: Format,
}

/// Ends the program as wrong usage does.
pub(crate) fn wrong_usage(what: &str) -> ! {
    use clap::CommandFactory;
    Args::command()
        .error(clap::error::ErrorKind::ArgumentConflict, what)
        .exit()
}
