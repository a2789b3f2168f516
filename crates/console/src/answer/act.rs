//! `POST /a/{token}`: an answer becomes a fact in the inbox.

use std::path::Path as FilePath;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body as HttpBody;
use axum::extract::{FromRequest, Multipart, Path, Request, State};
use axum::http::header::LOCATION;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use chrono::NaiveDate;
use duban_model::fact::TaskAct;
use duban_model::{Body, Envelope, RecordId};

use super::evidence::{self, Fault};
use super::page::{Filled, Shown, page};
use super::refused::Refused;
use super::{ANSWER_SOURCE, Answering, Letter, MAX_FILES, Standing, rate};
use crate::access::same_origin;
use crate::inbox::{Unsent, put};
use crate::projection::{Duty, answer_key};
use crate::serve::Desk;
use crate::state::ConsoleState;

/// The longest text that is taken, in characters.
const TEXT_CHARACTERS: usize = 1_000;
/// The longest link, in bytes.
const LINK_BYTES: usize = 1_000;
/// The most links of one submission.
const MAX_LINKS: usize = 20;
/// The longest field of a form that is read, in bytes.
const FIELD_BYTES: usize = 64 * 1024;
/// An answer is followed so long on its way to the page.
const FOLLOWED: Duration = Duration::from_secs(2);
/// The digits of a form's number.
const NONCE_DIGITS: std::ops::RangeInclusive<usize> = 8..=32;

/// What came in with a form.
#[derive(Debug, Default)]
pub(crate) struct Form {
    pub filled: Filled,
    pub nonce: String,
    pub files: Vec<String>,
    /// The first thing that is wrong with a file.
    pub fault: Option<String>,
}

impl Form {
    /// Takes a field that is a text.
    pub fn take(&mut self, name: &str, text: &str) {
        let text = text.replace("\r\n", "\n").trim().to_owned();
        let filled = &mut self.filled;
        match name {
            "act" => filled.act = text,
            "nonce" => self.nonce = text,
            "links" => filled.links = text,
            "said" => filled.said = text,
            "due" => filled.due = text,
            "reason" => filled.reason = text,
            "contact" => filled.contact = text,
            _ => {}
        }
    }

    /// Whether it bears the number that every form of ours has.
    pub fn is_numbered(&self) -> bool {
        let hexadecimal = |c: char| c.is_ascii_hexdigit();
        NONCE_DIGITS.contains(&self.nonce.len()) && self.nonce.chars().all(hexadecimal)
    }
}

/// Refuses a text that is too long, in words.
pub(crate) fn short<'t>(texts: impl IntoIterator<Item = &'t String>) -> Result<(), String> {
    for text in texts {
        let length = text.chars().count();
        if length > TEXT_CHARACTERS {
            return Err(format!("文字有{length}个字,最多{TEXT_CHARACTERS}个字"));
        }
    }
    Ok(())
}

/// `POST /a/{token}`
pub(super) async fn take(
    State(desk): State<Arc<Desk>>,
    Path(token): Path<String>,
    request: Request,
) -> Response {
    match taken(&desk, &token, request).await {
        Ok(response) => response,
        Err(refused) => refused.page(),
    }
}

