//! `duban simulate`: every notice of a span of time, decided by the same services as live.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::Receiver;

use duban_console::{kind_in_chinese, step_in_chinese, tier_in_chinese};
use duban_model::checksum::{DecisionSum, combine};
use duban_model::decision::{NoticeKind, NoticeRequested, RejectionRecorded};
use duban_model::gathered::NoticeBundled;
use duban_model::{Body, Directory, Envelope, Frame, Record, Timestamp, Zone};
use duban_office::export::notices::{self, Sent};
use serde::Serialize;

use crate::args::{Format, Simulate, SimulateFormat, wrong_usage};
use crate::play::{play, pump, read_events_file, span, timeline};
use crate::table::{self, csv_line};
use crate::write::{refuse_existing, write_file};
use crate::{Ended, Fault, folder};

/// One notice, as every format prints it.
#[derive(Debug, Serialize)]
pub(crate) struct NoticeLine {
    pub at: String,
    pub kind: &'static str,
    pub ledger: String,
    pub task: String,
    pub obligation: String,
    pub unit: String,
    pub role: &'static str,
    pub contact: String,
    pub channel: String,
    pub step: String,
    pub tier: &'static str,
    pub due: String,
    /// The instant on that day, where the term is counted in hours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub due_at: Option<String>,
    /// What the duty was opened for, as people call it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub occasion: Option<String>,
    pub covers: Vec<String>,
    pub missing: Vec<String>,
    pub reason: String,
    pub definition: String,
    pub notice: String,
}

impl NoticeLine {
    const HEADER: [&'static str; 19] = [
        "at",
        "kind",
        "ledger",
        "task",
        "obligation",
        "unit",
        "role",
        "contact",
        "channel",
        "step",
        "tier",
        "due",
        "covers",
        "missing",
        "reason",
        "definition",
        "notice",
        "due_at",
        "occasion",
    ];

    /// The line of a record that queues or suppresses a notice.
    pub(crate) fn of(record: &Record, zone: Zone) -> Option<NoticeLine> {
        let (request, contact, channel, notice): (&NoticeRequested, _, _, _) = match &record.body {
            Body::NoticeQueued(r) => (
                &r.request,
                r.contact.clone(),
                r.channel.as_str().to_owned(),
                &r.notice,
            ),
            Body::NoticeSuppressed(r) => (
                &r.request,
                String::new(),
                format!("suppressed:{}", r.code),
                &r.notice,
            ),
            _ => return None,
        };
        Some(NoticeLine {
            at: record.loggedat.shown_in(zone),
            kind: request.kind.as_str(),
            ledger: record.ledger.clone().unwrap_or_default(),
            task: request.task.clone(),
            obligation: request.obligation.clone(),
            unit: request.unit.clone(),
            role: request.role.as_str(),
            contact,
            channel,
            step: request.step.clone(),
            tier: request.tier.as_str(),
            due: request.due.map(|d| d.to_string()).unwrap_or_default(),
            due_at: request.due_at.map(|at| at.shown_in(zone)),
            occasion: request.occasion.clone(),
            covers: request.covers.clone(),
            missing: request.missing.clone(),
            reason: request.reason.clone(),
            definition: record.definition.clone().unwrap_or_default(),
            notice: notice.clone(),
        })
    }

    /// The line of one message for several notices, which it names; those have lines of their own.
    pub(crate) fn of_digest(record: &Record, bundle: &NoticeBundled, zone: Zone) -> NoticeLine {
        let unit = bundle.contact.split('/').next().unwrap_or_default();
        NoticeLine {
            at: record.loggedat.shown_in(zone),
            kind: NoticeKind::Digest.as_str(),
            ledger: record.ledger.clone().unwrap_or_default(),
            task: String::new(),
            obligation: String::new(),
            unit: unit.to_owned(),
            role: "",
            contact: bundle.contact.clone(),
            channel: bundle.channel.as_str().to_owned(),
            step: NoticeKind::Digest.as_str().to_owned(),
            tier: "",
            due: String::new(),
            due_at: None,
            occasion: None,
            covers: bundle.covers.clone(),
            missing: Vec::new(),
            reason: bundle.subject.clone(),
            definition: String::new(),
            notice: bundle.notice.clone(),
        }
    }

