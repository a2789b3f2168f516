//! What is left of a document when its format is forgotten: paragraphs and tables, each with its
//! place.

use crate::archive::Archive;
use crate::limit::MAX_DOCUMENT_BYTES;
use crate::refusal::Refusal;
use crate::{docx, plain, sheet};

/// How a document is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// Word.
    Docx,
    /// Excel.
    Xlsx,
    /// Separated values.
    Csv,
    /// Lines of text without columns.
    Text,
}

impl Format {
    /// Its usual name.
    pub fn as_str(self) -> &'static str {
        match self {
            Format::Docx => "docx",
            Format::Xlsx => "xlsx",
            Format::Csv => "csv",
            Format::Text => "txt",
        }
    }
}

/// One place of a table's grid.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cell {
    /// Its text with line breaks; of a merged cell, the text of the whole at each of its places.
    pub text: String,
    /// Where the merged cell that covers this place begins, if that is elsewhere.
    pub covered_by: Option<(usize, usize)>,
    /// How many columns it spans from here; 1 unless merged across.
    pub across: usize,
    /// True if a spreadsheet holds a number here and not a text.
    pub is_number: bool,
}

impl Cell {
    /// True if nothing is written here, nor in the merged cell it belongs to.
    pub fn is_empty(&self) -> bool {
        self.text.trim().is_empty()
    }
}

/// A table: rows of equal length.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    /// 表1, or the sheet's name.
    pub name: String,
    /// The grid.
    pub rows: Vec<Vec<Cell>>,
    /// False if the format cannot say which cells are merged, so that an empty one means less.
    pub knows_merges: bool,
    /// The number of the first row as the clerk counts it.
    pub first_row: usize,
    /// True if columns are told by letters, as in a spreadsheet.
    pub letters: bool,
}

impl Table {
    /// A place as the clerk finds it.
    pub fn place(&self, row: usize, column: usize) -> String {
        let row = row + self.first_row;
        if self.letters {
            format!("{}!{}{row}", self.name, letters(column))
        } else {
            format!("{}第{row}行第{}列", self.name, column + 1)
        }
    }

    /// A whole row as the clerk finds it.
    pub fn row_place(&self, row: usize) -> String {
        format!("{}第{}行", self.name, row + self.first_row)
    }

    /// The number of columns.
    pub fn width(&self) -> usize {
        self.rows.first().map_or(0, Vec::len)
    }
}

/// A column's letters in a spreadsheet.
pub(crate) fn letters(column: usize) -> String {
    let mut rest = column + 1;
    let mut out = Vec::new();
    while rest > 0 {
        let step = (rest - 1) % 26;
        out.push(char::from(b'A' + u8::try_from(step).unwrap_or_default()));
        rest = (rest - 1) / 26;
    }
    out.iter().rev().collect()
}

/// A paragraph or a table.
#[derive(Clone, Debug)]
pub(crate) enum Block {
    /// A paragraph outside of tables, with its number among paragraphs from 1.
    Paragraph(String, usize),
    /// A table.
    Table(Table),
}

/// A document.
#[derive(Clone, Debug)]
pub(crate) struct Document {
    /// How it is stored.
    pub format: Format,
    /// How its characters are stored, where that had to be found out.
    pub encoding: Option<String>,
    /// Its content in order.
    pub blocks: Vec<Block>,
    /// What was seen and cannot be read, in Chinese.
    pub unread: Vec<String>,
}

impl Document {
    /// The tables in order.
    pub fn tables(&self) -> impl Iterator<Item = &Table> {
        self.blocks.iter().filter_map(|block| match block {
            Block::Table(table) => Some(table),
            Block::Paragraph(..) => None,
        })
    }

    /// The paragraphs outside of tables, in order.
    pub fn paragraphs(&self) -> impl Iterator<Item = (&str, usize)> {
        self.blocks.iter().filter_map(|block| match block {
            Block::Paragraph(text, number) => Some((text.as_str(), *number)),
            Block::Table(_) => None,
        })
    }
}

