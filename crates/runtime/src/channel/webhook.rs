//! Signed HTTP requests after the Standard Webhooks specification: `webhook-id` is the notice's and
//! stays the same over retries, `webhook-timestamp` is the attempt's, the signature is
//! HMAC-SHA256 over `id.timestamp.body`.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use duban_model::Message;
use duban_model::fact::Outcome;
use hmac::{Hmac, Mac};
use reqwest::redirect::Policy;
use sha2::Sha256;

use super::Answer;
use crate::clock::wall_now;

/// The receiver has this long to answer, in seconds.
const ANSWER_SECONDS: u64 = 20;
/// At most so much of an answer is read, in bytes.
const ANSWER_BYTES: usize = 4 * 1024;
/// A secret has at least so many bytes.
const SECRET_BYTES: usize = 24;

/// One receiver of notices.
#[derive(Debug)]
pub struct Webhook {
    client: reqwest::Client,
    url: reqwest::Url,
    secret: Vec<u8>,
}

impl Webhook {
    /// `secret` is `whsec_` and base64 of at least 24 bytes.
    pub fn new(url: &str, secret: &str) -> Result<Webhook, String> {
        let url: reqwest::Url = url
            .parse()
            .map_err(|fault| format!("webhook address `{url}`: {fault}"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(format!("webhook address `{url}` is neither http nor https"));
        }
        let secret = secret
            .strip_prefix("whsec_")
            .and_then(|text| STANDARD.decode(text).ok())
            .filter(|secret| secret.len() >= SECRET_BYTES)
            .ok_or_else(|| {
                format!(
                    "the webhook secret is not `whsec_` and base64 of at least {SECRET_BYTES} bytes"
                )
            })?;
        let client = reqwest::Client::builder()
            .timeout(Duration::from_secs(ANSWER_SECONDS))
            .redirect(Policy::none())
            .build()
            .map_err(|fault| fault.to_string())?;
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
        let mut response = match request.send().await {
            Ok(response) => response,
            // Only a connection that never stood is known not to have delivered.
            Err(fault) if fault.is_connect() || fault.is_builder() => {
                return (Outcome::Failed, fault.without_url().to_string());
            }
            Err(fault) => return (Outcome::Unknown, fault.without_url().to_string()),
        };
        let status = response.status();
        let mut answer = Vec::new();
        while let Ok(Some(chunk)) = response.chunk().await {
            answer.extend_from_slice(&chunk);
            if answer.len() >= ANSWER_BYTES {
                break;
            }
        }
        answer.truncate(200);
        let detail = format!("{status} {}", String::from_utf8_lossy(&answer));
        let outcome = match status.as_u16() {
            200..=299 => Outcome::Delivered,
            // Try later, or the receiver's configuration may be mended.
            408 | 425 | 429 | 300..=399 | 500..=599 => Outcome::Failed,
            _ => Outcome::Refused,
        };
        (outcome, detail)
    }
}

fn body(message: &Message) -> String {
    serde_json::json!({
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
            "text": message.text,
        }
    })
    .to_string()
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
