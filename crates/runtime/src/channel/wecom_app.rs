//! Messages of a WeCom application to one person (企业微信应用消息). Source:
//! developer.work.weixin.qq.com/document/path/90236.
//!
//! The service itself drops a message whose JSON it has had within some hours, so a repeat after an
//! unknown outcome is sent word for word and arrives once.

use std::fmt;
use std::time::Duration;

use duban_model::Message;
use duban_model::fact::Outcome;
use reqwest::{Client, Url};
use serde_json::{Value, json};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::coded::{Code, Verdict, errcode, judged, words};
use super::http::{self, Heard};
use super::text::{Link, Style, Written, bytes, no_tags, write};
use super::{Answer, Secret};
use crate::clock::wall_now;

/// Where the service is.
pub const WECOM_APP_URL: &str = "https://qyapi.weixin.qq.com/cgi-bin/";
/// One person is sent so many messages a minute.
pub const WECOM_APP_PER_MINUTE: usize = 30;
/// The longest text, in bytes.
const TEXT_BYTES: usize = 2_048;
/// For how long the service compares a message with earlier ones, in seconds: the most it allows.
const COMPARED_SECONDS: i64 = 14_400;
/// For how long after a notice was queued we rely on it, in seconds; a later repeat is labelled.
const RELIED_SECONDS: i64 = 10_800;
/// A token is renewed so long before it ends, in seconds.
const RENEWED_SECONDS: u64 = 300;
/// A window of the service's rate limit, in seconds.
const WINDOW_SECONDS: u64 = 60;

pub(super) const STYLE: Style = Style {
    limit: TEXT_BYTES,
    measure: bytes,
    line_end: "\n",
    subject: ("", "\n\n"),
    escape: no_tags,
    link: Link::Plain,
};

/// One application of one enterprise.
pub struct WecomApp {
    client: Client,
    url: Url,
    corp: String,
    agent: u32,
    secret: Secret,
    token: Mutex<Option<Token>>,
}

impl fmt::Debug for WecomApp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WecomApp")
            .field("corp", &self.corp)
            .field("agent", &self.agent)
            .finish_non_exhaustive()
    }
}

/// What the service gives for the secret, for some hours.
#[derive(Clone)]
struct Token {
    text: Secret,
    until: Instant,
}

impl WecomApp {
    /// `corp` is the enterprise's id (企业ID), `agent` the application's number (`AgentId`), `secret` its
    /// Secret.
    pub fn new(url: &str, corp: String, agent: u32, secret: Secret) -> Result<WecomApp, String> {
        let mut url = http::guarded_address("WeCom application", url)?;
        if !url.path().ends_with('/') {
            url.set_path(&format!("{}/", url.path()));
        }
        Ok(WecomApp {
            client: http::client()?,
            url,
            corp,
            agent,
            secret,
            token: Mutex::new(None),
        })
    }

    pub(super) fn secrets(&self) -> Vec<&Secret> {
        vec![&self.secret]
    }

    pub(super) async fn send(&self, message: &Message, user: Option<&Secret>) -> Answer {
        let Some(user) = user else {
            return Answer::failed(format!(
                "no WeCom user id of {} is configured here; give it in the file of --channels under people",
                message.contact
            ));
        };
        let body = body(message, self.agent, user, wall_now().0 / 1000);
        let mut renewed = false;
        loop {
            let token = match self.token().await {
                Ok(token) => token,
                Err(answer) => return answer,
            };
            let heard = match self.post(&body, &token.text).await {
                Ok(heard) => heard,
                Err(answer) => return answer,
            };
            let code = heard.json().as_ref().and_then(errcode);
            if !renewed && code.is_some_and(|code| matches!(code.number, 40_014 | 42_001)) {
                renewed = true;
                self.forget(&token).await;
                continue;
            }
            let mut answer = reached(&heard, user);
            answer.detail = token.text.blot(&user.blot(&answer.detail));
            return answer;
        }
    }

    async fn post(&self, body: &str, token: &Secret) -> Result<Heard, Answer> {
        let request = self
            .client
            .post(self.at("message/send")?)
            .query(&[("access_token", token.reveal())])
            .header("content-type", "application/json")
            .body(body.to_owned());
        http::exchange(request).await
    }

    fn at(&self, path: &str) -> Result<Url, Answer> {
        let url = self.url.join(path);
        url.map_err(|fault| Answer::refused(fault.to_string()))
    }

