//! A condition on a publication or matter: read once from its text, then asked for each of them.
//!
//! Comparisons of a field with texts, joined by `&&`, are answered by comparing texts; what is left
//! goes to the CEL evaluator. A condition that cannot be answered is not met.

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

use cel::common::ast::{Expr, IdedExpr, LiteralValue};
use cel::common::types::CelBool;
use cel::{Context, Env, ExecutionError, Value};

use duban_model::definition::EventSort;
use duban_model::fact::Publication;

use crate::asked::Asked;
use crate::condition_check::{Beside, check};
use crate::condition_parse::{BEYOND, Fault, parse};
use crate::field::{Field, Fields, Shown, subject_of};
use crate::setting::{Around, IN_GROUP, offer_functions};

/// The longest condition, in characters.
pub const MAX_CONDITION_CHARS: usize = 2_000;
/// The deepest nesting of a condition's parts, in levels. Reading and answering recurse once a
/// level, so it also bounds the stack they need.
pub const MAX_CONDITION_DEPTH: usize = 32;
/// How deep `all`, `exists` and `exists_one` may stand in one another.
pub const MAX_CONDITION_LOOPS: usize = 2;
/// The most entries of a list written in a condition.
pub const MAX_CONDITION_LIST: usize = 100;
/// The most `formats` of a publication that a condition looks at; more, and it is not met.
pub const MAX_FORMATS: usize = 50;
/// The most steps that answering a condition may take, one a part and turn of a loop. At some 100 ns
/// a step this is a millisecond.
pub const MAX_CONDITION_STEPS: usize = 10_000;

/// The functions and operators of the standard library; nothing of it reads a clock.
static STANDARD: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib()));

/// A condition, ready to be asked.
#[derive(Debug)]
pub struct Condition {
    text: String,
    /// Each of these must hold.
    equalities: Vec<Equality>,
    /// So must each of these.
    rest: Vec<IdedExpr>,
    /// What it looks at.
    fields: Fields,
    /// The groups that it names.
    groups: Vec<String>,
    /// It counts working days.
    counts_days: bool,
}

/// `publication.<field>` is one of these texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Equality {
    pub field: Field,
    pub texts: Vec<String>,
}

/// Why a publication does not meet a condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unmet {
    /// A field is none of the texts it is compared with.
    Differs {
        /// Which field.
        field: Field,
        /// What is wanted.
        wanted: Vec<String>,
        /// What stands there, if anything does.
        found: Option<String>,
    },
    /// The rest of the condition is not true.
    NotTrue,
    /// It looks at a field that is not given.
    Missing(String),
    /// It could not be answered.
    Unanswered(String),
}

impl Unmet {
    /// In words of the office.
    pub fn in_chinese(&self) -> String {
        match self {
            Unmet::Differs {
                field,
                wanted,
                found,
            } => {
                let field = field.chinese();
                let found = match found {
                    Some(found) => format!("为“{found}”"),
                    None => "没有填写".to_owned(),
                };
                format!("{field}{found},要求的是“{}”", wanted.join("”或“"))
            }
            Unmet::NotTrue => "条件不成立".to_owned(),
            Unmet::Missing(name) => match Field::parse(name) {
                Some(field) => format!("{}没有填写", field.chinese()),
                None => format!("{name}没有填写"),
            },
            Unmet::Unanswered(why) => format!("条件无法判断({why})"),
        }
    }
}

impl Condition {
    /// Reads a condition on a subject; `kinds` are the kinds it stands beside.
    pub(crate) fn read(
        text: &str,
        subject: EventSort,
        kinds: &[String],
    ) -> Result<Condition, Vec<Fault>> {
        let whole = parse(text)?;
        let (looks, faults) = check(&whole, Some(&Beside { subject, kinds }));
        if !faults.is_empty() {
            return Err(faults);
        }
        Ok(Condition::made(text, whole.expression, looks))
    }

    /// Reads a condition on publications to try it, without a ledger around it; the faults as they would be told.
    pub fn parse(text: &str, kinds: &[String]) -> Result<Condition, Vec<String>> {
        let told = |fault: Fault| format!("{}: {}", fault.code, fault.found);
        Condition::read(text, EventSort::Publication, kinds)
            .map_err(|faults| faults.into_iter().map(told).collect())
    }

    /// Whether a publication meets it.
    pub fn met_by(&self, publication: &Publication) -> Result<(), Unmet> {
        self.ask(&Asked::about(Shown::of(publication)), &Around::default())
    }

