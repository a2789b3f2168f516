//! A group robot of DingTalk (钉钉群机器人). Its refusals come inside HTTP 200.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use duban_model::Message;
use duban_model::record::cut;
use hmac::{Hmac, Mac};
use reqwest::{Client, Url};
use serde_json::{Value, json};
use sha2::Sha256;

use super::coded::{Code, Verdict, errcode, judged};
use super::text::{Link, Style, Written, json_bytes, no_markdown, one_row, write};
use super::{Answer, Person, Secret, http};
use crate::clock::wall_now;

/// Where the service is.
pub const DINGTALK_ROBOT_URL: &str = "https://oapi.dingtalk.com/robot/send";
/// The service takes so many messages a minute from one robot.
pub const DINGTALK_ROBOT_PER_MINUTE: usize = 20;
/// A robot that sent more is blocked for so many seconds.
const BLOCKED_SECONDS: u64 = 600;
/// The longest text, in bytes within JSON. The service takes 20,000 bytes of body (else 460101); the
/// rest is for what stands around the text.
const TEXT_BYTES: usize = 19_000;
/// The longest title, in bytes: it is shown in the list of chats only.
const TITLE_BYTES: usize = 180;

pub(super) const STYLE: Style = Style {
    limit: TEXT_BYTES,
    measure: json_bytes,
    // One line end alone joins lines there.
    line_end: "\n\n",
    subject: ("### ", "\n\n"),
    escape: no_markdown,
    link: Link::Markdown,
};

/// One robot in one group.
#[derive(Debug)]
pub struct DingtalkRobot {
    client: Client,
    url: Url,
    token: Secret,
    secret: Option<Secret>,
}

impl DingtalkRobot {
    /// `token` is what stands after `access_token=` in the robot's address, `secret` its `SEC…`, if
    /// it signs.
    pub fn new(url: &str, token: Secret, secret: Option<Secret>) -> Result<DingtalkRobot, String> {
        Ok(DingtalkRobot {
            client: http::client()?,
            url: http::guarded_address("DingTalk robot", url)?,
            token,
            secret,
        })
    }

    pub(super) fn secrets(&self) -> Vec<&Secret> {
        [&self.token].into_iter().chain(&self.secret).collect()
    }

    pub(super) async fn send(&self, message: &Message, person: &Person) -> Answer {
        let body = body(message, person);
        let mut request = self
            .client
            .post(self.url.clone())
            .query(&[("access_token", self.token.reveal())]);
        if let Some(secret) = &self.secret {
            let millis = wall_now().0;
            let sign = dingtalk_signature(secret.reveal(), millis);
            request = request.query(&[("timestamp", &millis.to_string()), ("sign", &sign)]);
        }
        let request = request
            .header("content-type", "application/json")
            .body(body.to_string());
        match http::exchange(request).await {
            Ok(heard) => judged(&heard, errcode, meaning),
            Err(answer) => answer,
        }
    }
}

/// The markdown, with a mention of the person whose id is known.
pub(super) fn text(message: &Message, person: &Person) -> Written {
    let mention = person.dingtalk.as_ref();
    let mention = mention.map(|user| format!("@{}", user.reveal()));
    let label = message.possible_duplicate;
    write(message, &STYLE, label, &mention.unwrap_or_default())
}

/// What is sent. Whoever is mentioned stands in the text too, or nobody is.
pub(super) fn body(message: &Message, person: &Person) -> Value {
    let title = one_row(&message.subject);
    let mut body = json!({
        "msgtype": "markdown",
        "markdown": { "title": cut(&title, TITLE_BYTES), "text": text(message, person).text },
        "at": { "isAtAll": false },
    });
    if let Some(user) = &person.dingtalk {
        body["at"]["atUserIds"] = json!([user.reveal()]);
    }
    body
}

/// The `sign` of a request: HMAC-SHA256 with the secret as key over timestamp (milliseconds), line
/// end, secret; in base64.
pub fn dingtalk_signature(secret: &str, millis: i64) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key of any length");
    mac.update(format!("{millis}\n{secret}").as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}

/// Codes of the service that say more than no.
fn meaning(code: &Code) -> Verdict {
    match code.number {
        // More than 20 in a minute: blocked.
        130_101 | 410_100 => Verdict::Busy(BLOCKED_SECONDS),
        // Keyword, signature or address not accepted; no such token; robot gone, disabled or
        // unknown; group gone; unsafe link or words; too long, of a wrong kind, wrong parameters.
        310_000 | 300_001 | 300_005 | 400_013 | 400_101 | 400_102 | 400_105 | 400_106 | 430_101
        | 430_102 | 430_103 | 430_104 | 460_101 | 40_035 => Verdict::Refused,
        // -1 is "system busy"; what is not known here is tried again within the horizon.
        _ => Verdict::Failed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_has_the_secret_as_key_and_in_the_text() {
        assert_eq!(
            dingtalk_signature("test-secret", 1_599_360_473),
            "bwOSU6XMEexAHKuyN31krxa2lbNEg4trOnn0f+E2pPs="
        );
    }
}