    fn cells(&self) -> Vec<String> {
        vec![
            self.at.clone(),
            self.kind.to_owned(),
            self.ledger.clone(),
            self.task.clone(),
            self.obligation.clone(),
            self.unit.clone(),
            self.role.to_owned(),
            self.contact.clone(),
            self.channel.clone(),
            self.step.clone(),
            self.tier.to_owned(),
            self.due.clone(),
            self.covers.join(" "),
            self.missing.join(" "),
            self.reason.clone(),
            self.definition.clone(),
            self.notice.clone(),
            self.due_at.clone().unwrap_or_default(),
            self.occasion.clone().unwrap_or_default(),
        ]
    }
}

/// Frames decided and not looked at yet, at most.
const FRAMES_BESIDE: usize = 256;

/// What a simulated span holds.
#[derive(Default)]
struct Seen {
    lines: Vec<NoticeLine>,
    /// Messages for several of them, each with how many notices come before it.
    digests: Vec<(usize, NoticeLine)>,
    /// The same as a document words them, if one is to be written.
    sent: Vec<Sent>,
    rejections: Vec<(Timestamp, RejectionRecorded)>,
    states: BTreeMap<&'static str, u64>,
    sum: DecisionSum,
    records: u64,
}

impl Seen {
    /// Looks at all frames. With a directory, notices are worded as a document words them.
    fn of(
        frames: Receiver<Arc<Frame>>,
        summed: bool,
        zone: Zone,
        directory: Option<&Directory>,
    ) -> Seen {
        let mut seen = Seen::default();
        for frame in frames {
            for record in &frame.records {
                seen.note(record, summed, zone);
                if let Some(directory) = directory {
                    seen.sent.extend(sent(record, zone, directory));
                }
            }
        }
        seen
    }

    fn note(&mut self, record: &Record, summed: bool, zone: Zone) {
        self.records += 1;
        if summed {
            self.sum.add(record);
        }
        if let Body::NoticeBundled(bundle) = &record.body {
            let line = NoticeLine::of_digest(record, bundle, zone);
            self.digests.push((self.lines.len(), line));
        }
        self.lines.extend(NoticeLine::of(record, zone));
        match &record.body {
            Body::RejectionRecorded(r) => self.rejections.push((record.loggedat, r.clone())),
            Body::ObligationOpened(_)
            | Body::ObligationFulfilled(_)
            | Body::ObligationOverdue(_)
            | Body::ObligationReopened(_) => {
                *self
                    .states
                    .entry(record.record_type().as_str())
                    .or_default() += 1;
            }
            _ => {}
        }
    }
}

/// A span of time as one definition has it.
pub(crate) struct Simulated {
    seen: Seen,
    /// Of decisions and state, if it was asked for.
    checksum: Option<String>,
    pub(crate) zone: Zone,
}

impl Simulated {
    /// Its notices, in order.
    pub(crate) fn lines(&self) -> &[NoticeLine] {
        &self.seen.lines
    }

    /// Its notices and the messages for several of them, in order.
    fn all_lines(&self) -> Vec<&NoticeLine> {
        let mut digests = self.seen.digests.iter().peekable();
        let mut all = Vec::with_capacity(self.seen.lines.len() + self.seen.digests.len());
        for (place, line) in self.seen.lines.iter().enumerate() {
            while let Some((_, digest)) = digests.next_if(|(before, _)| *before <= place) {
                all.push(digest);
            }
            all.push(line);
        }
        all.extend(digests.map(|(_, digest)| digest));
        all
    }

    /// The same as a document words them, each at its place among [`Self::lines`]; none unless one
    /// is to be written.
    pub(crate) fn sent(&self) -> &[Sent] {
        &self.seen.sent
    }

