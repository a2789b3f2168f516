//! Whether a condition can be asked at all: its limits, names, functions and types, and whether
//! anything could meet it. The evaluator itself tells these only when it fails.

use cel::common::ast::{ComprehensionExpr, Expr, IdedExpr, LiteralValue, SourceInfo};
use duban_model::definition::EventSort;

use crate::condition::{
    Looks, MAX_CONDITION_DEPTH, MAX_CONDITION_LIST, MAX_CONDITION_LOOPS, MAX_CONDITION_STEPS,
    MAX_FORMATS,
};
use crate::condition_call::FUNCTIONS;
use crate::condition_parse::{BEYOND, Fault, Parsed, beyond, too_deep};
use crate::diagnostic::nearest;
use crate::field::{Field, subject_of, word_of};

/// What a part of a condition gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gives {
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
    pub(crate) fn words(self) -> &'static str {
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

    pub(crate) fn entry(self) -> Option<Gives> {
        match self {
            Gives::Numbers => Some(Gives::Number),
            Gives::Texts => Some(Gives::Text),
            _ => None,
        }
    }
}

/// What a condition stands beside.
pub(crate) struct Beside<'a> {
    pub subject: EventSort,
    /// The kinds that count.
    pub kinds: &'a [String],
}

/// Walks a condition: what it looks at, and everything that is wrong with it. Without what it stands
/// beside, its subject and kinds are taken as they are.
pub(crate) fn check(parsed: &Parsed, beside: Option<&Beside<'_>>) -> (Looks, Vec<Fault>) {
    let mut walk = Walk {
        places: &parsed.places,
        beside,
        faults: Vec::new(),
        looks: Looks::default(),
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
        if walk.looks.fields.is_empty() {
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
    (walk.looks, walk.faults)
}

pub(crate) struct Walk<'a> {
    places: &'a SourceInfo,
    pub beside: Option<&'a Beside<'a>>,
    pub faults: Vec<Fault>,
    pub looks: Looks,
    /// Variables of the loops around, innermost last.
    scope: Vec<(String, Gives)>,
    steps: usize,
    /// How often the part at hand is answered, at most.
    turns: usize,
}

impl Walk<'_> {
    /// What the condition is about, as it must name it.
    pub fn word(&self) -> &'static str {
        word_of(self.beside.map_or(EventSort::Publication, |b| b.subject))
    }

    pub fn fault(
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

    pub fn step(&mut self, times: usize) {
        self.steps = self.steps.saturating_add(self.turns.saturating_mul(times));
    }

    /// What a part gives; nothing if a fault was found in it.
    pub fn part(&mut self, at: &IdedExpr, depth: usize) -> Option<Gives> {
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
                self.looks.fields = self.looks.fields.with(field);
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

    pub fn wrong(&mut self, at: &IdedExpr, found: &str) -> Option<Gives> {
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
}
