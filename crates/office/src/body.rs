//! Whether the body of the notice gives a task the same date as the ledger does.

use std::collections::BTreeSet;

use crate::deadline::{self, Kind};
use crate::reading::{Confidence, Question, Row};
use crate::text::{half, squeeze};

/// A sentence is about a task if so many hundredths of its pairs of characters stand in the task's
/// wording.
const ABOUT_HUNDREDTHS: usize = 60;
/// Sentences shorter than this, in characters, are about anything.
const SHORTEST: usize = 12;
/// The most sentences of a body that are compared.
const MAX_SENTENCES: usize = 2_000;

fn pairs(text: &str) -> BTreeSet<(char, char)> {
    let chars: Vec<char> = squeeze(text).chars().collect();
    chars.windows(2).map(|w| (w[0], w[1])).collect()
}

/// Asks where a sentence of the body that says the same as a task gives another date.
pub(crate) fn compare<'a>(
    body: impl Iterator<Item = &'a str>,
    year: Option<i32>,
    rows: &mut [Row],
    questions: &mut Vec<Question>,
) {
    let mut dated = Vec::new();
    let sentences = body.flat_map(|p| p.split(|c| matches!(half(c), '。' | ';')));
    for sentence in sentences.take(MAX_SENTENCES) {
        if sentence.chars().count() < SHORTEST {
            continue;
        }
        for clause in sentence.split(|c| half(c) == ',') {
            // 2035年 in the name of a plan is no deadline; 年底前 and 10月底 are.
            if !["前", "月底", "年底"]
                .iter()
                .any(|word| clause.contains(word))
            {
                continue;
            }
            let read = deadline::read(clause, year);
            if let Some(date) = read
                .date
                .filter(|_| matches!(read.kind, Kind::Fixed | Kind::Period))
            {
                dated.push((pairs(sentence), clause.trim().to_owned(), date));
            }
        }
    }
    for row in rows {
        let wording = pairs(&row.text);
        let Some(own) = row.deadline.date else {
            continue;
        };
        // The sentence that is nearest to the wording speaks.
        let nearest = dated
            .iter()
            .map(|(sentence, clause, date)| {
                let both = sentence.intersection(&wording).count();
                (both * 100 / sentence.len().max(1), clause, *date)
            })
            .filter(|(share, ..)| *share >= ABOUT_HUNDREDTHS)
            .max_by_key(|(share, ..)| *share);
        let Some((_, clause, date)) = nearest.filter(|(_, _, date)| *date != own) else {
            continue;
        };
        let found: String = clause.chars().take(60).collect();
        row.deadline.confidence = Confidence::Uncertain;
        let question = Question {
            row: Some(row.number.clone()),
            place: "正文".to_owned(),
            field: "deadline",
            code: "two_readings",
            question: format!(
                "台账时限为“{}”,正文为“{found}”,以哪个为准?",
                row.deadline.phrase
            ),
            found,
            alternatives: vec![format!("按台账:{own}"), format!("按正文:{date}")],
            taken: format!("按台账:{own}"),
        };
        questions.push(question);
    }
}
