//! A group robot of Feishu (飞书群机器人). It refuses with HTTP 200 and with 400, a code in both.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use duban_model::Message;
use hmac::{Hmac, Mac};
use reqwest::{Client, Url};
use serde_json::{Value, json};
use sha2::Sha256;

use super::coded::{Code, Verdict, judged, words};
use super::text::{Link, Style, Written, json_bytes, no_tags, write};
use super::{Answer, Person, Secret, http};
use crate::clock::wall_now;

/// Where the service is; the robot's id follows.
pub const FEISHU_ROBOT_URL: &str = "https://open.feishu.cn/open-apis/bot/v2/hook/";
/// The service takes so many messages a minute from one robot.
pub const FEISHU_ROBOT_PER_MINUTE: usize = 100;
/// And so many a second.
pub const FEISHU_ROBOT_PER_SECOND: usize = 5;
/// The longest text, in bytes within JSON. The service takes 20 KB of body; the rest is for what
/// stands around the text.
const TEXT_BYTES: usize = 19_000;
/// A window of the service's rate limit, in seconds.
const WINDOW_SECONDS: u64 = 60;

pub(super) const STYLE: Style = Style {
    limit: TEXT_BYTES,
    measure: json_bytes,
    line_end: "\n",
    subject: ("", "\n\n"),
    escape: no_tags,
    link: Link::Plain,
};

/// One robot in one group.
#[derive(Debug)]
pub struct FeishuRobot {
    client: Client,
    url: Url,
    id: Secret,
    secret: Option<Secret>,
}

impl FeishuRobot {
    /// `id` is the last part of the robot's address, `secret` its key, if it signs.
    pub fn new(url: &str, id: Secret, secret: Option<Secret>) -> Result<FeishuRobot, String> {
        let url = http::guarded_address("Feishu robot", url)?;
        if url.cannot_be_a_base() {
            return Err("Feishu robot: found an address without a path".to_owned());
        }
        Ok(FeishuRobot {
            client: http::client()?,
            url,
            id,
            secret,
        })
    }

    pub(super) fn secrets(&self) -> Vec<&Secret> {
        [&self.id].into_iter().chain(&self.secret).collect()
    }

    pub(super) async fn send(&self, message: &Message, person: &Person) -> Answer {
        let mut body = json!({
            "msg_type": "text",
            "content": { "text": text(message, person).text },
        });
        if let Some(secret) = &self.secret {
            let seconds = wall_now().0 / 1000;
            body["timestamp"] = json!(seconds.to_string());
            body["sign"] = json!(feishu_signature(secret.reveal(), seconds));
        }
        let mut url = self.url.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().push(self.id.reveal());
        }
        let request = self
            .client
            .post(url)
            .header("content-type", "application/json")
            .body(body.to_string());
        match http::exchange(request).await {
            Ok(heard) => judged(&heard, code, meaning),
            Err(answer) => answer,
        }
    }
}

/// The text, with a mention of the person whose id is known.
pub(super) fn text(message: &Message, person: &Person) -> Written {
    let mention = person.feishu.as_ref();
    let mention = mention.map(|user| format!("<at user_id=\"{}\"></at>", user.reveal()));
    let label = message.possible_duplicate;
    write(message, &STYLE, label, &mention.unwrap_or_default())
}

/// `code`, and in older answers `StatusCode` instead or beside it; whichever is not 0 counts.
fn code(body: &Value) -> Option<Code> {
    let code = body.get("code").map(Value::as_i64);
    let status = body.get("StatusCode").map(Value::as_i64);
    let (number, field) = match (code, status) {
        (Some(Some(0)), Some(status)) => (status?, "StatusMessage"),
        (Some(code), _) => (code?, "msg"),
        (None, status) => (status??, "StatusMessage"),
    };
    Some(Code {
        number,
        words: words(body, field),
    })
}

/// The `sign` of a request: HMAC-SHA256 with timestamp (seconds), line end and secret as key, over
/// nothing; in base64. (DingTalk has it the other way round.)
pub fn feishu_signature(secret: &str, seconds: i64) -> String {
    let key = format!("{seconds}\n{secret}");
    let mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).expect("a key of any length");
    STANDARD.encode(mac.finalize().into_bytes())
}

/// Codes of the service that say more than no.
fn meaning(code: &Code) -> Verdict {
    match code.number {
        11_232 => Verdict::Busy(WINDOW_SECONDS),
        // One code for two things: too many requests, and a request that it cannot read.
        9_499 if code.words.to_ascii_lowercase().contains("too many") => {
            Verdict::Busy(WINDOW_SECONDS)
        }
        // No such robot, wrong parameters, signature or clock wrong, address or keyword not accepted.
        9_499 | 19_001 | 19_002 | 19_021 | 19_022 | 19_024 => Verdict::Refused,
        // What is not known here is tried again within the horizon.
        _ => Verdict::Failed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_has_timestamp_and_secret_as_key() {
        assert_eq!(
            feishu_signature("test-secret", 1_599_360_473),
            "wSds2BzzFIIGf/WrhUO+NI1q/9j+FRJd3JNHKAq0NZY="
        );
    }

    #[test]
    fn either_code_can_say_no() {
        let number = |body: Value| code(&body).map(|code| code.number);
        assert_eq!(number(json!({"code": 0, "StatusCode": 0})), Some(0));
        assert_eq!(number(json!({"StatusCode": 0})), Some(0));
        assert_eq!(
            number(json!({"code": 0, "StatusCode": 11232})),
            Some(11_232)
        );
        assert_eq!(
            number(json!({"code": 19021, "StatusCode": 0})),
            Some(19_021)
        );
        assert_eq!(number(json!({"code": "0"})), None);
        assert_eq!(number(json!({})), None);
    }
}
