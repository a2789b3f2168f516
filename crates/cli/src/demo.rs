//! `duban demo`: a year in time-lapse on the embedded log, with everything that runs in earnest.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::time::Duration;

use duban_journal::Log;
use duban_model::decision::NoticeKind;
use duban_model::gathered::Bundles;
use duban_model::{Body, Directory, Record, Service, Timestamp, Zone};
use duban_runtime::clock::{Clock, stopped, stopwatch};
use duban_runtime::rounds::{Rounds, RoundsError};
use tokio::sync::watch;
use unicode_width::UnicodeWidthStr;

use crate::answers::Answered;
use crate::args::{self, Demo, Role};
use crate::folder::{self, Folder};
use crate::host::{Host, HostOptions, channels, stop_on_signal};
use crate::play::{READERS, read_events, read_events_file, span, timeline};
use crate::reading::Reading;
use crate::replay::replay;
use crate::view::{View, light_of};
use crate::{Ended, Fault, table, users};

/// Days of the month that `--speed` speaks of.
const MONTH_DAYS: f64 = 30.0;
/// Frames read at once for the terminal.
const READ_AT_ONCE: usize = 256;

pub(crate) async fn run(args: Demo) -> Result<Ended, Fault> {
    if !(0.0..=86_400.0).contains(&args.speed) {
        return Err(format!(
            "--speed {}: expected 0 to 86400 seconds a month",
            args.speed
        )
        .into());
    }
    let folder = match &args.ledger {
        Some(dir) => folder::read(dir)?,
        None => folder::read_shipped(),
    };
    let events = match (&args.events, &args.ledger) {
        (Some(path), _) => read_events_file(path)?,
        (None, None) => read_events(folder::shipped::EVENTS).0,
        (None, Some(dir)) => {
            let sample = dir.join("sample-events.ndjson");
            if sample.exists() {
                read_events_file(&sample)?
            } else {
                Vec::new()
            }
        }
    };
    let definition = folder
        .definition
        .as_ref()
        .ok_or("the definition has errors")?;
    let zone = definition.zone;
    let (from, until) = span(zone, args.from, args.to)?;
    let list = timeline(Some(&folder), &events, from)?;

    let temporary = match &args.data {
        Some(_) => None,
        None => Some(tempfile::Builder::new().prefix("duban-demo-").tempdir()?),
    };
    let data = match (&args.data, &temporary) {
        (Some(data), _) => data.clone(),
        (None, Some(dir)) => dir.path().to_owned(),
        (None, None) => unreachable!("one of the two was made above"),
    };
    let no_channels = args::Channels {
        file: None,
        mail_dir: None,
        smtp: None,
        mail_from: "督办演示 <duban@duban.example>".to_owned(),
        webhook_url: None,
        webhook_secret_env: String::new(),
    };
    let mut host = Host::start(HostOptions {
        data: data.clone(),
        nats: None,
        roles: [Role::All].into(),
        clock: Clock::Virtual,
        channels: channels(&no_channels, &data)?,
        http: (!args.no_http).then_some(args.http),
        answered: Answered::Here,
        answer_key_file: None,
        url: None,
        people: users::of_demo(&folder),
        metrics: None,
        ping: None,
    })
    .await?;
    stop_on_signal(host.shutdown.clone());
    if !args.quiet {
        crate::say!(
            "督办演示 | Duban demo: {} ({} → {})",
            definition.title,
            args.from,
            args.to
        );
        crate::say!(
            "{} 项任务,{} 条示例事件(虚构)| {} tasks, {} made-up events",
            definition.rows().count(),
            events.len(),
            definition.rows().count(),
            events.len()
        );
        crate::say!("邮件写入 | mail goes to {}", data.join("mail").display());
        if let Some(address) = host.http {
            crate::say!("网页 | page: http://{address}/");
            for (name, described) in users::of_demo(&folder) {
                let link = host.access.demo_link(name);
                crate::say!(
                    "  以{}进入,一次有效 | as {name}, once: http://{address}{link}",
                    described.title
                );
            }
        }
        crate::say!();
    }
    let printer = (!args.quiet).then(|| {
        tokio::spawn(print_notices(
            host.log.clone(),
            zone,
            folder.directory.clone().unwrap_or_default(),
            host.shutdown.subscribe(),
        ))
    });
    let stage = Stage {
        log: host.log.clone(),
        shutdown: host.shutdown.subscribe(),
        tenant: definition.tenant.clone(),
    };
    let played = tokio::select! {
        played = play(args.speed, &stage, &list, from, until, zone) => played,
        ended = host.ended() => { ended?; Err(RoundsError::Stopped.into()) }
    };
    match played {
        Ok(()) => {}
        Err(fault) if *host.shutdown.borrow() => {
            if !args.quiet {
                crate::say!("已停止 | stopped ({fault})");
            }
            host.stop().await?;
            return Ok(Ended::Well);
        }
        Err(fault) => {
            host.stop().await?;
            return Err(fault);
        }
    }
    if let Some(printer) = printer {
        // What was decided is on the log; the printer has only to catch up with it.
        let _ = tokio::time::timeout(Duration::from_millis(500), printer).await;
    }
    let kept = args.data.is_some().then_some(data.as_path());
    summary(&host, &folder, kept).await?;
    if args.stay && !*host.shutdown.borrow() {
        crate::say!("页面保持打开,按 Ctrl-C 结束 | pages stay open until Ctrl-C");
        host.ended().await?;
    }
    host.stop().await?;
    Ok(Ended::Well)
}

