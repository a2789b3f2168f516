//! What the functions and operators of a condition take and give, and which texts a field can be
//! compared with.

use cel::common::ast::{CallExpr, Expr, IdedExpr};
use chrono::NaiveDate;
use duban_model::definition::EventSort;

use crate::condition::{field_of, text_of};
use crate::condition_check::{Beside, Gives, Walk};
use crate::condition_never::{contradictions, contraries, out_of_range};
use crate::diagnostic::nearest;
use crate::field::Field;
use crate::setting::{IN_GROUP, WORKING_DAYS};

/// All that conditions can call, as they write it.
pub(crate) const FUNCTIONS: &[&str] = &[
    "size",
    "contains",
    "startsWith",
    "endsWith",
    "has",
    "all",
    "exists",
    "exists_one",
    WORKING_DAYS,
    IN_GROUP,
];

impl Walk<'_> {
    pub(crate) fn expect(
        &mut self,
        at: &IdedExpr,
        gives: Gives,
        wanted: &[Gives],
    ) -> Option<Gives> {
        if wanted.contains(&gives) {
            return Some(gives);
        }
        let words: Vec<_> = wanted.iter().map(|w| w.words()).collect();
        self.fault(
            at,
            "D063",
            gives.words(),
            words.join(" or "),
            "make the two agree; texts stand in quotes, numbers do not",
        );
        None
    }

    pub(crate) fn call(&mut self, at: &IdedExpr, call: &CallExpr, depth: usize) -> Option<Gives> {
        use Gives::{Nothing, Number, Numbers, Text, Texts, Truth};
        // The target of `a.f(b)` counts as the first argument of `f(a, b)`.
        let parts: Vec<&IdedExpr> = call
            .target
            .as_deref()
            .into_iter()
            .chain(&call.args)
            .collect();
        let name = call.func_name.as_str();
        let method = call.target.is_some();
        let known = match (name, parts.len()) {
            (
                "_&&_" | "_||_" | "_==_" | "_!=_" | "_<_" | "_<=_" | "_>_" | "_>=_" | "@in"
                | "_[_]",
                2,
            )
            | ("!_", 1)
            | ("_?_:_", 3) => !method,
            ("size", 1) => true,
            ("contains" | "startsWith" | "endsWith", 2) => method,
            (WORKING_DAYS | IN_GROUP, 2) => !method,
            _ => false,
        };
        if !known {
            return self.unknown_function(at, name);
        }
        // Every part is looked at, so that every fault is told.
        let gives: Vec<Option<Gives>> = parts.iter().map(|p| self.part(p, depth + 1)).collect();
        let gives: Vec<Gives> = gives.into_iter().collect::<Option<_>>()?;
        match name {
            "_&&_" | "_||_" | "!_" => {
                for (part, given) in parts.iter().zip(&gives) {
                    self.expect(part, *given, &[Truth])?;
                }
                Some(Truth)
            }
            "_?_:_" => {
                self.expect(parts[0], gives[0], &[Truth])?;
                self.expect(parts[2], gives[2], &[gives[1]])
            }
            "_==_" | "_!=_" => {
                let wanted: &[Gives] = match gives[0] {
                    Gives::Subject(_) => &[],
                    Nothing => &[Texts, Numbers],
                    Texts => &[Texts, Nothing],
                    Numbers => &[Numbers, Nothing],
                    _ => &gives[..1],
                };
                if wanted.is_empty() {
                    return self.wrong(parts[0], gives[0].words());
                }
                self.expect(parts[1], gives[1], wanted)?;
                self.literals(name, parts[0], parts[1]);
                self.literals(name, parts[1], parts[0]);
                Some(Truth)
            }
            "_<_" | "_<=_" | "_>_" | "_>=_" => {
                self.expect(parts[0], gives[0], &[Number, Text])?;
                self.expect(parts[1], gives[1], &gives[..1])?;
                self.literals(name, parts[0], parts[1]);
                self.literals(name, parts[1], parts[0]);
                Some(Truth)
            }
            "@in" => {
                self.expect(parts[0], gives[0], &[Number, Text])?;
                let list = if gives[0] == Text { Texts } else { Numbers };
                self.expect(parts[1], gives[1], &[list])?;
                if let Expr::List(list) = &parts[1].expr {
                    self.step(list.elements.len());
                    for entry in &list.elements {
                        self.literals(name, parts[0], entry);
                    }
                }
                Some(Truth)
            }
            "_[_]" => {
                self.expect(parts[0], gives[0], &[Texts, Numbers])?;
                self.expect(parts[1], gives[1], &[Number])?;
                gives[0].entry()
            }
            "size" => {
                self.expect(parts[0], gives[0], &[Text, Texts, Numbers])?;
                Some(Number)
            }
            WORKING_DAYS => {
                self.day(parts[0])?;
                self.day(parts[1])?;
                self.looks.counts_days = true;
                Some(Number)
            }
            IN_GROUP => self.in_group(parts[0], parts[1]),
            _ => {
                self.expect(parts[0], gives[0], &[Text])?;
                self.expect(parts[1], gives[1], &[Text])?;
                Some(Truth)
            }
        }
    }

    /// A day: a field that is one, or one written out.
    fn day(&mut self, part: &IdedExpr) -> Option<()> {
        let found = match (field_of(part), text_of(part)) {
            (Some(field), _) if field.is_date() => return Some(()),
            (_, Some(text)) if text.parse::<NaiveDate>().is_ok() => return Some(()),
            (Some(field), _) => format!("`{}`, which is no date", field.as_str()),
            (_, Some(text)) => format!("`{text}`, which is no date"),
            _ => "something else than a date".to_owned(),
        };
        self.fault(
            part,
            "D063",
            found,
            "publication.written, publication.published, or a date such as \"2021-07-01\"",
            "count the working days between two dates",
        );
        None
    }

    fn in_group(&mut self, unit: &IdedExpr, group: &IdedExpr) -> Option<Gives> {
        let word = self.word();
        if !matches!(field_of(unit), Some(Field::Unit | Field::About)) {
            self.fault(
                unit,
                "D063",
                "something else than a unit",
                format!("{word}.unit, or {word}.about where it names a unit"),
                format!("write inGroup({word}.unit, \"…\")"),
            );
            return None;
        }
        let Some(name) = text_of(group) else {
            self.fault(
                group,
                "D063",
                "something else than the name of a group",
                "the name of a group of directory.yaml, in quotes",
                format!("write inGroup({word}.unit, \"…\")"),
            );
            return None;
        };
        if !self.looks.groups.iter().any(|g| g == name) {
            self.looks.groups.push(name.to_owned());
        }
        Some(Gives::Truth)
    }

    fn unknown_function(&mut self, at: &IdedExpr, name: &str) -> Option<Gives> {
        let shown = name.trim_matches(['_', '@']);
        let (found, remedy) = if FUNCTIONS.contains(&name) {
            let how = match name {
                "size" => "write size(x) or x.size()".to_owned(),
                "has" => format!("write has({}.<field>)", self.word()),
                WORKING_DAYS => format!("write {WORKING_DAYS}(a, b)"),
                IN_GROUP => format!("write {IN_GROUP}({}.unit, \"…\")", self.word()),
                "all" | "exists" | "exists_one" => format!("write x.{name}(f, …)"),
                _ => format!("write x.{name}(\"…\")"),
            };
            (format!("function `{name}`, called in another way"), how)
        } else if shown.chars().any(char::is_alphabetic) {
            let remedy = nearest(name, FUNCTIONS.iter().copied()).map_or_else(
                || "see the list of functions in workflows/README.md".to_owned(),
                |near| format!("did you mean `{near}`?"),
            );
            (format!("function `{name}`"), remedy)
        } else {
            let remedy = "a condition compares, it does not calculate".to_owned();
            (format!("operator `{shown}`"), remedy)
        };
        self.fault(
            at,
            "D062",
            found,
            format!("one of {}", FUNCTIONS.join(", ")),
            remedy,
        );
        None
    }

    /// A text written beside a field of which not every text can be the value.
    fn literals(&mut self, operator: &str, field: &IdedExpr, text: &IdedExpr) {
        let (Some(field), Some(value)) = (field_of(field), text_of(text)) else {
            return;
        };
        if field.is_date() && value.parse::<NaiveDate>().is_err() {
            self.fault(
                text,
                "D063",
                format!("`{value}` compared with a date"),
                "a date such as \"2021-07-01\"",
                "write year-month-day in quotes",
            );
        }
        if let Some(Beside { kinds, .. }) = self.beside
            && field == Field::Kind
            && matches!(operator, "_==_" | "@in")
            && !kinds.iter().any(|kind| kind == value)
        {
            let remedy = nearest(value, kinds.iter().map(String::as_str)).map_or_else(
                || "add it to the `kinds` beside the condition, or remove it here".to_owned(),
                |near| format!("did you mean `{near}`?"),
            );
            self.fault(
                text,
                "D064",
                format!("kind `{value}`, which the `kinds` beside the condition do not name"),
                "one of those `kinds`",
                remedy,
            );
        }
    }

    /// Comparisons that nothing can satisfy together.
    pub(crate) fn contradictions(&mut self, whole: &IdedExpr) {
        let word = self.word();
        let subject = self.beside.map_or(EventSort::Publication, |b| b.subject);
        for (term, field, texts) in contradictions(whole) {
            let words: Vec<_> = texts.iter().map(|t| format!("`{t}`")).collect();
            self.fault(
                term,
                "D064",
                format!(
                    "`{word}.{}` must also be {}: never true",
                    field.name_in(subject),
                    words.join(" or ")
                ),
                format!("a condition that some {word} can meet"),
                "write || between alternatives, or a list after `in`",
            );
        }
        for (term, why) in out_of_range(whole) {
            self.fault(
                term,
                "D064",
                format!("{why}: never true"),
                format!("a condition that some {word} can meet"),
                "correct one of the two bounds",
            );
        }
        for term in contraries(whole) {
            self.fault(
                term,
                "D064",
                "the contrary of another part of the condition: never true",
                format!("a condition that some {word} can meet"),
                "remove one of the two, or write || between them",
            );
        }
    }
}
