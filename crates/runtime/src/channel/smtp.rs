//! A mail server: where it is, the lines to it, and the dialogue about one mail.
//!
//! The dialogue is led here, command by command. lettre's own writes the end of a text apart from
//! the text: the kernel holds such a small second piece back until the first is acknowledged, and
//! the other side puts that off for 40 ms.

use std::fmt::{self, Display};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use duban_model::Message;
use lettre::Address;
use lettre::address::Envelope;
use lettre::message::Mailbox;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, Tls, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Noop, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter};
use lettre::transport::smtp::response::{Response, Severity};
use lettre::transport::smtp::{Error as SmtpError, SMTP_PORT, SUBMISSION_PORT, SUBMISSIONS_PORT};
use percent_encoding::percent_decode_str;
use reqwest::Url;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::mail::compose_mail;
use super::{Answer, Secret};

/// A dialogue that takes longer, in seconds, is broken off, and its outcome unknown.
const DIALOGUE_SECONDS: u64 = 25;
/// A line that nobody used for so long, in seconds, is given up. Servers wait longer.
const IDLE_SECONDS: u64 = 60;
/// A server may take so long, in seconds, to say goodbye. Nobody waits for it.
const GOODBYE_SECONDS: u64 = 5;

/// What an address looks like.
const EXPECTED: &str = "expected e.g. smtps://user:password@host";

/// A connection to the server, for one dialogue at a time.
type Line = AsyncSmtpConnection;

/// A mail server.
pub struct Smtp {
    server: Server,
    /// Lines whose last dialogue ended with the server's yes, and nothing of it is still to come.
    idle: Arc<Mutex<Idle>>,
    from: String,
}

/// Lines that wait for a mail, each with when it began to. There are never more than dialogues were
/// under way at once.
#[derive(Default)]
struct Idle {
    lines: Vec<(Line, Instant)>,
    /// Somebody gives up those that wait long.
    tended: bool,
}

impl fmt::Debug for Smtp {
    /// Without the server, whose address holds a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Smtp")
            .field("from", &self.from)
            .finish_non_exhaustive()
    }
}

impl Smtp {
    /// A server by URL: `smtps://user:password@host`, `smtp://host:25` or `smtp://host:587?tls=required`.
    pub fn new(url: &str, from: String) -> Result<Smtp, String> {
        Smtp::trusting(url, from, None)
    }

    /// The same, whose certificate may also be vouched for by an authority of the office's own,
    /// given as PEM.
    pub fn trusting(url: &str, from: String, authority: Option<&str>) -> Result<Smtp, String> {
        from.parse::<Mailbox>()
            .map_err(|fault| format!("sender `{from}`: {fault}"))?;
        let server =
            Server::read(url, authority).map_err(|fault| format!("mail server: {fault}"))?;
        Ok(Smtp {
            server,
            idle: Arc::default(),
            from,
        })
    }

    /// What a server could repeat of how somebody logs in.
    pub(super) fn secrets(&self) -> Vec<&Secret> {
        self.server.secrets.iter().collect()
    }

    pub(super) async fn send(&self, message: &Message) -> Answer {
        let mail = match compose_mail(message, &self.from) {
            Ok(mail) => mail,
            Err(why) => return Answer::refused(why),
        };
        let text = match String::from_utf8(mail.formatted()) {
            Ok(mail) => with_end(&mail),
            Err(fault) => return Answer::refused(format!("the mail is no text: {fault}")),
        };
        let late = || format!("no answer within {DIALOGUE_SECONDS} s");
        let end = Instant::now() + Duration::from_secs(DIALOGUE_SECONDS);
        // Nobody has heard of the mail before there is a line. A server that turns us away at its door,
        // or a password that is wrong, says nothing about this mail: it waits until that is mended.
        let line = match timeout_at(end, self.line()).await {
            Ok(Ok(line)) => line,
            Ok(Err(fault)) => return Answer::down(fault.to_string()),
            Err(_) => return Answer::down(late()),
        };
        timeout_at(end, self.dialogue(line, mail.envelope(), &text))
            .await
            // The line was dropped with the dialogue: what the server still says is for nobody.
            .unwrap_or_else(|_| Answer::unknown(late()))
    }

