//! Matching alone: from an event's bytes to the requirements it meets, with conditions.

use duban_model::definition::Fulfilment;
use duban_model::{Body, Definition, Envelope};
use duban_rules::{Plan as Wanted, compile};
use serde_json::json;

use crate::Plan;
use crate::cost::{Stretch, seconds};
use crate::line::{figure, median, note, rate, short, spread};
use crate::node::started;
use crate::world::{World, calendar};

/// Events of a run.
const EVENTS: usize = 100_000;
/// The same where each event is asked every rule's condition.
const EVENTS_OF_ALL: usize = 5_000;
/// Rules that the equality in their condition does not tell apart.
const LEFT: usize = 5;
/// The one kind of publication that every rule asks for.
const KIND: &str = "政策文件";

/// How the rules' conditions are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    /// By the equality in each, looked up; five are left to be evaluated.
    Keyed,
    /// None has an equality: each is evaluated for each event.
    All,
}

/// 1,000 rules, then 10,000, each owed by all 1,000 units; then 1,000 of which no index passes over
/// any.
pub fn measure(plan: Plan) {
    let mut fewest = None;
    for (ledgers, asked, events) in [
        (plan.size(10, 1), Asked::Keyed, EVENTS),
        (plan.size(100, 5), Asked::Keyed, EVENTS),
        (plan.size(10, 1), Asked::All, EVENTS_OF_ALL),
    ] {
        let count = plan.size(events, 1_000);
        let world = World {
            groups: 1,
            ..World::with(ledgers)
        };
        let wanted = Wanted::of(&definition(&world, asked));
        let categories = world.rules() / LEFT;
        let list: Vec<String> = (0..count).map(|n| event(&world, n, categories)).collect();
        let (mut events, mut parsed, mut cpu) = (Vec::new(), Vec::new(), Vec::new());
        let mut met = 0;
        for _ in 0..plan.runs {
            let stretch = Stretch::begin();
            met = list
                .iter()
                .map(|event| wanted.offered(event.as_bytes()).expect("an event").len())
                .sum();
            events.push(rate(count, stretch.took()));
            cpu.push(stretch.own());
            let begun = started();
            for event in &list {
                std::hint::black_box(Envelope::parse(event.as_bytes()).expect("an event"));
            }
            parsed.push(rate(count, begun.elapsed()));
        }
        assert_eq!(
            met,
            LEFT * count.div_ceil(2),
            "every other event meets all that are left"
        );
        let middle = median(&events);
        let left = match asked {
            Asked::Keyed => LEFT,
            Asked::All => world.rules(),
        };
        note(&format!(
            "rules.match: {} rules, {left} evaluated: {middle:.0} events/s",
            world.rules()
        ));
        let of_fewest = fewest.filter(|_| asked == Asked::Keyed);
        figure(
            "rules.match",
            &json!({"rules": world.rules(), "units": 1_000, "events": count, "event_bytes": list[0].len(), "left_by_index": left, "met": met, "cores": 1, "log": "none"}),
            &json!({
                "events_per_s": spread(&events), "parse_alone_per_s": spread(&parsed),
                "of_fewest_rules": of_fewest.map(|fewest| short(middle / fewest)), "cpu_s": seconds(&cpu),
            }),
        );
        fewest.get_or_insert(middle);
    }
}

/// All ledgers as one, so that one plan holds every rule; each rule with a condition.
fn definition(world: &World, asked: Asked) -> Definition {
    let (directory, calendar) = (world.directory(), calendar());
    let categories = world.rules() / LEFT;
    let mut whole: Option<Definition> = None;
    let mut rule = 0;
    for number in world.numbers() {
        let compiled = compile(&world.files(number), &directory, &calendar);
        let mut one = compiled
            .definition
            .unwrap_or_else(|| panic!("{:?}", compiled.diagnostics));
        for task in &mut one.tasks {
            task.id = format!("{number}-{}", task.id);
            for owner in &mut task.owners {
                let Fulfilment::Publications(requirements) = &mut owner.fulfilled_by else {
                    panic!("the city's duties are fulfilled by publishing");
                };
                for requirement in requirements {
                    requirement.kinds = vec![KIND.to_owned()];
                    let category = category(rule % categories);
                    let compared = match asked {
                        Asked::Keyed => format!("publication.category == \"{category}\""),
                        // The same question, in a way in which no text can be looked up.
                        Asked::All => format!("publication.category.startsWith(\"{category}\")"),
                    };
                    requirement.when = Some(format!(
                        "{compared} && size(publication.number) > 0 && publication.validity != \"失效\""
                    ));
                }
            }
            rule += 1;
        }
        match &mut whole {
            None => whole = Some(one),
            Some(whole) => whole.tasks.append(&mut one.tasks),
        }
    }
    whole.expect("a ledger")
}

fn category(number: usize) -> String {
    format!("主题分类第{number}类")
}

/// A publication of the kind; every other one is no longer valid and meets nothing.
fn event(world: &World, n: usize, categories: usize) -> String {
    let mut event = world.publication(n, true);
    if let Body::PublicationPublished(publication) = &mut event.body {
        KIND.clone_into(&mut publication.kind);
        publication.category = Some(category(n * 7 % categories));
        if n % 2 == 1 {
            publication.validity = Some("失效".to_owned());
        }
    }
    event.to_json()
}
