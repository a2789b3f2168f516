//! Leases as a stream of their own that keeps one message a service: its last one. Its sequence is
//! the lease's revision, and a write expects it as an append expects its frame's.

use async_nats::HeaderMap;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use duban_model::frame::Service;
use serde_json::json;

use super::wire::{Silence, read_answer};
use super::{
    EXPECTED_HEADER, JetStreamLog, NO_MESSAGE, WRONG_LAST_SEQUENCE, acknowledged, unexpected,
};
use crate::fault::LogError;
use crate::lease::{Holder, Lease};
use crate::subject::lease_subject;

impl JetStreamLog {
    pub(crate) async fn lease(&self, service: Service) -> Result<Lease, LogError> {
        let subject = lease_subject(self.0.partition, service);
        let api = format!("STREAM.MSG.GET.{}", self.0.leases);
        let which = json!({ "last_by_subj": subject });
        let answer = match self.0.wire.api(&api, &which).await? {
            Ok(answer) => answer,
            Err(error) if error.err_code == NO_MESSAGE => return Ok(Lease::default()),
            Err(error) => return Err(unexpected(&self.0.leases, &error)),
        };
        let message = &answer["message"];
        let bytes = STANDARD
            .decode(message["data"].as_str().unwrap_or_default())
            .unwrap_or_default();
        Ok(Lease {
            revision: message["seq"].as_u64().unwrap_or_default(),
            // What a later release wrote and this one cannot read is held by somebody all the same.
            holder: serde_json::from_slice(&bytes).unwrap_or(Some(Holder::default())),
        })
    }

    pub(crate) async fn write_lease(
        &self,
        service: Service,
        holder: Option<&Holder>,
        expected: u64,
    ) -> Result<Option<u64>, LogError> {
        let subject = lease_subject(self.0.partition, service);
        let mut headers = HeaderMap::new();
        headers.insert(EXPECTED_HEADER, expected.to_string());
        let payload = json!(holder).to_string();
        let answer = self
            .0
            .wire
            .request(&subject, Some(headers), payload.into())
            .await
            .map_err(|silence| match silence {
                Silence::Denied(why) => LogError::Refused(why),
                Silence::Unknown(why) | Silence::NotDone(why) => LogError::Unavailable(why),
            })?;
        match read_answer(&answer.payload).map_err(LogError::Unavailable)? {
            Ok(ack) => acknowledged(&ack, &self.0.leases)
                .map(Some)
                .map_err(LogError::Unavailable),
            Err(error) if WRONG_LAST_SEQUENCE.contains(&error.err_code) => Ok(None),
            Err(error) => Err(unexpected(&self.0.leases, &error)),
        }
    }
}
