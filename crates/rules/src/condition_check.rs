//! Whether a condition can be asked at all: its limits, names, functions and types, and whether
//! anything could meet it. The evaluator itself tells these only when it fails.

use cel::common::ast::{CallExpr, ComprehensionExpr, Expr, IdedExpr, LiteralValue, SourceInfo};
use chrono::NaiveDate;

use crate::condition::{
    MAX_CONDITION_DEPTH, MAX_CONDITION_LIST, MAX_CONDITION_LOOPS, MAX_CONDITION_STEPS, MAX_FORMATS,
    field_of, text_of,
};
use crate::condition_never::contradictions;
use crate::condition_parse::{BEYOND, Fault, Parsed, beyond, too_deep};
use crate::diagnostic::nearest;
use crate::field::{Field, Fields, subject_of, word_of};
use duban_model::definition::EventSort;

/// What a part of a condition gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gives {
    Truth,
    Number,
    Text,
    Numbers,
    Texts,
    /// `[]`
    Nothing,
    /// The publication or matter as a whole.
    Subject(EventSort),
}

impl Gives {
    fn words(self) -> &'static str {
        match self {
            Gives::Truth => "true or false",
            Gives::Number => "a number",
            Gives::Text => "a text",
            Gives::Numbers => "a list of numbers",
            Gives::Texts => "a list of texts",
            Gives::Nothing => "an empty list",
            Gives::Subject(EventSort::Publication) => "the whole publication",
            Gives::Subject(EventSort::Matter) => "the whole matter",
        }
    }

    fn entry(self) -> Option<Gives> {
        match self {
            Gives::Numbers => Some(Gives::Number),
            Gives::Texts => Some(Gives::Text),
            _ => None,
        }
    }
}

const FUNCTIONS: &[&str] = &[
    "size",
    "contains",
    "startsWith",
    "endsWith",
    "has",
    "all",
    "exists",
    "exists_one",
];

/// What a condition stands beside.
pub(crate) struct Beside<'a> {
    pub subject: EventSort,
    /// The kinds that count.
    pub kinds: &'a [String],
}

/// Walks a condition: the fields it looks at, and everything that is wrong with it.
/// Without the kinds it stands beside, a condition's kinds are taken as they are.
pub(crate) fn check(parsed: &Parsed, beside: Option<&Beside<'_>>) -> (Fields, Vec<Fault>) {
    let mut walk = Walk {
        places: &parsed.places,
        beside,
        faults: Vec::new(),
        fields: Fields::default(),
        scope: Vec::new(),
        steps: 0,
        turns: 1,
    };
    let gives = walk.part(&parsed.expression, 1);
    if let Some(gives) = gives.filter(|gives| *gives != Gives::Truth) {
        walk.fault(
            &parsed.expression,
            "D063",
            format!("a condition that gives {}", gives.words()),
            "true or false",
            "compare it with something",
        );
    }
    if walk.steps > MAX_CONDITION_STEPS && walk.faults.iter().all(|f| f.code != BEYOND) {
        let fault = beyond(
            0,
            format!("a condition that may take {} steps", walk.steps),
            format!("at most {MAX_CONDITION_STEPS} steps"),
        );
        walk.faults.push(fault);
    }
    if walk.faults.is_empty() {
        if walk.fields.is_empty() {
            walk.faults.push(Fault {
                offset: 0,
                code: "D064",
                found: "a condition that looks at nothing".to_owned(),
                expected: format!("a field of the {}", walk.word()),
                remedy: "compare a field, or remove `when`".to_owned(),
            });
        } else {
            walk.contradictions(&parsed.expression);
        }
    }
    walk.faults.sort();
    walk.faults.dedup();
    (walk.fields, walk.faults)
}

struct Walk<'a> {
    places: &'a SourceInfo,
    beside: Option<&'a Beside<'a>>,
    faults: Vec<Fault>,
    fields: Fields,
    /// Variables of the loops around, innermost last.
    scope: Vec<(String, Gives)>,
    steps: usize,
    /// How often the part at hand is answered, at most.
    turns: usize,
}

