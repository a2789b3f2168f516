//! A definition folder on disk: its texts, what they compile to, and the events that bring it
//! into force.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use duban_calendar::{Calendar, CsvFault};
use duban_model::fact::{
    CalendarDeployed, DefinitionDeployed, DefinitionFile, DirectoryDeployed, Expects,
};
use duban_model::{Body, Definition, Directory, Envelope, RecordType};
use duban_rules::{Diagnostic, Severity, calendar_named, compile, definition_hash, read_directory};

use crate::Fault;

/// The largest file read, in bytes.
const MAX_FILE_BYTES: u64 = 4 << 20;
/// The source of events that bring a folder into force.
pub(crate) const DEPLOY_SOURCE: &str = "urn:duban:deploy";

/// What was found in a folder.
pub(crate) struct Folder {
    pub files: Vec<DefinitionFile>,
    pub directory: Option<Directory>,
    pub calendar: Option<Calendar>,
    pub definition: Option<Definition>,
    pub hash: String,
    pub diagnostics: Vec<Diagnostic>,
    /// What was read, by the names that diagnostics use.
    pub texts: Vec<(String, String)>,
}

/// The 2021 ledger that this program brings along, so that the demo needs no files.
pub(crate) mod shipped {
    pub(crate) const LEDGER: &str = include_str!("../../../workflows/tongliao-2021/ledger.yaml");
    pub(crate) const TASKS: &str = include_str!("../../../workflows/tongliao-2021/tasks.yaml");
    pub(crate) const DIRECTORY: &str =
        include_str!("../../../workflows/tongliao-2021/directory.yaml");
    pub(crate) const EVENTS: &str =
        include_str!("../../../workflows/tongliao-2021/sample-events.ndjson");
    pub(crate) const CALENDAR: &str = include_str!("../../../workflows/calendars/cn-workdays.csv");
}

/// A text of bounded size; a byte order mark is dropped.
pub(crate) fn read_text(path: &Path) -> Result<String, Fault> {
    let size = std::fs::metadata(path)
        .map_err(|fault| format!("{}: {fault}", path.display()))?
        .len();
    if size > MAX_FILE_BYTES {
        return Err(format!(
            "{}: {size} bytes; at most {MAX_FILE_BYTES} are read",
            path.display()
        )
        .into());
    }
    let bytes = std::fs::read(path).map_err(|fault| format!("{}: {fault}", path.display()))?;
    let text = String::from_utf8(bytes).map_err(|fault| {
        format!(
            "{}: not UTF-8 from byte {}; save the file as UTF-8",
            path.display(),
            fault.utf8_error().valid_up_to()
        )
    })?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(&text).to_owned())
}

/// Reads a folder. Only an unreadable file is a fault; all else is among the diagnostics.
pub(crate) fn read(dir: &Path) -> Result<Folder, Fault> {
    let mut texts = Vec::new();
    for name in ["ledger.yaml", "tasks.yaml", "directory.yaml"] {
        let path = dir.join(name);
        if path.exists() {
            texts.push((name, read_text(&path)?));
        }
    }
    if texts.is_empty() {
        return Err(format!(
            "{}: no definition folder; expected ledger.yaml, tasks.yaml and directory.yaml in it",
            dir.display()
        )
        .into());
    }
    // Which calendar is read before the strict parse, so that both report.
    let name = calendar_named(&definition_files(&texts)).unwrap_or_else(|| "cn".to_owned());
    let file = format!("{name}-workdays.csv");
    let places: Vec<PathBuf> = vec![dir.join(&file), dir.join("../calendars").join(&file)];
    let calendar = places.iter().find(|path| path.exists());
    let calendar = match calendar {
        Some(path) => {
            let shown = path.strip_prefix(dir).unwrap_or(path);
            Some((shown.display().to_string(), read_text(path)?))
        }
        None if name == "cn" => Some(("cn-workdays.csv".to_owned(), shipped::CALENDAR.to_owned())),
        None => None,
    };
    Ok(build(texts, &name, calendar))
}

