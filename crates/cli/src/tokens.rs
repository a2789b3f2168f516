//! `duban token`: by which programs ask, made and ended on the folder of accounts itself.

use clap::{Parser, Subcommand};
use duban_console::{By, Scope, TOKEN_PREFIX, Wished};

use crate::args::Format;
use crate::users::{Data, accounts, print};
use crate::{Ended, Fault};

#[derive(Debug, Parser)]
pub(crate) struct Token {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Show the tokens; never what they are.
    List(List),
    /// Make a token, and print it, the only time.
    Add(Add),
    /// End a token, by the id that the list shows.
    End(End),
}

#[derive(Debug, Parser)]
struct List {
    /// How to print.
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
    #[command(flatten)]
    data: Data,
}

#[derive(Debug, Parser)]
struct Add {
    /// What it is for, e.g. `市政府门户网站`.
    name: String,
    /// What it is good for: `read`, `metrics`, `definitions` (to plan and deploy
    /// ledgers, units and calendars), `calendar` (dates by the secret
    /// address /calendar/TOKEN.ics, and nothing else), `events:write`, or `events:write:TYPE` for one type of
    /// event such as `duban.publication.published`; may be given several times.
    #[arg(long = "scope", value_name = "SCOPE", required = true, value_parser = scope)]
    scopes: Vec<Scope>,
    /// It holds for so many days.
    #[arg(long, default_value_t = 365)]
    days: u32,
    /// Of this office only.
    #[arg(long)]
    tenant: Option<String>,
    /// Of this unit of the office only; may be given several times.
    #[arg(long = "unit", value_name = "UNIT", requires = "tenant")]
    units: Vec<String>,
    #[command(flatten)]
    data: Data,
}

#[derive(Debug, Parser)]
struct End {
    /// The id, e.g. `dbn_1f2e3d4c`.
    id: String,
    #[command(flatten)]
    data: Data,
}

fn scope(text: &str) -> Result<Scope, String> {
    Scope::parse(text).ok_or_else(|| {
        "expected read, metrics, definitions, calendar, events:write, or events:write:TYPE with a type of event such as \
         duban.publication.published"
            .to_owned()
    })
}

/// `duban token`
pub(crate) fn run(args: Token) -> Result<Ended, Fault> {
    match args.what {
        What::List(args) => list(&args)?,
        What::Add(args) => {
            let by = By::command("token add");
            let wished = Wished {
                name: args.name,
                tenant: args.tenant.unwrap_or_default(),
                units: args.units.into_iter().collect(),
                scopes: args.scopes,
                days: args.days,
            };
            let token = accounts(&args.data.data).make_token(&by, &wished)?;
            crate::say!("{token}");
        }
        What::End(args) => {
            accounts(&args.data.data).end_token(&By::command("token end"), &args.id)?;
        }
    }
    Ok(Ended::Well)
}

fn list(args: &List) -> Result<(), Fault> {
    let accounts = accounts(&args.data.data);
    let zone = accounts.zone();
    let rows: Vec<Vec<String>> = accounts
        .book()?
        .tokens
        .iter()
        .map(|(id, token)| {
            let scopes: Vec<String> = token.scopes.iter().map(ToString::to_string).collect();
            vec![
                format!("{TOKEN_PREFIX}{id}"),
                token.name.clone(),
                scopes.join(","),
                token.tenant.clone(),
                token.units.iter().cloned().collect::<Vec<_>>().join(","),
                token.until.shown_in(zone),
                token.by.clone(),
            ]
        })
        .collect();
    let columns = [
        ("编号 id", "id"),
        ("用途 name", "name"),
        ("权限 scopes", "scopes"),
        ("主管部门 tenant", "tenant"),
        ("单位 units", "units"),
        ("有效期到 until", "until"),
        ("新建者 by", "by"),
    ];
    print(args.format, &columns, &rows)
}