    async fn dialogue(&self, mut line: Line, envelope: &Envelope, text: &str) -> Answer {
        match hand_over(&mut line, envelope, text).await {
            Ok(response) => {
                keep(&self.idle, line);
                Answer::delivered(words(&response))
            }
            Err(answer) => {
                leave(line);
                answer
            }
        }
    }

    /// A line that the server still listens on.
    async fn line(&self) -> Result<Line, SmtpError> {
        loop {
            let idle = locked(&self.idle).lines.pop();
            let Some((mut line, _)) = idle else {
                return self.server.connect().await;
            };
            match tell(&mut line, "NOOP", Noop, Severity::PositiveCompletion).await {
                Ok(_) => return Ok(line),
                Err(_) => leave(line),
            }
        }
    }
}

/// Where a server is, and what has to come before the first mail.
struct Server {
    host: String,
    port: u16,
    hello: ClientId,
    tls: Tls,
    login: Option<Credentials>,
    /// The password as it is, and as it is sent.
    secrets: Vec<Secret>,
}

impl Server {
    /// Reads an address: with `smtps` encrypted from the start; with `smtp` not, unless `tls` is
    /// `required` or `opportunistic`. A path is the name to greet with. Says nothing of a password.
    fn read(address: &str, authority: Option<&str>) -> Result<Server, String> {
        let url = Url::parse(address).map_err(|fault| format!("{fault}; {EXPECTED}"))?;
        let host = url
            .host_str()
            .map(|host| host.trim_matches(['[', ']']).to_owned())
            .filter(|host| !host.is_empty())
            .ok_or_else(|| format!("found no host, {EXPECTED}"))?;
        let asked = url.query_pairs().find(|(name, _)| name == "tls");
        let asked = asked.map(|(_, value)| value.into_owned());
        let trust = || trust(&host, authority);
        let (port, tls) = match (url.scheme(), asked.as_deref()) {
            ("smtp", None) => (SMTP_PORT, Tls::None),
            ("smtp", Some("required")) => (SUBMISSION_PORT, Tls::Required(trust()?)),
            ("smtp", Some("opportunistic")) => (SUBMISSION_PORT, Tls::Opportunistic(trust()?)),
            ("smtps", _) => (SUBMISSIONS_PORT, Tls::Wrapper(trust()?)),
            ("smtp", Some(other)) => {
                return Err(format!(
                    "found tls={other}, expected tls=required or tls=opportunistic"
                ));
            }
            (scheme, _) => return Err(format!("found {scheme}://, {EXPECTED}")),
        };
        let name = url.path().trim_matches('/');
        let mut login = None;
        let mut secrets = Vec::new();
        if let Some(password) = url.password() {
            let (user, password) = (decoded(url.username())?, decoded(password)?);
            let plain = format!("\0{user}\0{password}");
            secrets = [
                STANDARD.encode(plain),
                STANDARD.encode(&password),
                password.clone(),
            ]
            .map(Secret::new)
            .into();
            login = Some(Credentials::new(user, password));
        }
        Ok(Server {
            port: url.port().unwrap_or(port),
            hello: if name.is_empty() {
                ClientId::default()
            } else {
                ClientId::Domain(name.to_owned())
            },
            host,
            tls,
            login,
            secrets,
        })
    }

    /// A new line, encrypted and logged in as the address has it. The dialogue's limit holds.
    async fn connect(&self) -> Result<Line, SmtpError> {
        let wrapped = match &self.tls {
            Tls::Wrapper(trust) => Some(trust.clone()),
            _ => None,
        };
        let place = (self.host.as_str(), self.port);
        let mut line = Line::connect_tokio1(place, None, &self.hello, wrapped, None).await?;
        let upgrade = match &self.tls {
            Tls::Required(trust) => Some(trust),
            Tls::Opportunistic(trust) => Some(trust).filter(|_| line.can_starttls()),
            Tls::None | Tls::Wrapper(_) => None,
        };
        if let Some(trust) = upgrade {
            line.starttls(trust.clone(), &self.hello).await?;
        }
        if let Some(login) = &self.login {
            line.auth(DEFAULT_MECHANISMS, login).await?;
        }
        Ok(line)
    }
}

