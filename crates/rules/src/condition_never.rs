//! Conditions that no publication can meet, since two of their comparisons exclude each other.

use std::collections::BTreeSet;

use cel::common::ast::{Expr, IdedExpr};

use crate::condition::{equality, field_of, text_of};
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