    /// Takes over a condition of a definition in force. What is on the log was found good by the
    /// release that took it, so only what would endanger this process is looked for again: a later
    /// release that finds more faults must not change what a running ledger asks.
    pub(crate) fn adopted(text: &str) -> Result<Condition, String> {
        let told =
            |faults: Vec<Fault>| faults.into_iter().next().map_or(String::new(), |f| f.found);
        let whole = parse(text).map_err(told)?;
        let (looks, faults) = check(&whole, None);
        let dangerous: Vec<Fault> = faults
            .into_iter()
            .filter(|fault| fault.code == BEYOND)
            .collect();
        if dangerous.is_empty() {
            Ok(Condition::made(text, whole.expression, looks))
        } else {
            Err(told(dangerous))
        }
    }

    fn made(text: &str, whole: IdedExpr, looks: Looks) -> Condition {
        let mut terms = Vec::new();
        split(whole, &mut terms);
        let (mut equalities, mut rest) = (Vec::new(), Vec::new());
        for term in terms {
            match equality(&term) {
                Some(equality) => equalities.push(equality),
                None => rest.push(term),
            }
        }
        Condition {
            text: text.to_owned(),
            equalities,
            rest,
            fields: looks.fields,
            groups: looks.groups,
            counts_days: looks.counts_days,
        }
    }

    /// Its text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What it looks at.
    pub(crate) fn fields(&self) -> Fields {
        self.fields
    }

    /// The groups that it names.
    pub(crate) fn groups(&self) -> &[String] {
        &self.groups
    }

    /// Whether it counts working days.
    pub(crate) fn counts_days(&self) -> bool {
        self.counts_days
    }

    /// The groups to which the unit must belong, if the condition says so outright.
    pub(crate) fn unit_in(&self) -> impl Iterator<Item = &str> {
        self.rest.iter().filter_map(|term| match &term.expr {
            Expr::Call(call) if call.func_name == IN_GROUP => match call.args.as_slice() {
                [of, group] if field_of(of) == Some(Field::Unit) => text_of(group),
                _ => None,
            },
            _ => None,
        })
    }

    /// The texts of which a field must be one, if the condition says so by equality.
    pub(crate) fn compared_with(&self, field: Field) -> Option<&[String]> {
        self.equalities
            .iter()
            .find(|e| e.field == field)
            .map(|e| e.texts.as_slice())
    }

    /// The comparison by which publications that cannot meet it are passed over: the first on
    /// something that requirements are not told apart by already.
    pub(crate) fn key(&self) -> Option<&Equality> {
        self.equalities
            .iter()
            .find(|e| !matches!(e.field, Field::Unit | Field::Kind))
    }

    /// Asks it of a publication.
    pub(crate) fn ask(&self, asked: &Asked<'_>, around: &Around<'_>) -> Result<(), Unmet> {
        let publication = asked.shown();
        for equality in &self.equalities {
            let found = publication.text(equality.field);
            if !equality
                .texts
                .iter()
                .any(|text| found.as_deref() == Some(text))
            {
                return Err(Unmet::Differs {
                    field: equality.field,
                    wanted: equality.texts.clone(),
                    found: found.map(Cow::into_owned),
                });
            }
        }
        if self.rest.is_empty() {
            return Ok(());
        }
        if self.fields.has(Field::Formats) && publication.formats.len() > MAX_FORMATS {
            let count = publication.formats.len();
            return Err(Unmet::Unanswered(format!(
                "formats has {count} entries; at most {MAX_FORMATS} are looked at"
            )));
        }
        let mut context = Context::with_env(Arc::clone(&STANDARD));
        context.set_variable_resolver(asked);
        if self.counts_days || !self.groups.is_empty() {
            offer_functions(&mut context, around);
        }
        for term in &self.rest {
            match Value::resolve_val(term, &context) {
                Ok(answer) => match answer.downcast_ref::<CelBool>() {
                    Some(truth) if *truth.inner() => {}
                    Some(_) => return Err(Unmet::NotTrue),
                    None => return Err(Unmet::Unanswered("neither true nor false".to_owned())),
                },
                Err(ExecutionError::NoSuchKey(name)) => {
                    return Err(Unmet::Missing(name.to_string()));
                }
                Err(ExecutionError::FunctionError { message, .. }) => {
                    return Err(Unmet::Unanswered(message));
                }
                Err(fault) => return Err(Unmet::Unanswered(fault.to_string())),
            }
        }
        Ok(())
    }
}

/// What a condition looks at, as its check found out.
#[derive(Debug, Default)]
pub(crate) struct Looks {
    pub fields: Fields,
    /// Groups it names, in order, each once.
    pub groups: Vec<String>,
    pub counts_days: bool,
}

/// Takes a conjunction apart. All of `a && b` must hold, so each of its parts must.
pub(crate) fn split(expression: IdedExpr, into: &mut Vec<IdedExpr>) {
    match expression.expr {
        Expr::Call(call) if call.func_name == "_&&_" && call.target.is_none() => {
            for part in call.args {
                split(part, into);
            }
        }
        _ => into.push(expression),
    }
}