/// The 2021 ledger that this program brings along.
pub(crate) fn read_shipped() -> Folder {
    let texts = vec![
        ("ledger.yaml", shipped::LEDGER.to_owned()),
        ("tasks.yaml", shipped::TASKS.to_owned()),
        ("directory.yaml", shipped::DIRECTORY.to_owned()),
    ];
    build(
        texts,
        "cn",
        Some(("cn-workdays.csv".to_owned(), shipped::CALENDAR.to_owned())),
    )
}

/// Texts as a folder would have them, by the names of their files. Without its calendar it counts by
/// the one that this program brings along, if that is the one it names.
pub(crate) fn of_texts(files: &BTreeMap<String, String>) -> Folder {
    let names = ["ledger.yaml", "tasks.yaml", "directory.yaml"];
    let texts: Vec<(&str, String)> = names
        .into_iter()
        .filter_map(|name| Some((name, files.get(name)?.clone())))
        .collect();
    let name = calendar_named(&definition_files(&texts)).unwrap_or_else(|| "cn".to_owned());
    let file = format!("{name}-workdays.csv");
    let calendar = match files.get(&file) {
        Some(text) => Some((file, text.clone())),
        None if name == "cn" => Some((file, shipped::CALENDAR.to_owned())),
        None => None,
    };
    build(texts, &name, calendar)
}

/// The texts that define the ledger; the directory is deployed by itself.
fn definition_files(texts: &[(&str, String)]) -> Vec<DefinitionFile> {
    texts
        .iter()
        .filter(|(name, _)| *name != "directory.yaml")
        .map(|(name, text)| DefinitionFile {
            name: (*name).to_owned(),
            text: text.clone(),
        })
        .collect()
}

fn build(
    texts: Vec<(&str, String)>,
    calendar_name: &str,
    calendar_text: Option<(String, String)>,
) -> Folder {
    let files = definition_files(&texts);
    let mut read: Vec<(String, String)> = texts
        .iter()
        .map(|(name, text)| ((*name).to_owned(), text.clone()))
        .collect();
    read.extend(calendar_text.clone());
    let mut diagnostics = Vec::new();
    let fault =
        |code, file: String, line, found: String, expected: String, remedy: String| Diagnostic {
            code,
            severity: Severity::Error,
            file,
            line,
            column: u64::from(line > 0),
            length: 0,
            about: String::new(),
            found,
            expected,
            nearest: None,
            remedy,
        };
    let calendar = match calendar_text {
        None => {
            let ledger = texts.iter().find(|(name, _)| *name == "ledger.yaml");
            let (line, column, length) =
                ledger.map_or((0, 0, 0), |(_, text)| value_place(text, "calendar:"));
            let told = fault(
                "D051",
                "ledger.yaml".to_owned(),
                line,
                format!("no calendar `{calendar_name}`"),
                format!("{calendar_name}-workdays.csv in the folder or in ../calendars"),
                "add the calendar file".to_owned(),
            );
            diagnostics.push(Diagnostic {
                column,
                length,
                ..told
            });
            None
        }
        Some((file, text)) => match Calendar::from_csv(calendar_name, &text) {
            Ok(calendar) => Some(calendar),
            Err(faults) => {
                diagnostics.extend(faults.into_iter().map(|f| {
                    let place = csv_place(&text, &f);
                    let told = fault(
                        "D050",
                        file.clone(),
                        f.line as u64,
                        format!("{}: {}", f.column, f.found),
                        f.expected,
                        f.remedy,
                    );
                    Diagnostic {
                        column: place.0,
                        length: place.1,
                        ..told
                    }
                }));
                None
            }
        },
    };
    let directory = match texts.iter().find(|(name, _)| *name == "directory.yaml") {
        Some((_, text)) => {
            let (directory, found) = read_directory(text);
            diagnostics.extend(found);
            directory
        }
        None => {
            diagnostics.push(fault(
                "D000",
                "directory.yaml".to_owned(),
                0,
                "no file `directory.yaml`".to_owned(),
                "a definition folder with ledger.yaml, tasks.yaml and directory.yaml".to_owned(),
                "add the file".to_owned(),
            ));
            None
        }
    };
    let mut definition = None;
    // Without units or working days, faults of the other files are still worth telling.
    let no_units = Directory::default();
    let no_days = Calendar::new(calendar_name, std::collections::BTreeMap::new());
    let compiled = compile(
        &files,
        directory.as_ref().unwrap_or(&no_units),
        calendar.as_ref().unwrap_or(&no_days),
    );
    if directory.is_some() && calendar.is_some() {
        diagnostics.extend(compiled.diagnostics);
        definition = compiled.definition;
    } else {
        let consequent = ["D007", "D012", "D020", "D027"];
        diagnostics.extend(
            compiled
                .diagnostics
                .into_iter()
                .filter(|d| !consequent.contains(&d.code)),
        );
    }
    Folder {
        hash: definition_hash(&files),
        texts: read,
        files,
        directory,
        calendar,
        definition,
        diagnostics,
    }
}

