//! What programs notice.