/// Who may vouch for the server: the authorities of the web, and the office's own.
fn trust(host: &str, authority: Option<&str>) -> Result<TlsParameters, String> {
    let mut trust = TlsParameters::builder(host.to_owned());
    if let Some(pem) = authority {
        if !pem.contains("-----BEGIN CERTIFICATE-----") {
            return Err("found no certificate for its authority, expected PEM".to_owned());
        }
        let certificate = Certificate::from_pem(pem.as_bytes());
        trust = trust.add_root_certificate(
            certificate.map_err(|fault| format!("certificate of its authority: {fault}"))?,
        );
    }
    trust.build().map_err(|fault| fault.to_string())
}

/// User and password stand in an address percent-encoded.
fn decoded(part: &str) -> Result<String, String> {
    let text = percent_decode_str(part).decode_utf8();
    text.map(Into::into)
        .map_err(|_| "found a user or password that is not UTF-8; percent-encode it".to_owned())
}

fn locked(idle: &Mutex<Idle>) -> MutexGuard<'_, Idle> {
    idle.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Keeps a line for the next mail.
fn keep(idle: &Arc<Mutex<Idle>>, line: Line) {
    let mut lines = locked(idle);
    lines.lines.push((line, Instant::now()));
    if !lines.tended {
        lines.tended = true;
        tokio::spawn(tend(Arc::downgrade(idle)));
    }
}

/// Gives up lines that nobody uses, until there are none.
async fn tend(idle: Weak<Mutex<Idle>>) {
    let long = Duration::from_secs(IDLE_SECONDS);
    loop {
        sleep(long).await;
        let Some(idle) = idle.upgrade() else {
            return;
        };
        let mut idle = locked(&idle);
        // The one used last is taken first, so those that wait longest come first.
        let used = idle.lines.iter().position(|(_, at)| at.elapsed() < long);
        let unused = used.unwrap_or(idle.lines.len());
        for (line, _) in idle.lines.drain(..unused) {
            leave(line);
        }
        if idle.lines.is_empty() {
            idle.tended = false;
            return;
        }
    }
}

/// Says goodbye and closes, and keeps nobody waiting for it.
fn leave(mut line: Line) {
    tokio::spawn(async move {
        // Whatever is said to that changes nothing any more.
        let _ = timeout(Duration::from_secs(GOODBYE_SECONDS), line.abort()).await;
    });
}

/// Says one thing; the server is to answer in one way. Any other yes is out of step and says
/// nothing about the mail.
async fn tell(
    line: &mut Line,
    what: &str,
    command: impl Display,
    due: Severity,
) -> Result<Response, Answer> {
    let response = line
        .command(command)
        .await
        .map_err(|fault| answer_of(&fault))?;
    if response.code().severity == due {
        return Ok(response);
    }
    let (code, words) = (response.code(), words(&response));
    Err(Answer::unknown(format!(
        "the server answered {what} with {code} {words}"
    )))
}

/// Hands one mail over; nothing but 2xx after its text says that it was taken.
async fn hand_over(line: &mut Line, envelope: &Envelope, text: &str) -> Result<Response, Answer> {
    let mut options = Vec::new();
    let addresses = envelope.from().into_iter().chain(envelope.to());
    if !addresses.map(AsRef::<str>::as_ref).all(str::is_ascii) {
        offered(line, Extension::SmtpUtfEight, "an address is")?;
        options.push(MailParameter::SmtpUtfEight);
    }
    if !text.is_ascii() {
        offered(line, Extension::EightBitMime, "the mail is")?;
        options.push(MailParameter::Body(MailBodyParameter::EightBitMime));
    }
    let yes = Severity::PositiveCompletion;
    let from: Option<Address> = envelope.from().cloned();
    tell(line, "MAIL", Mail::new(from, options), yes).await?;
    for to in envelope.to() {
        tell(line, "RCPT", Rcpt::new(to.clone(), Vec::new()), yes).await?;
    }
    tell(line, "DATA", Data, Severity::PositiveIntermediate).await?;
    tell(line, "the mail", text, yes).await
}

