//! `duban deadline`: how one deadline phrase is read.

use duban_office::deadline;

use crate::args::{Deadline, ReadingFormat};
use crate::table::csv_line;
use crate::{Ended, Fault};

pub(crate) fn run(args: &Deadline) -> Result<Ended, Fault> {
    let read = deadline::read(&args.phrase, args.year);
    let date = read.date.map(|d| d.to_string()).unwrap_or_default();
    match args.format {
        ReadingFormat::Json => crate::say!("{}", serde_json::to_string_pretty(&read)?),
        ReadingFormat::Csv => {
            crate::say!("phrase,kind,date,confidence,questions");
            let questions: Vec<&str> = read.questions.iter().map(|q| q.question.as_str()).collect();
            let confidence = read.confidence.as_str().to_owned();
            let cells = [
                read.phrase.clone(),
                read.kind.as_str().to_owned(),
                date,
                confidence,
                questions.join(";"),
            ];
            crate::say!("{}", csv_line(&cells));
        }
        ReadingFormat::Table => {
            crate::say!(
                "{} ({}), {}",
                read.shown(),
                read.kind.as_str(),
                read.confidence.chinese()
            );
            for doubt in &read.questions {
                crate::say!("  {}", doubt.question);
                for alternative in &doubt.alternatives {
                    crate::say!("    - {alternative}");
                }
            }
        }
    }
    Ok(Ended::Well)
}