    /// Plays a folder's definition and events. Nothing if the folder has faults, which are told.
    fn of(dir: &Path, events: &[Envelope], args: &Simulate) -> Result<Option<Simulated>, Fault> {
        let folder = folder::read(dir)?;
        let Some(definition) = &folder.definition else {
            folder.deployment()?;
            return Ok(None);
        };
        let (from, until) = span(definition.zone, args.from, args.to)?;
        if args.from < definition.issued {
            return Err(format!(
                "--from {} lies before the issue of the ledger in {}, {}",
                args.from,
                dir.display(),
                definition.issued
            )
            .into());
        }
        let events = timeline(Some(&folder), events, from)?;
        let mut house = pump();
        let directory = folder.directory.as_ref();
        let directory = directory.filter(|_| args.format.printed().is_none());
        // What was decided is looked at beside the deciding, on another core if there is one.
        let (frames, seen) = std::sync::mpsc::sync_channel(FRAMES_BESIDE);
        let seen = std::thread::scope(|scope| {
            let reader = scope.spawn(|| Seen::of(seen, args.summary, definition.zone, directory));
            play(&mut house, &definition.tenant, &events, until, |frame| {
                // A reader that is gone has panicked, which joining tells.
                let _ = frames.send(frame);
            });
            drop(frames);
            reader.join()
        });
        let seen = seen.map_err(|_| "the simulated span could not be read")?;
        let checksum = args.summary.then(|| combine(&seen.sum, &house.digests()));
        for (at, r) in seen.rejections.iter().take(REJECTIONS_SHOWN) {
            eprintln!(
                "rejected at {}: [{}] {} {}; expected {}. {}",
                at.shown_in(definition.zone),
                r.code,
                r.event_id.as_deref().unwrap_or_default(),
                r.found,
                r.expected,
                r.remedy
            );
        }
        let more = seen.rejections.len().saturating_sub(REJECTIONS_SHOWN);
        if more > 0 {
            eprintln!("… and {more} more rejections");
        }
        Ok(Some(Simulated {
            seen,
            checksum,
            zone: definition.zone,
        }))
    }
}

/// Rejections told on standard error, at most.
const REJECTIONS_SHOWN: usize = 20;

pub(crate) fn run(args: &Simulate) -> Result<Ended, Fault> {
    let printed = args.format.printed();
    if printed.is_none() && args.summary {
        wrong_usage(
            "--format xlsx and ics hold notices, no counts; with --summary write table, ndjson, json or csv",
        );
    }
    if printed.is_some() && args.output.is_some() {
        wrong_usage("--output goes with --format xlsx or ics; redirect what is printed otherwise");
    }
    if let Some(path) = &args.output {
        refuse_existing(path, args.replace)?;
    }
    let events = match &args.events {
        Some(path) => read_events_file(path)?,
        None => Vec::new(),
    };
    let Some(simulated) = Simulated::of(&args.dir, &events, args)? else {
        return Ok(Ended::Findings);
    };
    let other = match &args.against {
        None => None,
        Some(dir) => match Simulated::of(dir, &events, args)? {
            None => return Ok(Ended::Findings),
            other => other,
        },
    };
    let Some(format) = printed else {
        match &other {
            Some(other) => {
                let differing = crate::against::documented(&simulated, other)?;
                document(args, "督办试算对比", "有变化的通知", &differing)?;
            }
            None => document(args, "督办试算", "通知", simulated.sent())?,
        }
        return Ok(Ended::Well);
    };
    if let Some(other) = &other {
        crate::against::print(format, args.summary, &simulated, other)?;
    } else if args.summary {
        print_summary(format, &simulated);
    } else {
        print_lines(format, &simulated.all_lines())?;
    }
    Ok(Ended::Well)
}

/// Writes notices as a workbook or calendar of a name, and says how many of what they are.
fn document(args: &Simulate, name: &str, what: &str, sent: &[Sent]) -> Result<(), Fault> {
    let title = format!("{name} {} 至 {}", args.from, args.to);
    let bytes = match args.format {
        SimulateFormat::Xlsx => notices::workbook(&title, sent)?,
        _ => notices::calendar(&title, sent).into_bytes(),
    };
    let Some(path) = &args.output else {
        let written = std::io::stdout().lock().write_all(&bytes);
        return match written {
            Err(fault) if fault.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
            other => Ok(other?),
        };
    };
    write_file(path, &bytes, args.replace)?;
    crate::say!("已写入 {}:{what}{}份", path.display(), sent.len());
    Ok(())
}

