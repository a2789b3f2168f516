//! Pages of a long list.

/// Rows of a page, in rows: what may be asked for.
pub(super) const SIZES: [usize; 4] = [25, 50, 100, 200];
/// Rows of a page without a word.
pub(super) const SIZE: usize = 50;

/// Where one is in a long list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pager {
    /// Of 1 and up; never beyond the last.
    pub page: usize,
    pub pages: usize,
    pub total: usize,
    pub size: usize,
}

impl Pager {
    /// The page nearest to the one asked for.
    pub fn new(asked: usize, size: usize, total: usize) -> Pager {
        let pages = total.div_ceil(size.max(1)).max(1);
        Pager {
            page: asked.clamp(1, pages),
            pages,
            total,
            size,
        }
    }

    /// Rows before this page.
    pub fn skipped(&self) -> usize {
        (self.page - 1) * self.size
    }

    /// The first and the last row of this page, counted from 1.
    pub fn span(&self) -> (usize, usize) {
        let first = self.skipped() + 1;
        (
            first.min(self.total),
            (self.skipped() + self.size).min(self.total),
        )
    }

    /// The pages that are named: the first, the last, and those around this one; 0 for a gap.
    pub fn named(&self) -> Vec<usize> {
        let mut named = Vec::new();
        let mut last = 0;
        for page in 1..=self.pages {
            let near = page.abs_diff(self.page) <= 2 || page == 1 || page == self.pages;
            if !near {
                continue;
            }
            if page > last + 1 {
                named.push(0);
            }
            named.push(page);
            last = page;
        }
        named
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_beyond_the_end_is_the_last_one() {
        let pager = Pager::new(99, 50, 120);
        assert_eq!((pager.page, pager.pages, pager.span()), (3, 3, (101, 120)));
        assert_eq!(Pager::new(0, 50, 0).span(), (0, 0));
        assert_eq!(
            Pager::new(9, 50, 1_000).named(),
            [1, 0, 7, 8, 9, 10, 11, 0, 20]
        );
        assert_eq!(Pager::new(1, 50, 100).named(), [1, 2]);
    }
}
