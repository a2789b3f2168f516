//! Whatever is read from outside, mutated: nothing panics, nothing takes long, and what is refused is
//! refused with words. The fuzz targets below `tests/fuzz` call the same functions for longer.
//!
//! `DUBAN_HOSTILE_SEED` begins elsewhere, `DUBAN_HOSTILE_ROUNDS` multiplies the inputs. With
//! `DUBAN_FUZZ_SEEDS` set to a folder, the good inputs are written there, for `cargo xtask fuzz`.

use std::fmt::Write;
use std::panic::catch_unwind;
use std::path::Path;
use std::time::Duration;

use duban_model::frame::{FrameHead, Position};
use duban_model::record::MAX_EVENT_BYTES;
use duban_model::{Frame, Service};
use duban_runtime::clock::stopwatch;
use duban_tests::dice::Dice;
use duban_tests::duban::workspace;
use duban_tests::parsers::{OFFICE, PARSERS, Parser, spelled_rows};
use duban_tests::scenario::read;

/// Mutations of each parser's good inputs in one run, by how long one takes.
const MUTATIONS: &[(&str, u32)] = &[
    ("frame", 2_000),
    ("record", 4_000),
    ("event", 4_000),
    ("intake", 2_000),
    ("ledger", 600),
    ("tasks", 300),
    ("condition", 3_000),
    ("calendar", 300),
    ("directory", 300),
    ("words", 6_000),
    ("cron", 1_500),
    ("rows", 200),
    ("document", 600),
    ("deadline", 6_000),
];

/// No single input may take longer: a bomb would take minutes, and machines under test are slow.
const LONGEST: Duration = Duration::from_secs(10);

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |text| {
        text.parse()
            .unwrap_or_else(|_| panic!("{name}=`{text}` is no number"))
    })
}

fn file(path: &str) -> Vec<u8> {
    read(&workspace().join(path))
        .expect("a file of ours")
        .into_bytes()
}

fn bytes(path: &str) -> Vec<u8> {
    std::fs::read(workspace().join(path)).expect("a document of ours")
}

/// The good inputs of a parser, from the repository's own files and from records just written.
fn good(parser: &str) -> Vec<Vec<u8>> {
    let events = || -> Vec<Vec<u8>> {
        let sample = file("workflows/tongliao-2021/sample-events.ndjson");
        let sample = String::from_utf8_lossy(&sample);
        let guide = file("workflows/README.md");
        let guide = String::from_utf8_lossy(&guide).into_owned();
        let shown = guide
            .split("```json\n")
            .skip(1)
            .filter_map(|rest| rest.split("\n```").next());
        let some = sample.lines().step_by(17).chain(shown);
        some.map(|line| line.as_bytes().to_vec())
            .chain(OFFICE.events.iter().map(|e| e.clone().into_bytes()))
            .collect()
    };
    match parser {
        "frame" => OFFICE
            .records
            .chunks(9)
            .step_by(3)
            .map(|chunk| {
                let frame = Frame::new(
                    FrameHead {
                        service: Service::Rules,
                        incarnation: 7,
                        number: 1,
                        through: Position { seq: 3, index: 2 },
                        release: "0.1.0".to_owned(),
                        previous: None,
                    },
                    chunk.iter().map(|(_, r)| r.clone().into()).collect(),
                );
                let mut bytes = frame.encode_head().into_bytes();
                bytes.push(b'\n');
                bytes.extend(frame.encode_batch());
                bytes
            })
            .filter(|bytes| bytes.len() < 20_000)
            .collect(),
        "record" => OFFICE
            .records
            .iter()
            .map(|(_, record)| record.to_json().into_bytes())
            .filter(|bytes| bytes.len() < 20_000)
            .step_by(5)
            .collect(),
        "event" => events(),
        "intake" => {
            let plain = events();
            let with_subject = plain.iter().map(|event| {
                let mut bytes = b"test.publication.published\n".to_vec();
                bytes.extend_from_slice(event);
                bytes
            });
            with_subject.chain(plain.clone()).collect()
        }
        "ledger" => vec![
            file("workflows/tongliao-2021/ledger.yaml"),
            file("tests/tests/scenarios/ledgers/small/ledger.yaml"),
        ],
        "tasks" => vec![
            file("tests/tests/bad/good/tasks.yaml"),
            file("tests/tests/scenarios/ledgers/small/tasks.yaml"),
        ],
        "condition" => CONDITIONS.iter().map(|c| c.as_bytes().to_vec()).collect(),
        "calendar" => vec![file("workflows/calendars/cn-workdays.csv")],
        "directory" => vec![
            file("tests/tests/bad/good/directory.yaml"),
            file("tests/tests/scenarios/ledgers/small/directory.yaml"),
        ],
        "words" => WORDS.iter().map(|w| w.as_bytes().to_vec()).collect(),
        "cron" => CRONS.iter().map(|c| c.as_bytes().to_vec()).collect(),
        "rows" => spelled_rows(),
        "document" => {
            let whole = ["csv", "gbk.csv", "xlsx", "docx"]
                .map(|end| bytes(&format!("tests/documents/tongliao-2021-ledger.{end}")));
            let texts = DOCUMENTS.iter().map(|text| text.as_bytes().to_vec());
            let units = bytes("tests/documents/tongliao-units.csv");
            whole.into_iter().chain(texts).chain([units]).collect()
        }
        "deadline" => DEADLINES.iter().map(|d| d.as_bytes().to_vec()).collect(),
        other => panic!("no good inputs for {other}"),
    }
}

