//! The page behind the link of a message that stands for several notices (汇总): each duty, with its
//! own page one step further.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use duban_model::Zone;

use super::refused::style;
use super::{Answering, Letter, Standing};
use crate::access::Seen;
use crate::page::{DutyRow, answer};
use crate::projection::Projection;

/// One duty of the message.
struct Item {
    row: DutyRow,
    /// Where it is answered; nowhere if nothing more is expected.
    link: Option<String>,
}

#[derive(Template)]
#[template(path = "answers.html")]
struct ListPage {
    style: String,
    items: Vec<Item>,
    who: String,
    until: String,
}

/// The page of a letter that came with a message for several notices; nothing for a letter about one
/// duty.
pub(super) fn page(
    projection: &Projection,
    answering: &Answering,
    letter: &Letter,
) -> Option<Response> {
    // The letters that this page gives bear the same notice, and a duty each.
    if projection.duty(&letter.obligation).is_some() {
        return None;
    }
    let places = projection.bundled().duties(letter.notice)?;
    let person = match Standing::person(projection, answering, letter) {
        Ok(person) => person,
        Err(refused) => return Some(refused.page()),
    };
    let of = |letter: &Letter| Some(format!("/a/{}", answering.letters.token(letter)?));
    let items = places
        .iter()
        .filter_map(|place| projection.duty_at(*place))
        .filter(|duty| projection.ledger_of(duty).tenant == letter.tenant)
        .map(|duty| Item {
            row: DutyRow::of(&Seen::by_letter(projection), duty),
            link: of(&Letter {
                obligation: duty.id.to_string(),
                ..letter.clone()
            })
            .filter(|_| !duty.stage.is_final()),
        })
        .collect();
    let unit = letter.contact.split('/').next().unwrap_or_default();
    let page = ListPage {
        style: style(),
        items,
        who: format!(
            "{}{}",
            projection.units().short(&letter.tenant, unit),
            person.title
        ),
        until: letter.until.date_in(Zone::SHANGHAI).to_string(),
    };
    Some(answer(StatusCode::OK, &page))
}
