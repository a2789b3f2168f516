//! How rows lie in sled: not one entry a row, but pages of changes in the order in which they were
//! committed, the last word on a row being the one that counts.
//!
//! One sled entry a row cost ten times as much to write, and reading a page back is one look-up
//! for dozens of rows. Rows that were superseded make pages stale; the writer's owner sweeps the
//! live rows into new pages now and then (`Sweep`), and what is older than the sweep is dropped.
//!
//! An entry's key is `1`, the batch's number (8 bytes, big-endian) and the page's place in it
//! (4 bytes). The pages of a batch, joined, are an LZ4 block with its size before it (4 bytes,
//! little-endian); unpacked, they are its rows: key length, key, value length plus one or zero for a
//! row that is gone, value; lengths are 4 bytes, big-endian. Packed, rows take a fifth on disk, and
//! in what sled keeps of them in memory.

use std::collections::BTreeMap;

/// A key and its value.
pub(crate) type Row = (Vec<u8>, Vec<u8>);

/// The largest page, in bytes. sled keeps up to 16 entries in one node and moves nodes over 128 KB
/// to side files that it never syncs, so 16 pages stay below that.
pub(crate) const PAGE_BYTES: usize = 7_000;

/// The first byte of a page's key.
const PAGE: u8 = 1;

/// The key of a page.
pub(crate) fn key(batch: u64, place: u32) -> Vec<u8> {
    let mut key = Vec::with_capacity(13);
    key.push(PAGE);
    key.extend_from_slice(&batch.to_be_bytes());
    key.extend_from_slice(&place.to_be_bytes());
    key
}

/// The batch and place that a page's key names.
pub(crate) fn place(key: &[u8]) -> Option<(u64, u32)> {
    let (tag, rest) = key.split_first()?;
    let (batch, place) = rest.split_first_chunk()?;
    let place = place.try_into().ok()?;
    (*tag == PAGE).then(|| (u64::from_be_bytes(*batch), u32::from_be_bytes(place)))
}

/// Adds a row to a batch.
pub(crate) fn push(batch: &mut Vec<u8>, key: &[u8], value: Option<&[u8]>) {
    let length = |bytes: &[u8], more: u32| {
        u32::try_from(bytes.len()).expect("rows are shorter than 4 GB") + more
    };
    batch.extend_from_slice(&length(key, 0).to_be_bytes());
    batch.extend_from_slice(key);
    match value {
        None => batch.extend_from_slice(&0u32.to_be_bytes()),
        Some(value) => {
            batch.extend_from_slice(&length(value, 1).to_be_bytes());
            batch.extend_from_slice(value);
        }
    }
}

/// The rows of a batch as they are cut into pages.
pub(crate) fn pack(batch: &[u8]) -> Vec<u8> {
    lz4_flex::compress_prepend_size(batch)
}

/// Takes the first `length` bytes off.
fn take<'a>(rest: &mut &'a [u8], length: usize) -> Result<&'a [u8], String> {
    let (first, others) = rest
        .split_at_checked(length)
        .ok_or("a page ends in the middle of a row")?;
    *rest = others;
    Ok(first)
}

fn take_length(rest: &mut &[u8]) -> Result<usize, String> {
    let bytes = take(rest, 4)?;
    let length = u32::from_be_bytes(bytes.try_into().map_err(|_| "a length of four bytes")?);
    usize::try_from(length).map_err(|fault| fault.to_string())
}

/// Reads a batch's rows in order.
fn read(packed: &[u8], mut row: impl FnMut(&[u8], Option<&[u8]>)) -> Result<(), String> {
    // Sealed, so what stands there was written here: its size is believed.
    let batch = lz4_flex::decompress_size_prepended(packed)
        .map_err(|fault| format!("a batch cannot be unpacked: {fault}"))?;
    let mut rest = &batch[..];
    while !rest.is_empty() {
        let length = take_length(&mut rest)?;
        let key = take(&mut rest, length)?;
        match take_length(&mut rest)? {
            0 => row(key, None),
            more => row(key, Some(take(&mut rest, more - 1)?)),
        }
    }
    Ok(())
}

/// What pages hold, put together.
#[derive(Debug, Default)]
pub(crate) struct Joined {
    /// The live rows in key order.
    pub rows: Vec<Row>,
    /// Bytes of all batches.
    pub bytes: usize,
}

/// Puts pages together, given in key order.
pub(crate) fn join(pages: Vec<Row>) -> Result<Joined, String> {
    let mut joined = Joined::default();
    let mut rows: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
    let mut whole = Vec::new();
    let mut before = (0, 0);
    let mut pages = pages.into_iter().peekable();
    while let Some((page, bytes)) = pages.next() {
        let (batch, at) = place(&page).ok_or("an entry that is no page")?;
        let expected = if before.0 == batch { before.1 } else { 0 };
        if at != expected {
            return Err(format!("page {expected} of batch {batch} is missing"));
        }
        before = (batch, at + 1);
        joined.bytes += bytes.len();
        whole.extend_from_slice(&bytes);
        let last = pages
            .peek()
            .is_none_or(|(next, _)| place(next).is_none_or(|(other, _)| other != batch));
        if last {
            read(&whole, |key, value| match value {
                Some(value) => {
                    rows.insert(key.to_vec(), value.to_vec());
                }
                None => {
                    rows.remove(key);
                }
            })?;
            whole.clear();
        }
    }
    joined.rows = rows.into_iter().collect();
    Ok(joined)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes that do not pack.
    fn noise(length: usize) -> Vec<u8> {
        let mut state = 1u64;
        (0..length)
            .map(|_| {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                state.to_be_bytes()[0]
            })
            .collect()
    }

    fn pages(batch: u64, rows: &[(&[u8], Option<&[u8]>)]) -> Vec<Row> {
        let mut bytes = Vec::new();
        for (key, value) in rows {
            push(&mut bytes, key, *value);
        }
        (0..)
            .zip(pack(&bytes).chunks(PAGE_BYTES))
            .map(|(at, page)| (key(batch, at), page.to_vec()))
            .collect()
    }

    #[test]
    fn the_last_word_on_a_row_counts_and_a_large_row_spans_pages() {
        let large = noise(3 * PAGE_BYTES);
        let mut stored = pages(
            1,
            &[(b"a", Some(b"1")), (b"b", Some(b"2")), (b"c", Some(b""))],
        );
        stored.extend(pages(2, &[(b"a", None), (b"b", Some(&large))]));
        let joined = join(stored).unwrap();
        assert_eq!(
            joined.rows,
            vec![(b"b".to_vec(), large), (b"c".to_vec(), Vec::new())]
        );
    }

    #[test]
    fn a_page_that_is_missing_or_torn_is_told() {
        let large = noise(3 * PAGE_BYTES);
        let mut stored = pages(1, &[(b"a", Some(&large))]);
        stored.remove(1);
        assert!(join(stored).unwrap_err().contains("page 1 of batch 1"));
        let mut stored = pages(1, &[(b"a", Some(b"123"))]);
        stored[0].1.pop();
        assert!(join(stored).unwrap_err().contains("cannot be unpacked"));
        let mut torn = Vec::new();
        push(&mut torn, b"a", Some(b"123"));
        torn.pop();
        let torn = vec![(key(1, 0), pack(&torn))];
        assert!(join(torn).unwrap_err().contains("middle of a row"));
        assert!(join(vec![(b"x".to_vec(), Vec::new())]).is_err());
    }
}