/// Where the year is played.
struct Stage {
    log: Log,
    shutdown: watch::Receiver<bool>,
    tenant: String,
}

/// Plays the events; with a speed, day by day, so that time passes for those who watch.
async fn play(
    speed: f64,
    stage: &Stage,
    list: &[duban_runtime::rounds::Event],
    from: Timestamp,
    until: Timestamp,
    zone: Zone,
) -> Result<(), Fault> {
    let mut rounds = Rounds::start(
        stage.log.clone(),
        stage.tenant.clone(),
        &READERS,
        stage.shutdown.clone(),
    )
    .await?;
    if speed == 0.0 {
        rounds.play(list, until, async |_| {}).await?;
        return Ok(());
    }
    let started = stopwatch();
    // Going on with kept data starts where it stopped.
    let origin = from.max(rounds.clock());
    let scale = speed / (MONTH_DAYS * 24.0 * 3600.0 * 1000.0);
    let pace = |to: Timestamp| {
        #[expect(
            clippy::cast_precision_loss,
            reason = "a year in milliseconds fits 53 bits"
        )]
        let wanted = Duration::from_secs_f64(((to.0 - origin.0).max(0) as f64) * scale);
        wanted.saturating_sub(started.elapsed())
    };
    let mut stop = stage.shutdown.clone();
    let mut day = origin.date_in(zone);
    loop {
        let next = day.succ_opt().ok_or("the date is out of range")?;
        let midnight = zone.midnight(next).min(until);
        let mut waiting = stop.clone();
        rounds
            .play(list, midnight, async |to| {
                tokio::select! {
                    () = tokio::time::sleep(pace(to)) => {}
                    () = stopped(&mut waiting) => {}
                }
            })
            .await?;
        if midnight >= until || *stop.borrow_and_update() {
            return Ok(());
        }
        day = next;
    }
}

/// How long an instant's notices are held back so that they can be told together, in milliseconds.
const GATHER_MILLIS: u64 = 150;

/// Prints notices as they are decided, those of one instant, step and task in one line.
async fn print_notices(log: Log, zone: Zone, names: Directory, mut stop: watch::Receiver<bool>) {
    let services = [Service::Notifier, Service::Rules];
    let Ok(mut follower) = log.follow(0, &services).await else {
        return;
    };
    let mut page = Page::default();
    loop {
        let frames = tokio::select! {
            frames = follower.next(READ_AT_ONCE) => frames,
            () = tokio::time::sleep(Duration::from_millis(GATHER_MILLIS)), if !page.is_empty() => {
                page.print(zone);
                continue;
            }
            () = stopped(&mut stop) => {
                page.print(zone);
                return;
            }
        };
        let Ok(frames) = frames else { return };
        for record in frames.iter().flat_map(|stored| &stored.frame.records) {
            page.note(record, zone, &names);
        }
    }
}

/// What is told about one instant: by (order, task, step), how many and who first.
#[derive(Default)]
struct Page {
    at: Timestamp,
    lines: BTreeMap<(u8, u32, String, String), (usize, String)>,
}

