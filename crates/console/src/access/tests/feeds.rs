//! Calendar addresses of one's own, as who has one and who finds one meets them.

use super::{Known, Office};
use crate::access::{By, Described, FEEDS_PER_USER, Role};

/// Makes an address by the page, and returns it from the root on.
async fn made(office: &Office, known: &Known, name: &str) -> String {
    let page = office
        .send("/me/calendar", known, &format!("act=make&name={name}"))
        .await;
    assert_eq!(page.status, 200, "{}", page.body);
    let address = page.body.split("<code class=\"copy\">").nth(1).unwrap();
    let address = address.split('<').next().unwrap();
    assert!(address.starts_with("http://t/calendar/dbn_"), "{address}");
    address.trim_start_matches("http://t").to_owned()
}

#[tokio::test]
async fn a_contact_makes_a_calendar_address_that_shows_own_dates_until_it_is_ended() {
    let office = Office::open().await;
    let li = office.bed.signed_in("li", &[Role::Contact], &["city-spj"]);
    let li = Known::session(&li);
    let address = made(&office, &li, "phone").await;
    let heard = office.get(&address, &Known::nobody()).await;
    assert_eq!(heard.status, 200);
    assert!(heard.body.contains("公开规划"), "{}", heard.body);
    assert!(!heard.body.contains("kailu"), "{}", heard.body);
    // It is shown once, opens nothing else, and stands in the list by its id alone.
    let page = office.get("/me", &li).await.body;
    let id = address.split(['/', '_']).nth(3).unwrap();
    assert!(page.contains(&format!("dbn_{id}")) && page.contains("phone"));
    let secret = address.rsplit('_').next().unwrap().trim_end_matches(".ics");
    assert!(!page.contains(secret));
    let token = Known::token(&format!("dbn_{id}_{secret}"));
    for path in ["/", "/api/v1/obligations", "/me"] {
        assert_eq!(office.get(path, &token).await.status, 403, "{path}");
    }
    // Nobody else ends it, and who made it does so at once.
    let zhao = office.bed.signed_in("zhao", &[Role::Contact], &["kailu"]);
    let ends = format!("act=end&id=dbn_{id}");
    let refused = office
        .send("/me/calendar", &Known::session(&zhao), &ends)
        .await;
    assert_eq!(refused.status, 422);
    assert_eq!(office.get(&address, &Known::nobody()).await.status, 200);
    assert_eq!(office.send("/me/calendar", &li, &ends).await.status, 303);
    assert_eq!(office.get(&address, &Known::nobody()).await.status, 404);
    let traces = office.bed.accounts().traces().unwrap();
    let told = |what| traces.iter().any(|t| t.what == what && t.who == "li");
    assert!(told("feed-made") && told("feed-ended"));
    assert!(!format!("{traces:?}").contains(secret));
}

#[tokio::test]
async fn an_address_shows_what_its_person_may_see_by_then() {
    let office = Office::open().await;
    let wang = office.bed.signed_in("wang", &[Role::Office], &[]);
    let all = made(&office, &Known::session(&wang), "a").await;
    let heard = office.get(&all, &Known::nobody()).await.body;
    assert!(
        heard.contains("公开规划") && heard.contains("kailu"),
        "{heard}"
    );
    let li = office.bed.signed_in("li", &[Role::Contact], &["city-spj"]);
    let own = made(&office, &Known::session(&li), "a").await;
    let by = By::command("test");
    let moved = Described {
        title: "li".to_owned(),
        tenant: "tongliao".to_owned(),
        roles: [Role::Contact].into(),
        units: ["kailu".to_owned()].into(),
    };
    office.bed.accounts().describe(&by, "li", &moved).unwrap();
    let heard = office.get(&own, &Known::nobody()).await.body;
    assert!(
        heard.contains("kailu") && !heard.contains("公开规划"),
        "{heard}"
    );
    // Who has no unit and no right to all sees nothing, and not all.
    let nobody = office.bed.signed_in("he", &[Role::Contact], &[]);
    let none = made(&office, &Known::session(&nobody), "a").await;
    assert_eq!(office.get(&none, &Known::nobody()).await.status, 404);
    office.bed.accounts().disable(&by, "li", true).unwrap();
    assert_eq!(office.get(&own, &Known::nobody()).await.status, 404);
}

#[tokio::test]
async fn a_person_has_so_many_addresses_and_not_one_more_in_either_language() {
    let office = Office::open().await;
    let li = office.bed.signed_in("li", &[Role::Contact], &["city-spj"]);
    let li = Known::session(&li);
    for _ in 0..FEEDS_PER_USER {
        made(&office, &li, "a").await;
    }
    let more = office.send("/me/calendar", &li, "act=make&name=a").await;
    assert_eq!(more.status, 422);
    assert!(
        more.body
            .contains(&format!("已有{FEEDS_PER_USER}个日历地址"))
    );
    let english = office.get("/me?lang=en", &li).await.body;
    assert!(english.contains("lang=\"en\"") && english.contains("My account"));
    assert!(english.contains("No more addresses; end one to make another."));
    assert!(!english.contains("新建日历地址"));
    let unnamed = office.bed.signed_in("zhao", &[Role::Head], &["kailu"]);
    let unnamed = Known::session(&unnamed);
    let refused = office
        .send("/me/calendar", &unnamed, "act=make&name=")
        .await;
    assert_eq!(refused.status, 422);
}
