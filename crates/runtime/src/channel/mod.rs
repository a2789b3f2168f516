//! Channels: ways to reach a contact. A channel answers with an outcome, never with success by default.

mod folder;
mod mail;
mod simulated;
mod webhook;

use std::sync::Arc;

use duban_model::Message;
use duban_model::directory::Channel;
use duban_model::fact::Outcome;

pub use folder::Folder;
pub use mail::{Smtp, compose_mail};
pub use simulated::SimulatedChannel;
pub use webhook::{Webhook, signature};

/// What became of a send, and the other side's answer in a few words.
pub type Answer = (Outcome, String);

/// How mail leaves.
#[derive(Debug)]
pub enum MailWay {
    /// As `.eml` files in a folder: the default, nothing to install.
    Folder(Folder),
    /// Over SMTP.
    Smtp(Smtp),
    /// As a simulation has it.
    Simulated(Arc<dyn SimulatedChannel>),
}

/// The channels of this installation.
#[derive(Debug)]
pub struct Channels {
    /// Mail.
    pub mail: MailWay,
    /// Signed HTTP requests, if configured.
    pub webhook: Option<Webhook>,
}

impl Channels {
    /// Sends one message.
    pub async fn send(&self, message: &Message) -> Answer {
        match message.channel {
            Channel::Mail => match &self.mail {
                MailWay::Folder(folder) => folder.send(message).await,
                MailWay::Smtp(smtp) => smtp.send(message).await,
                MailWay::Simulated(channel) => channel.send(message).await,
            },
            Channel::Webhook => match &self.webhook {
                Some(webhook) => webhook.send(message).await,
                None => (
                    Outcome::Failed,
                    "no webhook address is configured here; give --webhook-url".to_owned(),
                ),
            },
        }
    }
}