async fn taken(desk: &Desk, token: &str, request: Request) -> Result<Response, Refused> {
    let answering = desk.state.answering.clone().ok_or(Refused::Forged)?;
    let address = rate::address(request.extensions(), request.headers());
    if !answering.rates.admit(token, address, true) {
        return Err(Refused::TooMany);
    }
    let letter = answering.letters.open(token).ok_or(Refused::Forged)?;
    // The token is the authority; a browser that says where a form was sent from is believed all the
    // same.
    if !same_origin(request.headers()) {
        return Err(Refused::Foreign);
    }
    // Whoever may not answer sends no files in vain.
    owes(&desk.state, &answering, &letter)?;
    let form = {
        // Never closed.
        let _place = answering.at_once.acquire().await;
        read(Some(&answering.files), request).await?
    };
    let fault = match &form.fault {
        Some(fault) => Err(fault.clone()),
        None => fact(&desk.state, &answering, &letter, &form)?,
    };
    let body = match fault {
        Ok(body) => body,
        Err(fault) => {
            let shown = Shown {
                token,
                given: None,
                fault: Some(fault),
                filled: &form.filled,
            };
            return Ok(page(desk, &answering, &letter, &shown).await);
        }
    };
    let event = envelope(&desk.state, &letter, &form.nonce, body)?;
    let log = desk.state.log.as_ref().ok_or(Refused::Unavailable)?;
    put(log, &event, "an answer")
        .await
        .map_err(|why| match why {
            Unsent::Unavailable => Refused::Unavailable,
            Unsent::TooLarge { .. } | Unsent::Unfit => Refused::Unreadable,
        })?;
    let key = answer_key(&event.id);
    follow(&desk.state, key).await;
    let to = format!("/a/{token}?r={key}");
    let to = HeaderValue::from_str(&to).map_err(|_| Refused::Forged)?;
    let mut response = Response::new(HttpBody::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    response.headers_mut().insert(LOCATION, to);
    Ok(response)
}

fn owes(state: &ConsoleState, answering: &Answering, letter: &Letter) -> Result<(), Refused> {
    let projection = state.read();
    if Standing::of_open(&projection, answering, letter)?.owes {
        Ok(())
    } else {
        Err(Refused::Looks)
    }
}

/// Reads a form; its files are kept on the way.
pub(crate) async fn read(files: Option<&FilePath>, request: Request) -> Result<Form, Refused> {
    let sizes = |status| match status {
        StatusCode::PAYLOAD_TOO_LARGE => Refused::TooLarge,
        _ => Refused::Unreadable,
    };
    let mut parts = Multipart::from_request(request, &())
        .await
        .map_err(|_| Refused::Unreadable)?;
    let mut form = Form::default();
    loop {
        let next = parts
            .next_field()
            .await
            .map_err(|fault| sizes(fault.status()))?;
        let Some(mut field) = next else {
            return Ok(form);
        };
        let name = field.name().unwrap_or_default().to_owned();
        if name == "file" {
            if form.files.len() == MAX_FILES {
                form.fault
                    .get_or_insert(format!("一次最多上传{MAX_FILES}个文件"));
                continue;
            }
            let Some(files) = files else {
                // A browser sends an empty field where no file was chosen.
                if field.file_name().is_some_and(|name| !name.is_empty()) {
                    form.fault
                        .get_or_insert("这个进程没有存放文件的目录,不能上传文件".to_owned());
                }
                continue;
            };
            match evidence::keep(files, field).await {
                Ok(kept) => form.files.extend(kept),
                Err(Fault::Words(fault)) => {
                    form.fault.get_or_insert(fault);
                }
                Err(Fault::Body(status)) => return Err(sizes(status)),
                Err(Fault::Disk(fault)) => {
                    tracing::error!(%fault, "a file of a submission cannot be kept");
                    return Err(Refused::Unavailable);
                }
            }
            continue;
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = field.chunk().await.map_err(|fault| sizes(fault.status()))? {
            if bytes.len() + chunk.len() > FIELD_BYTES {
                return Err(Refused::TooLarge);
            }
            bytes.extend_from_slice(&chunk);
        }
        let text = String::from_utf8(bytes).map_err(|_| Refused::Unreadable)?;
        form.take(&name, &text);
    }
}

/// An act that names a duty and says nothing yet.
pub(crate) fn about(duty: &Duty) -> TaskAct {
    // The last part of the id of a duty that was opened for something.
    let occasion = duty.id.split('/').nth(4).filter(|_| duty.period.is_none());
    TaskAct {
        task: duty.task.to_string(),
        unit: Some(duty.unit.to_string()),
        role: Some(duty.role),
        period: duty.period,
        occasion: occasion.map(ToOwned::to_owned),
        by: None,
        reason: None,
        evidence: Vec::new(),
        due: None,
        extend: None,
        contact: None,
        note: None,
    }
}

/// What a form says as a fact, or what is wrong with it in words.
fn fact(
    state: &ConsoleState,
    answering: &Answering,
    letter: &Letter,
    form: &Form,
) -> Result<Result<Body, String>, Refused> {
    if !form.is_numbered() {
        return Err(Refused::Unreadable);
    }
    let projection = state.read();
    let standing = Standing::of_open(&projection, answering, letter)?;
    let duty = standing.duty;
    let act = TaskAct {
        by: Some(format!("{} {}", standing.person.title, letter.contact)),
        note: Some(format!("凭通知{}所附链接答复", letter.notice)),
        ..about(duty)
    };
    let filled = &form.filled;
    if let Err(fault) = short([&filled.said, &filled.reason]) {
        return Ok(Err(fault));
    }
    let reason = || {
        if filled.reason.is_empty() {
            Err("没有填写理由".to_owned())
        } else {
            Ok(Some(filled.reason.clone()))
        }
    };
    let due = duty.due;
    let colleague = || {
        let people = projection.units().people(&letter.tenant, &duty.unit);
        let there = people.iter().any(|person| person.id == filled.contact);
        if !there || filled.contact == standing.contact() {
            return Err("没有选择转办给哪位同事".to_owned());
        }
        Ok(Some(filled.contact.clone()))
    };
    let body = || -> Result<Option<Body>, String> {
        Ok(Some(match filled.act.as_str() {
            "accept" => Body::TaskAccepted(act),
            "submit" => {
                let mut evidence = links(&filled.links)?;
                evidence.extend(form.files.iter().cloned());
                if evidence.is_empty() && filled.said.is_empty() {
                    return Err("报送没有内容:请填写佐证网址、上传文件或写明办理情况".to_owned());
                }
                let said = Some(filled.said.clone()).filter(|said| !said.is_empty());
                Body::TaskSubmitted(TaskAct {
                    evidence,
                    reason: said,
                    ..act
                })
            }
            "extend" => {
                let day: NaiveDate = filled
                    .due
                    .parse()
                    .map_err(|_| "没有选择希望延到的日期".to_owned())?;
                if due.is_some_and(|due| day <= due) {
                    return Err(format!("希望延到的日期{day}不晚于现行完成时限"));
                }
                Body::TaskExtensionRequested(TaskAct {
                    due: Some(day),
                    reason: reason()?,
                    ..act
                })
            }
            "delegate" => Body::TaskDelegated(TaskAct {
                contact: colleague()?,
                reason: Some(filled.reason.clone()).filter(|reason| !reason.is_empty()),
                ..act
            }),
            "disown" => Body::TaskDisowned(TaskAct {
                reason: reason()?,
                ..act
            }),
            _ => return Ok(None),
        }))
    };
    match body() {
        Ok(Some(body)) => Ok(Ok(body)),
        Ok(None) => Err(Refused::Unreadable),
        Err(fault) => Ok(Err(fault)),
    }
}

/// The links of a field, one a line.
pub(crate) fn links(text: &str) -> Result<Vec<String>, String> {
    let mut list: Vec<String> = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let shown: String = line.chars().take(40).collect();
        let lower = line.to_ascii_lowercase();
        let rest = lower
            .strip_prefix("https://")
            .or_else(|| lower.strip_prefix("http://"));
        let host = rest.and_then(|rest| rest.split(['/', '?', '#']).next());
        let odd = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | '"');
        if host.is_none_or(str::is_empty) || line.contains(odd) {
            return Err(format!(
                "“{shown}”不是网址;请填写以 http:// 或 https:// 开头的完整网址,每行一个"
            ));
        }
        if line.len() > LINK_BYTES {
            return Err(format!("网址“{shown}…”太长,最多{LINK_BYTES}个字节"));
        }
        if !list.iter().any(|there| there == line) {
            list.push(line.to_owned());
        }
    }
    if list.len() > MAX_LINKS {
        return Err(format!("网址有{}个,最多{MAX_LINKS}个", list.len()));
    }
    Ok(list)
}

