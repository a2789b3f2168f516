//! Every service its own process, on a real nats-server.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::duban::{Duban, run};
use crate::nats::NatsServer;
use crate::watch::until;

/// The roles that decide. The console only looks.
pub const ROLES: [&str; 4] = ["intake", "rules", "scheduler", "notifier"];
/// A role is at work within this time.
const START_LIMIT: Duration = Duration::from_secs(30);

/// The roles' processes, each with a user and a folder of its own, on a virtual clock.
#[derive(Debug)]
pub struct Roles {
    processes: Vec<Duban>,
    commands: Vec<Vec<String>>,
    variables: Vec<(String, String)>,
    data: PathBuf,
}

impl Roles {
    /// Creates the streams and starts every role.
    ///
    /// # Panics
    /// When one does not start.
    pub fn start(server: &NatsServer, data: &Path) -> Roles {
        run(&["serve", "setup", "--nats", &server.url("setup")]).with_code(0);
        Roles::begin(|role| server.url(role), data)
    }

    /// Starts every role on streams that are there.
    ///
    /// # Panics
    /// When one does not start.
    pub fn begin(url: impl Fn(&str) -> String, data: &Path) -> Roles {
        Roles::sending(url, data, &[], &[])
    }

    /// Starts every role on streams that are there, with options and variables that say where notices
    /// go.
    ///
    /// # Panics
    /// When one does not start.
    pub fn sending(
        url: impl Fn(&str) -> String,
        data: &Path,
        options: &[&str],
        variables: &[(&str, &str)],
    ) -> Roles {
        let owned = |text: &&str| (*text).to_owned();
        let mut roles = Roles {
            processes: Vec::new(),
            commands: ROLES
                .map(|role| {
                    let mut command = command(&url(role), role, &data.join(role));
                    command.extend(options.iter().map(owned));
                    command
                })
                .to_vec(),
            variables: variables
                .iter()
                .map(|(name, value)| (owned(name), owned(value)))
                .collect(),
            data: data.to_owned(),
        };
        roles.processes = (0..ROLES.len()).map(|place| roles.process(place)).collect();
        for place in 0..ROLES.len() {
            roles.wait_for(place);
        }
        roles
    }

    /// Waits until a role works.
    ///
    /// # Panics
    /// When it does not.
    pub fn wait_for(&mut self, place: usize) {
        let process = &mut self.processes[place];
        let runs = until(START_LIMIT, || {
            assert_eq!(process.ended(), None, "{}", process.err());
            process.err().contains("service runs")
        });
        assert!(runs, "{} does not start: {}", ROLES[place], process.err());
    }

    /// Looks whether every role is still there: a server that is away is waited for.
    ///
    /// # Panics
    /// When one ended by itself.
    pub fn supervise(&mut self) {
        for (process, command) in self.processes.iter_mut().zip(&self.commands) {
            assert_eq!(
                process.ended(),
                None,
                "{} ended: {}",
                command[1],
                process.err()
            );
        }
    }

    /// Kills a role and starts it again at once.
    ///
    /// # Panics
    /// When the role had ended by itself.
    pub fn crash(&mut self, place: usize) {
        let ran = self.processes[place].kill();
        assert!(
            ran,
            "{} ended by itself: {}",
            ROLES[place],
            self.processes[place].err()
        );
        self.processes[place] = self.process(place);
    }

    /// Sends a role a signal, such as `STOP` and `CONT`.
    ///
    /// # Panics
    /// When there is no `kill` program.
    pub fn signal(&self, place: usize, name: &str) {
        self.processes[place].signal(name);
    }

    fn process(&self, place: usize) -> Duban {
        let variables: Vec<(&str, &str)> = self
            .variables
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        Duban::start_with(&self.commands[place], &variables)
    }

    /// Where the notifier writes its mail.
    pub fn mail(&self) -> PathBuf {
        self.data.join("notifier/mail")
    }

    /// Stops every role and looks at how it ended.
    ///
    /// # Panics
    /// When one does not stop within seconds with exit code 0.
    pub fn stop(self) {
        for process in &self.processes {
            process.terminate();
        }
        for process in self.processes {
            process.wait(START_LIMIT).with_code(0);
        }
    }

    /// What every role has written, for a failure's message.
    pub fn said(&self) -> String {
        let all = ROLES.iter().zip(&self.processes);
        let said: Vec<String> = all
            .map(|(role, process)| format!("== {role}\n{}", process.err()))
            .collect();
        said.concat()
    }
}

/// How one process of a role is started.
pub(crate) fn command(url: &str, role: &str, data: &Path) -> Vec<String> {
    let data = data.display().to_string();
    [
        "serve", role, "--clock", "virtual", "--data", &data, "--nats", url,
    ]
    .map(str::to_owned)
    .to_vec()
}
