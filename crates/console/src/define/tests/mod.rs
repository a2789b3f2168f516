//! Definitions in the browser as a clerk and an attacker meet them.
