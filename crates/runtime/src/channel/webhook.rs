//! Signed HTTP requests after the Standard Webhooks specification: `webhook-id` is the notice's and
//! stays the same over retries, `webhook-timestamp` is the attempt's, the signature is
//! HMAC-SHA256 over `id.timestamp.body`.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use duban_model::Message;
use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::http::Ending;
use super::text::fitted;
use super::{Answer, http};
use crate::clock::wall_now;

/// A secret has at least so many bytes.
const SECRET_BYTES: usize = 24;

/// The longest body, in bytes; the specification has receivers expect no more than 20 KB.
pub(super) const BODY_BYTES: usize = 20_000;

/// One receiver of notices.
pub struct Webhook {
    client: reqwest::Client,
    url: reqwest::Url,
    secret: Vec<u8>,
}

impl fmt::Debug for Webhook {
    /// Without secret and path: some receivers' paths are keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhook")
            .field("host", &self.url.host_str())
            .finish_non_exhaustive()
    }
}

impl Webhook {
    /// `secret` is `whsec_` and base64 of at least 24 bytes.
    pub fn new(url: &str, secret: &str) -> Result<Webhook, String> {
        let url = http::address("webhook address", url)?;
        let secret = secret
            .strip_prefix("whsec_")
            .and_then(|text| STANDARD.decode(text).ok())
            .filter(|secret| secret.len() >= SECRET_BYTES)
            .ok_or_else(|| {
                format!(
                    "the webhook secret is not `whsec_` and base64 of at least {SECRET_BYTES} bytes"
                )
            })?;
        let client = http::client()?;
        Ok(Webhook {
            client,
            url,
            secret,
        })
    }

    pub(super) async fn send(&self, message: &Message) -> Answer {
        let seconds = wall_now().0 / 1000;
        let body = body(message);
        let signature = signature(&self.secret, &message.notice, seconds, &body);
        let request = self
            .client
            .post(self.url.clone())
            .header("content-type", "application/json")
            .header("webhook-id", &message.notice)
            .header("webhook-timestamp", seconds.to_string())
            .header("webhook-signature", signature)
            .body(body);
        match http::exchange(request).await {
            Err(answer) => answer,
            // As the specification has it, whoever answers so wants no more from us.
            Ok(heard) if heard.status == 410 => Answer::gone(heard.told()),
            Ok(heard) if !heard.is_well() => heard.by_status(),
            // An answer that breaks off may be about anything.
            Ok(heard) if heard.ending == Ending::Broken => {
                Answer::unknown(format!("{}: the answer breaks off", heard.told()))
            }
            Ok(heard) => Answer::delivered(heard.told()),
        }
    }
}

/// The body, which says of a text that was too long that it was cut.
pub(super) fn body(message: &Message) -> String {
    let whole = with_text(message, &message.text, false);
    if whole.len() <= BODY_BYTES {
        return whole;
    }
    let around = with_text(message, "", true).len();
    let fitted = fitted(message, BODY_BYTES.saturating_sub(around));
    with_text(message, &fitted.text, true)
}

fn with_text(message: &Message, text: &str, cut: bool) -> String {
    let mut body = serde_json::json!({
        "type": "duban.notice",
        "timestamp": message.at.to_string(),
        "data": {
            "tenant": message.tenant,
            "notice": message.notice,
            "attempt": message.attempt,
            "possible_duplicate": message.possible_duplicate,
            "obligation": message.obligation,
            "kind": message.kind,
            "step": message.step,
            "contact": message.contact_title,
            "subject": message.subject,
            "text": text,
            "answer": message.answer,
        }
    });
    if cut {
        body["data"]["cut"] = true.into();
    }
    body.to_string()
}

/// The `webhook-signature` of a request.
pub fn signature(secret: &[u8], id: &str, seconds: i64, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes a key of any length");
    mac.update(format!("{id}.{seconds}.{body}").as_bytes());
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification's own libraries.
    #[test]
    fn the_signature_is_that_of_the_specification() {
        let secret = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let body = r#"{"test": 2432232314}"#;
        assert_eq!(
            signature(&secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        );
    }

    #[test]
    fn a_weak_secret_is_refused() {
        assert!(Webhook::new("http://127.0.0.1:1/", "whsec_c2hvcnQ=").is_err());
        assert!(
            Webhook::new("ftp://127.0.0.1/", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").is_err()
        );
    }
}
