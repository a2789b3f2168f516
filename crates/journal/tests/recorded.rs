//! What earlier releases have written is read, byte by byte as it lies there. A recorded file is
//! never written anew: a change of layout adds one.

use std::path::Path;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use duban_journal::{EmbeddedLog, Log};
use duban_model::frame::Frame;
use duban_model::{RecordType, Service};

/// A frame of the rules with four records: head and batch in plain text, as format 1 has it.
const PLAIN: &[u8] = include_bytes!("recorded/frame-format-1.txt");
/// The same frame with its batch packed by LZ4, as format 2 has it, in base64.
const PACKED: &str = include_str!("recorded/frame-format-2.base64");

/// A log folder of this format in which one frame lies.
fn folder(format: &str, frame: &[u8]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let db = fjall::Database::builder(dir.path()).open().unwrap();
    let put = |keyspace: &str, key: &[u8], value: &[u8]| {
        db.keyspace(keyspace, fjall::KeyspaceCreateOptions::default)
            .unwrap()
            .insert(key, value)
            .unwrap();
    };
    put("meta", b"format", format.as_bytes());
    put("meta", b"id", b"recorded");
    put("frames", &1u64.to_be_bytes(), frame);
    db.persist(fjall::PersistMode::SyncAll).unwrap();
    dir
}

async fn read_back(dir: &Path) -> Arc<Frame> {
    let log = Log::Embedded(EmbeddedLog::open(dir).unwrap());
    assert_eq!(log.head().await, Ok(1));
    let last = log.last_frame(Service::Rules).await.unwrap().unwrap();
    let mut follower = log.follow(0, &Service::ALL).await.unwrap();
    assert_eq!(
        follower.ready(9).await.unwrap(),
        std::slice::from_ref(&last)
    );
    last.frame
}

#[tokio::test]
async fn a_frame_of_every_released_format_reads_back_with_its_records() {
    let packed = STANDARD.decode(PACKED.replace('\n', "")).unwrap();
    for (format, stored) in [("duban-log 1", PLAIN), ("duban-log 2", packed.as_slice())] {
        let dir = folder(format, stored);
        let frame = read_back(dir.path()).await;
        let head = &frame.head;
        assert_eq!(
            (head.service, head.number, head.release.as_str()),
            (Service::Rules, 70, "0.1.0"),
            "{format}"
        );
        assert_eq!((head.through.seq, head.through.index), (323, 0), "{format}");
        let types: Vec<RecordType> = frame.records.iter().map(|r| r.record_type()).collect();
        assert_eq!(
            types,
            [
                RecordType::ObligationReturned,
                RecordType::NoticeRequested,
                RecordType::ObligationDueSoon,
                RecordType::TimerArmed,
            ],
            "{format}"
        );
        // Not only the types: everything, and it would be written the same again. The store
        // recognises its log by the digest of that.
        let again = [frame.encode_head().as_bytes(), b"\n", &frame.encode_batch()].concat();
        assert_eq!(again, PLAIN, "{format}");
    }
}
