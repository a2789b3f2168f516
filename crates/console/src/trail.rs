//! Ascending numbers in few bytes: where on the log the records about something stand, kept for
//! very many somethings.
//!
//! Each number is written as its distance from the one before it, seven bits a byte.

/// Bytes that stand in the trail itself; longer ones have a place of their own.
const HERE: usize = 14;
/// By how much a longer one grows at least, in bytes.
const GROWTH: usize = 16;

/// Ascending numbers, without doubles.
#[derive(Clone, Debug, Default)]
pub struct Trail(Kept);

#[derive(Clone, Debug)]
enum Kept {
    Here { len: u8, bytes: [u8; HERE] },
    Away(Box<Away>),
}

#[derive(Clone, Debug)]
struct Away {
    last: u64,
    count: usize,
    bytes: Vec<u8>,
}

impl Default for Kept {
    fn default() -> Self {
        Kept::Here {
            len: 0,
            bytes: [0; HERE],
        }
    }
}

impl Trail {
    /// Adds a number at the end. One that is not above the last is there already, or comes too
    /// late to be told apart, and changes nothing.
    pub fn push(&mut self, number: u64) {
        let distance = match self.last() {
            None => number,
            Some(last) if number > last => number - last,
            Some(_) => return,
        };
        let (code, size) = encoded(distance);
        match &mut self.0 {
            Kept::Here { len, bytes } => {
                let from = usize::from(*len);
                if let Some(free) = bytes.get_mut(from..from + size) {
                    free.copy_from_slice(&code[..size]);
                    // At most HERE.
                    *len += u8::try_from(size).unwrap_or_default();
                } else {
                    let mut moved = Vec::with_capacity(from + size + GROWTH);
                    moved.extend_from_slice(&bytes[..from]);
                    moved.extend_from_slice(&code[..size]);
                    self.0 = Kept::Away(Box::new(Away {
                        last: number,
                        count: Distances(&moved).count(),
                        bytes: moved,
                    }));
                }
            }
            Kept::Away(away) => {
                if away.bytes.capacity() - away.bytes.len() < size {
                    away.bytes.reserve_exact(GROWTH.max(away.bytes.len() / 4));
                }
                away.bytes.extend_from_slice(&code[..size]);
                away.last = number;
                away.count += 1;
            }
        }
    }

    /// Takes out the number at a place, counted from 0, if there is one.
    pub fn forget(&mut self, place: usize) {
        let mut rest = Distances(self.bytes());
        let whole = rest.0.len();
        if place > 0 {
            rest.nth(place - 1);
        }
        let from = whole - rest.0.len();
        let Some(gone) = rest.next() else {
            return;
        };
        let mut bytes = self.bytes()[..from].to_vec();
        // The next one now follows the one before.
        if let Some(next) = rest.next() {
            let (code, size) = encoded(gone + next);
            bytes.extend_from_slice(&code[..size]);
        }
        bytes.extend_from_slice(rest.0);
        *self = Trail::of(bytes);
    }

    fn of(bytes: Vec<u8>) -> Trail {
        if bytes.len() <= HERE {
            let mut here = [0; HERE];
            here[..bytes.len()].copy_from_slice(&bytes);
            let len = u8::try_from(bytes.len()).unwrap_or_default();
            return Trail(Kept::Here { len, bytes: here });
        }
        Trail(Kept::Away(Box::new(Away {
            last: Distances(&bytes).sum(),
            count: Distances(&bytes).count(),
            bytes,
        })))
    }

    /// The numbers, in order.
    pub fn iter(&self) -> impl Iterator<Item = u64> {
        let mut at = 0;
        Distances(self.bytes()).map(move |distance| {
            at += distance;
            at
        })
    }

    /// The last number.
    pub fn last(&self) -> Option<u64> {
        match &self.0 {
            Kept::Here { len: 0, .. } => None,
            Kept::Here { .. } => Some(Distances(self.bytes()).sum()),
            Kept::Away(away) => Some(away.last),
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        match &self.0 {
            Kept::Here { .. } => Distances(self.bytes()).count(),
            Kept::Away(away) => away.count,
        }
    }

    /// True if there is none.
    pub fn is_empty(&self) -> bool {
        self.bytes().is_empty()
    }

    fn bytes(&self) -> &[u8] {
        match &self.0 {
            Kept::Here { len, bytes } => &bytes[..usize::from(*len)],
            Kept::Away(away) => &away.bytes,
        }
    }
}

/// A distance in seven bits a byte, the lowest first; all bytes but the last have the eighth set.
fn encoded(mut distance: u64) -> ([u8; 10], usize) {
    let mut code = [0; 10];
    let mut size = 0;
    loop {
        // Seven bits fit a byte.
        let low = u8::try_from(distance & 0x7f).unwrap_or_default();
        distance >>= 7;
        code[size] = if distance == 0 { low } else { low | 0x80 };
        size += 1;
        if distance == 0 {
            return (code, size);
        }
    }
}

/// The distances in a trail's bytes.
struct Distances<'a>(&'a [u8]);

impl Iterator for Distances<'_> {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        let mut distance = 0;
        for (place, byte) in self.0.iter().enumerate() {
            distance |= u64::from(byte & 0x7f) << (7 * place);
            if byte & 0x80 == 0 {
                self.0 = &self.0[place + 1..];
                return Some(distance);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back_in_order_and_without_doubles() {
        let numbers: Vec<u64> = (0..500u64).map(|n| n * n * 37).collect();
        let mut trail = Trail::default();
        assert!(trail.is_empty() && trail.last().is_none());
        for (count, number) in numbers.iter().enumerate() {
            trail.push(*number);
            trail.push(*number);
            trail.push(number / 2);
            assert_eq!((trail.len(), trail.last()), (count + 1, Some(*number)));
        }
        assert_eq!(trail.iter().collect::<Vec<_>>(), numbers);
        let mut one = Trail::default();
        one.push(u64::MAX);
        assert_eq!(one.iter().collect::<Vec<_>>(), [u64::MAX]);
    }

    #[test]
    fn any_number_can_be_forgotten() {
        for size in [1usize, 2, 5, 40] {
            for place in 0..=size {
                let mut numbers: Vec<u64> = (1..=size as u64).map(|n| n * 999).collect();
                let mut trail = Trail::default();
                for number in &numbers {
                    trail.push(*number);
                }
                trail.forget(place);
                if place < size {
                    numbers.remove(place);
                }
                assert_eq!(trail.iter().collect::<Vec<_>>(), numbers);
                assert_eq!(
                    (trail.len(), trail.last()),
                    (numbers.len(), numbers.last().copied())
                );
                trail.push(1_000_000);
                assert_eq!(trail.last(), Some(1_000_000));
            }
        }
    }

    #[test]
    fn a_few_numbers_take_no_more_than_the_trail_itself() {
        assert_eq!(size_of::<Trail>(), 16);
        let mut trail = Trail::default();
        for frame in [200_000, 200_003, 200_150, 201_000, 215_000] {
            trail.push(frame);
        }
        assert!(matches!(trail.0, Kept::Here { .. }));
    }
}
