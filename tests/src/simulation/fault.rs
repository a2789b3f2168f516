//! What can go wrong in a simulated run, and how often it did.

use std::collections::BTreeMap;

macro_rules! faults {
    ($( $(#[$doc:meta])* $variant:ident = $name:literal; )*) => {
        /// One kind of fault.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Fault { $( $(#[$doc])* $variant, )* }

        impl Fault {
            /// Every kind there is.
            pub const ALL: &'static [Fault] = &[ $( Fault::$variant, )* ];

            /// In a few words.
            pub fn as_str(self) -> &'static str {
                match self { $( Fault::$variant => $name, )* }
            }
        }
    };
}

faults! {
    /// The process dies before its frame is sent.
    CrashBeforeAppend = "crash before an append";
    /// The process dies when its frame is on the log, before it hears so.
    CrashAfterAppend = "crash after an append";
    /// The process dies before rows are written.
    CrashBeforeCommit = "crash before a commit";
    /// The process dies when rows are written and not synced.
    CrashBeforeFlush = "crash after a commit, before its flush";
    /// The process dies when rows are synced.
    CrashAfterFlush = "crash after a flush";
    /// The process dies before an announced send.
    CrashBeforeEffect = "crash before a send";
    /// The process dies when a send has been made, before it is reported.
    CrashAfterEffect = "crash after a send";
    /// The process dies while it reads or looks.
    CrashWhileReading = "crash while reading";
    /// The process dies before or after it puts a report into the inbox.
    CrashWhileReporting = "crash while reporting";
    /// The process is killed from outside, at no particular point.
    Killed = "killed from outside";
    /// The process is stopped as an operator does, and started again.
    Restarted = "stopped in order and started again";
    /// What was written and not synced is lost in a crash.
    UnsyncedLost = "unsynced writes lost";
    /// What was written and not synced has reached the disk all the same.
    UnsyncedKept = "unsynced writes kept";
    /// A part of what was written and not synced has reached the disk.
    UnsyncedTorn = "unsynced writes torn";
    /// One bit of the store turned over.
    StoreBit = "a bit of the store turned";
    /// One row of the store is gone.
    StoreRow = "a row of the store gone";
    /// The store is empty and bears the mark that it was not.
    StoreEmptied = "a store emptied";
    /// The store's folder is gone.
    StoreMissing = "a store missing";
    /// A request never reaches the broker.
    RequestLost = "a request lost";
    /// The broker has done it, and the answer is lost.
    AnswerLost = "an answer lost";
    /// The broker answers after the caller has given up.
    AnswerLate = "an answer after the timeout";
    /// The append happens after the caller has given up.
    AppendLate = "an append after the timeout";
    /// A request or answer takes long.
    Slow = "a slow request";
    /// The broker cannot be reached for a while.
    Outage = "broker unreachable";
    /// Every connection breaks at once, and can be made again.
    BrokerRestarted = "broker restarted";
    /// A second process for roles that another one has.
    SecondLeader = "a second leader";
    /// The wall clock jumps ahead.
    ClockForward = "clock jumped ahead";
    /// The wall clock jumps back.
    ClockBack = "clock jumped back";
    /// A jump of the clock crosses a year's end.
    ClockOverYear = "clock jumped over a year's end";
    /// Nothing runs, or nothing looks, while many timers come due.
    Slept = "time passed unseen";
    /// A channel takes nothing and never answers.
    ChannelHangs = "a channel hangs";
    /// A channel refuses for good.
    ChannelRefuses = "a channel refuses";
    /// A channel fails for now.
    ChannelFails = "a channel fails";
    /// A channel has taken the message and never answers.
    ChannelSilent = "a channel takes and is silent";
    /// A channel hands the message on long after the sender gave up.
    ChannelLate = "a channel is late";
    /// A producer sends the same again.
    SentTwice = "an event sent twice";
    /// A producer reuses an id for something else.
    OtherContent = "an id used for other content";
    /// A producer sends what cannot be read.
    Undecodable = "an event that cannot be read";
    /// A producer names a unit that nobody knows.
    UnknownUnit = "an unknown unit";
}

/// How often each kind occurred.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts(pub BTreeMap<Fault, u64>);

impl Counts {
    /// One more.
    pub fn add(&mut self, fault: Fault) {
        *self.0.entry(fault).or_default() += 1;
    }

    /// All of another run's.
    pub fn add_all(&mut self, other: &Counts) {
        for (fault, count) in &other.0 {
            *self.0.entry(*fault).or_default() += count;
        }
    }

    /// How often this kind occurred.
    pub fn of(&self, fault: Fault) -> u64 {
        self.0.get(&fault).copied().unwrap_or(0)
    }

    /// Kinds that never occurred.
    pub fn never(&self) -> Vec<Fault> {
        let all = Fault::ALL.iter().copied();
        all.filter(|fault| self.of(*fault) == 0).collect()
    }
}
