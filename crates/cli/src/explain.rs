//! `duban explain`: the chain of records that led to something, and why something else did not happen.
//! What a code of `duban check` means is told without a log.

use duban_model::Timestamp;

use crate::args::{Explain, Format};
use crate::codes;
use crate::reading::Reading;
use crate::view::View;
use crate::{Ended, Fault};

pub(crate) async fn run(args: Explain) -> Result<Ended, Fault> {
    if codes::is_code(&args.id) {
        return codes::explain(&args.id, args.format);
    }
    let until = args
        .at
        .as_deref()
        .map(str::parse::<Timestamp>)
        .transpose()
        .map_err(|fault| format!("--at: {fault}"))?;
    let mut view = View::new();
    let reading = Reading::open(&args.place).await?;
    reading
        .frames(|stored| view.note(&stored.frame, until))
        .await?;
    let Some(parts) = view.explain(&args.id) else {
        let near: Vec<&str> = view
            .state()
            .obligations()
            .map(|(id, _)| id.as_str())
            .filter(|id| id.contains(&args.id))
            .take(10)
            .collect();
        let hint = if near.is_empty() {
            "ids look like tongliao-2021/10/city-spj/responsible; `duban status --obligations` lists them".to_owned()
        } else {
            format!("did you mean {}?", near.join(", "))
        };
        return Err(format!(
            "`{}` is no obligation and no notice on this log; {hint}",
            args.id
        )
        .into());
    };
    match args.format {
        Format::Json | Format::Ndjson => {
            let parts: Vec<_> = parts
                .iter()
                .map(|(heading, lines)| serde_json::json!({"heading": heading, "lines": lines}))
                .collect();
            crate::say!("{}", serde_json::json!({"id": args.id, "parts": parts}));
        }
        Format::Table | Format::Csv => {
            for (heading, lines) in parts {
                crate::say!("{heading}");
                for line in lines {
                    crate::say!("  {line}");
                }
                crate::say!();
            }
        }
    }
    Ok(Ended::Well)
}
