//! Composition: which services, on which log, with which channels, in this process.

use std::collections::BTreeSet;
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use duban_console::{Access, Answering, Auditing, ConsoleState, Defining, Described};
use duban_intake::Intake;
use duban_journal::{EmbeddedLog, JetStreamLog, JetStreamOptions, Log, LogError, Stored};
use duban_model::Service;
use duban_model::directory::Channel;
use duban_notifier::Notifier;
use duban_rules::Rules;
use duban_runtime::answer_link::AnswerLinks;
use duban_runtime::channel::{Channels, Endpoint, Folder, Serves, Smtp, Way, Webhook};
use duban_runtime::clock::{Clock, draw_incarnation, stopped};
use duban_runtime::effects::{self, Workers};
use duban_runtime::ping::Ping;
use duban_runtime::service::{Parts, RunError, run};
use duban_runtime::submit::submit;
use duban_scheduler::Scheduler;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::{error, info, warn};

use crate::answers::{self, Answered, OurLetters};
use crate::args::{self, ClockKind, Role, Serve};
use crate::auditor::Inspection;
use crate::channels::{Configured, read as read_channels};
use crate::foresee::Foresight;
use crate::gauges::{Gauges, SAMPLED_EVERY, WATCHED_EVERY};
use crate::index::LiveIndex;
use crate::reading::{log_dir, nats_options};
use crate::sheets::Sheets;
use crate::workshop::Bench;
use crate::{Ended, Fault, folder, socket, users};

/// Frames read at once for the index; a full one takes some 200 KB while it is being read.
const READ_AT_ONCE: usize = 16;
/// How long an unreachable log is left alone before it is asked again, in milliseconds.
const AWAY_MILLIS: u64 = 500;

/// Where drafts of definitions lie in the data folder.
const DRAFTS_FOLDER: &str = "console/drafts";

/// The longest pause between two attempts to reach a server at start, in milliseconds.
const LONGEST_AWAY_MILLIS: u64 = 5_000;

