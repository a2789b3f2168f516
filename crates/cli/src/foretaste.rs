//! One notice as it would read and leave, for `duban preview` and for the pages: a sample, or what
//! would be said of a duty that is there.

use chrono::NaiveDate;
use duban_console::{Files, Previewed, Wish, WishedDuty};
use duban_model::decision::NoticeKind;
use duban_model::definition::{DueRule, Language, Task};
use duban_model::directory::{Channel, Contact};
use duban_model::{Definition, Directory, Message, Timestamp};
use duban_runtime::channel::{Person, Rendered, SMS_TEXT_BYTES, mail_page, rendered};
use duban_wording::{Values, Wording, label, role};

use crate::{Fault, folder};

/// The sender of a mail that nobody sends.
const FROM: &str = "督办 <duban@duban.example>";
/// The address of a contact who has none.
const NOBODY: &str = "contact@duban.example";

/// One notice as it would read.
pub(crate) struct Shown {
    pub kind: NoticeKind,
    /// The text is the ledger's own, at least in part.
    pub own: bool,
    pub subject: String,
    pub text: String,
    /// How a channel would send it, if one is asked for.
    pub sent: Option<(Channel, Rendered)>,
}

/// Whom the notices are shown for.
pub(crate) struct Sample<'a> {
    values: Values,
    unit: String,
    contact: Option<&'a Contact>,
    due: Option<NaiveDate>,
    due_at: Option<Timestamp>,
}

/// The task asked for; the first one if none.
pub(crate) fn task<'a>(definition: &'a Definition, id: Option<&str>) -> Result<&'a Task, Fault> {
    match id {
        Some(id) => definition.task(id).map(|(_, task)| task).ok_or_else(|| {
            let ids: Vec<&str> = definition.tasks.iter().map(|t| t.id.as_str()).collect();
            format!(
                "--task {id}: no task of this ledger; it has {}",
                ids.join(", ")
            )
            .into()
        }),
        None => definition
            .tasks
            .first()
            .ok_or_else(|| "the ledger has no task".into()),
    }
}

impl<'a> Sample<'a> {
    /// Sample values with what the ledger and the directory know put in their place.
    pub(crate) fn of(
        definition: &Definition,
        directory: &'a Directory,
        task: &Task,
        (unit, language): (Option<&str>, Language),
    ) -> Result<Sample<'a>, Fault> {
        if let Some(id) = unit.filter(|id| directory.current(id).is_none()) {
            return Err(format!("--unit {id}: no unit of directory.yaml").into());
        }
        let owner = task
            .owners
            .iter()
            .find(|o| unit.is_none_or(|id| o.units.iter().any(|u| u == id)))
            .or(task.owners.first());
        let unit = unit
            .map(ToOwned::to_owned)
            .or_else(|| owner.and_then(|o| o.units.first().cloned()))
            .unwrap_or_else(|| definition.office.clone());
        let role_of = owner.map(|o| o.role);
        let sample = Values::sample(NoticeKind::Reminder, language, true);
        let person = directory
            .current(&unit)
            .and_then(|(_, u)| u.contacts.first());
        let contact = person.map_or_else(|| sample.contact.clone(), |c| c.title.clone());
        let due = match &task.due {
            DueRule::Date(day) => day.to_string(),
            _ => definition.ends.to_string(),
        };
        let missing: Vec<&str> = owner
            .map(|o| o.fulfilled_by.requirements())
            .into_iter()
            .flatten()
            .map(|requirement| requirement.name.as_str())
            .collect();
        let values = Values {
            ledger: definition.title.clone(),
            task: task.id.clone(),
            title: task.title.clone(),
            text: task.text.clone(),
            unit: directory.shown(&unit),
            role: role_of.map_or_else(|| sample.role.clone(), |r| role(r, language).to_owned()),
            due,
            contact,
            missing: missing.join("、"),
            // Only what arises has an occasion.
            occasion: if task.part_of.is_some() {
                sample.occasion.clone()
            } else {
                String::new()
            },
            instead: String::new(),
            obligation: match role_of {
                Some(role) => format!("{}/{}/{unit}/{}", definition.ledger, task.id, role.as_str()),
                None => format!("{}/{}/{unit}", definition.ledger, task.id),
            },
            ..sample
        };
        Ok(Sample {
            values,
            unit,
            contact: person,
            due: match task.due {
                DueRule::Date(day) => Some(day),
                _ => Some(definition.ends),
            },
            due_at: None,
        })
    }

    /// The same about a duty that is there.
    fn about(mut self, duty: &WishedDuty, directory: &'a Directory, language: Language) -> Self {
        let unit = directory.current(&duty.unit);
        self.contact = unit.and_then(|(_, unit)| unit.contacts.first());
        if let Some(contact) = self.contact {
            self.values.contact.clone_from(&contact.title);
        }
        self.unit.clone_from(&duty.unit);
        self.due = duty.due;
        self.due_at = duty.due_at;
        let values = &mut self.values;
        values.unit = directory.shown(&duty.unit);
        role(duty.role, language).clone_into(&mut values.role);
        values.due.clone_from(&duty.due_shown);
        values.missing = duty.missing.join("、");
        values.occasion.clone_from(&duty.occasion);
        values.obligation.clone_from(&duty.id);
        self
    }

    /// In words.
    pub(crate) fn shown(
        &self,
        definition: &Definition,
        wording: &Wording,
        kind: NoticeKind,
    ) -> Shown {
        let due = self.values.due.clone();
        let values = self.values.clone().dated(kind, wording.language(), due);
        let words = wording.words(kind, values);
        Shown {
            kind,
            own: definition.notices.contains_key(&kind),
            subject: words.subject,
            text: words.text,
            sent: None,
        }
    }

    /// As a channel would send it, whose short messages may have so many bytes.
    pub(crate) fn sent(
        &self,
        definition: &Definition,
        shown: &Shown,
        (channel, text_bytes): (Channel, usize),
    ) -> Result<Rendered, String> {
        let message = self.message(definition, shown, channel);
        rendered(channel, &message, &Person::default(), (text_bytes, FROM))
    }

    /// The notice on its way, as if it had been decided when the ledger was issued.
    pub(crate) fn message(
        &self,
        definition: &Definition,
        shown: &Shown,
        channel: Channel,
    ) -> Message {
        let id = self.contact.map_or("contact", |contact| &contact.id);
        let mail = self.contact.and_then(|contact| contact.mail.clone());
        Message {
            tenant: definition.tenant.clone(),
            notice: "preview".to_owned(),
            attempt: 1,
            possible_duplicate: false,
            channel,
            contact: format!("{}/{id}", self.unit),
            address: Some(mail.unwrap_or_else(|| NOBODY.to_owned())),
            contact_title: self.values.contact.clone(),
            subject: shown.subject.clone(),
            text: shown.text.clone(),
            obligation: self.values.obligation.clone(),
            kind: shown.kind.as_str().to_owned(),
            step: "preview".to_owned(),
            due: self.due,
            due_at: self.due_at,
            at: definition.zone.midnight(definition.issued),
            // The link is made when a notice is sent.
            answer: None,
            owes: true,
        }
    }
}

