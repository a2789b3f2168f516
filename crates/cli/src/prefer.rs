//! `duban prefer`: on which of the allowed channels a contact wants to be told.

use std::collections::BTreeMap;

use duban_model::directory::Channel;
use duban_model::fact::ContactPreferred;
use duban_model::{Body, Directory, Envelope, RecordId, RecordType};

use crate::args::Prefer;
use crate::reading::Reading;
use crate::send::Verdicts;
use crate::{Ended, Fault};

/// The source of what this command sends.
const SOURCE: &str = "duban/prefer";

/// What the log knows of directories and choices.
#[derive(Default)]
struct Known {
    /// By tenant.
    directories: BTreeMap<String, Directory>,
    /// By tenant and `unit/contact`.
    chosen: BTreeMap<(String, String), Vec<Channel>>,
    /// The last frame read.
    head: u64,
}

impl Known {
    async fn read(reading: &Reading) -> Result<Known, Fault> {
        let mut known = Known::default();
        reading
            .frames(|stored| {
                known.head = stored.seq;
                for record in &stored.frame.records {
                    match &record.body {
                        Body::DirectoryAdopted(r) => {
                            let tenant = record.tenant.clone();
                            known.directories.insert(tenant, r.directory.clone());
                        }
                        Body::ContactPreferenceNoted(r) => {
                            let key = (record.tenant.clone(), r.contact.clone());
                            known.chosen.insert(key, r.channels.clone());
                        }
                        _ => {}
                    }
                }
            })
            .await?;
        Ok(known)
    }

    /// The office whose directory has that unit.
    fn tenant(&self, unit: &str, named: Option<&str>) -> Result<&str, Fault> {
        let has = |directory: &Directory| directory.current(unit).is_some();
        let found: Vec<&str> = self
            .directories
            .iter()
            .filter(|(tenant, d)| named.is_none_or(|named| named == *tenant) && has(d))
            .map(|(tenant, _)| tenant.as_str())
            .collect();
        match *found {
            [tenant] => Ok(tenant),
            [] => Err(format!(
                "`{unit}`: found no such unit in the directory in force; correct the unit's id"
            )
            .into()),
            _ => Err(format!(
                "`{unit}`: found in the directories of {}; name one with --tenant",
                found.join(", ")
            )
            .into()),
        }
    }
}

fn words(channels: &[Channel]) -> String {
    let words: Vec<String> = channels
        .iter()
        .map(|channel| format!("{}({})", channel.as_str(), channel.chinese()))
        .collect();
    words.join("、")
}

pub(crate) async fn run(args: Prefer) -> Result<Ended, Fault> {
    let Some((unit, contact)) = args.contact.split_once('/') else {
        return Err(format!(
            "`{}`: found no `/`, expected `unit/contact` as in directory.yaml, e.g. kailu/contact",
            args.contact
        )
        .into());
    };
    let reading = Reading::open(&args.place).await?;
    let known = Known::read(&reading).await?;
    let tenant = known.tenant(unit, args.tenant.as_deref())?.to_owned();
    let Some(by) = args.by.filter(|_| args.reset || !args.channels.is_empty()) else {
        return show(&known, &tenant, unit, contact);
    };
    let channels: Vec<Channel> = args.channels.iter().map(|c| c.0).collect();
    let body = Body::ContactPreferred(ContactPreferred {
        unit: unit.to_owned(),
        contact: contact.to_owned(),
        channels,
        by,
    });
    // The same choice can be made again after another one: it is told apart by where the log stood.
    let digest = RecordId::derive(&[body.to_json().as_bytes()]);
    let event = Envelope {
        id: format!("{digest}/{}", known.head),
        source: SOURCE.to_owned(),
        kind: RecordType::ContactPreferred,
        time: None,
        tenant: tenant.clone(),
        ledger: None,
        body,
    };
    let verdicts = Verdicts::of(&reading, &[event], known.head).await?;
    if verdicts.rejected() > 0 {
        return Ok(Ended::Findings);
    }
    if !verdicts.are_complete() {
        crate::say!("已存入,尚未处理:服务没有运行");
        return Ok(Ended::Well);
    }
    show(&Known::read(&reading).await?, &tenant, unit, contact)
}

/// What the office allows and what holds.
fn show(known: &Known, tenant: &str, unit: &str, contact: &str) -> Result<Ended, Fault> {
    let directory = &known.directories[tenant];
    let found = directory.current(unit).and_then(|(id, unit)| {
        let person = unit.people().find(|person| person.id == contact)?;
        Some((id, person))
    });
    let Some((unit, person)) = found else {
        return Err(format!(
            "`{unit}/{contact}`: found no such contact in the directory in force; correct its id"
        )
        .into());
    };
    let key = (tenant.to_owned(), format!("{unit}/{contact}"));
    let chosen = known.chosen.get(&key).filter(|c| !c.is_empty());
    crate::say!("{} {}({})", directory.shown(unit), person.title, key.1);
    crate::say!("主管部门允许的渠道:{}", words(person.allowed()));
    match chosen {
        Some(chosen) => crate::say!("本人选择先用:{}", words(chosen)),
        None => crate::say!("本人没有选择,按主管部门的顺序"),
    }
    Ok(Ended::Well)
}