/// What to run.
pub(crate) struct HostOptions {
    pub data: PathBuf,
    pub nats: Option<JetStreamOptions>,
    pub roles: BTreeSet<Role>,
    pub clock: Clock,
    pub channels: Channels,
    pub http: Option<SocketAddr>,
    /// Where notices are answered, with the file of the key.
    pub answered: Answered,
    pub answer_key_file: Option<PathBuf>,
    /// The address under which people reach the pages, if it is known.
    pub url: Option<String>,
    /// Who may enter a demo without a password.
    pub people: Vec<(&'static str, Described)>,
    /// Where measures are served beside the pages.
    pub metrics: Option<SocketAddr>,
    /// The address outside that hears that all is well.
    pub ping: Option<Ping>,
}

/// The services of this process.
pub(crate) struct Host {
    pub log: Log,
    pub shutdown: watch::Sender<bool>,
    /// Where the pages are.
    pub http: Option<SocketAddr>,
    /// Where the measures are, beside the pages.
    pub metrics: Option<SocketAddr>,
    /// Who may sign in to the pages.
    pub access: Access,
    services: JoinSet<Result<(), RunError>>,
    others: JoinSet<Result<(), String>>,
    workers: Option<Workers>,
}

/// Connects to a log in a NATS server however long it is away: whoever runs services wants them to
/// run once it is back, in whichever order machines start.
async fn connect_patiently(options: &JetStreamOptions) -> Result<JetStreamLog, Fault> {
    let mut wait = AWAY_MILLIS;
    loop {
        match JetStreamLog::connect(options.clone()).await {
            Ok(log) => return Ok(log),
            Err(LogError::Unavailable(why)) => {
                warn!(why, "the log is not available; waiting for the NATS server");
                tokio::time::sleep(Duration::from_millis(wait)).await;
                wait = (wait * 2).min(LONGEST_AWAY_MILLIS);
            }
            Err(fault) => return Err(fault.into()),
        }
    }
}

/// Channels as file, command line and environment configure them. Without any other mail for
/// everybody, mail goes into a folder.
pub(crate) fn channels(args: &args::Channels, data: &Path) -> Result<Channels, Fault> {
    let env = |name: &str| std::env::var(name).ok();
    let configured = args.file.as_ref().map(|file| read_channels(file, &env));
    let Configured {
        mut endpoints,
        people,
    } = configured.transpose()?.unwrap_or_default();
    let serves_everybody =
        |e: &Endpoint| e.way.channel() == Channel::Mail && e.serves == Serves::Default;
    let mut ways = Vec::new();
    if let Some(url) = &args.smtp {
        ways.push(("mail", Way::Smtp(Smtp::new(url, args.mail_from.clone())?)));
    } else if args.mail_dir.is_some() || !endpoints.iter().any(serves_everybody) {
        let folder = args.mail_dir.clone().unwrap_or_else(|| data.join("mail"));
        ways.push((
            "mail",
            Way::Folder(Folder::new(folder, args.mail_from.clone())),
        ));
    }
    ways.push(("inbox", Way::Inbox));
    if let Some(url) = &args.webhook_url {
        let name = &args.webhook_secret_env;
        let secret = std::env::var(name).map_err(|_| {
            format!("--webhook-url needs the secret in the environment variable {name}")
        })?;
        ways.push(("webhook", Way::Webhook(Webhook::new(url, &secret)?)));
    }
    endpoints.extend(ways.into_iter().map(|(name, way)| Endpoint {
        name: name.to_owned(),
        serves: Serves::Default,
        limits: way.service_limits(),
        way,
    }));
    Ok(Channels::new(endpoints, people)?)
}

impl Host {
    pub(crate) async fn start(options: HostOptions) -> Result<Host, Fault> {
        let HostOptions {
            data,
            nats,
            roles,
            clock,
            channels,
            http,
            answered,
            answer_key_file,
            url,
            people,
            metrics,
            ping,
        } = options;
        std::fs::create_dir_all(&data)
            .map_err(|fault| format!("data folder {}: {fault}", data.display()))?;
        let has = |role| roles.contains(&Role::All) || roles.contains(&role);
        let log = match &nats {
            Some(options) => Log::JetStream(connect_patiently(options).await?),
            None if has(Role::Intake)
                && has(Role::Rules)
                && has(Role::Scheduler)
                && has(Role::Notifier) =>
            {
                Log::Embedded(EmbeddedLog::open(log_dir(&data))?)
            }
            None => {
                return Err(
                    "the embedded log admits one process: run `duban serve all`, or give --nats"
                        .into(),
                );
            }
        };
        // What can be refused is refused before anything runs.
        let listener = match http.filter(|_| has(Role::Console)) {
            None => None,
            Some(http) => Some(tokio::net::TcpListener::bind(http).await.map_err(|fault| {
                format!("pages at {http}: {fault}; choose another address with --http")
            })?),
        };
        let address = listener.as_ref().map(tokio::net::TcpListener::local_addr);
        let address = address.transpose()?;
        let answers = match answered {
            Answered::At(url) => Some(url),
            Answered::Here => address.map(|address| format!("http://{address}")),
            Answered::Nowhere => None,
        };
        let concerned = has(Role::Notifier) || has(Role::Console);
        let links = match answers.filter(|_| concerned) {
            None => None,
            Some(url) => {
                let alone = roles.contains(&Role::All) || nats.is_none();
                let keys = answers::keys(answer_key_file.as_deref(), &data, alone)?;
                Some(Arc::new(AnswerLinks::new(&url, &keys)?))
            }
        };
        let channels = channels.answered_at(links.clone());
        let measures = match metrics {
            None => None,
            Some(at) => Some(tokio::net::TcpListener::bind(at).await.map_err(|fault| {
                format!("measures at {at}: {fault}; choose another address with --metrics")
            })?),
        };
        let access = Access::new(users::accounts(&data), url.as_deref());
        let access = match people.as_slice() {
            [] => access,
            people => access.in_demo(people)?,
        };
        let (shutdown, stopping) = watch::channel(false);
        let incarnation = draw_incarnation();
        let parts = |service: Service, effects| Parts {
            log: log.clone(),
            state_dir: Some(data.join("state").join(service.as_str()).into()),
            clock: clock.clone(),
            effects,
            shutdown: stopping.clone(),
            incarnation,
        };
        let mut services = JoinSet::new();
        let mut others = JoinSet::new();
        let mut workers = None;
        let mut lanes = None;
        if has(Role::Intake) {
            services.spawn(run::<Intake>(parts(Service::Intake, None)));
        }
        if has(Role::Rules) {
            services.spawn(run::<Rules>(parts(Service::Rules, None)));
        }
        if has(Role::Scheduler) {
            services.spawn(run::<Scheduler>(parts(Service::Scheduler, None)));
        }
        if has(Role::Notifier) {
            let (runner, started) =
                effects::start(log.clone(), Arc::new(channels), stopping.clone());
            workers = Some(started);
            lanes = Some(runner.view());
            services.spawn(run::<Notifier>(parts(Service::Notifier, Some(runner))));
        }
        if nats.is_none() {
            let (data, log, stopping) = (data.clone(), log.clone(), stopping.clone());
            others.spawn(async move {
                socket::serve(&data, log, stopping)
                    .await
                    .map_err(|fault| format!("socket in {}: {fault}", data.display()))
            });
        }
        let mut index = None;
        let gauges = Arc::new(Gauges::new(
            clock.clone(),
            incarnation,
            &log,
            led(&has),
            lanes,
        ));
        let is_watched = listener.is_some() || measures.is_some() || ping.is_some();
        if let Some(listener) = listener {
            let index: &Arc<LiveIndex> = index.insert(Arc::new(LiveIndex::new(log.clone())));
            let mut state = ConsoleState::new(Some(log.clone()), Some(index.clone()))
                .measured_by(gauges.clone())
                .watched_by(gauges.clone())
                .audited_by(Auditing::new(Arc::new(Inspection::new(log.clone()))))
                .exported_by(Arc::new(Sheets))
                .foreseen_by(Arc::new(Foresight::new(log.clone())))
                .keeping_files_in(answers::evidence(&data))
                .guarded_by(access.clone());
            let bench = Arc::new(Bench::new(log.clone()));
            state = state.defined_by(Defining::new(bench, data.join(DRAFTS_FOLDER)));
            state.answering = links.map(|links| {
                let clock = clock.clone();
                Answering::new(
                    Arc::new(OurLetters { links, clock }),
                    answers::evidence(&data),
                )
            });
            gauges.see(state.clone());
            let (follow_log, follow_state, follow_stop) =
                (log.clone(), state.clone(), stopping.clone());
            others.spawn(async move {
                duban_console::follow(follow_log, follow_state, follow_stop)
                    .await
                    .map_err(|fault| format!("pages: {fault}"))
            });
            let stopping = stopping.clone();
            others.spawn(async move {
                duban_console::serve(listener, state, stopping)
                    .await
                    .map_err(|fault| format!("pages: {fault}"))
            });
        }
        if is_watched {
            others.spawn(follow_frames(log.clone(), stopping.clone(), {
                let gauges = gauges.clone();
                move |stored: &Stored| {
                    if let Some(index) = &index {
                        index.note(stored.seq, &stored.frame);
                    }
                    gauges.note(stored.seq, &stored.frame);
                }
            }));
            others.spawn(watch_duties(gauges.clone(), log.clone(), stopping.clone()));
        }
        let mut measured = None;
        if let Some(listener) = measures {
            measured = Some(listener.local_addr()?);
            let (gauges, stopping) = (gauges.clone(), stopping.clone());
            others.spawn(async move {
                duban_console::serve_measures(listener, gauges, stopping)
                    .await
                    .map_err(|fault| format!("measures: {fault}"))
            });
        }
        if let Some(ping) = ping {
            let stopping = stopping.clone();
            others.spawn(async move {
                ping.run(move || gauges.is_well(), stopping).await;
                Ok(())
            });
        }
        Ok(Host {
            log,
            shutdown,
            http: address,
            metrics: measured,
            access,
            services,
            others,
            workers,
        })
    }