/// What the pages show of a wish, by the texts of a definition folder.
pub(crate) fn previewed(files: &Files, wish: &Wish) -> Result<Previewed, String> {
    let folder = folder::of_texts(files);
    let (Some(definition), Some(directory)) = (&folder.definition, &folder.directory) else {
        return Err("这些文字里有错误,还不能预览;先改正下面列出的错误。".to_owned());
    };
    let known = |id: &str| definition.task(id).is_some();
    let wanted = wish.duty.as_ref().map_or(&*wish.task, |duty| &*duty.task);
    let task = task(definition, Some(wanted).filter(|id| known(id)));
    let task = task.map_err(|fault| fault.to_string())?;
    let language = if wish.english {
        Language::English
    } else {
        definition.language
    };
    let own: Vec<NoticeKind> = definition.notices.keys().copied().collect();
    let kind = wish.kind.or(own.first().copied());
    let kind = kind.unwrap_or(NoticeKind::Reminder);
    let sample = Sample::of(definition, directory, task, (None, language));
    let mut sample = sample.map_err(|fault| fault.to_string())?;
    // A duty of a row that the texts no longer have has no words of its own.
    let duty = wish.duty.as_ref().filter(|duty| duty.task == task.id);
    if let Some(duty) = duty {
        sample = sample.about(duty, directory, language);
    }
    let wording = Wording::new(language, &definition.notices);
    let shown = sample.shown(definition, &wording, kind);
    let sent = sample.sent(definition, &shown, (wish.channel, SMS_TEXT_BYTES))?;
    let is_mail = wish.channel == Channel::Mail;
    Ok(Previewed {
        title: definition.title.clone(),
        kinds: NoticeKind::ALL
            .into_iter()
            .map(|kind| (kind, own.contains(&kind)))
            .collect(),
        tasks: definition
            .tasks
            .iter()
            .map(|task| (task.id.clone(), task.title.clone()))
            .collect(),
        kind,
        label: label(kind, Language::Chinese).to_owned(),
        own: shown.own,
        task: task.id.clone(),
        duty: duty.map(|duty| duty.id.clone()),
        unit: directory.shown(&sample.unit),
        contact: sample.values.contact.clone(),
        html: is_mail.then(|| mail_page(&sample.message(definition, &shown, Channel::Mail))),
        bytes: sent.bytes,
        limit: sent.limit,
        cut: sent.cut,
        // The mail itself is written for programs; its parts are shown.
        content: if is_mail { String::new() } else { sent.content },
        subject: shown.subject,
        text: shown.text,
    })
}
