//! The chain of a service's frames: each names the one before it by place and digest, so that no
//! frame can be changed, removed or moved without breaking the link of the one that follows.
//!
//! The digest is the SHA-256 of the head as one line, a line break and the batch: any program that
//! hashes can check it. The place stands beside it because the frames of four services lie on one
//! log: without it, frames of two services could change places unnoticed.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

use crate::frame::{Frame, FrameHead, Service};
use crate::state::hex;

/// The SHA-256 of an encoded frame.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FrameDigest(pub [u8; 32]);

impl FrameDigest {
    /// Of a frame as encoded.
    pub fn of(head: &[u8], batch: &[u8]) -> FrameDigest {
        let mut hash = Sha256::new();
        hash.update(head);
        hash.update(b"\n");
        hash.update(batch);
        FrameDigest(hash.finalize().into())
    }

    /// Its first half in hexadecimal: enough to recognise a frame where nobody forges.
    pub fn short(&self) -> String {
        hex(&self.0[..16])
    }
}

impl fmt::Display for FrameDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for FrameDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for FrameDigest {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("a digest has 64 hexadecimal digits; found `{text}`");
        // One way of writing only: a frame must be encoded again as it was.
        let digit = |byte: u8| match byte {
            b'0'..=b'9' => Some(byte - b'0'),
            b'a'..=b'f' => Some(byte - b'a' + 10),
            _ => None,
        };
        let mut digest = [0; 32];
        if text.len() != 2 * digest.len() {
            return Err(wrong());
        }
        for (byte, pair) in digest.iter_mut().zip(text.as_bytes().chunks(2)) {
            let (high, low) = digit(pair[0]).zip(digit(pair[1])).ok_or_else(wrong)?;
            *byte = high << 4 | low;
        }
        Ok(FrameDigest(digest))
    }
}

impl Serialize for FrameDigest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for FrameDigest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// A frame as the next one of its service names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// Its place on the log.
    pub seq: u64,
    /// Its digest.
    pub digest: FrameDigest,
}

impl Link {
    /// A frame at its place.
    pub fn to(seq: u64, frame: &Frame) -> Link {
        Link {
            seq,
            digest: frame.digest(),
        }
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "frame {} with digest {}", self.seq, self.digest)
    }
}

/// How far a service's frames have been looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Followed {
    /// The last frame.
    pub head: Link,
    /// Frames seen.
    pub frames: u64,
    /// Where the chain begins: the place of the first frame that a later one vouches for. Nothing
    /// while no frame names one before it.
    pub since: Option<u64>,
}

/// A place where a chain does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// Whose.
    pub service: Service,
    /// The place of the frame whose link does not fit.
    pub seq: u64,
    /// Its number, as its process counts.
    pub number: u64,
    /// What stands on the log before it.
    pub expected: String,
    /// What it names.
    pub found: String,
    /// What that means.
    pub meaning: &'static str,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Broken {
            service,
            seq,
            number,
            expected,
            found,
            meaning,
        } = self;
        write!(
            f,
            "{service}: frame {seq} (number {number} of its process): expected {expected}, found \
             {found}: {meaning}"
        )
    }
}

/// Checks the chains of all services, frame by frame, in the order of the log.
#[derive(Clone, Debug, Default)]
pub struct Chain(BTreeMap<Service, Followed>);

impl Chain {
    /// Takes the next frame of the log. After a break it goes on from the frame that is there, so
    /// that one change is told once.
    ///
    /// # Errors
    /// Where its link does not fit.
    pub fn follow(&mut self, seq: u64, frame: &Frame) -> Result<(), Box<Broken>> {
        let head = &frame.head;
        let before = self.0.get(&head.service);
        let checked = check(before, seq, head);
        let since = match (before, &head.previous) {
            // Whatever it names: from the next one on, something is vouched for.
            (None, _) => None,
            (Some(before), Some(_)) => before.since.or(Some(before.head.seq)),
            (Some(before), None) => before.since,
        };
        let frames = before.map_or(0, |before| before.frames) + 1;
        let followed = Followed {
            head: Link::to(seq, frame),
            frames,
            since,
        };
        self.0.insert(head.service, followed);
        checked
    }

    /// What was seen of each service.
    pub fn followed(&self) -> &BTreeMap<Service, Followed> {
        &self.0
    }
}

