//! Parsing a condition within the limits of its text.

use cel::common::ast::{IdedExpr, SourceInfo};
use cel::parser::Parser;

use crate::condition::{MAX_CONDITION_CHARS, MAX_CONDITION_DEPTH};

/// A fault, at so many characters from the start of the condition.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Fault {
    pub offset: usize,
    pub code: &'static str,
    pub found: String,
    pub expected: String,
    pub remedy: String,
}

/// The code of a condition beyond its limits: the one fault that could endanger a process.
pub(crate) const BEYOND: &str = "D065";
/// A condition as parsed, with the places of its parts.
pub(crate) struct Parsed {
    pub expression: IdedExpr,
    pub places: SourceInfo,
}

/// Parses a condition within its limits.
pub(crate) fn parse(text: &str) -> Result<Parsed, Vec<Fault>> {
    let length = text.chars().count();
    if length > MAX_CONDITION_CHARS {
        return Err(vec![beyond(
            0,
            format!("a condition of {length} characters"),
            format!("at most {MAX_CONDITION_CHARS} characters"),
        )]);
    }
    let depth = u16::try_from(MAX_CONDITION_DEPTH).unwrap_or(u16::MAX);
    let parser = Parser::new().max_recursion_depth(depth);
    match parser.parse_with_source_info(text) {
        Ok((expression, places)) => Ok(Parsed { expression, places }),
        Err(faults) => {
            let deep = |message: &str| message.contains("Recursion limit");
            if let Some(fault) = faults.errors.iter().find(|f| {
                deep(&f.msg)
                    || f.source
                        .as_ref()
                        .is_some_and(|source| deep(&source.to_string()))
            }) {
                return Err(vec![too_deep(offset(text, fault.pos))]);
            }
            let place = faults
                .errors
                .first()
                .map_or(0, |fault| offset(text, fault.pos));
            let rest: String = text.chars().skip(place).take(20).collect();
            Err(vec![Fault {
                offset: place,
                code: "D060",
                found: if rest.is_empty() {
                    "a condition that breaks off".to_owned()
                } else {
                    format!("`{rest}`, which cannot stand here")
                },
                expected: "a condition such as publication.category == \"规划\"".to_owned(),
                remedy: "mend the condition at this place".to_owned(),
            }])
        }
    }
}

/// The parser counts lines and columns; both may lie outside the text.
fn offset(text: &str, (line, column): (isize, isize)) -> usize {
    let line = usize::try_from(line).unwrap_or(0).saturating_sub(1);
    let before: usize = text
        .split_inclusive('\n')
        .take(line)
        .map(|l| l.chars().count())
        .sum();
    let column = usize::try_from(column).unwrap_or(0).saturating_sub(1);
    (before + column).min(text.chars().count())
}

pub(crate) fn beyond(
    offset: usize,
    found: impl Into<String>,
    expected: impl Into<String>,
) -> Fault {
    Fault {
        offset,
        code: BEYOND,
        found: found.into(),
        expected: expected.into(),
        remedy: "simplify the condition, or split the requirement in two".to_owned(),
    }
}

pub(crate) fn too_deep(offset: usize) -> Fault {
    beyond(
        offset,
        format!("a condition nested deeper than {MAX_CONDITION_DEPTH} levels"),
        format!("at most {MAX_CONDITION_DEPTH} levels"),
    )
}
