//! a
use super::evidence::Evidence;
/// a
pub fn audit(_: &Evidence) -> Vec<String> {
    Vec::new()
}
