//! Large values in pieces. sled moves values over about 128 KB to side files that it never syncs,
//! so nothing larger than [`CHUNK_BYTES`] is given to it.
//!
//! A stored value is `0` and the bytes, or `1` and the number of pieces; piece `i` of key `k`
//! stands under `0xff k 0x00 i`.

use std::collections::BTreeMap;

/// A key and its value.
pub(crate) type Row = (Vec<u8>, Vec<u8>);

/// The largest stored piece, in bytes.
pub(crate) const CHUNK_BYTES: usize = 64 * 1024;

const INLINE: u8 = 0;
const CHUNKED: u8 = 1;
const PIECE: u8 = 0xff;

fn piece_key(key: &[u8], index: u32) -> Vec<u8> {
    let mut piece = Vec::with_capacity(key.len() + 6);
    piece.push(PIECE);
    piece.extend_from_slice(key);
    piece.push(0);
    piece.extend_from_slice(&index.to_be_bytes());
    piece
}

/// How many pieces a stored head refers to.
pub(crate) fn pieces(head: &[u8]) -> u32 {
    match head {
        [CHUNKED, a, b, c, d] => u32::from_be_bytes([*a, *b, *c, *d]),
        _ => 0,
    }
}

/// The stored entries by which a row is written or removed; `old` is how many pieces it has now.
pub(crate) fn entries(
    key: &[u8],
    value: Option<&[u8]>,
    old: u32,
) -> Vec<(Vec<u8>, Option<Vec<u8>>)> {
    let mut entries = Vec::with_capacity(1);
    let mut new = 0;
    let head = match value {
        None => None,
        Some(value) if value.len() < CHUNK_BYTES => {
            let mut head = Vec::with_capacity(value.len() + 1);
            head.push(INLINE);
            head.extend_from_slice(value);
            Some(head)
        }
        Some(value) => {
            for piece in value.chunks(CHUNK_BYTES) {
                entries.push((piece_key(key, new), Some(piece.to_vec())));
                new += 1;
            }
            let mut head = vec![CHUNKED];
            head.extend_from_slice(&new.to_be_bytes());
            Some(head)
        }
    };
    entries.push((key.to_vec(), head));
    entries.extend((new..old).map(|index| (piece_key(key, index), None)));
    entries
}

/// Puts rows together again.
pub(crate) fn join(raw: Vec<Row>) -> Result<Vec<Row>, String> {
    let (pieces_found, heads): (Vec<_>, Vec<_>) = raw
        .into_iter()
        .partition(|(key, _)| key.first() == Some(&PIECE));
    let mut found: BTreeMap<Vec<u8>, Vec<u8>> = pieces_found.into_iter().collect();
    let mut rows = Vec::with_capacity(heads.len());
    for (key, head) in heads {
        let value = match head.split_first() {
            Some((&INLINE, value)) => value.to_vec(),
            Some((&CHUNKED, count)) if count.len() == size_of::<u32>() => {
                let mut value = Vec::new();
                for index in 0..pieces(&head) {
                    let piece = found
                        .remove(&piece_key(&key, index))
                        .ok_or_else(|| format!("piece {index} of a row is missing"))?;
                    value.extend_from_slice(&piece);
                }
                value
            }
            _ => return Err("a row of unknown form".to_owned()),
        };
        rows.push((key, value));
    }
    if found.is_empty() {
        Ok(rows)
    } else {
        Err(format!("{} pieces belong to no row", found.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows as stored, small and in pieces.
    fn stored() -> Vec<Row> {
        let large = vec![b'x'; 2 * CHUNK_BYTES + 7];
        [(b"\x01a".as_slice(), b"{}".as_slice()), (b"\x02b", &large)]
            .into_iter()
            .flat_map(|(key, value)| entries(key, Some(value), 0))
            .filter_map(|(key, value)| Some((key, value?)))
            .collect()
    }

    #[test]
    fn a_damaged_row_is_told_and_never_joined_otherwise() {
        let good = join(stored()).unwrap();
        assert_eq!(good.len(), 2);
        for row in 0..stored().len() {
            // Without the row.
            let mut rows = stored();
            rows.remove(row);
            assert!(
                join(rows).map_or(true, |joined| joined.len() < 2),
                "without {row}"
            );
            // Its head cut off, and each byte of its head another.
            for cut in 0..8 {
                let mut rows = stored();
                rows[row].1.truncate(cut);
                let _ = join(rows);
            }
            for place in 0..5 {
                for byte in [0, 1, 2, 0x7f, 0xff] {
                    let mut rows = stored();
                    if let Some(there) = rows[row].1.get_mut(place) {
                        *there = byte;
                    }
                    let _ = join(rows);
                }
            }
        }
        // A head that counts four thousand million pieces ends at the first that is not there.
        let many = vec![(b"\x01a".to_vec(), vec![CHUNKED, 0xff, 0xff, 0xff, 0xff])];
        assert!(join(many).is_err());
    }

    #[test]
    fn a_head_of_pieces_cut_short_is_no_empty_value() {
        for length in 1..5 {
            let short = vec![(
                b"\x01a".to_vec(),
                vec![CHUNKED, 0, 0, 0][..length.min(4)].to_vec(),
            )];
            assert!(join(short).is_err(), "{length} bytes");
        }
    }
}
