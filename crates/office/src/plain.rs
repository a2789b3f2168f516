//! Separated values and plain text: which characters, which separator.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, GB18030, UTF_8, UTF_16BE, UTF_16LE};

use crate::document::{Block, Cell, Document, Format, Table};
use crate::export::csv::restored;
use crate::limit::{MAX_CELL_CHARS, MAX_CELLS, MAX_COLUMNS, MAX_PARAGRAPHS, MAX_ROWS};
use crate::refusal::Refusal;

/// How many characters of every thousand may be controls in what still is a text.
const CONTROLS_IN_A_THOUSAND: usize = 5;

/// The text of a file, and the name of its encoding.
pub(crate) fn decode(bytes: &[u8]) -> Result<(String, &'static str), Refusal> {
    let unreadable = |found: String| {
        Refusal::new(
            "文件",
            found,
            "UTF-8、GBK 或 GB18030 编码的 csv,或者 docx、xlsx 文件",
            "用 Excel 或 WPS 打开后另存为 xlsx 或“CSV UTF-8”",
        )
    };
    let (encoding, rest): (&'static Encoding, &[u8]) =
        if let Some(rest) = bytes.strip_prefix(b"\xef\xbb\xbf") {
            (UTF_8, rest)
        } else if let Some(rest) = bytes.strip_prefix(b"\xff\xfe") {
            (UTF_16LE, rest)
        } else if let Some(rest) = bytes.strip_prefix(b"\xfe\xff") {
            (UTF_16BE, rest)
        } else if std::str::from_utf8(bytes).is_ok() {
            (UTF_8, bytes)
        } else {
            let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
            detector.feed(bytes, true);
            let guess = detector.guess(Some(b"cn"), Utf8Detection::Deny);
            // GB18030 holds all of GBK; any other guess would be a Western or Japanese page.
            let guess = if guess.name() == "GBK" {
                GB18030
            } else {
                guess
            };
            (guess, bytes)
        };
    let (text, _, faulty) = encoding.decode(rest);
    if faulty {
        return Err(unreadable(format!("不是完整的 {} 文字", encoding.name())));
    }
    let controls = text
        .chars()
        .filter(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
        .count();
    if controls * 1000 > text.chars().count() * CONTROLS_IN_A_THOUSAND {
        return Err(unreadable("不是文字的内容".to_owned()));
    }
    Ok((text.into_owned(), encoding.name()))
}

/// Reads separated values, or lines of text if there are no columns.
pub(crate) fn read(bytes: &[u8]) -> Result<Document, Refusal> {
    let (text, encoding) = decode(bytes)?;
    if text.trim_start().starts_with("<!DOCTYPE") || text.trim_start().starts_with("<html") {
        return Err(Refusal::new(
            "文件",
            "网页(HTML)",
            "docx、xlsx 或 csv 文件",
            "在浏览器中复制表格,粘贴到 Excel 或 Word 后保存",
        ));
    }
    let mut best: Option<(usize, Vec<Vec<String>>)> = None;
    for separator in [b',', b'\t', b';', b'|'] {
        let rows = records(&text, separator)?;
        let columns = usual_width(&rows);
        if columns > best.as_ref().map_or(1, |(width, _)| *width) {
            best = Some((columns, rows));
        }
    }
    let mut document = Document {
        format: Format::Csv,
        encoding: Some(encoding.to_owned()),
        blocks: Vec::new(),
        unread: Vec::new(),
    };
    match best {
        Some((_, rows)) => {
            let width = rows.iter().map(Vec::len).max().unwrap_or(0);
            if rows.len() > MAX_ROWS || width > MAX_COLUMNS || rows.len() * width > MAX_CELLS {
                return Err(too_large(rows.len(), width));
            }
            let rows = rows
                .into_iter()
                .map(|mut row| {
                    row.resize(width, String::new());
                    row.into_iter()
                        .map(|text| Cell {
                            text: restored(&text).replace("\r\n", "\n").replace('\r', "\n"),
                            covered_by: None,
                            across: 1,
                            is_number: false,
                        })
                        .collect()
                })
                .collect();
            document.blocks.push(Block::Table(Table {
                name: "表格".to_owned(),
                rows,
                knows_merges: false,
                first_row: 1,
                letters: false,
            }));
        }
        None => {
            document.format = Format::Text;
            let lines = text.lines().map(str::trim).filter(|l| !l.is_empty());
            for (number, line) in (1..).zip(lines) {
                if number > MAX_PARAGRAPHS || line.chars().count() > MAX_CELL_CHARS {
                    return Err(too_large(number, 1));
                }
                document
                    .blocks
                    .push(Block::Paragraph(line.to_owned(), number));
            }
        }
    }
    Ok(document)
}

fn too_large(rows: usize, columns: usize) -> Refusal {
    Refusal::new(
        "文件",
        format!("{rows} 行、{columns} 列,或者一格过长"),
        format!(
            "不超过 {MAX_ROWS} 行、{MAX_COLUMNS} 列、{MAX_CELLS} 格,每格不超过 {MAX_CELL_CHARS} 字"
        ),
        "删去无关的行和列,或者分成几个文件导入",
    )
}

fn records(text: &str, separator: u8) -> Result<Vec<Vec<String>>, Refusal> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(separator)
        .from_reader(text.as_bytes());
    let mut rows = Vec::new();
    let mut cells = 0;
    for record in reader.records() {
        let record = record.map_err(|fault| {
            Refusal::new(
                "文件",
                format!("第{}行起不能按列分开({fault})", rows.len() + 1),
                "csv 文件",
                "检查引号是否成对",
            )
        })?;
        cells += record.len();
        if rows.len() >= MAX_ROWS || cells > MAX_CELLS {
            return Err(too_large(rows.len() + 1, record.len()));
        }
        if record
            .iter()
            .any(|cell| cell.chars().count() > MAX_CELL_CHARS)
        {
            return Err(too_large(rows.len() + 1, record.len()));
        }
        rows.push(record.iter().map(ToOwned::to_owned).collect());
    }
    Ok(rows)
}

/// The number of columns that most rows have; 1 if there is no such number.
fn usual_width(rows: &[Vec<String>]) -> usize {
    let mut counts = std::collections::BTreeMap::new();
    for row in rows
        .iter()
        .filter(|r| r.iter().any(|c| !c.trim().is_empty()))
    {
        *counts.entry(row.len()).or_insert(0_usize) += 1;
    }
    let all: usize = counts.values().sum();
    counts
        .into_iter()
        .max_by_key(|(width, count)| (*count, *width))
        .filter(|(_, count)| count * 2 >= all)
        .map_or(1, |(width, _)| width)
}
