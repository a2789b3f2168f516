//! Web pages and HTTP API: reads its own projection of the log, submits records.
//!
//! [`follow`] folds every frame into one [`Projection`]; [`serve`] renders pages from it. The two
//! share a [`ConsoleState`] and nothing else, so a page never waits for the follower. What only the
//! page of one duty shows, its history and its explanation, is read from the log when it is asked
//! for, off the threads that serve.

mod access;
mod act;
mod ahead;
mod answer;
mod api;
mod asset;
mod audit;
mod define;
mod english;
mod english_define;
mod event;
mod follow;
mod inbox;
mod light;
mod measure;
mod page;
mod projection;
mod recall;
mod route;
#[cfg(test)]
mod sample;
mod serve;
mod sheet;
mod spans;
mod state;
mod steps;
mod tongue;
mod trail;
mod watch;

pub use access::{
    ACCOUNTS_FILE_BYTES, Access, Accounts, AccountsFault, Book, By, CARRIED_BYTES, CONSOLE_SOURCE,
    Denied, Described, FEED_DAYS, FEEDS_PER_USER, FORM_BYTES, FORM_FIELDS, HASHES_AT_ONCE,
    IDLE_MILLIS, INVITE_MILLIS, LOCKOUT_MILLIS, MAX_FEEDS, MAX_TOKENS, MAX_USERS, NAME_CHARACTERS,
    Now, PASSWORD_CHARACTERS, Right, Role, SCOPES_PER_TOKEN, SESSION_MILLIS, SESSIONS_PER_USER,
    SIGN_INS_PER_ADDRESS, SIGN_INS_PER_NAME, SIGN_INS_PER_NAME_AND_ADDRESS, Scope, Session,
    TITLE_CHARACTERS, TOKEN_DAYS, TOKEN_PREFIX, TRACE_FILE_BYTES, TRACE_FILES, TRACE_LINES, Token,
    Trace, UNITS_PER_USER, User, Wished,
};
pub use act::{ACTS_AT_ONCE, BATCHES_KEPT};
pub use ahead::{
    Ahead, Case, CaseChange, CaseNotice, Expected, Foresee, Foreseen, LOOK_AGAIN_AFTER,
    LOOK_RECORDS, LOOK_WITHIN, Played, Unplayed,
};
pub use answer::{
    ANSWER_SOURCE, ANSWERS_AT_ONCE, Answering, EVIDENCE_FOLDER_BYTES, Letter, Letters,
    MAX_FILE_BYTES, MAX_FILES, PER_ADDRESS, PER_TOKEN, RATE_WINDOW,
};
pub use api::{
    ANSWER_WITHIN, API_WINDOW, BATCH_BYTES, BATCH_EVENTS, BODIES_AT_ONCE, BODY_TURN, BODY_WITHIN,
    DEPLOY_WITHIN, FEED_DUTIES, FEEDS_PER_SECRET, HEADERS, HEADERS_BYTES, INBOX_WITHIN,
    PLAN_WITHIN, POSTS_AT_ONCE, POSTS_PER_ADDRESS, POSTS_PER_TOKEN, READS_PER_ADDRESS,
    READS_PER_TOKEN, REASON_CHARACTERS, SIMULATION_DAYS, SIMULATION_LINES, SIMULATION_TURN,
    SIMULATION_WITHIN, SIMULATIONS_AT_ONCE, TEXTS_BYTES,
};
pub use audit::{Auditing, Chained, Finding, HEADS_BYTES, VERIFY_WITHIN, Verdict, Verify};
pub use define::{
    Change as PlannedChange, Checked, DOCUMENT_BYTES, DRAFT_BYTES, DRAFT_DAYS, DRAFT_FILES, DRAFTS,
    Defining, Deployed, Diagnostic, Document, FieldFaults, Files, Free, LISTED, Order, Outline,
    Outlook, Person as Receiver, Plain, Planned, Previewed, Question as ImportQuestion, ReadRow,
    Reading as DocumentReading, Severity as DiagnosticSeverity, TEXT_BYTES, TURN_WITHIN, TaskDue,
    TaskForm, TaskOwner, Version, WORK_WITHIN, Wish, WishedDuty, Workshop,
};
pub use event::{EVENT_GAP, EVENT_STREAMS};
pub use follow::{FRAMES_AT_ONCE, RETRY_AFTER, follow};
pub use light::{Counts, Light, Stage, kind_in_chinese, step_in_chinese, tier_in_chinese};
pub use measure::{Measure, serve_measures};
pub use page::CIRCULAR_DUTIES;
pub use projection::{
    ACT_TEXT_BYTES, ACTS_KEPT, ANSWERS_KEPT, Act, ActOutcome, ActSort, Acts, Agenda, AnswerFate,
    Answers, Awaited, BUNDLES_KEPT, Bundled, Done, Duties, Duty, ExtensionAsked, FIRST_LINES,
    FORMER_NAMES, FORMER_TEXTS, FORMER_TITLES, Fate, History, INBOX_KEPT, LAST_LINES,
    LATEST_NOTICES, LINKS_WAITING, Ledger, Line, Matter, NOTICES_KEPT, NOTICES_PER_DUTY, Notice,
    Notices, Person, Place, Projection, PublicationRow, Publications, RED_DAYS_KEPT, REDDENED_KEPT,
    REFUSED_KEPT, REFUSED_MILLIS, REJECTIONS_KEPT, Refusals, Refused, Rejection, Settled,
    Submission, TaskRow, Tick, Totals, UnitName, Units, Unreached,
};
pub use recall::{FRAMES_AHEAD, read_frames};
pub use serve::{CONNECTIONS, HEAD_WITHIN, STOP_WITHIN, router, serve};
pub use sheet::{Cell, Circular, Entry, Export, FILES_AT_ONCE, FileFormat, MAX_ROWS, Sheet};
pub use state::{ConsoleState, Explain, Explanation, READINGS_AT_ONCE};
pub use trail::Trail;
pub use watch::{Lack, Missed, Watch};
