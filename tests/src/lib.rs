//! What several whole-system tests share.
