//! Every address × everybody: what is answered follows from what the address is declared to need.

use std::collections::BTreeMap;

use axum::http::Method;

use super::{Known, Office};
use crate::access::right::{roles_give, scopes_give};
use crate::access::{Need, Right, Role, Scope, Sort};
use crate::route::table;

/// Whom the matrix knows, by what they are.
enum Is {
    Nobody,
    Impostor,
    Role(Role),
    Scope(Scope),
}

/// An address that there is, of the unit `city-spj`.
fn address(path: &str) -> String {
    path.replace("{ledger}", "tongliao-2021")
        .replace("{task}", "1")
        .replace("{obligation}", "tongliao-2021%2F1%2Fcity-spj%2Fresponsible")
        .replace("{notice}", "none")
        .replace("{file}", "tongliao-2021.csv")
        .replace("{secret}", "none.ics")
        .replace("{*obligation}", "tongliao-2021/1/city-spj/responsible")
        .replace("{unit}", "city-spj")
        .replace("{name}", "contact")
        .replace("{code}", "none")
        .replace("{draft}", crate::define::tests::DRAFT)
        .replace("{token}", "none")
        .replace("{digest}", "none")
        .replace("{format}", "csv")
}

/// What an address answers to whom, from its declaration alone.
fn expected(method: &Method, need: Need, sort: Sort, is: &Is, key: bool) -> Vec<u16> {
    let changes = *method == Method::POST;
    // What the handler makes of an empty form, of a link that is none, of a draft changed since.
    let through = vec![200, 303, 400, 403, 404, 409, 413, 422];
    let handled = match (changes, sort) {
        // A form is no event; nobody explains here, and there is no such notice.
        (true, Sort::Api) => vec![415],
        (false, Sort::Api) => vec![200, 404, 503],
        (true, _) => through,
        (false, _) => vec![200, 303],
    };
    let unsigned = match (changes, sort) {
        (true, _) | (_, Sort::Data | Sort::Api) => vec![401],
        (false, Sort::Page) => vec![303],
    };
    match need {
        Need::Letter if sort == Sort::Api => vec![404],
        Need::Letter => vec![400, 403],
        Need::Open if changes && !key => vec![403],
        // Links of the sign-in that are none; the form of the sign-in.
        Need::Open => vec![200, 303, 404, 422],
        Need::SignedIn => match is {
            Is::Nobody => unsigned,
            Is::Impostor => vec![401],
            Is::Role(_) if changes && !key => vec![403],
            Is::Role(_) => handled,
            Is::Scope(_) => vec![403],
        },
        Need::Right(right) => {
            let may = match is {
                Is::Nobody => return unsigned,
                Is::Impostor => return vec![401],
                Is::Role(role) => roles_give(&[*role].into(), right),
                Is::Scope(scope) => scopes_give(std::slice::from_ref(scope), right),
            };
            match (may, is) {
                (false, _) => vec![403],
                (true, Is::Role(_)) if changes && !key => vec![403],
                (true, _) => handled,
            }
        }
    }
}

#[tokio::test]
async fn every_address_answers_everybody_as_it_is_declared() {
    let office = Office::open().await;
    let mut people: Vec<(String, Is, Known)> = vec![
        ("nobody".to_owned(), Is::Nobody, Known::nobody()),
        (
            "impostor".to_owned(),
            Is::Impostor,
            Known::token("dbn_00000000_0"),
        ),
    ];
    for role in Role::ALL {
        let units: &[&str] = if role.is_of_units() {
            &["city-spj"]
        } else {
            &[]
        };
        // The one whom the matrix does things to stays who it is.
        let name = format!("the-{role}");
        let session = office.bed.signed_in(&name, &[role], units);
        people.push((name, Is::Role(role), Known::session(&session)));
    }
    office
        .bed
        .signed_in("contact", &[Role::Contact], &["city-spj"]);
    for scope in [
        Scope::Read,
        Scope::Metrics,
        Scope::Definitions,
        Scope::Calendar,
        Scope::Events(None),
        Scope::Events(Some("duban.publication.published".to_owned())),
    ] {
        let token = office.bed.token(&scope.to_string());
        people.push((scope.to_string(), Is::Scope(scope), Known::token(&token)));
    }
    let mut asked = 0;
    for entry in table() {
        // Signing out is told apart: it would end who is looked at next.
        let ends = entry.path == "/sign-out";
        let path = address(entry.path);
        for (name, is, known) in &people {
            for key in [false, true] {
                if key && (entry.method == Method::GET || ends) {
                    continue;
                }
                let heard = if key {
                    office.send(&path, known, "").await
                } else {
                    office.ask(entry.method.as_str(), &path, known, "").await
                };
                // Before the sign-in a form has the key of another cookie.
                let has_key = key && entry.need != Need::Open;
                let mut wanted = expected(&entry.method, entry.need, entry.sort, is, has_key);
                // There is no such file, for whom may ask for it, and no outcome of what nobody did.
                let is_none = entry.path.starts_with("/file/") || entry.path.contains("{batch}");
                if is_none && wanted.contains(&200) {
                    wanted = vec![404];
                }
                assert!(
                    wanted.contains(&heard.status),
                    "{} {path} as {name}, key {key}: {}, expected one of {wanted:?}\n{}",
                    entry.method,
                    heard.status,
                    heard.body
                );
                asked += 1;
            }
        }
    }
    assert!(asked > 400, "{asked}");
}