    /// Waits until the process is to stop, or one of its parts failed.
    pub(crate) async fn ended(&mut self) -> Result<(), Fault> {
        let mut stopping = self.shutdown.subscribe();
        loop {
            tokio::select! {
                () = stopped(&mut stopping) => return Ok(()),
                Some(ended) = self.services.join_next() => match ended {
                    Ok(Ok(())) => {}
                    Ok(Err(fault)) => return Err(fault.into()),
                    Err(fault) => return Err(format!("a service crashed: {fault}").into()),
                },
                Some(ended) = self.others.join_next() => match ended {
                    Ok(Ok(())) => {}
                    Ok(Err(fault)) => return Err(fault.into()),
                    Err(fault) => return Err(format!("a part crashed: {fault}").into()),
                },
            }
        }
    }

    /// Stops everything in order: services finish their frame, queued sends are made, state is stored.
    pub(crate) async fn stop(mut self) -> Result<(), Fault> {
        let _ = self.shutdown.send(true);
        let mut fault = None;
        while let Some(ended) = self.services.join_next().await {
            match ended {
                Ok(Ok(())) => {}
                Ok(Err(other)) => fault = Some(other.to_string()),
                Err(other) => fault = Some(other.to_string()),
            }
        }
        if let Some(workers) = self.workers.take() {
            workers.drain().await;
        }
        while self.others.join_next().await.is_some() {}
        match fault {
            None => Ok(()),
            Some(fault) => Err(fault.into()),
        }
    }
}

/// Ctrl-C and SIGTERM stop cleanly; a second one at once.
pub(crate) fn stop_on_signal(stop: watch::Sender<bool>) {
    tokio::spawn(async move {
        use tokio::signal::unix::{SignalKind, signal};
        let (Ok(mut interrupt), Ok(mut terminate)) = (
            signal(SignalKind::interrupt()),
            signal(SignalKind::terminate()),
        ) else {
            error!("signals cannot be received");
            return;
        };
        for round in 0..2 {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if round == 0 {
                info!("stopping");
                let _ = stop.send(true);
            }
        }
        std::process::exit(1);
    });
}

/// The services whose roles this process has.
fn led(has: &dyn Fn(Role) -> bool) -> Vec<Service> {
    [
        (Role::Intake, Service::Intake),
        (Role::Rules, Service::Rules),
        (Role::Scheduler, Service::Scheduler),
        (Role::Notifier, Service::Notifier),
    ]
    .into_iter()
    .filter_map(|(role, service)| has(role).then_some(service))
    .collect()
}

/// Looks at the inbox often, and from time to time through all duties and timers: what has no next
/// action is said.
async fn watch_duties(
    gauges: Arc<Gauges>,
    log: Log,
    mut stopping: watch::Receiver<bool>,
) -> Result<(), String> {
    let mut watched = tokio::time::Instant::now();
    let mut missing = 0;
    loop {
        tokio::select! {
            () = tokio::time::sleep(SAMPLED_EVERY) => {}
            () = stopped(&mut stopping) => return Ok(()),
        }
        // A log that does not answer is said by those who write on it.
        if let (Ok(inbox), Ok(head)) = (log.inbox_head().await, log.head().await) {
            gauges.sampled(inbox, head);
        }
        if watched.elapsed() >= WATCHED_EVERY {
            watched = tokio::time::Instant::now();
            let found = gauges.watch();
            if found > 0 && found != missing {
                warn!("{found} duties or timers have no next action; `duban incidents` names them");
            }
            missing = found;
        }
    }
}

/// Shows every frame of the log, as it comes, to what is kept up with it: the index behind the
/// pages' explanations, the measures.
async fn follow_frames(
    log: Log,
    mut stopping: watch::Receiver<bool>,
    note: impl Fn(&Stored),
) -> Result<(), String> {
    let mut follower = None;
    let mut after = 0;
    loop {
        if follower.is_none() {
            match log.follow(after, &Service::ALL).await {
                Ok(opened) => follower = Some(opened),
                Err(fault) => warn!(%fault, "explanations and measures wait for the log"),
            }
        }
        let Some(open) = &mut follower else {
            tokio::select! {
                () = tokio::time::sleep(Duration::from_millis(AWAY_MILLIS)) => continue,
                () = stopped(&mut stopping) => return Ok(()),
            }
        };
        let frames = tokio::select! {
            frames = open.next(READ_AT_ONCE) => frames,
            () = stopped(&mut stopping) => return Ok(()),
        };
        match frames {
            Ok(frames) => {
                for stored in frames {
                    after = stored.seq;
                    note(&stored);
                }
                // A long catch-up must not keep this thread to itself.
                tokio::task::yield_now().await;
            }
            Err(fault) => {
                warn!(%fault, "explanations and measures wait for the log");
                follower = None;
                tokio::time::sleep(Duration::from_millis(AWAY_MILLIS)).await;
            }
        }
    }
}

/// How `serve` connects to a NATS server, if it does.
fn nats(args: &Serve, create: bool) -> Option<JetStreamOptions> {
    let options = nats_options(args.nats.as_deref()?);
    Some(JetStreamOptions {
        replicas: args.replicas.unwrap_or(options.replicas),
        create,
        ..options
    })
}

/// `duban serve setup`
async fn setup(args: &Serve, with_others: bool) -> Result<Ended, Fault> {
    if with_others {
        return Err("`setup` creates the streams and ends; start the other roles after it".into());
    }
    let options =
        nats(args, true).ok_or("`setup` needs --nats; the embedded log needs no setup")?;
    let log = connect_patiently(&options).await?;
    if let Some(wanted) = args.replicas
        && wanted != log.replicas()
    {
        return Err(format!(
            "the streams are there with {} copies each, not {wanted}: change each with \
             `nats stream edit NAME --replicas {wanted}`",
            log.replicas()
        )
        .into());
    }
    let (copies, id) = (log.replicas(), Log::JetStream(log).id().to_owned());
    let each = if copies == 1 { "one copy" } else { "3 copies" };
    crate::say!("the streams are there, {each} each: log {id}");
    Ok(Ended::Well)
}

/// `duban serve`
pub(crate) async fn serve(args: Serve) -> Result<Ended, Fault> {
    let roles: BTreeSet<Role> = args.roles.iter().copied().collect();
    if roles.contains(&Role::Setup) {
        return setup(&args, roles.len() > 1).await;
    }
    let channels = channels(&args.channels, &args.data)?;
    let ping = args.ping_url.as_deref();
    let ping = ping.map(|url| Ping::new(url, args.ping_every));
    // Definitions are looked at before anything starts, so that a bad one changes nothing.
    let mut deployments = Vec::new();
    for dir in &args.ledger {
        deployments.extend(folder::read(dir)?.first_deployment()?);
    }
    let mut host = Host::start(HostOptions {
        data: args.data.clone(),
        // Single roles have no right to create the streams.
        nats: nats(&args, roles.contains(&Role::All)),
        roles,
        clock: match args.clock {
            ClockKind::Live => Clock::Live,
            ClockKind::Virtual => Clock::Virtual,
        },
        channels,
        http: Some(args.http),
        answered: Answered::of(&args.answers),
        answer_key_file: args.answers.answer_key_file.clone(),
        url: args.url.clone().or(args.answers.answer_url.clone()),
        people: Vec::new(),
        metrics: args.metrics,
        ping: ping.transpose()?,
    })
    .await?;
    stop_on_signal(host.shutdown.clone());
    if let Some(address) = host.http {
        // A server goes on though nobody reads its output.
        let _ = writeln!(std::io::stdout(), "pages: http://{address}/");
        let url = args.url.as_ref().or(args.answers.answer_url.as_ref());
        let url = url.map_or_else(|| format!("http://{address}"), Clone::clone);
        users::told_at_start(&args.data, &url);
    }
    if let Some(address) = host.metrics {
        let _ = writeln!(std::io::stdout(), "measures: http://{address}/metrics");
    }
    // By value: a city's texts are megabytes, and are on the log now.
    for event in deployments {
        submit(&host.log, &event).await?;
    }
    let ended = host.ended().await;
    let stopped = host.stop().await;
    ended?;
    stopped?;
    Ok(Ended::Well)
}
