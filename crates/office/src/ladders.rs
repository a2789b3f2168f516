//! The ladders with which an imported ledger begins: those that its tasks name, and no other.

const LADDERS: &str = include_str!("ladders.yaml");

/// The text of the ladders that the tasks, as written, name.
pub(crate) fn named_in(tasks: &str) -> String {
    let named = |ladder: &str| {
        tasks.match_indices("ladder: ").any(|(at, word)| {
            let rest = &tasks[at + word.len()..];
            let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            &rest[..end.unwrap_or(rest.len())] == ladder
        })
    };
    let parts: Vec<&str> = LADDERS
        .trim_end()
        .split("\n\n")
        .enumerate()
        .filter(|(place, part)| {
            // What stands before the first ladder is for all of them.
            let name = part.lines().find_map(|line| {
                let name = line.strip_prefix("  ")?.strip_suffix(':')?;
                (!name.starts_with([' ', '#'])).then_some(name)
            });
            *place == 0 || name.is_none_or(named)
        })
        .map(|(_, part)| part)
        .collect();
    parts.join("\n\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ladders_that_a_task_names_are_written() {
        let text = named_in(
            "    ladder: fixed\n      - { unit: a, role: support, ladder: period_support }\n",
        );
        let names: Vec<&str> = text
            .lines()
            .filter_map(|line| line.strip_prefix("  ")?.strip_suffix(':'))
            .filter(|name| !name.starts_with(' '))
            .collect();
        assert_eq!(names, ["fixed", "period_support"]);
        assert!(
            text.starts_with("# ") && text.contains("\nladders:\n"),
            "{text}"
        );
    }
}