/// Reads a document of any format; which one is found by its content, not by its name.
pub(crate) fn open(bytes: &[u8]) -> Result<Document, Refusal> {
    let formats = "docx、xlsx 或 csv 文件";
    if bytes.len() > MAX_DOCUMENT_BYTES {
        return Err(Refusal::new(
            "文件",
            format!("{} 字节", bytes.len()),
            format!("不超过 {} MiB", MAX_DOCUMENT_BYTES >> 20),
            "删去图片和无关的工作表,或者分成几个文件导入",
        ));
    }
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(Refusal::new(
            "文件",
            "空文件",
            formats,
            "检查文件是否下载完整",
        ));
    }
    let starts = |magic: &[u8]| bytes.starts_with(magic);
    if starts(b"PK\x03\x04") || starts(b"PK\x05\x06") {
        let archive = Archive::open(bytes)?;
        if archive.part("word/document.xml").is_some() {
            return docx::read(&archive);
        }
        if archive.names().any(|name| name.starts_with("xl/")) {
            return sheet::read(&archive, bytes);
        }
        let what = if archive.others.iter().any(|n| n == "mimetype") {
            "OpenDocument 文件(odt、ods)或其他压缩包"
        } else if archive.names().any(|name| name.starts_with("ppt/")) {
            "演示文稿(pptx)"
        } else if archive.others.iter().any(|n| n == "xl/workbook.bin") {
            "二进制工作簿(xlsb)"
        } else {
            "压缩包,里面没有文档"
        };
        return Err(Refusal::new(
            "文件",
            what,
            formats,
            "解压,或者用 Word、WPS、Excel 另存为 docx 或 xlsx",
        ));
    }
    if starts(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1") {
        // Names inside are UTF-16; an encrypted docx or xlsx is such a container too.
        let holds = |word: &str| {
            let wide: Vec<u8> = word.encode_utf16().flat_map(u16::to_le_bytes).collect();
            bytes.windows(wide.len()).any(|w| w == wide)
        };
        let (found, remedy) = if holds("EncryptedPackage") {
            (
                "设有打开密码的文件",
                "打开后在“文件—信息—保护”中去掉密码,另存后再导入",
            )
        } else if holds("WordDocument") {
            ("旧格式的 Word 文件(doc)", "用 Word 或 WPS 另存为 docx")
        } else if holds("Workbook") || holds("Book") {
            ("旧格式的 Excel 文件(xls)", "用 Excel 或 WPS 另存为 xlsx")
        } else {
            (
                "旧格式的 Office 文件",
                "用 Word、WPS 或 Excel 另存为 docx 或 xlsx",
            )
        };
        return Err(Refusal::new("文件", found, formats, remedy));
    }
    let others: [(&[u8], &str, &str); 7] = [
        (
            b"%PDF",
            "PDF 文件,里面是版面或者图片,不是表格",
            "请发文单位提供 docx 或 xlsx;只有扫描件的,先识别成文字并校对,再存为 docx 或 xlsx",
        ),
        (
            b"\x89PNG",
            "图片(PNG)",
            "先识别成文字并校对,再存为 docx 或 xlsx",
        ),
        (
            b"\xff\xd8\xff",
            "图片(JPEG)",
            "先识别成文字并校对,再存为 docx 或 xlsx",
        ),
        (b"{\\rtf", "RTF 文件", "用 Word 或 WPS 另存为 docx"),
        (
            b"Rar!",
            "RAR 压缩包",
            "先解压,再导入其中的 docx、xlsx 或 csv",
        ),
        (
            b"7z\xbc\xaf",
            "7z 压缩包",
            "先解压,再导入其中的 docx、xlsx 或 csv",
        ),
        (b"\x1f\x8b", "gzip 压缩包", "先解压,再导入其中的文件"),
    ];
    for (magic, found, remedy) in others {
        if starts(magic) {
            return Err(Refusal::new("文件", found, formats, remedy));
        }
    }
    plain::read(bytes)
}
