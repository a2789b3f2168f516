//! How frames, inbox messages and the mark lie in the folder.
//!
//! Key: the sequence, 8 bytes, big-endian. Frame: head as one line of JSON, a line break, then the
//! batch: as JSON, which begins with `[`, or [`PACKED`] and the JSON as an LZ4 block with its size
//! before it, 4 bytes, little-endian. Inbox message: its subject after `duban.in.`, a line break,
//! the bytes as they came.
//!
//! Records repeat themselves: packed, a frame takes a sixth, and so do its copies in the
//! write-ahead file and in memory, and the sync.

use bytes::Bytes;
use duban_model::frame::{Frame, FrameFault, FrameHead, MAX_FRAME_BYTES, Service};
use serde::{Deserialize, Serialize};

/// The folder's format as written; an older program refuses it.
pub(super) const FORMAT: &[u8] = b"duban-log 2";

/// Formats that are read: the first had no packed frames, and otherwise the same layout.
pub(super) const READ_FORMATS: [&[u8]; 2] = [b"duban-log 1", FORMAT];

/// The byte before a packed batch.
const PACKED: u8 = 1;
/// Batches below this size are not packed, in bytes: nothing is won.
const PACKED_FROM_BYTES: usize = 512;

/// Keyspace of frames.
pub(super) const FRAMES: &str = "frames";
/// Keyspace of the inbox.
pub(super) const INBOX: &str = "inbox";
/// Keyspace of format, id and mark.
pub(super) const META: &str = "meta";

/// Key of the format in [`META`].
pub(super) const META_FORMAT: &str = "format";
/// Key of the log's id in [`META`].
pub(super) const META_ID: &str = "id";
/// Key of the [`Mark`] in [`META`].
pub(super) const META_MARK: &str = "mark";

/// Up to where the writer has vouched for the log, so that opening it looks only at what came
/// after. Written in the same atomic batch as the messages it covers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Mark {
    /// The log's head.
    pub log: u64,
    /// The inbox's head.
    pub inbox: u64,
    /// Each service's last frame, in the order of [`Service::ALL`].
    pub last: [u64; Service::ALL.len()],
}

pub(super) fn key(seq: u64) -> [u8; 8] {
    seq.to_be_bytes()
}

pub(super) fn position(key: &[u8]) -> Option<u64> {
    key.try_into().ok().map(u64::from_be_bytes)
}

/// A frame as it is stored, and its size unpacked, in bytes.
pub(super) fn encode_frame(frame: &Frame) -> (Vec<u8>, usize) {
    let (head, batch) = frame.encode();
    let mut value = head.into_bytes();
    let bytes = value.len() + batch.len();
    value.push(b'\n');
    if batch.len() < PACKED_FROM_BYTES {
        value.extend_from_slice(&batch);
    } else {
        value.push(PACKED);
        value.extend_from_slice(&lz4_flex::compress_prepend_size(&batch));
    }
    (value, bytes)
}

pub(super) fn decode_frame(value: &[u8]) -> Result<Frame, FrameFault> {
    let (head, batch) = split(value).ok_or_else(no_line)?;
    match batch.split_first() {
        Some((&PACKED, packed)) => Frame::decode(head, &unpacked(packed)?),
        _ => Frame::decode(head, batch),
    }
}

fn unpacked(packed: &[u8]) -> Result<Vec<u8>, FrameFault> {
    let size = packed.first_chunk().map(|size| u32::from_le_bytes(*size));
    // A size that no frame has would only take memory.
    if size.is_none_or(|size| size as usize > MAX_FRAME_BYTES) {
        return Err(FrameFault("a packed batch of impossible size".to_owned()));
    }
    lz4_flex::decompress_size_prepended(packed)
        .map_err(|fault| FrameFault(format!("a packed batch: {fault}")))
}

pub(super) fn decode_head(value: &[u8]) -> Result<FrameHead, FrameFault> {
    let (head, _) = split(value).ok_or_else(no_line)?;
    serde_json::from_slice(head).map_err(|fault| FrameFault(format!("head: {fault}")))
}

pub(super) fn encode_inbox(subject: &str, bytes: &[u8]) -> Vec<u8> {
    let mut value = Vec::with_capacity(subject.len() + 1 + bytes.len());
    value.extend_from_slice(subject.as_bytes());
    value.push(b'\n');
    value.extend_from_slice(bytes);
    value
}

pub(super) fn decode_inbox(value: &[u8]) -> Option<(String, Bytes)> {
    let (subject, bytes) = split(value)?;
    let subject = std::str::from_utf8(subject).ok()?;
    Some((subject.to_owned(), Bytes::copy_from_slice(bytes)))
}

fn split(value: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = value.iter().position(|byte| *byte == b'\n')?;
    Some((&value[..end], &value[end + 1..]))
}

fn no_line() -> FrameFault {
    FrameFault("no line break after the head".to_owned())
}

#[cfg(test)]
mod tests {
    use duban_model::frame::Position;

    use super::*;

    #[test]
    fn what_was_not_written_by_us_is_refused_and_nothing_panics() {
        let head = FrameHead {
            service: Service::Rules,
            incarnation: 7,
            number: 1,
            through: Position { seq: 3, index: 2 },
            release: "0.1.0".to_owned(),
            previous: None,
        };
        let frame = Frame::new(head, Vec::new());
        let (good, _) = encode_frame(&frame);
        assert_eq!(decode_frame(&good), Ok(frame));
        for place in 0..good.len() {
            let _ = decode_frame(&good[..place]);
            let _ = decode_head(&good[..place]);
            for bit in 0..8 {
                let mut other = good.clone();
                other[place] ^= 1 << bit;
                let _ = decode_frame(&other);
                let _ = decode_head(&other);
            }
        }
        let message = encode_inbox("tongliao.publication.published", "{\"规\":1}".as_bytes());
        for place in 0..=message.len() {
            if let Some((subject, bytes)) = decode_inbox(&message[..place]) {
                assert!(message.starts_with(&encode_inbox(&subject, &bytes)));
            }
        }
        assert_eq!(decode_inbox(b"no line break"), None);
        assert_eq!(decode_inbox(&[0xff, b'\n', 1]), None);
        for length in 0..12 {
            assert_eq!(position(&vec![0; length]).is_some(), length == 8);
        }
    }
}