/// The field in `publication.<field>` or `matter.<field>`.
pub(crate) fn field_of(expression: &IdedExpr) -> Option<Field> {
    match &expression.expr {
        Expr::Select(select) if !select.test => match &select.operand.expr {
            Expr::Ident(name) => Field::named(subject_of(name)?, &select.field),
            _ => None,
        },
        _ => None,
    }
}

/// A text written in a condition.
pub(crate) fn text_of(expression: &IdedExpr) -> Option<&str> {
    match &expression.expr {
        Expr::Literal(LiteralValue::String(text)) => Some(text.inner()),
        _ => None,
    }
}

/// What a term compares with texts, if it does nothing else.
pub(crate) fn equality(term: &IdedExpr) -> Option<Equality> {
    let Expr::Call(call) = &term.expr else {
        return None;
    };
    let [left, right] = call.args.as_slice() else {
        return None;
    };
    let (field, texts) = match call.func_name.as_str() {
        "_==_" => match (field_of(left), text_of(right)) {
            (Some(field), Some(text)) => (field, vec![text.to_owned()]),
            _ => (field_of(right)?, vec![text_of(left)?.to_owned()]),
        },
        "@in" => {
            let Expr::List(list) = &right.expr else {
                return None;
            };
            let texts: Option<Vec<String>> = list
                .elements
                .iter()
                .map(|entry| text_of(entry).map(ToOwned::to_owned))
                .collect();
            (field_of(left)?, texts?)
        }
        _ => return None,
    };
    (field != Field::Formats).then_some(Equality { field, texts })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Condition, Vec<Fault>> {
        let kinds = ["规划纲要".to_owned(), "专项规划".to_owned()];
        Condition::read(text, EventSort::Publication, &kinds)
    }

    fn publication(json: &str) -> Publication {
        serde_json::from_str(json).unwrap()
    }

    fn plan() -> Publication {
        publication(
            r#"{"publication":"p-1","unit":"kailu","kind":"规划纲要","title":"开鲁县规划纲要",
                "category":"规划","number":"开政发【2021】3号","written":"2021-07-05",
                "formats":["html","pdf"]}"#,
        )
    }

    fn ask(text: &str) -> Result<(), Unmet> {
        read(text)
            .unwrap_or_else(|faults| panic!("{text}: {faults:?}"))
            .met_by(&plan())
    }

    #[test]
    fn a_condition_holds_or_says_why_not() {
        for holds in [
            r#"publication.category == "规划""#,
            r#""规划" == publication.category && publication.unit in ["kailu", "naiman"]"#,
            r#"publication.category == "规划" && size(publication.number) > 0"#,
            r#"publication.written >= "2021-07-01" && publication.written < "2021-08-01""#,
            r#"publication.formats.exists(f, f == "pdf") && !has(publication.url)"#,
            r#"has(publication.number) ? publication.number.contains("2021") : false"#,
            r#"publication.validity == "有效" || publication.title.startsWith("开鲁")"#,
            r#""pdf" in publication.formats && publication.formats[0] == "html""#,
            r#"publication.publication == "p-1" && publication.title.size() == 7"#,
        ] {
            assert_eq!(ask(holds), Ok(()), "{holds}");
        }
        let differs = Unmet::Differs {
            field: Field::Category,
            wanted: vec!["财政".to_owned()],
            found: Some("规划".to_owned()),
        };
        assert_eq!(ask(r#"publication.category == "财政""#), Err(differs));
        for (unmet, why) in [
            (r#"publication.title == "x" || false"#, Unmet::NotTrue),
            (
                r#"publication.validity != "失效""#,
                Unmet::Missing("validity".to_owned()),
            ),
            // A negation of what cannot be answered is not true either.
            (
                r#"!(publication.validity == "失效")"#,
                Unmet::Missing("validity".to_owned()),
            ),
        ] {
            assert_eq!(ask(unmet), Err(why), "{unmet}");
        }
        assert!(matches!(
            ask(r#"publication.formats[7] == "pdf""#),
            Err(Unmet::Unanswered(_))
        ));
    }

    #[test]
    fn equalities_need_no_evaluator() {
        let condition = read(
            r#"(publication.category == "规划" && "x" == publication.issuer) && publication.kind in ["规划纲要"] && size(publication.title) > 1"#,
        )
        .unwrap();
        assert_eq!((condition.equalities.len(), condition.rest.len()), (3, 1));
        assert_eq!(condition.key().map(|key| key.field), Some(Field::Category));
        let either =
            read(r#"publication.category == "规划" || publication.issuer == "x""#).unwrap();
        assert_eq!((either.equalities.len(), either.rest.len()), (0, 1));
    }

    #[test]
    fn what_is_native_and_what_is_evaluated_agree() {
        // `true && …` below an `||` keeps the same comparison from being answered natively.
        let texts = ["规划", "财政", ""];
        for field in Field::ALL.iter().filter(|f| **f != Field::Formats) {
            for text in texts
                .iter()
                .copied()
                .chain(["2021-07-05", "kailu", "规划纲要"])
            {
                let compared = format!("publication.{} == {text:?}", field.as_str());
                let Ok(native) = Condition::adopted(&compared) else {
                    panic!("{compared}");
                };
                let evaluated = Condition::adopted(&format!("({compared}) || false")).unwrap();
                assert_eq!((native.rest.len(), evaluated.rest.len()), (0, 1));
                let (publication, mut bare) = (plan(), plan());
                bare.category = None;
                bare.written = None;
                for p in [&publication, &bare] {
                    assert_eq!(
                        native.met_by(p).is_ok(),
                        evaluated.met_by(p).is_ok(),
                        "{compared}"
                    );
                }
            }
        }
    }

    /// Every chain and nesting that the source's length allows.
    fn deep() -> Vec<String> {
        let fill = |unit: &str, room: usize| unit.repeat(room / unit.len());
        let field = "publication.title";
        let mut texts = vec![
            format!("{}true{}", fill("(", 990), fill(")", 990)),
            format!("{}{field}==\"\"", fill("!", 1900)),
            format!("{field}{}==\"\"", fill(".a", 1900)),
            format!("{field}{}==\"\"", fill("[0]", 1900)),
            format!("{field}{}==\"\"", fill(".f()", 1900)),
            format!("1{}==1", fill("+1", 1900)),
            format!("1{}", fill("<1", 1900)),
            format!("{field}==\"\"{}", fill("&&true", 1900)),
            format!("{field}==\"\"{}", fill("||true", 1900)),
            format!("{}1{}", fill("[", 990), fill("]", 990)),
            format!("{}1{}", fill("{1:", 1400), fill("}", 400)),
            fill("true?true:", 1990) + "true",
            fill("-", 1990) + "1",
            fill("size(", 1600),
            fill("\"", 1999),
        ];
        // Just inside the limit of depth, by each way to nest.
        for n in 1..MAX_CONDITION_DEPTH {
            texts.push(format!("{}{field}==\"\"{}", "(".repeat(n), ")".repeat(n)));
            texts.push(format!("{}({field}==\"\")", "!".repeat(n)));
            texts.push(format!("{field}==\"\"{}", "?true:false".repeat(n)));
            texts.push(format!(
                "{}true{}",
                format!("{field}==\"\"?true:(").repeat(n),
                ")".repeat(n)
            ));
            texts.push(format!(
                "{}{field}==\"\"{}",
                "(true||".repeat(n),
                ")".repeat(n)
            ));
        }
        texts
    }

    #[test]
    fn the_deepest_condition_fits_a_stack_of_two_megabytes() {
        const STACK_BYTES: usize = 2 * 1024 * 1024;
        let run = std::thread::Builder::new()
            .stack_size(STACK_BYTES)
            .spawn(|| {
                let (mut taken, mut refused) = (0, 0);
                for text in deep() {
                    match read(&text) {
                        Ok(condition) => {
                            taken += 1;
                            let _ = condition.met_by(&plan());
                        }
                        Err(faults) => {
                            refused += 1;
                            assert!(!faults.is_empty(), "{text}");
                        }
                    }
                }
                (taken, refused)
            });
        let (taken, refused) = run.unwrap().join().unwrap();
        assert!(
            taken > 50 && refused > 12,
            "{taken} taken, {refused} refused"
        );
    }

    #[test]
    fn more_formats_than_are_looked_at_are_not_met() {
        let condition = read(r#""pdf" in publication.formats"#).unwrap();
        let mut many = plan();
        many.formats = vec!["pdf".to_owned(); MAX_FORMATS + 1];
        assert!(matches!(condition.met_by(&many), Err(Unmet::Unanswered(_))));
        many.formats.pop();
        assert_eq!(condition.met_by(&many), Ok(()));
    }

    #[test]
    fn an_adopted_condition_is_asked_though_a_later_release_would_refuse_it() {
        let odd = r#"publication.title == "x" && publication.written == "去年""#;
        assert!(read(odd).is_err());
        assert!(Condition::adopted(odd).is_ok());
        let long = format!(
            "publication.title == \"{}\"",
            "长".repeat(MAX_CONDITION_CHARS)
        );
        assert!(Condition::adopted(&long).is_err());
    }
}
