//! The form in which two conditions that ask the same are equal: without places and spaces, whichever
//! side a text stands on, in whatever order the parts of a conjunction are written.

use std::collections::BTreeSet;

use cel::common::ast::{EntryExpr, Expr, IdedExpr};

use crate::condition::{Equality, equality, split};
use crate::condition_parse::parse;
use crate::field::Field;

/// A condition as parsed, each part of its conjunction once.
#[derive(Clone, Debug)]
pub(crate) struct Form {
    /// A field is one of these texts.
    equalities: BTreeSet<(Field, BTreeSet<String>)>,
    /// The other parts, without the numbers that the parser gives them.
    rest: Vec<Expr>,
}

impl Form {
    /// The form of a condition; none of a text that is no condition.
    pub(crate) fn of(text: &str) -> Option<Form> {
        let mut parts = Vec::new();
        split(parse(text).ok()?.expression, &mut parts);
        let mut equalities = BTreeSet::new();
        let mut rest = Vec::new();
        for mut part in parts {
            if let Some(Equality { field, texts }) = equality(&part) {
                equalities.insert((field, texts.into_iter().collect()));
            } else {
                unnumber(&mut part);
                rest.push(part.expr);
            }
        }
        Some(Form { equalities, rest })
    }
}

impl PartialEq for Form {
    fn eq(&self, other: &Form) -> bool {
        let within = |these: &[Expr], those: &[Expr]| these.iter().all(|part| those.contains(part));
        self.equalities == other.equalities
            && within(&self.rest, &other.rest)
            && within(&other.rest, &self.rest)
    }
}

/// Whether two expressions are the same but for their places.
pub(crate) fn is_same(one: &IdedExpr, other: &IdedExpr) -> bool {
    let (mut one, mut other) = (one.clone(), other.clone());
    unnumber(&mut one);
    unnumber(&mut other);
    one == other
}

/// Takes away the numbers of an expression's parts. It is as deep as conditions may be.
fn unnumber(of: &mut IdedExpr) {
    of.id = 0;
    match &mut of.expr {
        Expr::Unspecified | Expr::Ident(_) | Expr::Literal(_) => {}
        Expr::Call(call) => {
            call.target.iter_mut().for_each(|target| unnumber(target));
            call.args.iter_mut().for_each(unnumber);
        }
        Expr::Comprehension(turns) => {
            unnumber(&mut turns.iter_range);
            unnumber(&mut turns.accu_init);
            unnumber(&mut turns.loop_cond);
            unnumber(&mut turns.loop_step);
            unnumber(&mut turns.result);
        }
        Expr::List(list) => list.elements.iter_mut().for_each(unnumber),
        Expr::Select(select) => unnumber(&mut select.operand),
        Expr::Map(map) => map.entries.iter_mut().for_each(|entry| {
            entry.id = 0;
            unnumber_entry(&mut entry.expr);
        }),
        Expr::Struct(made) => made.entries.iter_mut().for_each(|entry| {
            entry.id = 0;
            unnumber_entry(&mut entry.expr);
        }),
    }
}

fn unnumber_entry(entry: &mut EntryExpr) {
    match entry {
        EntryExpr::StructField(field) => unnumber(&mut field.value),
        EntryExpr::MapEntry(entry) => {
            unnumber(&mut entry.key);
            unnumber(&mut entry.value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_asks_the_same_has_the_same_form() {
        for (one, other) in [
            (
                r#"publication.category == "规划""#,
                r#""规划"  ==  publication.category"#,
            ),
            (
                r#"has(publication.url) && publication.validity in ["废止", "失效"]"#,
                r#"publication.validity in ["失效", "废止"] && (has(publication.url))"#,
            ),
            (
                r#"publication.category == "规划" && publication.formats.exists(f, f == "pdf")"#,
                r#"publication.formats.exists(f, (f == "pdf")) && publication.category == "规划""#,
            ),
        ] {
            assert_eq!(Form::of(one), Form::of(other), "{one}");
        }
    }

    #[test]
    fn what_asks_something_else_has_another() {
        let conditions = [
            r#"publication.category == "规划""#,
            r#"publication.category == "财政""#,
            r#"publication.validity == "规划""#,
            r#"publication.category == "规划" && has(publication.url)"#,
            r#"publication.category == "规划" || has(publication.url)"#,
            r"!has(publication.url)",
            r"has(publication.url)",
            r#"publication.formats.exists(f, f == "pdf")"#,
            r#"publication.formats.all(f, f == "pdf")"#,
        ];
        for (place, one) in conditions.iter().enumerate() {
            for other in &conditions[place + 1..] {
                assert_ne!(Form::of(one), Form::of(other), "{one} and {other}");
            }
        }
    }
}
