//! The file of `serve --channels` as written. What stands where a secret should be named is not
//! repeated in any message.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::de::{self, Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_saphyr::Spanned;

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
#[derive(Default)]
pub(crate) struct File {
    pub(crate) mail: Vec<MailSource>,
    pub(crate) webhook: Vec<WebhookSource>,
    pub(crate) wecom_robot: Vec<WecomRobotSource>,
    pub(crate) dingtalk_robot: Vec<DingtalkRobotSource>,
    pub(crate) feishu_robot: Vec<FeishuRobotSource>,
    pub(crate) wecom_app: Vec<WecomAppSource>,
    pub(crate) sms: Vec<SmsSource>,
    pub(crate) people: BTreeMap<String, Spanned<PersonSource>>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MailSource {
    pub(crate) name: Spanned<String>,
    pub(crate) serves: Option<Vec<Spanned<String>>>,
    pub(crate) per_minute: Option<usize>,
    /// The server with user and password.
    pub(crate) smtp: Option<SecretSource>,
    /// The certificate of whoever vouches for it, as PEM, beside the authorities of the web.
    pub(crate) authority: Option<PathBuf>,
    pub(crate) folder: Option<PathBuf>,
    pub(crate) from: String,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WebhookSource {
    pub(crate) name: Spanned<String>,
    pub(crate) serves: Option<Vec<Spanned<String>>>,
    pub(crate) per_minute: Option<usize>,
    pub(crate) url: String,
    pub(crate) secret: SecretSource,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WecomRobotSource {
    pub(crate) name: Spanned<String>,
    pub(crate) serves: Option<Vec<Spanned<String>>>,
    pub(crate) per_minute: Option<usize>,
    pub(crate) url: Option<String>,
    pub(crate) key: SecretSource,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DingtalkRobotSource {
    pub(crate) name: Spanned<String>,
    pub(crate) serves: Option<Vec<Spanned<String>>>,
    pub(crate) per_minute: Option<usize>,
    pub(crate) url: Option<String>,
    pub(crate) token: SecretSource,
    pub(crate) secret: Option<SecretSource>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FeishuRobotSource {
    pub(crate) name: Spanned<String>,
    pub(crate) serves: Option<Vec<Spanned<String>>>,
    pub(crate) per_minute: Option<usize>,
    pub(crate) url: Option<String>,
    pub(crate) id: SecretSource,
    pub(crate) secret: Option<SecretSource>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WecomAppSource {
    pub(crate) name: Spanned<String>,
    pub(crate) serves: Option<Vec<Spanned<String>>>,
    pub(crate) per_minute: Option<usize>,
    pub(crate) url: Option<String>,
    pub(crate) corp: String,
    pub(crate) agent: u32,
    pub(crate) secret: SecretSource,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SmsSource {
    pub(crate) name: Spanned<String>,
    pub(crate) serves: Option<Vec<Spanned<String>>>,
    pub(crate) per_minute: Option<usize>,
    pub(crate) url: String,
    #[serde(default)]
    pub(crate) method: SmsMethod,
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, SecretSource>,
    #[serde(default)]
    pub(crate) secrets: BTreeMap<String, SecretSource>,
    pub(crate) json: Option<serde_json::Value>,
    pub(crate) form: Option<BTreeMap<String, String>>,
    pub(crate) query: Option<BTreeMap<String, String>>,
    pub(crate) text_bytes: Option<usize>,
    pub(crate) success: SuccessSource,
}

#[derive(Clone, Copy, Default, PartialEq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SmsMethod {
    #[default]
    Post,
    Get,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SuccessSource {
    pub(crate) status: Vec<u16>,
    pub(crate) at: String,
    pub(crate) is: Vec<String>,
    #[serde(default)]
    pub(crate) refused: Vec<String>,
    #[serde(default)]
    pub(crate) busy: Vec<String>,
    pub(crate) busy_seconds: Option<u64>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PersonSource {
    pub(crate) phone: Option<String>,
    pub(crate) wecom: Option<String>,
    pub(crate) dingtalk: Option<String>,
    pub(crate) feishu: Option<String>,
}

/// Where a secret stands.
pub(crate) enum SecretSource {
    Env(String),
    File(PathBuf),
}

impl<'de> Deserialize<'de> for SecretSource {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(SecretVisitor)
    }
}

/// Reads `{env: NAME}` or `{file: PATH}`; whatever else stands there is not repeated.
pub(crate) struct SecretVisitor;

const SECRET_EXPECTED: &str = "a secret where only its place may stand, expected `{env: NAME}` or \
                               `{file: PATH}`; move it there and change it, as it was written down";

impl<'de> Visitor<'de> for SecretVisitor {
    type Value = SecretSource;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("`{env: NAME}` or `{file: PATH}`")
    }

    fn visit_str<E: de::Error>(self, _: &str) -> Result<SecretSource, E> {
        Err(E::custom(SECRET_EXPECTED))
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<SecretSource, E> {
        Err(E::custom(SECRET_EXPECTED))
    }

    fn visit_u64<E: de::Error>(self, _: u64) -> Result<SecretSource, E> {
        Err(E::custom(SECRET_EXPECTED))
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<SecretSource, E> {
        Err(E::custom(SECRET_EXPECTED))
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<SecretSource, E> {
        Err(E::custom(SECRET_EXPECTED))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<SecretSource, A::Error> {
        let mut found = None;
        while let Some(field) = map.next_key::<String>()? {
            let source = match field.as_str() {
                "env" => SecretSource::Env(map.next_value()?),
                "file" => SecretSource::File(map.next_value()?),
                _ => {
                    map.next_value::<IgnoredAny>()?;
                    return Err(de::Error::unknown_field(&field, &["env", "file"]));
                }
            };
            if found.replace(source).is_some() {
                return Err(de::Error::custom("both env and file, expected one of them"));
            }
        }
        found.ok_or_else(|| de::Error::custom("nothing, expected env or file"))
    }
}

/// Reads the text, or says where and why not.
pub(crate) fn parse(shown: &str, text: &str) -> Result<File, String> {
    // An empty file or one of comments alone configures nothing.
    let read = serde_saphyr::from_str::<Option<File>>(text).map(Option::unwrap_or_default);
    read.map_err(|fault| {
        // Without the lines around the place: they may hold what should not stand there.
        let fault = fault.without_snippet();
        let place = fault
            .location()
            .map_or((1, 1), |at| (at.line(), at.column()));
        format!(
            "{shown}:{}:{}: found {}; deploy/channels.yaml shows how it is written",
            place.0,
            place.1,
            worded(&fault.to_string())
        )
    })
}

/// Serde's words with found and expected where they lack it, and without its own place.
fn worded(fault: &str) -> String {
    let fault = fault.split(" at line ").next().unwrap_or(fault);
    let fault = fault.trim_start_matches("error: ");
    match fault.strip_prefix("expected ") {
        Some(expected) => format!("something else, expected {expected}"),
        None => fault.replacen("missing field", "no field", 1),
    }
}