impl Walk<'_> {
    /// What the condition is about, as it must name it.
    fn word(&self) -> &'static str {
        word_of(self.beside.map_or(EventSort::Publication, |b| b.subject))
    }

    fn fault(
        &mut self,
        at: &IdedExpr,
        code: &'static str,
        found: impl Into<String>,
        expected: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        let offset = self.place(at);
        self.faults.push(Fault {
            offset,
            code,
            found: found.into(),
            expected: expected.into(),
            remedy: remedy.into(),
        });
    }

    /// Where a part begins, in characters: at its leftmost token.
    fn place(&self, at: &IdedExpr) -> usize {
        let own = |e: &IdedExpr| {
            self.places
                .offset_for(e.id)
                .map(|(start, _)| start as usize)
        };
        let mut place = own(at).unwrap_or(usize::MAX);
        let mut part = at;
        for _ in 0..MAX_CONDITION_DEPTH {
            part = match &part.expr {
                Expr::Select(select) => &select.operand,
                Expr::Comprehension(inner) => &inner.iter_range,
                Expr::Call(call) => match (&call.target, call.args.first()) {
                    (Some(target), _) => target,
                    // `f(a)` is told at its parenthesis.
                    (None, _) if call.func_name.starts_with(char::is_alphabetic) => {
                        place = place.saturating_sub(call.func_name.len());
                        break;
                    }
                    (None, Some(first)) => first,
                    (None, None) => break,
                },
                _ => break,
            };
            place = place.min(own(part).unwrap_or(usize::MAX));
        }
        // The parser counts bytes.
        let before = self.places.source.get(..place).unwrap_or_default();
        before.chars().count()
    }

    fn step(&mut self, times: usize) {
        self.steps = self.steps.saturating_add(self.turns.saturating_mul(times));
    }

    /// What a part gives; nothing if a fault was found in it.
    fn part(&mut self, at: &IdedExpr, depth: usize) -> Option<Gives> {
        if depth > MAX_CONDITION_DEPTH {
            let fault = too_deep(self.place(at));
            // One is enough: every part below is too deep as well.
            if !self.faults.iter().any(|f| f.found == fault.found) {
                self.faults.push(fault);
            }
            return None;
        }
        self.step(1);
        match &at.expr {
            Expr::Literal(literal) => match literal {
                LiteralValue::String(_) => Some(Gives::Text),
                LiteralValue::Int(_) => Some(Gives::Number),
                LiteralValue::Boolean(_) => Some(Gives::Truth),
                _ => self.wrong(at, "a value of another sort"),
            },
            Expr::Ident(name) => self.name(at, name),
            Expr::Select(select) => {
                let of = self.part(&select.operand, depth + 1)?;
                let Gives::Subject(subject) = of else {
                    self.fault(
                        at,
                        "D061",
                        format!("`.{}` of {}", select.field, of.words()),
                        format!("a field of `{}`", self.word()),
                        "compare the value itself",
                    );
                    return None;
                };
                let word = word_of(subject);
                let Some(field) = Field::named(subject, &select.field) else {
                    let names = Field::all_of(subject).iter().map(|f| f.name_in(subject));
                    let remedy = nearest(&select.field, names).map_or_else(
                        || "see the list of fields in workflows/README.md".to_owned(),
                        |near| format!("did you mean `{word}.{near}`?"),
                    );
                    self.fault(
                        at,
                        "D061",
                        format!("field `{word}.{}`", select.field),
                        format!("a field of a {word}"),
                        remedy,
                    );
                    return None;
                };
                self.fields = self.fields.with(field);
                Some(match field {
                    _ if select.test => Gives::Truth,
                    Field::Formats => Gives::Texts,
                    _ => Gives::Text,
                })
            }
            Expr::List(list) => {
                let count = list.elements.len();
                if count > MAX_CONDITION_LIST {
                    let fault = beyond(
                        self.place(at),
                        format!("a list of {count} entries"),
                        format!("at most {MAX_CONDITION_LIST} entries"),
                    );
                    self.faults.push(fault);
                    return None;
                }
                let mut gives = Some(Gives::Nothing);
                for entry in &list.elements {
                    let list_of = match self.part(entry, depth + 1)? {
                        Gives::Text => Gives::Texts,
                        Gives::Number => Gives::Numbers,
                        other => {
                            return self.wrong(entry, &format!("a list with {}", other.words()));
                        }
                    };
                    match gives {
                        Some(Gives::Nothing) => gives = Some(list_of),
                        Some(before) if before == list_of => {}
                        _ => return self.wrong(entry, "a list of texts and numbers"),
                    }
                }
                gives
            }
            Expr::Comprehension(inner) => self.comprehension(at, inner, depth),
            Expr::Call(call) => self.call(at, call, depth),
            Expr::Map(_) | Expr::Struct(_) | Expr::Unspecified => {
                self.wrong(at, "a value in braces")
            }
        }
    }

    fn wrong(&mut self, at: &IdedExpr, found: &str) -> Option<Gives> {
        self.fault(
            at,
            "D063",
            found,
            "texts in quotes, whole numbers, true, false, and lists of texts or of numbers",
            "compare fields with these only",
        );
        None
    }

    fn name(&mut self, at: &IdedExpr, name: &str) -> Option<Gives> {
        if let Some((_, gives)) = self.scope.iter().rev().find(|(n, _)| n == name) {
            return Some(*gives);
        }
        if let Some(subject) = subject_of(name)
            && self.beside.is_none_or(|beside| beside.subject == subject)
        {
            return Some(Gives::Subject(subject));
        }
        let word = self.word();
        let known = self.scope.iter().map(|(n, _)| n.as_str());
        let remedy = if subject_of(name).is_some() {
            format!("only {word}s are counted here: write `{word}`")
        } else if Field::parse(name).is_some_and(|f| f.name_in(EventSort::Publication) != word) {
            format!("did you mean `{word}.{name}`?")
        } else {
            nearest(name, known.chain([word])).map_or_else(
                || format!("put a text in quotes; a field is written {word}.<field>"),
                |near| format!("did you mean `{near}`?"),
            )
        };
        self.fault(
            at,
            "D061",
            format!("name `{name}`"),
            format!("`{word}`"),
            remedy,
        );
        None
    }

    fn comprehension(
        &mut self,
        at: &IdedExpr,
        inner: &ComprehensionExpr,
        depth: usize,
    ) -> Option<Gives> {
        // The parser has spelled `all`, `exists` and `exists_one` out; what each entry is asked
        // stands at a known place. Of `map` and `filter`, which give lists, there is no need.
        let asked = match (&inner.accu_init.expr, &inner.loop_step.expr) {
            (Expr::Literal(LiteralValue::Boolean(_)), Expr::Call(call)) => call.args.get(1),
            (Expr::Literal(LiteralValue::Int(_)), Expr::Call(call)) => call.args.first(),
            _ => None,
        };
        let (Some(asked), None) = (asked, &inner.iter_var2) else {
            self.fault(
                at,
                "D062",
                "`map` or `filter`",
                format!("one of {}", FUNCTIONS.join(", ")),
                "ask with `all`, `exists` or `exists_one`",
            );
            return None;
        };
        let over = self.part(&inner.iter_range, depth + 1)?;
        let Some(entry) = over.entry() else {
            self.fault(
                &inner.iter_range,
                "D063",
                format!("entries of {}", over.words()),
                "a list with entries",
                "ask `formats`, or a list of texts",
            );
            return None;
        };
        if self.scope.len() == MAX_CONDITION_LOOPS {
            let fault = beyond(
                self.place(at),
                format!(
                    "more than {MAX_CONDITION_LOOPS} of all, exists, exists_one in one another"
                ),
                format!("at most {MAX_CONDITION_LOOPS}"),
            );
            self.faults.push(fault);
            return None;
        }
        if subject_of(&inner.iter_var).is_some() {
            self.fault(
                at,
                "D061",
                format!("`{}` as the name of an entry", inner.iter_var),
                "a name of its own",
                "call the entry `f`, for example",
            );
            return None;
        }
        let count = match &inner.iter_range.expr {
            Expr::List(list) => list.elements.len(),
            _ => MAX_FORMATS,
        };
        let turns = self.turns;
        self.turns = turns.saturating_mul(count);
        self.step(4);
        self.scope.push((inner.iter_var.clone(), entry));
        let gives = self.part(asked, depth + 3);
        self.scope.pop();
        self.turns = turns;
        self.expect(asked, gives?, &[Gives::Truth])?;
        Some(Gives::Truth)
    }

    fn expect(&mut self, at: &IdedExpr, gives: Gives, wanted: &[Gives]) -> Option<Gives> {
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

    fn call(&mut self, at: &IdedExpr, call: &CallExpr, depth: usize) -> Option<Gives> {
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
                    return self.wrong(parts[0], "the whole publication");
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
            _ => {
                self.expect(parts[0], gives[0], &[Text])?;
                self.expect(parts[1], gives[1], &[Text])?;
                Some(Truth)
            }
        }
    }

    fn unknown_function(&mut self, at: &IdedExpr, name: &str) -> Option<Gives> {
        let shown = name.trim_matches(['_', '@']);
        let (found, remedy) = if FUNCTIONS.contains(&name) {
            let how = match name {
                "size" => "write size(x) or x.size()".to_owned(),
                "has" => "write has(publication.<field>)".to_owned(),
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
        if field == Field::Written && value.parse::<NaiveDate>().is_err() {
            self.fault(
                text,
                "D063",
                format!("`{value}` compared with a date"),
                "a date such as \"2021-07-01\"",
                "write year-month-day in quotes",
            );
        }
        if let Some(kinds) = self.beside.map(|b| b.kinds)
            && field == Field::Kind
            && matches!(operator, "_==_" | "@in")
            && !kinds.iter().any(|kind| kind == value)
        {
            let remedy = nearest(value, kinds.iter().map(String::as_str)).map_or_else(
                || "add it to `kinds` of this requirement, or remove it here".to_owned(),
                |near| format!("did you mean `{near}`?"),
            );
            self.fault(
                text,
                "D064",
                format!("kind `{value}`, which this requirement does not count"),
                "one of its `kinds`",
                remedy,
            );
        }
    }

    /// Comparisons that nothing can satisfy together.
    fn contradictions(&mut self, whole: &IdedExpr) {
        for (term, field, texts) in contradictions(whole) {
            let words: Vec<_> = texts.iter().map(|t| format!("`{t}`")).collect();
            self.fault(
                term,
                "D064",
                format!(
                    "`publication.{}` must also be {}: never true",
                    field.as_str(),
                    words.join(" or ")
                ),
                "a condition that some publication can meet",
                "write || between alternatives, or a list after `in`",
            );
        }
    }
}