const DOCUMENTS: &[&str] = &[
    r#"<w:document><w:body><w:p><w:r><w:t>2021年清单</w:t></w:r></w:p><w:tbl><w:tr><w:tc><w:tcPr><w:gridSpan w:val="2"/></w:tcPr><w:p><w:r><w:t>任务名称</w:t></w:r></w:p></w:tc><w:tc><w:p><w:r><w:t>具体任务</w:t></w:r></w:p></w:tc><w:tc><w:p><w:r><w:t>责任单位</w:t></w:r></w:p></w:tc><w:tc><w:p><w:r><w:t>完成时限</w:t></w:r></w:p></w:tc></w:tr><w:tr><w:tc><w:tcPr><w:vMerge w:val="restart"/></w:tcPr><w:p><w:r><w:t>一、公开</w:t></w:r></w:p></w:tc><w:tc><w:p/></w:tc><w:tc><w:p><w:r><w:t>1.公开规划</w:t></w:r></w:p></w:tc><w:tc><w:p><w:r><w:t>开鲁县牵头,有关部门配合</w:t></w:r></w:p></w:tc><w:tc><w:p><w:r><w:t>2021年9月底</w:t></w:r></w:p></w:tc></w:tr><w:tr><w:tc><w:tcPr><w:vMerge/></w:tcPr><w:p/></w:tc><w:tc><w:p/></w:tc><w:tc><w:p><w:r><w:t>2.鼓励公开预算</w:t></w:r></w:p></w:tc><w:tc><w:p/></w:tc><w:tc><w:p><w:r><w:t>每季度末</w:t></w:r></w:p></w:tc></w:tr></w:tbl></w:body></w:document>"#,
    r#"<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData><row r="1"><c r="A1" t="inlineStr"><is><t>具体任务</t></is></c><c r="B1" t="inlineStr"><is><t>责任单位</t></is></c><c r="C1" t="inlineStr"><is><t>完成时限</t></is></c></row><row r="2"><c r="A2" t="inlineStr"><is><t>公开规划</t></is></c><c r="B2" t="inlineStr"><is><t>开鲁县</t></is></c><c r="C2"><v>44561</v></c></row><row r="3"><c r="A3" t="inlineStr"><is><t>公开预算</t></is></c></row></sheetData><mergeCells count="1"><mergeCell ref="B2:B3"/></mergeCells></worksheet>"#,
    "2021年重点任务\n一、公开\n1.公开规划信息。(开鲁县牵头,有关部门配合,2021年9月底前完成)\n2.公开预算信息。\n责任单位:开鲁县\n完成时限:第三季度\n",
];
const DEADLINES: &[&str] = &[
    "2021年12月底前",
    "二〇二一年十二月三十一日",
    "2021.3-2021.10",
    "信息形成后20个工作日内",
    "每年6月底和12月底前",
    "每季度首月10日前",
    "第三季度前",
    "全年持续推进",
    "即日起至明年1月",
    "12.31",
];
const CONDITIONS: &[&str] = &[
    r#"publication.category == "规划" && publication.validity == "有效" && size(publication.number) > 0"#,
    r#"publication.kind in ["规划纲要"] || !has(publication.url)"#,
    r#"publication.formats.exists(f, f in ["pdf", "ofd"]) && publication.written >= "2021-07-01""#,
    r#"publication.formats.all(a, publication.formats.exists_one(b, a == b && b.startsWith("p")))"#,
    r#"publication.title.contains("规划") ? publication.formats[0] == 'html' : publication.title < "ab\n\u4e2d""#,
    r#"publication.category == "规划" && publication.category != "财政" && 1 < 2"#,
    "-1 + 2u * 3.5 / 1e308 % 0x7fffffffffffffff == [1, {2: b'\\xff'}][0]",
];
const WORDS: &[&str] = &[
    "15wd",
    "10d",
    "2021-07",
    "2021Q3",
    "2021H2",
    "2021",
    "before:15wd",
    "due",
    "overdue:5wd",
    "2021-07-05T10:00:00+08:00",
    "2021-07-05T10:00:00.123Z",
    "Asia/Shanghai",
    "rules",
    "0123456789abcdef0123456789abcdef",
    "9999-12-31T23:59:59Z",
    "-9999-01-01T00:00:00Z",
];
const CRONS: &[&str] = &[
    "10 9 1 JAN,APR,JUL,OCT *",
    "0 10 9 1 */3 *",
    "*/5 0-23/2 * * MON-FRI",
    "0 0 31 2 *",
    "59 23 29 2 SUN",
];