    /// The token in hand, or a new one. Whoever fails to get one has sent nothing.
    async fn token(&self) -> Result<Token, Answer> {
        let mut kept = self.token.lock().await;
        if let Some(token) = kept.as_ref().filter(|token| Instant::now() < token.until) {
            return Ok(token.clone());
        }
        let request = self.client.get(self.at("gettoken")?).query(&[
            ("corpid", self.corp.as_str()),
            ("corpsecret", self.secret.reveal()),
        ]);
        let heard = http::exchange(request).await.map_err(|answer| {
            Answer::down(format!("no access token: {}", answer.detail)).after(answer.wait)
        })?;
        let given = heard.json();
        let text = given.as_ref().and_then(|body| body.get("access_token"));
        let answer = judged(&heard, errcode, meaning);
        match (answer.outcome, text.and_then(Value::as_str)) {
            (Outcome::Delivered, Some(text)) if !text.is_empty() => {
                let lasts = given.as_ref().and_then(|body| body.get("expires_in"));
                let lasts = lasts.and_then(Value::as_u64).unwrap_or(0);
                let token = Token {
                    text: Secret::new(text),
                    until: Instant::now()
                        + Duration::from_secs(lasts.saturating_sub(RENEWED_SECONDS)),
                };
                *kept = Some(token.clone());
                Ok(token)
            }
            // An answer that says yes may hold the token, so it is not told.
            (Outcome::Delivered | Outcome::Unknown, _) => Err(Answer::down(format!(
                "no access token: {} and an answer that cannot be read",
                heard.status
            ))),
            (Outcome::Refused | Outcome::Failed, _) => Err(Answer {
                detail: format!("no access token: {}", answer.detail),
                ..answer
            }),
        }
    }

    /// Forgets a token that the service takes no longer, unless another has replaced it already.
    async fn forget(&self, token: &Token) {
        let mut kept = self.token.lock().await;
        if kept.as_ref().is_some_and(|kept| kept.text == token.text) {
            *kept = None;
        }
    }
}

/// The text of a first attempt.
pub(super) fn text(message: &Message) -> Written {
    write(message, &STYLE, message.possible_duplicate, "")
}

/// The message, the same for every attempt for as long as the service compares.
fn body(message: &Message, agent: u32, user: &Secret, now_seconds: i64) -> String {
    let age = now_seconds.saturating_sub(message.at.0 / 1000);
    let label = message.possible_duplicate && !(0..RELIED_SECONDS).contains(&age);
    json!({
        "touser": user.reveal(),
        "msgtype": "text",
        "agentid": agent,
        "text": { "content": write(message, &STYLE, label, "").text },
        "enable_duplicate_check": 1,
        "duplicate_check_interval": COMPARED_SECONDS,
    })
    .to_string()
}

/// The service says yes also when the one person is among those it could not reach.
fn reached(heard: &Heard, user: &Secret) -> Answer {
    let answer = judged(heard, errcode, meaning);
    let body = heard.json().unwrap_or_default();
    for (field, why) in [
        (
            "invaliduser",
            "no such user, or not visible to the application",
        ),
        ("unlicenseduser", "the user has no licence"),
    ] {
        let among = words(&body, field);
        if among
            .split('|')
            .any(|name| name.eq_ignore_ascii_case(user.reveal()))
        {
            return Answer::refused(format!("{}: {why}", answer.detail));
        }
    }
    answer
}

/// Codes of the service that say more than no.
fn meaning(code: &Code) -> Verdict {
    match code.number {
        45_009 | 45_033 => Verdict::Busy(WINDOW_SECONDS),
        // Wrong secret, enterprise or application; nobody of the receivers can be reached; not
        // visible; the address of this machine is not allowed; empty, too long, wrong parameters.
        40_001 | 40_013 | 40_056 | 41_001 | 41_004 | 60_011 | 60_020 | 60_111 | 81_013
        | 301_002 | 40_003 | 40_008 | 40_035 | 40_058 | 44_004 | 45_002 | 47_001 => {
            Verdict::Refused
        }
        // -1 is "system busy"; what is not known here is tried again within the horizon.
        _ => Verdict::Failed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::tests::message;

    #[test]
    fn a_repeat_is_word_for_word_the_same_while_the_service_compares() {
        let user = Secret::new("zhangsan");
        let mut notice = message();
        let queued = notice.at.0 / 1000;
        let first = body(&notice, 1, &user, queued + 5);
        notice.attempt = 2;
        notice.possible_duplicate = true;
        assert_eq!(body(&notice, 1, &user, queued + 3_600), first);
        let late = body(&notice, 1, &user, queued + RELIED_SECONDS);
        assert!(late.contains("可能重复送达"), "{late}");
        const { assert!(RELIED_SECONDS < COMPARED_SECONDS) };
    }
}
