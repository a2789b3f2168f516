//! A group robot of WeCom (企业微信群机器人). Source: developer.work.weixin.qq.com/document/path/99110.

use duban_model::Message;
use reqwest::{Client, Url};
use serde_json::json;

use super::coded::{Code, Verdict, errcode, judged};
use super::text::{Link, Style, Written, bytes, no_markdown, write};
use super::{Answer, Person, Secret, http};

/// Where the service is.
pub const WECOM_ROBOT_URL: &str = "https://qyapi.weixin.qq.com/cgi-bin/webhook/send";
/// The service takes so many messages a minute from one robot.
pub const WECOM_ROBOT_PER_MINUTE: usize = 20;
/// The longest markdown text, in bytes; beyond it the service answers 40058.
const TEXT_BYTES: usize = 4_096;
/// A window of the service's rate limit, in seconds.
const WINDOW_SECONDS: u64 = 60;

pub(super) const STYLE: Style = Style {
    limit: TEXT_BYTES,
    measure: bytes,
    line_end: "\n",
    subject: ("**", "**\n"),
    escape: no_markdown,
    link: Link::Markdown,
};

/// One robot in one group.
#[derive(Debug)]
pub struct WecomRobot {
    client: Client,
    url: Url,
    key: Secret,
}

impl WecomRobot {
    /// `key` is what stands after `key=` in the robot's address.
    pub fn new(url: &str, key: Secret) -> Result<WecomRobot, String> {
        Ok(WecomRobot {
            client: http::client()?,
            url: http::guarded_address("WeCom robot", url)?,
            key,
        })
    }

    pub(super) fn secrets(&self) -> Vec<&Secret> {
        vec![&self.key]
    }

    pub(super) async fn send(&self, message: &Message, person: &Person) -> Answer {
        let body = json!({
            "msgtype": "markdown",
            "markdown": { "content": text(message, person).text },
        });
        let request = self
            .client
            .post(self.url.clone())
            .query(&[("key", self.key.reveal())])
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
    let mention = person.wecom.as_ref();
    let mention = mention.map(|user| format!("<@{}>", user.reveal()));
    let label = message.possible_duplicate;
    write(message, &STYLE, label, &mention.unwrap_or_default())
}

/// Codes of the service that say more than no.
fn meaning(code: &Code) -> Verdict {
    match code.number {
        // More than 20 in a minute; too many at once.
        45_009 | 45_033 => Verdict::Busy(WINDOW_SECONDS),
        // Wrong key or robot removed (93000), robot disabled or not in the group, no such group;
        // message too long, of a wrong kind, empty or with wrong parameters.
        93_000 | 93_004 | 93_008 | 86_215 | 40_001 | 40_008 | 40_035 | 40_058 | 44_004 | 45_002
        | 47_001 => Verdict::Refused,
        // -1 is "system busy"; what is not known here is tried again within the horizon.
        _ => Verdict::Failed,
    }
}
