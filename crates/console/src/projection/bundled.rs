//! Which duties the messages were about that stand for several notices.

use std::collections::{BTreeMap, VecDeque};

use duban_model::RecordId;

/// Messages remembered, in messages; the link of an older one leads nowhere.
pub const BUNDLES_KEPT: usize = 20_000;

/// The last such messages.
#[derive(Debug, Default)]
pub struct Bundled {
    duties: BTreeMap<RecordId, Box<[u32]>>,
    order: VecDeque<RecordId>,
}

impl Bundled {
    /// The places of the duties that a message was about, each once, in its order.
    pub fn duties(&self, message: RecordId) -> Option<&[u32]> {
        self.duties.get(&message).map(|places| &**places)
    }

    /// Remembers a message.
    pub(super) fn remember(&mut self, message: RecordId, places: impl Iterator<Item = u32>) {
        let mut list: Vec<u32> = Vec::new();
        for place in places {
            if !list.contains(&place) {
                list.push(place);
            }
        }
        if self.duties.insert(message, list.into()).is_none() {
            self.order.push_back(message);
        }
        if self.order.len() > BUNDLES_KEPT
            && let Some(oldest) = self.order.pop_front()
        {
            self.duties.remove(&oldest);
        }
    }
}