impl Page {
    fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    fn note(&mut self, record: &Record, zone: Zone, names: &Directory) {
        let (order, step, task, unit) = match &record.body {
            Body::NoticeQueued(r) => {
                let order = match r.request.kind {
                    NoticeKind::Opened => 2,
                    NoticeKind::Catchup => 3,
                    NoticeKind::Reminder | NoticeKind::Digest => 4,
                    NoticeKind::Return
                    | NoticeKind::Reopened
                    | NoticeKind::Extended
                    | NoticeKind::ExtensionRefused
                    | NoticeKind::Waived
                    | NoticeKind::Delegated
                    | NoticeKind::Stopped
                    | NoticeKind::Resumed
                    | NoticeKind::Restarted => 5,
                    NoticeKind::Verification | NoticeKind::StillStopped | NoticeKind::Disowned => 6,
                    NoticeKind::Escalation => 7,
                };
                let step = format!("{} → {}", r.request.step, r.request.tier.as_str());
                (order, step, r.request.task.clone(), r.request.unit.clone())
            }
            Body::ObligationFulfilled(r) => {
                let (task, unit) = task_and_unit(&r.obligation);
                let step = if r.late {
                    "逾期完成"
                } else {
                    "按时完成"
                };
                (1, step.to_owned(), task, unit)
            }
            Body::ObligationReopened(r) => {
                let (task, unit) = task_and_unit(&r.obligation);
                (2, "佐证撤回".to_owned(), task, unit)
            }
            _ => return,
        };
        if record.loggedat > self.at {
            self.print(zone);
            self.at = record.loggedat;
        }
        // Ledger rows are mostly numbers; ten comes after nine.
        let number = task.parse().unwrap_or(u32::MAX);
        self.lines
            .entry((order, number, task, step))
            .or_insert_with(|| (0, names.shown(&unit)))
            .0 += 1;
    }

    fn print(&mut self, zone: Zone) {
        let colour = std::io::stdout().is_terminal();
        for ((order, _, task, step), (count, unit)) in std::mem::take(&mut self.lines) {
            let (name, code) = match order {
                1 => ("销号", 34),
                2 => ("重开", 35),
                3 => ("补发", 33),
                4 => ("提醒", 32),
                5 => ("退回", 33),
                6 => ("核实", 36),
                _ => ("督办", 31),
            };
            let name = if colour {
                format!("\u{1b}[{code}m{name}\u{1b}[0m")
            } else {
                name.to_owned()
            };
            let who = if count == 1 {
                unit
            } else {
                format!("{unit} 等{count}个单位")
            };
            let pad = " ".repeat(28usize.saturating_sub(step.width()));
            crate::say!(
                "{}  {name}  第{task:>2}项  {step}{pad} {who}",
                self.at.shown_in(zone)[..16].replace('T', " ")
            );
        }
    }
}

fn task_and_unit(obligation: &str) -> (String, String) {
    let mut parts = obligation.split('/').skip(1);
    let mut next = || parts.next().unwrap_or_default().to_owned();
    (next(), next())
}

async fn summary(
    host: &Host,
    folder: &Folder,
    data: Option<&std::path::Path>,
) -> Result<(), Fault> {
    let reading = Reading::Log(host.log.clone());
    let mut view = View::without_records();
    let mut notices: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    let mut bundles = Bundles::default();
    let (mut delivered, mut messages, mut rejected, mut records) = (0u64, 0u64, 0u64, 0u64);
    reading
        .frames(|stored| {
            view.note(&stored.frame, None);
            for record in &stored.frame.records {
                records += 1;
                let sent = bundles.concerned(&record.body).len() as u64;
                match &record.body {
                    Body::NoticeQueued(r) => {
                        *notices
                            .entry((r.request.kind.as_str(), r.request.tier.as_str()))
                            .or_default() += 1;
                    }
                    Body::NoticeDelivered(_) => {
                        delivered += sent;
                        messages += 1;
                    }
                    Body::RejectionRecorded(_) => rejected += 1,
                    _ => {}
                }
            }
        })
        .await?;
    let mut lights: BTreeMap<&str, u64> = BTreeMap::new();
    let mut late = 0u64;
    for (_, obligation) in view.state().obligations() {
        *lights.entry(light_of(obligation).1).or_default() += 1;
        late += u64::from(obligation.done.as_ref().is_some_and(|d| d.late));
    }
    let total: u64 = lights.values().sum();
    let title = folder.definition.as_ref().map_or("", |d| d.title.as_str());
    crate::say!();
    crate::say!("小结 | summary: {title}");
    crate::say!(
        "责任事项 | obligations: {total} ({}),其中逾期完成 | done late: {late}",
        lights
            .iter()
            .map(|(light, count)| format!("{light} {count}"))
            .collect::<Vec<_>>()
            .join(",")
    );
    let rows: Vec<Vec<String>> = notices
        .iter()
        .map(|((kind, tier), count)| {
            vec![(*kind).to_owned(), (*tier).to_owned(), count.to_string()]
        })
        .collect();
    table::print(&["通知 notice", "层级 tier", "件数 count"], &rows);
    let replayed = replay(&reading, false).await?;
    crate::say!(
        "送达 | delivered: {delivered}({messages}封 | messages);未受理 | rejected: {rejected};记录 | records: {records};校验和 | checksum: {}",
        replayed.checksum
    );
    if let Some(data) = data {
        crate::say!("数据 | data: {}", data.display());
    }
    Ok(())
}
