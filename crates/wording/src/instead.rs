//! Why a notice goes to somebody else than the one asked for, as a sentence for its reader.

use chrono::NaiveDate;
use duban_model::definition::Language;
use duban_model::directory::Channel;

/// Why somebody is told who was not asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Instead<'a> {
    /// Nobody on the rung asked for can be told, so another person of the unit is.
    Colleague {
        /// The unit by its short name.
        unit: &'a str,
    },
    /// Nobody of the unit can be told, so the unit above it is.
    Superior {
        /// The unit that nobody can be told of.
        unit: &'a str,
    },
    /// Nobody of the unit can be told, so the supervising office is.
    Office {
        /// The unit that nobody can be told of.
        unit: &'a str,
    },
    /// The one before was tried in vain.
    Unreached {
        /// That person's unit.
        unit: &'a str,
        /// That person's title.
        title: &'a str,
        /// The channel on which they could not be reached.
        channel: Channel,
    },
    /// The reader stands in for somebody who is away.
    Substitute {
        /// The absent person's unit.
        unit: &'a str,
        /// The absent person's title.
        title: &'a str,
        /// The first day away.
        from: NaiveDate,
        /// The last day away.
        to: NaiveDate,
    },
    /// The reader is away, and nobody else is left.
    Away,
}

/// The sentence, without its full stop.
pub fn instead(why: &Instead<'_>, language: Language) -> String {
    let chinese = language == Language::Chinese;
    match *why {
        Instead::Colleague { unit } if chinese => {
            format!("{unit}无可用的应通知人员,转告本单位其他人员")
        }
        Instead::Colleague { unit } => {
            format!("nobody of {unit} who should be told can be, so a colleague is")
        }
        Instead::Superior { unit } if chinese => {
            format!("{unit}没有可用的联系方式,转告上级单位")
        }
        Instead::Superior { unit } => {
            format!("nobody of {unit} can be told, so the unit above it is")
        }
        Instead::Office { unit } if chinese => {
            format!("{unit}没有可用的联系方式,转告主管部门")
        }
        Instead::Office { unit } => {
            format!("nobody of {unit} can be told, so the supervising office is")
        }
        Instead::Unreached {
            unit,
            title,
            channel,
        } if chinese => format!(
            "{unit}{title}未能收到同一通知({}不通),改为通知您",
            channel.chinese()
        ),
        Instead::Unreached {
            unit,
            title,
            channel,
        } => format!(
            "{title} of {unit} could not be reached with this notice ({} failed), so you are told",
            channel.english()
        ),
        Instead::Substitute {
            unit,
            title,
            from,
            to,
        } if chinese => format!("代{unit}{title}:其{from}至{to}不在岗,由您代收"),
        Instead::Substitute {
            unit,
            title,
            from,
            to,
        } => format!("you stand in for {title} of {unit}, who is away from {from} to {to}"),
        Instead::Away if chinese => "您登记为不在岗,但没有其他可以通知的人员".to_owned(),
        Instead::Away => "you are listed as away, but there is nobody else to tell".to_owned(),
    }
}

/// Several sentences as one.
pub fn joined(sentences: &[String], language: Language) -> String {
    let between = match language {
        Language::Chinese => ";",
        Language::English => "; ",
    };
    sentences.join(between)
}

/// Why a notice is told to nobody, in one sentence; `unit` is the unit's short name.
pub fn nobody(unit: &str, language: Language) -> String {
    match language {
        Language::Chinese => format!("{unit}没有可用的联系方式,主管部门也没有"),
        Language::English => {
            format!("nobody of {unit} can be told, and nobody of the supervising office either")
        }
    }
}
