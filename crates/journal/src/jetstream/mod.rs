//! The log as two streams of a NATS server.

use std::marker::PhantomData;
use std::sync::Arc;

use bytes::Bytes;
use duban_model::frame::{Frame, Service};

use crate::contract::Stored;
use crate::fault::{AppendError, LogError, SubmitError};
use crate::follower::{Follower, InboxFollower};

/// x
#[derive(Clone, Debug)]
pub struct JetStreamLog(Arc<()>);
/// x
#[derive(Clone, Debug)]
pub struct JetStreamOptions {}

#[derive(Debug)]
pub(crate) struct StreamFollower<T>(PhantomData<T>);

impl<T> StreamFollower<T> {
    pub(crate) async fn next(&mut self, _max: usize) -> Result<Vec<T>, LogError> {
        Err(LogError::Refused("not yet".to_owned()))
    }
    pub(crate) async fn ready(&mut self, _max: usize) -> Result<Vec<T>, LogError> {
        Err(LogError::Refused("not yet".to_owned()))
    }
}

impl JetStreamLog {
    pub(crate) fn id(&self) -> &str {
        ""
    }
    pub(crate) async fn append(&self, _frame: &Frame, _expected: u64) -> Result<u64, AppendError> {
        Err(AppendError::Broken("not yet".to_owned()))
    }
    pub(crate) async fn last_frame(&self, _service: Service) -> Result<Option<Stored>, LogError> {
        Err(LogError::Refused("not yet".to_owned()))
    }
    pub(crate) async fn frame(&self, _seq: u64) -> Result<Option<Stored>, LogError> {
        Err(LogError::Refused("not yet".to_owned()))
    }
    pub(crate) async fn head(&self) -> Result<u64, LogError> {
        Err(LogError::Refused("not yet".to_owned()))
    }
    pub(crate) async fn follow(
        &self,
        _after: u64,
        _services: &[Service],
    ) -> Result<Follower, LogError> {
        Err(LogError::Refused("not yet".to_owned()))
    }
    pub(crate) async fn submit(&self, _t: &str, _s: &str, _b: Bytes) -> Result<u64, SubmitError> {
        Err(SubmitError::Unavailable("not yet".to_owned()))
    }
    pub(crate) async fn inbox_head(&self) -> Result<u64, LogError> {
        Err(LogError::Refused("not yet".to_owned()))
    }
    pub(crate) async fn follow_inbox(&self, _after: u64) -> Result<InboxFollower, LogError> {
        Err(LogError::Refused("not yet".to_owned()))
    }
}