/// Where the cell stands that a fault of the calendar file is about, and how long it is.
fn csv_place(text: &str, fault: &CsvFault) -> (u64, u64) {
    let row = fault.line.saturating_sub(1);
    let line = text.lines().nth(row).unwrap_or_default();
    let cells: Vec<&str> = line.split(',').collect();
    let at = ["date", "kind", "name"]
        .iter()
        .position(|column| *column == fault.column)
        .filter(|at| *at < cells.len());
    let Some(at) = at else { return (1, 0) };
    let before: usize = cells[..at]
        .iter()
        .map(|cell| cell.chars().count() + 1)
        .sum();
    (before as u64 + 1, cells[at].chars().count() as u64)
}

/// Where the value of a field at the margin stands, and how long it is.
fn value_place(text: &str, field: &str) -> (u64, u64, u64) {
    for (row, line) in text.lines().enumerate() {
        if let Some(rest) = line.strip_prefix(field) {
            let value = rest.split('#').next().unwrap_or_default().trim();
            let before = field.len() + rest.len() - rest.trim_start().len();
            return (
                row as u64 + 1,
                before as u64 + 1,
                value.chars().count() as u64,
            );
        }
    }
    (0, 0, 0)
}

impl Folder {
    /// Errors found.
    pub fn errors(&self) -> impl Iterator<Item = &Diagnostic> {
        self.diagnostics
            .iter()
            .filter(|d| d.severity == Severity::Error)
    }

    /// As [`Folder::deployment`], for a ledger that is not in force yet: a running one is changed
    /// only by `duban deploy`, which shows first what changes.
    pub fn first_deployment(&self) -> Result<Vec<Envelope>, Fault> {
        let mut events = self.deployment()?;
        for event in &mut events {
            if let Body::DefinitionDeployed(deployed) = &mut event.body {
                deployed.expects = Some(Expects::default());
            }
        }
        Ok(events)
    }

    /// The events that bring it into force: calendar, directory, definition. Their ids follow from
    /// their content, so sending them twice does nothing.
    pub fn deployment(&self) -> Result<Vec<Envelope>, Fault> {
        let (Some(definition), Some(directory), Some(calendar)) =
            (&self.definition, &self.directory, &self.calendar)
        else {
            let list: Vec<String> = self.errors().map(ToString::to_string).collect();
            return Err(format!(
                "the definition has {} errors:\n{}",
                list.len(),
                list.join("\n")
            )
            .into());
        };
        let tenant = &definition.tenant;
        let event = |kind: RecordType, body: Body| {
            let digest = duban_model::RecordId::derive(&[body.to_json().as_bytes()]);
            Envelope {
                id: format!("{}/{digest}", kind.as_str()),
                source: DEPLOY_SOURCE.to_owned(),
                kind,
                time: None,
                tenant: tenant.clone(),
                ledger: None,
                body,
            }
        };
        let calendar = event(
            RecordType::CalendarDeployed,
            Body::CalendarDeployed(CalendarDeployed {
                calendar: calendar.clone(),
                by: None,
                reason: None,
                expects: None,
            }),
        );
        let directory = event(
            RecordType::DirectoryDeployed,
            Body::DirectoryDeployed(DirectoryDeployed {
                directory: directory.clone(),
                by: None,
                reason: None,
                expects: None,
            }),
        );
        let mut deployed = event(
            RecordType::DefinitionDeployed,
            Body::DefinitionDeployed(DefinitionDeployed {
                ledger: definition.ledger.clone(),
                files: self.files.clone(),
                by: None,
                reason: None,
                expects: None,
            }),
        );
        deployed.ledger = Some(definition.ledger.clone());
        Ok(vec![calendar, directory, deployed])
    }
}