/// What is slipped into a text.
const SLIPS: &[&str] = &[
    "\0",
    "\u{7f}",
    "\u{feff}",
    "\r\n",
    "\u{2028}",
    "规",
    "𠮷",
    "\"",
    "'",
    "\\",
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "&a ",
    "*a ",
    "<<: ",
    "!!binary ",
    "99999999999999999999",
    "-1",
    "1e400",
    "0x10",
    "null",
    "true",
    "~",
    "2021-02-30",
    "262143-12-31",
    "-262144-01-01",
    "+08:00",
    "18446744073709551615",
    "9223372036854775807",
    "\u{202e}",
    "\t",
    "# ",
    "---\n",
    "|",
    ">-",
];

fn mutated(dice: &mut Dice, good: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = dice.one_of(good).clone();
    let place = |dice: &mut Dice, len: usize| {
        usize::try_from(dice.below(len as u64 + 1)).unwrap_or_default()
    };
    for _ in 0..=dice.below(4) {
        let at = place(dice, bytes.len());
        match dice.below(10) {
            // Cut off, also in the middle of a character.
            0 => bytes.truncate(at),
            1 | 2 if at < bytes.len() => {
                let bit = dice.below(8);
                bytes[at] ^= 1 << bit;
            }
            3 | 4 => {
                let slip = dice.one_of(SLIPS).as_bytes();
                bytes.splice(at..at, slip.iter().copied());
            }
            5 => {
                let end = (at + place(dice, 12)).min(bytes.len());
                bytes.drain(at..end);
            }
            8 | 9 => {
                // Another text, number or date where one stands in quotes.
                let ends: Vec<usize> = (at..bytes.len()).filter(|i| bytes[*i] == b'"').collect();
                if let [from, to, ..] = ends[..] {
                    let other = if dice.below(2) == 0 {
                        dice.one_of(WORDS)
                    } else {
                        dice.one_of(SLIPS)
                    };
                    bytes.splice(from + 1..to, other.bytes());
                }
            }
            6 => {
                // A run of the same again and again.
                let end = (at + place(dice, 40)).min(bytes.len());
                let part = bytes[at..end].to_vec();
                for _ in 0..=dice.below(6) {
                    bytes.splice(at..at, part.iter().copied());
                }
            }
            _ => {
                let other = dice.one_of(good);
                let from = place(dice, other.len());
                let end = (from + place(dice, 60)).min(other.len());
                bytes.splice(at..at, other[from..end].iter().copied());
            }
        }
        if bytes.len() > MAX_EVENT_BYTES {
            bytes.truncate(MAX_EVENT_BYTES);
        }
    }
    bytes
}

fn fed(parser: Parser, name: &str, why: &str, input: &[u8]) {
    let began = stopwatch();
    if catch_unwind(|| parser(input)).is_err() {
        let shown: String = String::from_utf8_lossy(input).chars().take(4_000).collect();
        panic!("{name} panicked on {why}:\n{}", shown.escape_debug());
    }
    let took = began.elapsed();
    assert!(took < LONGEST, "{name} took {took:?} on {why}");
}

#[test]
fn good_inputs_are_read() {
    for (name, parser) in PARSERS {
        for (number, input) in good(name).iter().enumerate() {
            fed(*parser, name, &format!("good input {number}"), input);
            if let Some(folder) = std::env::var_os("DUBAN_FUZZ_SEEDS") {
                let folder = Path::new(&folder).join(name);
                std::fs::create_dir_all(&folder).expect("a folder for seeds");
                std::fs::write(folder.join(format!("good-{number}")), input).expect("a seed");
            }
        }
    }
}

