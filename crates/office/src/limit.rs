//! How much of a document is read. What is larger is refused with words, not tried.

/// The largest document, in bytes as stored.
pub const MAX_DOCUMENT_BYTES: usize = 16 << 20;
/// The largest part of an office archive, in bytes after unpacking.
pub const MAX_PART_BYTES: usize = 32 << 20;
/// All parts of an office archive together, in bytes after unpacking.
pub const MAX_UNPACKED_BYTES: usize = 64 << 20;
/// The most parts in an office archive.
pub const MAX_PARTS: usize = 5_000;
/// The most rows of one table.
pub const MAX_ROWS: usize = 20_000;
/// The most columns of one table.
pub const MAX_COLUMNS: usize = 200;
/// The most cells of a document, empty ones between others included.
pub const MAX_CELLS: usize = 400_000;
/// The most characters of one cell or paragraph.
pub const MAX_CELL_CHARS: usize = 40_000;
/// The most characters that the cells merged into others repeat, over a whole document.
pub const MAX_REPEATED_CHARS: usize = 20_000_000;
/// The most sheets of a workbook.
pub const MAX_SHEETS: usize = 100;
/// The most paragraphs outside of tables.
pub const MAX_PARAGRAPHS: usize = 50_000;
/// How deep XML elements of a text document may lie in one another.
pub const MAX_DEPTH: usize = 200;
/// The most tasks of one ledger.
pub const MAX_TASKS: usize = 2_000;
/// The most characters of a deadline that are read as one.
pub const MAX_DEADLINE_CHARS: usize = 200;
/// The most characters of one cell of units.
pub const MAX_UNITS_CHARS: usize = 4_000;
/// The most characters of a name that are compared with the directory's.
pub const MAX_NAME_CHARS: usize = 80;
/// The most units of a directory file.
pub const MAX_UNITS: usize = 20_000;
/// The most alternatives that a question offers.
pub const MAX_ALTERNATIVES: usize = 5;
