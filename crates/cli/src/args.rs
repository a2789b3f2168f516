//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use chrono::NaiveDate;
use clap::builder::PossibleValue;
use clap::{Parser, Subcommand, ValueEnum};
use duban_model::directory::Channel;
use duban_runtime::channel::{MAX_SMS_TEXT_BYTES, MIN_SMS_TEXT_BYTES, SMS_TEXT_BYTES};

pub(crate) use crate::args_serve::{Answers, Channels, ClockKind, Role, Serve};
use crate::args_told::{Audit, Incidents, Notices};

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
    /// Keep notices back for a while, or all of them for maintenance; say who decided so and why.
    Silence(crate::silence::Silence),
    /// Choose on which of the allowed channels a contact is told, or show it.
    Prefer(Prefer),
    /// Show ledgers, lights and what is due next.
    Status(Status),
    /// Show the ledger of notices: who was told what, when, how, with what outcome; and who was not,
    /// and why.
    Notices(Notices),
    /// Show what somebody has to look after: receivers who were not reached, events that were
    /// refused, duties without a next action. Exits 1 if there is anything.
    Incidents(Incidents),
    /// Check that nothing on the log was changed or removed, or print the heads that prove it later.
    Audit(Audit),
    /// Say why something happened to an obligation or notice, or why not; or what a code of `check`
    /// means.
    Explain(Explain),
    /// Print the JSON Schema of a definition file, for editors.
    Schema(Schema),
    /// Rebuild all state from the log and print its checksum.
    Replay(Replay),
    /// Who may sign in to the pages: list, invite, disable, change roles, end sessions.
    User(crate::users::User),
    /// Tokens by which programs ask: list, make, end.
    Token(crate::tokens::Token),
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

/// A channel by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ChannelName(pub Channel);

impl ValueEnum for ChannelName {
    fn value_variants<'a>() -> &'a [Self] {
        const ALL: [ChannelName; Channel::ALL.len()] = {
            let mut all = [ChannelName(Channel::Mail); Channel::ALL.len()];
            let mut place = 0;
            while place < all.len() {
                all[place] = ChannelName(Channel::ALL[place]);
                place += 1;
            }
            all
        };
        &ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.0.as_str()).help(self.0.chinese()))
    }
}

#[derive(Debug, Parser)]
pub(crate) struct Prefer {
    /// Whose: `unit/contact`, as in directory.yaml.
    pub contact: String,
    /// The channels to be tried first, best first; the others that the office allows stay behind
    /// them. Without it and without --reset, what holds is shown.
    #[arg(long, value_enum, value_delimiter = ',', requires = "by")]
    pub channels: Vec<ChannelName>,
    /// Go back to the office's order.
    #[arg(long, conflicts_with = "channels", requires = "by")]
    pub reset: bool,
    /// Who chose, by office or role; kept on the log.
    #[arg(long)]
    pub by: Option<String>,
    /// The office, where several have a unit of that id.
    #[arg(long)]
    pub tenant: Option<String>,
    #[command(flatten)]
    pub place: Place,
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
    /// As this channel would send it, with its size and whether it is cut.
    #[arg(long, value_enum)]
    pub channel: Option<ChannelName>,
    /// The longest short message that the gateway takes, in bytes (with --channel sms).
    #[arg(long, value_name = "BYTES", default_value_t = SMS_TEXT_BYTES,
          value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(MIN_SMS_TEXT_BYTES as u64..=MAX_SMS_TEXT_BYTES as u64))]
    pub text_bytes: usize,
    /// Write the page of the mail into this file; with one --kind.
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Write the mail as it would go out into this file; with one --kind.
    #[arg(long, value_name = "FILE")]
    pub eml: Option<PathBuf>,
    /// Write over the files if they are there.
    #[arg(long)]
    pub replace: bool,
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