#[test]
fn no_mutation_of_a_good_input_panics() {
    let seed = number("DUBAN_HOSTILE_SEED", 20_211_123);
    let rounds = number("DUBAN_HOSTILE_ROUNDS", 1);
    for (name, parser) in PARSERS {
        let (_, count) = MUTATIONS
            .iter()
            .find(|(parser, _)| parser == name)
            .unwrap_or_else(|| panic!("say how many mutations of {name}"));
        let good = good(name);
        let began = stopwatch();
        let mut dice = Dice::new(seed);
        for turn in 0..u64::from(*count) * rounds {
            let input = mutated(&mut dice, &good);
            fed(
                *parser,
                name,
                &format!("mutation {turn} of seed {seed}"),
                &input,
            );
        }
        eprintln!(
            "{name}: {} inputs in {:?}",
            u64::from(*count) * rounds,
            began.elapsed()
        );
    }
}

/// Small texts that would become large or deep if a reader trusted them.
fn bombs() -> Vec<(&'static str, Vec<u8>)> {
    let deep = 100_000;
    let mut laughs = String::from("a0: &a0 [ha, ha, ha, ha, ha, ha, ha, ha, ha]\n");
    for n in 1..30 {
        let before = vec![format!("*a{}", n - 1); 9].join(", ");
        writeln!(laughs, "a{n}: &a{n} [{before}]").expect("memory");
    }
    let wide = |open: &str| {
        let mut text = String::from(open);
        while text.len() + 12 < MAX_EVENT_BYTES {
            text.push_str("\"x\":1,");
        }
        text
    };
    vec![
        ("lists in lists", "[".repeat(deep).into_bytes()),
        ("maps in maps", "{\"a\":".repeat(deep).into_bytes()),
        ("an event nested deep", {
            let data = format!("{}1{}", "[".repeat(deep), "]".repeat(deep));
            format!("{{\"specversion\":\"1.0\",\"id\":\"e\",\"source\":\"s\",\"type\":\"duban.task.accepted\",\"tenant\":\"test\",\"data\":{data}}}").into_bytes()
        }),
        (
            "flow lists in YAML",
            format!("tasks: {}", "[".repeat(deep)).into_bytes(),
        ),
        ("indented YAML", {
            let mut text = String::new();
            for n in 0..600 {
                writeln!(text, "{}a:", " ".repeat(n)).expect("memory");
            }
            text.into_bytes()
        }),
        ("a billion laughs", laughs.clone().into_bytes()),
        (
            "laughing tasks",
            format!("{laughs}tasks: *a29\n").into_bytes(),
        ),
        ("an anchor within itself", b"tasks: &a [*a]\n".to_vec()),
        (
            "merged keys",
            format!(
                "a: &a {{{}}}\ntasks: [{}]\n",
                "x: 1",
                vec!["{<<: *a}"; 9_000].join(", ")
            )
            .into_bytes(),
        ),
        (
            "a wide event",
            wide("{\"specversion\":\"1.0\",").into_bytes(),
        ),
        ("an event of the largest size", vec![b'\"'; MAX_EVENT_BYTES]),
        (
            "an event beyond the largest size",
            vec![b'['; MAX_EVENT_BYTES * 4],
        ),
        (
            "escapes",
            "\\u0000".repeat(MAX_EVENT_BYTES / 6).into_bytes(),
        ),
        ("one long line of commas", vec![b','; MAX_EVENT_BYTES]),
        ("many lines", vec![b'\n'; MAX_EVENT_BYTES]),
        ("digits", vec![b'9'; 100_000]),
        (
            "cron of many values",
            format!("{} * * * *", vec!["1"; 50_000].join(",")).into_bytes(),
        ),
        (
            "cron of great steps",
            b"*/4294967295 0-4294967295 * * *".to_vec(),
        ),
        ("parentheses", "(".repeat(deep).into_bytes()),
        (
            "negations",
            format!("{}true", "!".repeat(1_990)).into_bytes(),
        ),
        (
            "selections",
            format!("publication{}", ".title".repeat(330)).into_bytes(),
        ),
        (
            "calls",
            format!("publication.title{} == 'a'", ".size()".repeat(280)).into_bytes(),
        ),
        (
            "conjunctions",
            format!("publication.title == ''{}", "&&true".repeat(329)).into_bytes(),
        ),
        (
            "loops",
            format!(
                "{}true{}",
                "publication.formats.all(a, ".repeat(60),
                ")".repeat(60)
            )
            .into_bytes(),
        ),
    ]
}

#[test]
fn a_bomb_is_refused_in_bounded_time() {
    for (why, bomb) in bombs() {
        for (name, parser) in PARSERS {
            fed(*parser, name, why, &bomb);
        }
    }
}
