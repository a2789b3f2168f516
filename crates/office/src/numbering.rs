//! The numbers that Word puts before paragraphs by itself: they are in no text.

use std::collections::BTreeMap;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use crate::archive::Archive;
use crate::docx::attribute;
use crate::text::chinese;

/// Deepest level of a numbered list, as Word has it.
const LEVELS: usize = 9;

#[derive(Clone, Debug, Default)]
struct Level {
    start: u32,
    format: String,
    text: String,
}

/// The numbered lists of a document, and how far each has counted.
#[derive(Debug, Default)]
pub(crate) struct Numbering {
    /// Level by definition and depth.
    levels: BTreeMap<(String, usize), Level>,
    /// From list to definition.
    lists: BTreeMap<String, String>,
    counted: BTreeMap<(String, usize), u32>,
}

impl Numbering {
    /// Reads `word/numbering.xml`; a part that is missing or broken numbers nothing.
    pub fn read(archive: &Archive) -> Numbering {
        let mut numbering = Numbering::default();
        let Some(text) = archive
            .part("word/numbering.xml")
            .and_then(|bytes| std::str::from_utf8(bytes).ok())
        else {
            return numbering;
        };
        let mut reader = Reader::from_str(text);
        let (mut definition, mut list, mut level) = (String::new(), String::new(), 0);
        while let Ok(event) = reader.read_event() {
            let element: BytesStart<'_> = match event {
                Event::Start(element) | Event::Empty(element) => element,
                Event::Eof => break,
                _ => continue,
            };
            let name = element.local_name();
            let of = |name: &str| attribute(&element, name).unwrap_or_default();
            match name.as_ref() {
                "abstractNum" => definition = of("abstractNumId"),
                "num" => list = of("numId"),
                "abstractNumId" => {
                    numbering.lists.insert(list.clone(), of("val"));
                }
                "lvl" => {
                    level = of("ilvl").parse().unwrap_or(LEVELS);
                    if level < LEVELS {
                        let entry = Level {
                            start: 1,
                            ..Level::default()
                        };
                        numbering.levels.insert((definition.clone(), level), entry);
                    }
                }
                part @ ("start" | "numFmt" | "lvlText") => {
                    if let Some(entry) = numbering.levels.get_mut(&(definition.clone(), level)) {
                        match part {
                            "start" => entry.start = of("val").parse().unwrap_or(1),
                            "numFmt" => entry.format = of("val"),
                            _ => entry.text = of("val"),
                        }
                    }
                }
                _ => {}
            }
        }
        numbering
    }

    /// The number before the next paragraph of a list at a level, as Word would show it.
    pub fn next(&mut self, list: &str, level: usize) -> String {
        let Some(definition) = self.lists.get(list).cloned() else {
            return String::new();
        };
        let Some(entry) = self.levels.get(&(definition.clone(), level)).cloned() else {
            return String::new();
        };
        if entry.format == "bullet" || entry.format == "none" {
            return String::new();
        }
        self.counted
            .entry((definition.clone(), level))
            .and_modify(|n| *n = n.saturating_add(1))
            .or_insert(entry.start);
        for deeper in level + 1..LEVELS {
            self.counted.remove(&(definition.clone(), deeper));
        }
        let mut text = entry.text;
        for upper in 0..=level {
            let mark = format!("%{}", upper + 1);
            if !text.contains(&mark) {
                continue;
            }
            let key = (definition.clone(), upper);
            let value = self.counted.get(&key).copied().unwrap_or(1);
            let format = self
                .levels
                .get(&key)
                .map_or("decimal", |l| l.format.as_str());
            text = text.replace(&mark, &shown(value, format));
        }
        text
    }
}

fn shown(value: u32, format: &str) -> String {
    if format.starts_with("chinese") || format.starts_with("japaneseCounting") {
        return chinese(value);
    }
    if format == "decimalEnclosedCircle" || format == "decimalEnclosedCircleChinese" {
        let circled = char::from_u32(0x245f + value).filter(|_| (1..=20).contains(&value));
        return circled.map_or_else(|| value.to_string(), String::from);
    }
    value.to_string()
}
