//! A channel that behaves as a simulation has it.

use std::fmt;
use std::pin::Pin;

use duban_model::Message;

use super::Answer;

/// Takes messages in place of a mail server, and answers, or does not.
pub trait SimulatedChannel: fmt::Debug + Send + Sync {
    /// Takes one message.
    fn send<'a>(
        &'a self,
        message: &'a Message,
    ) -> Pin<Box<dyn Future<Output = Answer> + Send + 'a>>;
}
