//! What somebody who is signed in does: about one duty, about several at once, about silences and
//! notices. Each act is a fact on the log (`crate::access::record`); the page that follows says what
//! became of it.

mod deed;
mod offered;
mod several;
mod silence;
mod single;
#[cfg(test)]
mod tests;

use crate::access::page::Flash;
use crate::access::{Need, Right, Seen};
use crate::answer::{largest_form, refusal};
use crate::projection::AnswerFate;
use crate::route::Entry;

pub(crate) use deed::{Deed, Side};
pub(crate) use offered::{Offered, sides};
pub(crate) use several::Batches;
pub use several::{ACTS_AT_ONCE, BATCHES_KEPT};

/// The addresses of acts.
pub(crate) fn entries() -> Vec<Entry> {
    let unit = Need::Right(Right::ActForUnit);
    let head = Need::Right(Right::SignForUnit);
    let office = Need::Right(Right::ActForOffice);
    vec![
        Entry::form("/act/unit/{*obligation}", unit, single::for_unit).taking(largest_form()),
        Entry::form("/act/sign/{*obligation}", head, single::for_head).taking(largest_form()),
        Entry::form("/act/office/{*obligation}", office, single::for_office),
        // Where one comes back to from the sign-in.
        Entry::page("/act/unit/{*obligation}", unit, single::back),
        Entry::page("/act/sign/{*obligation}", head, single::back),
        Entry::page("/act/office/{*obligation}", office, single::back),
        Entry::form("/trigger/{ledger}/{task}", office, single::trigger_task),
        Entry::page("/trigger/{ledger}/{task}", office, single::back_to_task),
        Entry::form("/acts/unit/{unit}", unit, several::sign_for_unit),
        Entry::page("/acts/unit/{unit}", unit, several::back_to_unit),
        Entry::form("/acts/sign/{unit}", head, several::sign_for_head),
        Entry::page("/acts/sign/{unit}", head, several::back_to_unit),
        Entry::form("/acts/office/{ledger}", office, several::confirm),
        Entry::page("/acts/office/{ledger}", office, several::back_to_ledger),
        Entry::form("/acts/do/{ledger}", office, several::act),
        Entry::page("/acts/do/{ledger}", office, several::back_to_ledger),
        Entry::page("/acts/done/{batch}", Need::SignedIn, several::done),
        Entry::page("/silences", office, silence::show),
        Entry::form("/silences", office, silence::set),
        Entry::form("/silences/lift", office, silence::lift),
        Entry::page("/silences/lift", office, silence::back),
    ]
}

/// What became of an act, for the page that follows it; nothing where no act was given.
pub(crate) fn became(seen: &Seen<'_>, key: Option<&str>) -> Option<Flash> {
    let key = key?.parse().ok()?;
    Some(match seen.fate(key) {
        Some(AnswerFate::Taken) => Flash {
            class: "good",
            heading: "已记录",
            text: "您的办理已经记录,下面是最新情况。".to_owned(),
        },
        Some(AnswerFate::Refused(code)) => Flash {
            class: "bad",
            heading: "没有受理",
            text: refusal(code),
        },
        None => Flash {
            class: "wait",
            heading: "已收到",
            text: "您的办理已经收到并保存,正在处理;结果出来后会显示在这里,也可以稍后刷新本页查看。"
                .to_owned(),
        },
    })
}

/// What was wrong with what was filled in.
pub(crate) fn faulty(fault: &str) -> Flash {
    Flash {
        // The page answers a form: its address gives another one, so it does not follow the log.
        class: "bad still",
        heading: "还没有提交",
        text: format!("{fault}。请改正后重新提交;已选的文件需要重新选择。"),
    }
}

/// An address with the key of an act, by which the page tells what became of it.
pub(crate) fn with_key(address: &str, key: duban_model::RecordId) -> String {
    let mark = if address.contains('?') { '&' } else { '?' };
    format!("{address}{mark}r={key}")
}
