//! What somebody who is signed in does about a duty becomes a fact on the log, with who did it.

use duban_model::fact::TaskAct;
use duban_model::{Body, Envelope, RecordId};

use super::viewer::{Via, Viewer};
use crate::inbox::{Unsent, put};
use crate::projection::answer_key;
use crate::state::ConsoleState;

/// The source that such facts bear on the log.
pub const CONSOLE_SOURCE: &str = "urn:duban:console";

impl Viewer {
    /// An act with who did it, and how that one was known. What a page says of it stays.
    pub fn signed(&self, act: TaskAct) -> TaskAct {
        let how = match self.via() {
            Via::Session { .. } => "登录后在网页办理".to_owned(),
            Via::Token { id, .. } => format!("凭令牌{id}办理"),
        };
        TaskAct {
            by: Some(self.signature()),
            note: act.note.or(Some(how)),
            ..act
        }
    }
}

/// Puts a fact into the inbox; it is durable there when this returns. The key tells what became of it
/// ([`crate::projection::Answers::fate`]). Its id follows from who, form and content: the same form
/// sent twice is one fact.
pub(crate) async fn record(
    state: &ConsoleState,
    viewer: &Viewer,
    nonce: &str,
    (tenant, ledger): (&str, Option<&str>),
    body: Body,
) -> Result<RecordId, Unsent> {
    let kind = body.record_type();
    let digest = RecordId::derive(&[kind.as_str().as_bytes(), body.to_json().as_bytes()]);
    let event = Envelope {
        id: format!("{}/{nonce}/{digest}", viewer.name()),
        source: CONSOLE_SOURCE.to_owned(),
        kind,
        time: None,
        tenant: tenant.to_owned(),
        ledger: ledger.map(ToOwned::to_owned),
        body,
    };
    let log = state.log.as_ref().ok_or(Unsent::Unavailable)?;
    put(log, &event, "an act").await?;
    Ok(answer_key(&event.id))
}

#[cfg(test)]
mod tests {
    use duban_journal::{Log, MemoryLog};

    use super::*;
    use crate::access::Role;
    use crate::access::bed::Bed;

    #[tokio::test]
    async fn an_act_bears_who_did_it_and_the_same_form_is_one_fact() {
        let bed = Bed::new();
        let cookie = bed.signed_in("wang", &[Role::Office], &[]);
        let (viewer, _) = bed.accounts().by_cookie(&cookie, false).unwrap().unwrap();
        let log = Log::Memory(MemoryLog::new());
        let state = ConsoleState::new(Some(log.clone()), None);
        let act = || TaskAct {
            task: "10".to_owned(),
            unit: Some("city-spj".to_owned()),
            role: None,
            period: None,
            occasion: None,
            by: None,
            reason: None,
            evidence: Vec::new(),
            due: None,
            extend: None,
            contact: None,
            note: None,
        };
        let sent = async |nonce| {
            let body = Body::TaskVerified(viewer.signed(act()));
            record(
                &state,
                &viewer,
                nonce,
                ("tongliao", Some("tongliao-2021")),
                body,
            )
            .await
        };
        let first = sent("0001").await.unwrap();
        assert_eq!(sent("0001").await.unwrap(), first);
        assert_ne!(sent("0002").await.unwrap(), first);
        let mut inbox = log.follow_inbox(0).await.unwrap();
        let submitted = inbox.next(10).await.unwrap();
        let text = String::from_utf8_lossy(&submitted[0].bytes).into_owned();
        assert!(text.contains("\"by\":\"wang wang\""), "{text}");
        assert!(text.contains("登录后在网页办理") && text.contains(CONSOLE_SOURCE));
        let token = bed.token("events:write:duban.task.verified");
        let program = bed.accounts().by_token(&token).unwrap().unwrap();
        assert!(program.signed(act()).by.unwrap().contains("dbn_"));
        assert!(program.may_send("duban.task.verified") && !program.may_send("duban.task.waived"));
        assert!(!viewer.may_send("duban.task.verified"));
    }
}