fn check(before: Option<&Followed>, seq: u64, head: &FrameHead) -> Result<(), Box<Broken>> {
    let (expected, found, meaning) = match (before, &head.previous) {
        (Some(before), Some(link)) if before.head == *link => return Ok(()),
        // The first frame of all; or releases that did not write links yet.
        (None, None) => return Ok(()),
        (Some(before), None) if before.since.is_none() => return Ok(()),
        (None, Some(link)) => (
            "no frame before it".to_owned(),
            link.to_string(),
            "frames before it were removed",
        ),
        (Some(before), None) => (
            before.head.to_string(),
            format!("none, written by release {}", head.release),
            "a frame was put in, or a release that knows no chain has written",
        ),
        (Some(before), Some(link)) => (
            before.head.to_string(),
            link.to_string(),
            if before.head.seq == link.seq {
                "the frame before it was changed"
            } else {
                "frames before it were removed, put in or moved"
            },
        ),
    };
    Err(Box::new(Broken {
        service: head.service,
        seq,
        number: head.number,
        expected,
        found,
        meaning,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Position;

    fn frame(service: Service, number: u64, previous: Option<Link>) -> Frame {
        let head = FrameHead {
            service,
            incarnation: 7,
            number,
            through: Position::START,
            release: "test".to_owned(),
            previous,
        };
        Frame::new(head, Vec::new())
    }

    /// Two services in turn, three frames each.
    fn log() -> Vec<(u64, Frame)> {
        let mut last: BTreeMap<Service, Link> = BTreeMap::new();
        (1..=6u64)
            .map(|seq| {
                let service = Service::ALL[usize::from(seq % 2 == 0)];
                let frame = frame(service, seq.div_ceil(2), last.get(&service).copied());
                last.insert(service, Link::to(seq, &frame));
                (seq, frame)
            })
            .collect()
    }

    fn breaks(log: &[(u64, Frame)]) -> Vec<(u64, &'static str)> {
        let mut chain = Chain::default();
        log.iter()
            .filter_map(|(seq, frame)| chain.follow(*seq, frame).err())
            .map(|broken| (broken.seq, broken.meaning))
            .collect()
    }

    #[test]
    fn what_was_changed_removed_or_moved_breaks_the_chain() {
        assert_eq!(breaks(&log()), []);
        let mut changed = log();
        changed[2].1 = Frame::new(
            FrameHead {
                release: "forged".to_owned(),
                ..changed[2].1.head.clone()
            },
            Vec::new(),
        );
        assert_eq!(breaks(&changed), [(5, "the frame before it was changed")]);

        let mut removed = log();
        removed.remove(2);
        for (seq, (place, _)) in (1..).zip(&mut removed) {
            *place = seq;
        }
        let gone = "frames before it were removed, put in or moved";
        assert!(breaks(&removed).contains(&(4, gone)), "{removed:?}");

        let mut swapped = log();
        swapped.swap(2, 3);
        for (seq, (place, _)) in (1..).zip(&mut swapped) {
            *place = seq;
        }
        assert_eq!(breaks(&swapped), [(5, gone), (6, gone)]);

        let mut beheaded = log();
        beheaded.drain(..2);
        let before = "frames before it were removed";
        assert_eq!(breaks(&beheaded), [(3, before), (4, before)]);
    }

    #[test]
    fn the_chain_begins_where_frames_begin_to_name_the_one_before() {
        let old = [
            (1, frame(Service::Rules, 1, None)),
            (2, frame(Service::Rules, 2, None)),
        ];
        let new = frame(Service::Rules, 3, Some(Link::to(2, &old[1].1)));
        let without = frame(Service::Rules, 4, None);
        let mut chain = Chain::default();
        for (seq, frame) in &old {
            assert_eq!(chain.follow(*seq, frame), Ok(()));
        }
        assert_eq!(chain.followed()[&Service::Rules].since, None);
        assert_eq!(chain.follow(3, &new), Ok(()));
        assert_eq!(chain.followed()[&Service::Rules].since, Some(2));
        assert!(chain.follow(4, &without).is_err());
    }

    #[test]
    fn a_digest_reads_back_as_written_and_in_one_way_only() {
        let digest = FrameDigest::of(b"{}", b"[]");
        assert_eq!(digest.to_string().parse(), Ok(digest));
        assert!(
            digest
                .to_string()
                .to_uppercase()
                .parse::<FrameDigest>()
                .is_err()
        );
        assert!("00".parse::<FrameDigest>().is_err());
    }
}