/// The fact of an answer. Its id follows from notice, form and content: the same form sent twice is
/// one answer, and a form that was changed is another.
fn envelope(
    state: &ConsoleState,
    letter: &Letter,
    nonce: &str,
    body: Body,
) -> Result<Envelope, Refused> {
    let kind = body.record_type();
    let content = body.to_json();
    let digest = RecordId::derive(&[kind.as_str().as_bytes(), content.as_bytes()]);
    let ledger = {
        let projection = state.read();
        let duty = projection
            .duty(&letter.obligation)
            .ok_or(Refused::Unknown)?;
        projection.ledger_of(duty).id.clone()
    };
    Ok(Envelope {
        id: format!("{}/{nonce}/{digest}", letter.notice),
        source: ANSWER_SOURCE.to_owned(),
        kind,
        time: None,
        tenant: letter.tenant.clone(),
        ledger: Some(ledger),
        body,
    })
}

/// Waits for a moment until the page would show what became of an answer.
pub(crate) async fn follow(state: &ConsoleState, key: RecordId) {
    let mut changes = state.changes.subscribe();
    let known = async {
        while state.read().answers().fate(key).is_none() {
            if changes.changed().await.is_err() {
                return;
            }
        }
    };
    let _ = tokio::time::timeout(FOLLOWED, known).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_a_whole_web_address() {
        let read = |text| links(text).map(|list| list.len());
        assert_eq!(
            read("https://a.example/1\r\n\n http://b.example \nhttps://a.example/1"),
            Ok(2)
        );
        for odd in [
            "javascript:alert(1)",
            "data:text/html,x",
            "a.example",
            "https://",
            "https:///x",
            "https://a.example/ x",
            "duban-file:00/x",
            "https://a.example/\"><script>",
        ] {
            assert!(read(odd).is_err(), "{odd}");
        }
        let long = format!("https://a.example/{}", "x".repeat(LINK_BYTES));
        assert!(read(&long).is_err());
        let many = "https://a.example/".to_owned();
        let many: Vec<_> = (0..=MAX_LINKS).map(|n| format!("{many}{n}")).collect();
        let many = many.join("\n");
        assert!(read(&many).is_err());
    }
}