/// A notice worded for the clerk, if the record queues or suppresses one.
fn sent(record: &Record, zone: Zone, directory: &Directory) -> Option<Sent> {
    let (request, contact, channel, notice) = match &record.body {
        Body::NoticeQueued(r) => {
            let unit = r.contact.split('/').next().unwrap_or_default();
            let contact = format!("{} {}", directory.shown(unit), r.contact_title);
            let channel = r.channel.chinese().to_owned();
            (&r.request, contact, channel, &r.notice)
        }
        Body::NoticeSuppressed(r) => {
            let why = format!("未发:{}", r.reason);
            (&r.request, String::new(), why, &r.notice)
        }
        _ => return None,
    };
    Some(Sent {
        at: record.loggedat.utc().with_timezone(&zone.0).fixed_offset(),
        kind: kind_in_chinese(request.kind).to_owned(),
        step: step_in_chinese(&request.step),
        task: request.task.clone(),
        unit: directory.shown(&request.unit),
        role: request.role.chinese().to_owned(),
        contact,
        channel,
        tier: tier_in_chinese(request.tier).to_owned(),
        due: request.due,
        missing: request.missing.clone(),
        reason: request.reason.clone(),
        obligation: request.obligation.clone(),
        notice: notice.clone(),
    })
}

/// Prints notices in any format. A reader that closes the pipe early is no fault.
pub(crate) fn print_lines(format: Format, lines: &[&NoticeLine]) -> Result<(), Fault> {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let result = (|| -> std::io::Result<()> {
        match format {
            Format::Ndjson => {
                for line in lines {
                    serde_json::to_writer(&mut out, line)?;
                    out.write_all(b"\n")?;
                }
            }
            Format::Json => {
                serde_json::to_writer_pretty(&mut out, lines)?;
                out.write_all(b"\n")?;
            }
            Format::Csv => {
                writeln!(out, "{}", NoticeLine::HEADER.join(","))?;
                for line in lines {
                    writeln!(out, "{}", csv_line(&line.cells()))?;
                }
            }
            Format::Table => {
                for line in lines {
                    writeln!(
                        out,
                        "{}  {:<12} {:<12} 第{}项 {:<22} → {:<24} {}",
                        &line.at[..16],
                        line.kind,
                        line.step,
                        line.task,
                        line.unit,
                        line.contact,
                        line.reason
                    )?;
                }
            }
        }
        out.flush()
    })();
    match result {
        Err(fault) if fault.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other?),
    }
}

fn print_summary(format: Format, simulated: &Simulated) {
    let Seen {
        lines,
        states,
        rejections,
        records,
        ..
    } = &simulated.seen;
    let rejections = rejections.len();
    let checksum = simulated.checksum.as_deref().unwrap_or_default();
    let mut by_kind: BTreeMap<String, u64> = BTreeMap::new();
    let mut by_step: BTreeMap<String, u64> = BTreeMap::new();
    let mut by_tier: BTreeMap<String, u64> = BTreeMap::new();
    let (notices, digests) = (lines.len(), simulated.seen.digests.len());
    for line in lines {
        *by_kind.entry(line.kind.to_owned()).or_default() += 1;
        *by_step.entry(line.step.clone()).or_default() += 1;
        *by_tier.entry(line.tier.to_owned()).or_default() += 1;
    }
    if format == Format::Table {
        let mut rows = vec![vec![
            "notices".to_owned(),
            String::new(),
            notices.to_string(),
        ]];
        let digests = digests.to_string();
        rows.push(vec!["digests".to_owned(), String::new(), digests]);
        for (name, counts) in [("kind", &by_kind), ("tier", &by_tier), ("step", &by_step)] {
            for (key, count) in counts {
                rows.push(vec![name.to_owned(), key.clone(), count.to_string()]);
            }
        }
        for (key, count) in states {
            rows.push(vec![
                "records".to_owned(),
                (*key).to_owned(),
                count.to_string(),
            ]);
        }
        rows.push(vec![
            "records".to_owned(),
            "all".to_owned(),
            records.to_string(),
        ]);
        rows.push(vec![
            "rejections".to_owned(),
            String::new(),
            rejections.to_string(),
        ]);
        rows.push(vec![
            "checksum".to_owned(),
            checksum.to_owned(),
            String::new(),
        ]);
        table::print(&["what", "which", "count"], &rows);
    } else {
        let summary = serde_json::json!({
            "notices": notices, "digests": digests, "by_kind": by_kind, "by_tier": by_tier, "by_step": by_step,
            "obligations": states, "records": records, "rejections": rejections, "checksum": checksum,
        });
        crate::say!("{summary}");
    }
}