fn offered(line: &Line, extension: Extension, what: &str) -> Result<(), Answer> {
    if line.server_info().supports_feature(extension) {
        return Ok(());
    }
    Err(Answer::refused(format!(
        "{what} not ASCII, and the mail server does not offer {extension}"
    )))
}

/// A mail as it is sent (RFC 5321, 4.5.2): a line that begins with a dot gets another one, and a dot
/// of its own is the end. All of it is one piece, so that it is written at once.
fn with_end(mail: &str) -> String {
    let mut text = String::with_capacity(mail.len() + mail.len() / 16 + 5);
    for line in mail.split_inclusive("\r\n") {
        if line.starts_with('.') {
            text.push('.');
        }
        text.push_str(line);
    }
    if !text.ends_with("\r\n") {
        text.push_str("\r\n");
    }
    text.push_str(".\r\n");
    text
}

fn words(response: &Response) -> String {
    response.message().collect::<Vec<_>>().join(" ")
}

/// What a failed dialogue means. Whatever breaks in it may have been taken by the server, so it is
/// unknown rather than failed.
fn answer_of(fault: &SmtpError) -> Answer {
    let told = fault.to_string();
    if fault.is_permanent() || fault.is_client() {
        Answer::refused(told)
    } else if fault.is_transient() {
        // 421 is the server closing for everybody; 450 and the like are about one mailbox.
        match fault.status().map(|code| code.to_string()).as_deref() {
            Some("421") => Answer::down(told),
            _ => Answer::failed(told),
        }
    } else {
        Answer::unknown(told)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(url: &str) -> Result<Server, String> {
        Server::read(url, None)
    }

    #[test]
    fn an_address_says_where_how_encrypted_by_which_name_and_as_whom() {
        for (url, host, port, tls) in [
            ("smtp://mail.example", "mail.example", 25, "None"),
            ("smtp://mail.example:2525/", "mail.example", 2525, "None"),
            ("smtp://[::1]:25", "::1", 25, "None"),
            (
                "smtp://mail.example?tls=required",
                "mail.example",
                587,
                "Required",
            ),
            (
                "smtp://127.0.0.1:1?tls=opportunistic",
                "127.0.0.1",
                1,
                "Opportunistic",
            ),
            ("smtps://mail.example", "mail.example", 465, "Wrapper"),
            (
                "smtps://mail.example:4465/?tls=required",
                "mail.example",
                4465,
                "Wrapper",
            ),
        ] {
            let server = read(url).unwrap();
            let found = (
                server.host.as_str(),
                server.port,
                &*format!("{:?}", server.tls),
            );
            assert_eq!(found, (host, port, tls), "{url}");
            assert_eq!(server.hello, ClientId::default(), "{url}");
            assert_eq!(server.login, None, "{url}");
        }
        let server = read("smtp://du%40ban:h%3Aush@mail.example/duban.example").unwrap();
        assert_eq!(server.hello, ClientId::Domain("duban.example".to_owned()));
        let login = Credentials::new("du@ban".to_owned(), "h:ush".to_owned());
        assert_eq!(server.login, Some(login));
    }

    #[test]
    fn an_address_that_cannot_be_read_is_told_without_its_password() {
        for (url, told) in [
            ("mail.example", "relative URL"),
            ("http://user:hush@mail.example", "found http://"),
            ("smtp://user:hush@mail.example?tls=no", "found tls=no"),
            ("smtp:user:hush", "no host"),
            ("smtp://user:hush%FF@mail.example", "not UTF-8"),
            ("smtp://user:hush@mail.example:port", "port"),
        ] {
            let fault = read(url).err().unwrap();
            assert!(fault.contains(told), "{url}: {fault}");
            assert!(!fault.contains("hush"), "{url}: {fault}");
        }
        let fault = Server::read("smtps://mail.example", Some("no certificate"));
        assert!(fault.err().unwrap().contains("expected PEM"));
    }

    #[test]
    fn the_end_of_a_mail_stands_nowhere_but_at_its_end() {
        assert_eq!(with_end("a\r\n.\r\nb"), "a\r\n..\r\nb\r\n.\r\n");
        assert_eq!(with_end(".a.\r\n..\r\n"), "..a.\r\n...\r\n.\r\n");
        assert_eq!(with_end(""), "\r\n.\r\n");
    }
}