/// What each role may open, written out once more by hand: a right given to the wrong role would pass
/// the matrix above.
#[tokio::test]
async fn roles_open_what_people_expect() {
    let office = Office::open().await;
    let duty = "/o/tongliao-2021/1/city-spj/responsible";
    let foreign = "/o/tongliao-2021/2/kailu/responsible";
    let wanted: BTreeMap<&str, [u16; 13]> = BTreeMap::from([
        ("paths", [0; 13]),
        (
            "administrator",
            [
                200, 200, 200, 200, 200, 200, 200, 200, 200, 200, 200, 403, 200,
            ],
        ),
        (
            "office",
            [
                200, 200, 200, 200, 200, 200, 403, 403, 403, 200, 200, 403, 200,
            ],
        ),
        (
            "contact",
            [
                200, 200, 404, 404, 404, 403, 403, 403, 403, 403, 403, 403, 403,
            ],
        ),
        (
            "head",
            [
                200, 200, 404, 404, 404, 403, 403, 403, 403, 403, 403, 403, 403,
            ],
        ),
        (
            "auditor",
            [
                200, 200, 200, 200, 200, 200, 403, 200, 200, 403, 200, 200, 403,
            ],
        ),
    ]);
    let paths = [
        "/",
        duty,
        foreign,
        "/unit/kailu",
        "/task/tongliao-2021/2",
        "/rejections",
        "/users",
        "/access",
        "/metrics",
        "/define",
        "/incidents",
        "/audit",
        "/notices/preview",
    ];
    for role in Role::ALL {
        let units: &[&str] = if role.is_of_units() {
            &["city-spj"]
        } else {
            &[]
        };
        let session = office.bed.signed_in(role.as_str(), &[role], units);
        let known = Known::session(&session);
        for (path, wanted) in paths.iter().zip(wanted[role.as_str()]) {
            let heard = office.get(path, &known).await;
            assert_eq!(heard.status, wanted, "{path} as {role}");
        }
    }
}

#[tokio::test]
async fn a_contact_finds_nothing_of_other_units_on_any_page() {
    let office = Office::open().await;
    let session = office.bed.signed_in("li", &[Role::Contact], &["city-spj"]);
    let known = Known::session(&session);
    let overview = office.get("/", &known).await;
    assert!(overview.body.contains("公开规划") && !overview.body.contains("公开预算"));
    assert!(
        overview.body.contains("<b id=\"count-total\">1</b>"),
        "{}",
        overview.body
    );
    assert!(!overview.body.contains("kailu") && !overview.body.contains("被拒收"));
    for path in [
        "/ledger/tongliao-2021",
        "/ledger/tongliao-2021?view=duties",
        "/ledger/tongliao-2021/export/csv",
        "/ledger/tongliao-2021/export/ics",
        "/unit/city-spj",
    ] {
        let body = office.get(path, &known).await.body;
        assert!(body.contains("公开规划"), "{path}: {body}");
        assert!(
            !body.contains("公开预算") && !body.contains("kailu"),
            "{path}: {body}"
        );
    }
    let stream = office.get("/events", &known).await;
    assert!(stream.body.contains("\"total\":1"), "{}", stream.body);
    assert!(!stream.body.contains("rejections"));
    let all = office.bed.signed_in("wang", &[Role::Office], &[]);
    let stream = office.get("/events", &Known::session(&all)).await;
    assert!(stream.body.contains("\"total\":2"), "{}", stream.body);
    // A unit of the same id under another office is another one.
    let elsewhere = office
        .bed
        .signed_in("zhao", &[Role::Contact], &["city-spj"]);
    let by = crate::access::By::command("test");
    let described = crate::access::Described {
        title: "zhao".to_owned(),
        tenant: "elsewhere".to_owned(),
        roles: [Role::Contact].into(),
        units: ["city-spj".to_owned()].into(),
    };
    office
        .bed
        .accounts()
        .describe(&by, "zhao", &described)
        .unwrap();
    let over = office.get("/me", &Known::session(&elsewhere)).await;
    assert_eq!(over.status, 303, "another office ends the session");
    let elsewhere = office.bed.signed_in("zhao", &[], &[]);
    let known = Known::session(&elsewhere);
    let duty = "/o/tongliao-2021/1/city-spj/responsible";
    assert_eq!(office.get(duty, &known).await.status, 404);
    let overview = office.get("/", &known).await;
    assert!(!overview.body.contains("公开规划") && overview.body.contains("还没有台账"));
}

#[test]
fn no_right_is_unused_or_given_by_nobody() {
    for right in Right::ALL {
        let all = [Scope::Read, Scope::Metrics, Scope::Events(None)];
        assert!(
            roles_give(&Role::ALL.into_iter().collect(), right) || scopes_give(&all, right),
            "{right:?}"
        );
    }
}

#[test]
fn pages_see_nothing_but_through_their_viewer_and_routes_stand_in_the_table() {
    let src = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for entry in std::fs::read_dir(src.join("page")).unwrap() {
        let path = entry.unwrap().path();
        if path.ends_with("tests.rs") || path.is_dir() {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        for way in [
            "state.read()",
            "counts_of_all_units",
            "Projection",
            "by_letter",
        ] {
            assert!(
                !text.contains(way),
                "{} says {way}: pages look through `Seen`",
                path.display()
            );
        }
    }
    for file in [
        "serve.rs",
        "answer/mod.rs",
        "event.rs",
        "asset.rs",
        "page/mod.rs",
        "audit/mod.rs",
    ] {
        let text = std::fs::read_to_string(src.join(file)).unwrap();
        assert!(
            !text.contains(".route("),
            "{file}: addresses stand in route.rs"
        );
    }
}
