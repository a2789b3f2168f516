//! Conditions that nothing can meet, since two of their comparisons exclude each other.

use std::collections::BTreeSet;

use cel::common::ast::{Expr, IdedExpr, LiteralValue};

use crate::condition::{equality, field_of, text_of};
use crate::condition_form::is_same;
use crate::field::Field;

/// Comparisons that contradict earlier ones: the later comparison, its field, and the texts of which
/// the earlier ones require one.
pub(crate) fn contradictions(whole: &IdedExpr) -> Vec<(&IdedExpr, Field, BTreeSet<String>)> {
    let mut terms = Vec::new();
    conjuncts(whole, &mut terms);
    let mut found = Vec::new();
    for field in Field::ALL {
        // What the field may still be; a `!=` before any `==` leaves more than could be listed.
        let mut left: Option<BTreeSet<String>> = None;
        for term in &terms {
            let (texts, negated) = match (equality(term), different(term)) {
                (Some(e), _) if e.field == *field => (e.texts, false),
                (_, Some((f, text))) if f == *field => (vec![text], true),
                _ => continue,
            };
            let Some(before) = left.take() else {
                left = (!negated).then(|| texts.into_iter().collect());
                continue;
            };
            let keep = |text: &&String| texts.contains(text) != negated;
            let now: BTreeSet<String> = before.iter().filter(keep).cloned().collect();
            if now.is_empty() {
                found.push((*term, *field, before));
                break;
            }
            left = Some(now);
        }
    }
    found
}

/// The parts of a conjunction, in order.
fn conjuncts<'e>(expression: &'e IdedExpr, into: &mut Vec<&'e IdedExpr>) {
    match &expression.expr {
        Expr::Call(call) if call.func_name == "_&&_" && call.target.is_none() => {
            for part in &call.args {
                conjuncts(part, into);
            }
        }
        _ => into.push(expression),
    }
}

/// `publication.<field> != "text"`
fn different(term: &IdedExpr) -> Option<(Field, String)> {
    let Expr::Call(call) = &term.expr else {
        return None;
    };
    let ("_!=_", [left, right]) = (call.func_name.as_str(), call.args.as_slice()) else {
        return None;
    };
    match (field_of(left), text_of(right)) {
        (Some(field), Some(text)) => Some((field, text.to_owned())),
        _ => Some((field_of(right)?, text_of(left)?.to_owned())),
    }
}

/// Comparisons by order that leave nothing: with an earlier bound of the same field, or a size below
/// nothing. Each with what is wrong.
pub(crate) fn out_of_range(whole: &IdedExpr) -> Vec<(&IdedExpr, String)> {
    let mut terms = Vec::new();
    conjuncts(whole, &mut terms);
    let mut found = Vec::new();
    for term in &terms {
        if is_negative_size(term) {
            found.push((*term, "a size below 0".to_owned()));
        }
    }
    for field in Field::ALL {
        // The lowest and the highest text left, each with whether it is itself allowed.
        let (mut low, mut high): (Option<Bound>, Option<Bound>) = (None, None);
        for term in &terms {
            let Some((operator, text)) = ordered(term, *field) else {
                continue;
            };
            let itself = operator.ends_with('=');
            if operator == "==" || operator.starts_with('>') {
                let bound = (text.clone(), itself);
                low = Some(match low.take() {
                    Some(old) if tighter(&old, &bound, true) => old,
                    _ => bound,
                });
            }
            if operator == "==" || operator.starts_with('<') {
                let bound = (text, itself);
                high = Some(match high.take() {
                    Some(old) if tighter(&old, &bound, false) => old,
                    _ => bound,
                });
            }
            if let (Some((low, at_low)), Some((high, at_high))) = (&low, &high)
                && (low > high || (low == high && !(*at_low && *at_high)))
            {
                // Two different equalities are told as what they are.
                if operator != "==" || !(*at_low && *at_high) || low == high {
                    let why = format!("nothing lies from `{low}` to `{high}`");
                    found.push((*term, why));
                }
                break;
            }
        }
    }
    found
}

/// A part of a conjunction whose contrary stands before it.
pub(crate) fn contraries(whole: &IdedExpr) -> Vec<&IdedExpr> {
    let mut terms = Vec::new();
    conjuncts(whole, &mut terms);
    let contrary = |one: &IdedExpr, other: &IdedExpr| match &one.expr {
        Expr::Call(call) if call.func_name == "!_" => {
            call.args.first().is_some_and(|arg| is_same(arg, other))
        }
        _ => false,
    };
    let found = terms.iter().enumerate().find(|(place, term)| {
        let mut before = terms[..*place].iter();
        before.any(|other| contrary(term, other) || contrary(other, term))
    });
    found.map(|(_, term)| *term).into_iter().collect()
}

/// A text that is the lowest or highest left, and whether it is itself allowed.
type Bound = (String, bool);

/// Whether an earlier bound leaves no more than another.
fn tighter(old: &Bound, new: &Bound, from_below: bool) -> bool {
    match old.0.cmp(&new.0) {
        std::cmp::Ordering::Equal => !old.1,
        order => order.is_gt() == from_below,
    }
}

/// `publication.<field> <operator> "text"`, turned round where the text comes first.
fn ordered(term: &IdedExpr, field: Field) -> Option<(&'static str, String)> {
    let Expr::Call(call) = &term.expr else {
        return None;
    };
    let [left, right] = call.args.as_slice() else {
        return None;
    };
    let (here, turned) = match call.func_name.as_str() {
        "_==_" => ("==", "=="),
        "_<_" => ("<", ">"),
        "_<=_" => ("<=", ">="),
        "_>_" => (">", "<"),
        "_>=_" => (">=", "<="),
        _ => return None,
    };
    if field_of(left) == Some(field) {
        return Some((here, text_of(right)?.to_owned()));
    }
    (field_of(right) == Some(field)).then_some(())?;
    Some((turned, text_of(left)?.to_owned()))
}

/// `size(x) < 0`, or equal to less than that.
fn is_negative_size(term: &IdedExpr) -> bool {
    let Expr::Call(call) = &term.expr else {
        return false;
    };
    let [left, right] = call.args.as_slice() else {
        return false;
    };
    let sizes = matches!(&left.expr, Expr::Call(of) if of.func_name == "size");
    let Expr::Literal(LiteralValue::Int(number)) = &right.expr else {
        return false;
    };
    let number = *number.inner();
    sizes
        && match call.func_name.as_str() {
            "_<_" => number <= 0,
            "_<=_" | "_==_" => number < 0,
            _ => false,
        }
}
