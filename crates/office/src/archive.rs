//! The zip archive that a docx or xlsx is, unpacked within limits.

use std::collections::BTreeMap;
use std::io::{Cursor, Read};

use zip::ZipArchive;

use crate::limit::{MAX_PART_BYTES, MAX_PARTS, MAX_UNPACKED_BYTES};
use crate::refusal::Refusal;

/// The XML parts of an archive, unpacked.
pub(crate) struct Archive {
    /// Unpacked parts by name.
    parts: BTreeMap<String, Vec<u8>>,
    /// Pictures and the like: names of parts that are not read.
    pub others: Vec<String>,
}

fn damaged(found: impl std::fmt::Display) -> Refusal {
    Refusal::new(
        "文件",
        format!("压缩包不完整或已损坏({found})"),
        "完整的 docx 或 xlsx 文件",
        "用 Word、WPS 或 Excel 打开后另存一份,再导入",
    )
}

fn too_much(part: &str, limit: usize) -> Refusal {
    Refusal::new(
        format!("文件内的 {part}"),
        format!("解压后超过 {} MiB", limit >> 20),
        format!(
            "单个部分不超过 {} MiB,合计不超过 {} MiB",
            MAX_PART_BYTES >> 20,
            MAX_UNPACKED_BYTES >> 20
        ),
        "删去无关的工作表和空白格式,另存后再导入",
    )
}

impl Archive {
    /// Unpacks every XML part. What is packed beyond the limits, encrypted, or declares entities is
    /// refused before anything is read from it.
    pub fn open(bytes: &[u8]) -> Result<Archive, Refusal> {
        let mut zip = ZipArchive::new(Cursor::new(bytes)).map_err(damaged)?;
        if zip.len() > MAX_PARTS {
            return Err(Refusal::new(
                "文件",
                format!("压缩包内有 {} 个部分", zip.len()),
                format!("不超过 {MAX_PARTS} 个"),
                "另存为新的 docx 或 xlsx 文件后再导入",
            ));
        }
        let mut archive = Archive {
            parts: BTreeMap::new(),
            others: Vec::new(),
        };
        let mut total = 0_usize;
        for index in 0..zip.len() {
            let part = zip.by_index(index).map_err(damaged)?;
            let name = part
                .name()
                .map_err(damaged)?
                .trim_start_matches('/')
                .to_owned();
            let is_xml = std::path::Path::new(&name)
                .extension()
                .is_some_and(|e| e.eq_ignore_ascii_case("xml") || e.eq_ignore_ascii_case("rels"));
            if !is_xml {
                archive.others.push(name);
                continue;
            }
            // The size that the archive claims may be a lie, so what comes out is counted.
            let mut unpacked = Vec::new();
            part.take(MAX_PART_BYTES as u64 + 1)
                .read_to_end(&mut unpacked)
                .map_err(damaged)?;
            total += unpacked.len();
            if unpacked.len() > MAX_PART_BYTES {
                return Err(too_much(&name, MAX_PART_BYTES));
            }
            if total > MAX_UNPACKED_BYTES {
                return Err(too_much(&name, MAX_UNPACKED_BYTES));
            }
            if declares(&unpacked) {
                return Err(Refusal::new(
                    format!("文件内的 {name}"),
                    "XML 带有 DOCTYPE 或实体声明",
                    "Office 写出的 XML,从不带这种声明",
                    "不要使用来历不明的文件;用 Word、WPS 或 Excel 另存后再导入",
                ));
            }
            archive.parts.insert(name, unpacked);
        }
        Ok(archive)
    }

    /// An unpacked part.
    pub fn part(&self, name: &str) -> Option<&[u8]> {
        self.parts.get(name).map(Vec::as_slice)
    }

    /// The names of the unpacked parts.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.parts.keys().map(String::as_str)
    }
}

/// True if the text declares a document type, by which entities could be defined.
fn declares(xml: &[u8]) -> bool {
    let upper = |at: usize, word: &[u8]| {
        xml.get(at..at + word.len())
            .is_some_and(|part| part.eq_ignore_ascii_case(word))
    };
    xml.windows(2)
        .enumerate()
        .filter(|(_, pair)| pair == b"<!")
        .any(|(at, _)| upper(at, b"<!DOCTYPE") || upper(at, b"<!ENTITY"))
}
