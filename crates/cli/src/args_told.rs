//! The command line of what looks back: audit, notices, incidents.

use std::path::PathBuf;

use chrono::NaiveDate;
use clap::{Parser, Subcommand, ValueEnum};

use crate::args::{Format, Place};

#[derive(Debug, Parser)]
pub(crate) struct Audit {
    #[command(subcommand)]
    pub what: AuditWhat,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AuditWhat {
    /// Read the whole log and check that nothing in it was changed, removed or moved, and that
    /// every notice has its whole course.
    Verify(Verify),
    /// Print the digests of the last frames, to be kept elsewhere: `verify --head` proves by them
    /// that nothing was rewritten since.
    Head(Head),
}

#[derive(Debug, Parser)]
pub(crate) struct Verify {
    /// What `duban audit head` printed earlier, in any format: the log must still contain it. May be
    /// given several times.
    #[arg(long, value_name = "FILE")]
    pub head: Vec<PathBuf>,
    #[command(flatten)]
    pub place: Place,
    /// How to print.
    #[arg(long, value_enum, default_value = "table")]
    pub format: Format,
}

#[derive(Debug, Parser)]
pub(crate) struct Head {
    #[command(flatten)]
    pub place: Place,
    /// How to print.
    #[arg(long, value_enum, default_value = "table")]
    pub format: Format,
}

/// How a notice stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum NoticeState {
    /// It waits to be sent.
    Queued,
    /// A send was announced, and what became of it is not known yet.
    Attempted,
    /// The receiving service said yes.
    Delivered,
    /// It will be tried again.
    Failed,
    /// No further attempt is made; the receiver was not reached.
    Abandoned,
    /// Nobody was told, for a reason.
    Suppressed,
}

#[derive(Debug, Subcommand)]
pub(crate) enum NoticesWhat {
    /// Have a notice that was given up tried again, as a new one, to whoever is to be told by the
    /// directory in force now. Needs a running server.
    Retry(Retry),
}

#[derive(Debug, Parser)]
pub(crate) struct Retry {
    /// The notice's id, as `duban incidents` and `duban notices` print it.
    pub notice: String,
    /// Who wants it; kept on the log.
    #[arg(long)]
    pub by: String,
    /// Why; kept on the log.
    #[arg(long)]
    pub reason: Option<String>,
    #[command(flatten)]
    pub place: Place,
}

#[derive(Debug, Parser)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Notices {
    #[command(subcommand)]
    pub what: Option<NoticesWhat>,
    /// Only notices about duties of this unit, or to its people, by id or name.
    #[arg(long)]
    pub unit: Option<String>,
    /// Only to this contact: `unit/contact`, its id in the unit, or its title.
    #[arg(long)]
    pub contact: Option<String>,
    /// Only about this row of a ledger, by its number.
    #[arg(long)]
    pub task: Option<String>,
    /// Only about this obligation.
    #[arg(long)]
    pub obligation: Option<String>,
    /// Only those that stand so; may be given several times.
    #[arg(long, value_enum)]
    pub state: Vec<NoticeState>,
    /// Only those queued or suppressed on this day or later.
    #[arg(long)]
    pub from: Option<NaiveDate>,
    /// Only those queued or suppressed on this day or earlier.
    #[arg(long)]
    pub to: Option<NaiveDate>,
    #[command(flatten)]
    pub place: Place,
    /// How to print.
    #[arg(long, value_enum, default_value = "table")]
    pub format: Format,
}

#[derive(Debug, Parser)]
pub(crate) struct Incidents {
    #[command(flatten)]
    pub place: Place,
    /// How to print.
    #[arg(long, value_enum, default_value = "table")]
    pub format: Format,
}
