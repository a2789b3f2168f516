//! The one binary, `duban`: composition and operator commands.
//!
//! Exit codes: 0 success, 1 findings or failure, 2 wrong usage. Data goes to standard output,
//! diagnostics to standard error.

/// Prints a line to standard output. A reader that went away (`| head`) ends the program quietly:
/// nothing that matters is decided by a command that prints.
macro_rules! say {
    () => { $crate::say!("") };
    ($($part:tt)*) => { $crate::table::say(format_args!($($part)*)) };
}
pub(crate) use say;

mod account;
mod against;
mod answers;
mod args;
mod args_serve;
mod args_told;
mod audit;
mod audit_courses;
mod auditor;
mod channels;
mod channels_source;
mod check;
mod codes;
mod deadline;
mod demo;
mod deploy;
mod due_days;
mod explain;
mod export;
mod folder;
mod foresee;
mod foretaste;
mod gauges;
mod history;
mod host;
mod import;
mod import_units;
mod incidents;
mod index;
mod misses;
mod narrate;
mod notices;
mod plain;
mod plan;
mod plan_people;
mod plan_words;
mod play;
mod prefer;
mod preview;
mod reading;
mod receivers;
mod replay;
mod retry;
mod schema;
mod send;
mod sheets;
mod silence;
mod simulate;
mod socket;
mod status;
mod table;
mod task_form;
mod tokens;
mod told;
mod users;
mod view;
mod watchdog;
mod workshop;
mod write;

use std::process::ExitCode;

use clap::Parser;

use crate::args::{Args, Command};

/// How a command ended.
pub(crate) enum Ended {
    /// As asked.
    Well,
    /// It found something, and has said what.
    Findings,
}

/// A fault to be told in full before exit code 1.
pub(crate) type Fault = Box<dyn std::error::Error + Send + Sync>;

/// The system's allocator took a fifth of the time under load, and kept a third more memory.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let args = Args::parse();
    logging(&args);
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(fault) => {
            eprintln!("duban: {fault}");
            return ExitCode::from(1);
        }
    };
    let ended = runtime.block_on(run(args));
    // Followers of a log may still wait for it; nothing of theirs is unsaved.
    runtime.shutdown_background();
    match ended {
        Ok(Ended::Well) => ExitCode::SUCCESS,
        Ok(Ended::Findings) => ExitCode::from(1),
        Err(fault) => {
            eprintln!("duban: {fault}");
            ExitCode::from(1)
        }
    }
}

async fn run(args: Args) -> Result<Ended, Fault> {
    match args.command {
        Command::Demo(args) => demo::run(args).await,
        Command::Serve(args) => host::serve(args).await,
        Command::Check(args) => check::run(&args),
        Command::Import(args) => import::run(&args),
        Command::Export(args) => export::run(args).await,
        Command::Deadline(args) => deadline::run(&args),
        Command::Plan(args) => plan::run(args).await,
        Command::Deploy(args) => deploy::run(args).await,
        Command::Preview(args) => preview::run(&args),
        Command::Simulate(args) => simulate::run(&args),
        Command::Send(args) => send::run(args).await,
        Command::Silence(args) => silence::run(args).await,
        Command::Prefer(args) => prefer::run(args).await,
        Command::Status(args) => status::run(args).await,
        Command::Notices(args) => notices::run(args).await,
        Command::Incidents(args) => incidents::run(args).await,
        Command::Audit(args) => audit::run(args).await,
        Command::Explain(args) => explain::run(args).await,
        Command::Schema(args) => schema::run(&args),
        Command::Replay(args) => replay::run(args).await,
        Command::User(args) => users::run(args),
        Command::Token(args) => tokens::run(args),
    }
}

fn logging(args: &Args) {
    use tracing_subscriber::EnvFilter;
    let default = match args.command {
        Command::Serve(_) => "info",
        _ => "warn",
    };
    let filter = EnvFilter::try_from_env("DUBAN_LOG").unwrap_or_else(|_| {
        EnvFilter::new(format!(
            "{default},async_nats=error,fjall=error,lsm_tree=error,sled=error"
        ))
    });
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .with_target(false)
        .init();
}
