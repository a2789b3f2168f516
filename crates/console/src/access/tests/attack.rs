//! Scripted attacks: forged forms, stolen and fixed sessions, foreign addresses, stored scripts.

use super::{Known, Office, PASSWORD};
use crate::access::bed::Bed;
use crate::access::form::KEY_FIELD;
use crate::access::lockout::{LOCKOUT_MILLIS, PER_NAME_AND_ADDRESS};
use crate::access::{IDLE_MILLIS, NEXT_BYTES, Role, SESSION_MILLIS, SESSIONS_PER_USER, local};

fn admin(office: &Office) -> Known {
    Known::session(&office.bed.signed_in("wang", &[Role::Administrator], &[]))
}

#[tokio::test]
async fn a_forged_form_changes_nothing() {
    let office = Office::open().await;
    let known = admin(&office);
    let fields = "name=evil&title=evil&roles=administrator";
    let invited = || {
        office
            .bed
            .accounts()
            .book()
            .unwrap()
            .users
            .contains_key("evil")
    };
    // Without the key, with another's, and with the right one sent from elsewhere.
    let heard = office.ask("POST", "/users", &known, fields).await;
    assert_eq!(heard.status, 403);
    let other = admin(&office).key();
    let heard = office
        .ask(
            "POST",
            "/users",
            &known,
            &format!("{KEY_FIELD}={other}&{fields}"),
        )
        .await;
    assert_eq!(heard.status, 403);
    for header in [
        "origin: https://evil.example\r\n",
        "sec-fetch-site: cross-site\r\n",
        "sec-fetch-site: same-site\r\n",
    ] {
        let known = Known {
            headers: header.to_owned(),
            ..known.clone()
        };
        assert_eq!(
            office.send("/users", &known, fields).await.status,
            403,
            "{header}"
        );
    }
    assert!(!invited());
    let known = Known {
        headers: "origin: http://t\r\nsec-fetch-site: same-origin\r\n".to_owned(),
        ..known
    };
    let heard = office.send("/users", &known, fields).await;
    assert_eq!(heard.status, 200, "{}", heard.body);
    assert!(invited());
}

#[tokio::test]
async fn nobody_is_signed_in_by_somebody_elses_page() {
    let office = Office::open().await;
    office.person("wang").await;
    let heard = office.sign_in(&Known::nobody(), "wang", PASSWORD).await;
    assert_eq!(heard.status, 403, "without what the browser was given");
    let known = office.before().await;
    let known = Known {
        headers: "sec-fetch-site: cross-site\r\n".to_owned(),
        ..known
    };
    assert_eq!(office.sign_in(&known, "wang", PASSWORD).await.status, 403);
}

#[tokio::test]
async fn after_the_sign_in_one_goes_on_here_and_nowhere_else() {
    let office = Office::open().await;
    office.person("wang").await;
    let page = office.get("/unit/city-spj?x=1", &Known::nobody()).await;
    let to = page.header("location").unwrap();
    assert_eq!(
        (page.status, to),
        (303, "/sign-in?next=%2Funit%2Fcity-spj%3Fx%3D1")
    );
    for (next, wanted) in [
        ("%2Funit%2Fcity-spj%3Fx%3D1", "/unit/city-spj?x=1"),
        ("%2F%2Fevil.example", "/"),
        ("https%3A%2F%2Fevil.example", "/"),
        ("%2F%5Cevil.example", "/"),
        ("%2F%0D%0Aset-cookie%3Aa%3Db", "/"),
        ("javascript%3Aalert(1)", "/"),
        ("%2F%09%2Fevil.example", "/"),
    ] {
        let known = office.before().await;
        let fields = format!("name=wang&password=correct+horse+battery&next={next}");
        let heard = office.send("/sign-in", &known, &fields).await;
        assert_eq!(
            (heard.status, heard.header("location")),
            (303, Some(wanted)),
            "{next}"
        );
        let held = Known::session(&heard.cookie("duban").unwrap());
        let already = office.get(&format!("/sign-in?next={next}"), &held).await;
        assert_eq!(already.header("location"), Some(wanted), "{next}");
    }
}

#[tokio::test]
async fn a_session_is_new_with_every_sign_in_and_ends_with_it() {
    let office = Office::open().await;
    office.person("wang").await;
    // What an attacker put into the browser is worth nothing before and after.
    let fixed = "f".repeat(64);
    let known = Known {
        session: Some(fixed.clone()),
        ..office.before().await
    };
    let body = format!(
        "{KEY_FIELD}={}&name=wang&password=correct+horse+battery",
        super::digest("form", known.before.as_ref().unwrap())
    );
    let heard = office.ask("POST", "/sign-in", &known, &body).await;
    let session = heard.cookie("duban").unwrap();
    assert_eq!(heard.status, 303);
    assert_ne!(session, fixed);
    let cookie = heard
        .head
        .lines()
        .find(|line| line.contains("duban="))
        .unwrap();
    assert!(
        cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"),
        "{cookie}"
    );
    assert_eq!(office.get("/", &Known::session(&fixed)).await.status, 303);
    let known = Known::session(&session);
    assert_eq!(office.get("/", &known).await.status, 200);
    // What is kept on disk opens nothing.
    let book = office.bed.accounts().book().unwrap();
    for kept in book.sessions.keys() {
        assert_eq!(office.get("/", &Known::session(kept)).await.status, 303);
    }
    let out = office.send("/sign-out", &known, "").await;
    assert_eq!(
        (out.status, out.header("location")),
        (303, Some("/sign-in"))
    );
    assert_eq!(office.get("/", &known).await.status, 303);
}

#[tokio::test]
async fn a_session_ends_by_time_and_by_what_is_done_to_its_user() {
    let office = Office::open().await;
    let accounts = office.bed.accounts().clone();
    let by = crate::access::By::command("test");
    admin(&office);
    let known = || Known::session(&office.bed.signed_in("li", &[Role::Auditor], &[]));
    let idle = known();
    assert_eq!(office.get("/", &idle).await.status, 200);
    office.bed.later(IDLE_MILLIS - 1);
    assert_eq!(office.get("/", &idle).await.status, 200, "in use");
    office.bed.later(IDLE_MILLIS - 1);
    assert_eq!(
        office.get("/", &idle).await.status,
        200,
        "its use was noted"
    );
    // A page that follows by itself keeps nothing alive.
    office.bed.later(IDLE_MILLIS / 2);
    let following = Known {
        headers: "x-duban-follow: 1\r\n".to_owned(),
        ..idle.clone()
    };
    assert_eq!(office.get("/", &following).await.status, 200);
    office.bed.later(IDLE_MILLIS / 2);
    assert_eq!(office.get("/", &idle).await.status, 303, "idle");
    let used = known();
    for _ in 0..SESSION_MILLIS / (IDLE_MILLIS / 2) - 1 {
        office.bed.later(IDLE_MILLIS / 2);
        assert_eq!(office.get("/", &used).await.status, 200);
    }
    office.bed.later(IDLE_MILLIS / 2);
    assert_eq!(office.get("/", &used).await.status, 303, "12 hours");
    let ended = known();
    assert_eq!(accounts.end_sessions(&by, "li", None).unwrap(), 1);
    assert_eq!(office.get("/", &ended).await.status, 303);
    let changed = known();
    let mut described = crate::access::Described {
        title: "li".to_owned(),
        tenant: "tongliao".to_owned(),
        roles: [Role::Auditor].into(),
        ..crate::access::Described::default()
    };
    described.title = "李四".to_owned();
    accounts.describe(&by, "li", &described).unwrap();
    assert_eq!(
        office.get("/", &changed).await.status,
        200,
        "a title is no right"
    );
    described.roles = [Role::Office].into();
    accounts.describe(&by, "li", &described).unwrap();
    assert_eq!(office.get("/", &changed).await.status, 303);
    let disabled = known();
    accounts.disable(&by, "li", true).unwrap();
    assert_eq!(office.get("/", &disabled).await.status, 303);
    let first = Known::session(&office.bed.signed_in("zhao", &[Role::Auditor], &[]));
    for _ in 0..SESSIONS_PER_USER {
        office.bed.later(1);
        office.bed.signed_in("zhao", &[Role::Auditor], &[]);
    }
    assert_eq!(
        office.get("/", &first).await.status,
        303,
        "the oldest of too many"
    );
}

#[tokio::test]
async fn a_lockout_tells_nobody_who_has_an_account() {
    let office = Office::open().await;
    office.person("wang").await;
    let mut heard = Vec::new();
    for name in ["wang", "nobody"] {
        let mut answers = Vec::new();
        for _ in 0..=PER_NAME_AND_ADDRESS {
            let known = office.before().await;
            let answer = office.sign_in(&known, name, "wrong horse battery").await;
            // What the browser holds differs each time.
            let body = answer.body.replace(&known.key(), "").replace(name, "");
            let wait = answer.header("retry-after").map(ToOwned::to_owned);
            answers.push((answer.status, wait, body));
        }
        let last = answers.last().unwrap();
        assert_eq!((last.0, last.1.as_deref()), (429, Some("900")));
        heard.push(answers);
    }
    assert_eq!(heard[0], heard[1]);
    let known = office.before().await;
    assert_eq!(office.sign_in(&known, "wang", PASSWORD).await.status, 429);
    office.bed.later(LOCKOUT_MILLIS);
    assert_eq!(office.sign_in(&known, "wang", PASSWORD).await.status, 303);
    let traces = office.bed.accounts().traces().unwrap();
    let count = |what: &str| traces.iter().filter(|trace| trace.what == what).count();
    assert_eq!(count("sign-in-failed"), 2 * PER_NAME_AND_ADDRESS as usize);
    assert_eq!((count("locked-out"), count("signed-in")), (2, 1));
    let kept = std::fs::read_to_string(office.bed.accounts().dir().join("access.ndjson")).unwrap();
    assert!(!kept.contains("horse"), "no secret is written down");
}

#[tokio::test]
async fn a_stored_script_is_shown_and_not_run() {
    const EVIL: &str = "%3Cscript%3Ealert(1)%3C/script%3E%22%27%3E%3Cimg+src=x+onerror=alert(2)%3E";
    let office = Office::open().await;
    let known = admin(&office);
    let fields = format!("name=evil&title={EVIL}&roles=auditor");
    assert_eq!(office.send("/users", &known, &fields).await.status, 200);
    let fields = format!("act=make&name={EVIL}&scopes=read&days=3");
    assert_eq!(office.send("/tokens", &known, &fields).await.status, 200);
    let before = office.before().await;
    let shown = office.sign_in(&before, EVIL, "x").await;
    for heard in [
        shown,
        office.get("/users", &known).await,
        office.get("/users/evil", &known).await,
        office.get("/tokens", &known).await,
        office.get("/access", &known).await,
    ] {
        assert!(
            !heard.body.contains("<script>alert") && !heard.body.contains("<img"),
            "{}",
            heard.body
        );
        assert!(heard.body.contains("&#60;script&#62;"), "{}", heard.body);
        assert!(heard.header("content-security-policy").is_some());
    }
}

#[tokio::test]
async fn a_half_filled_form_survives_the_end_of_its_session() {
    let office = Office::open().await;
    office.person("wang").await;
    let known = admin(&office);
    office.bed.later(SESSION_MILLIS);
    let fields = "name=li&title=%E6%9D%8E%E5%9B%9B&roles=auditor&password=x";
    let heard = office.send("/users", &known, fields).await;
    assert_eq!(heard.status, 401);
    assert!(heard.body.contains("还在") && heard.body.contains("name=\"again\" value=\"/users\""));
    let carried = heard.body.split("name=\"fields\" value=\"").nth(1).unwrap();
    let carried = carried.split('"').next().unwrap().replace("&#38;", "&");
    assert_eq!(carried, "name=li&title=%E6%9D%8E%E5%9B%9B&roles=auditor");
    // Somebody else's form is not kept: its key is not this browser's.
    let forged = office
        .ask("POST", "/users", &known, "form_key=x&name=evil")
        .await;
    assert!(forged.status == 401 && !forged.body.contains("evil"));
    let before = office.before().await;
    let again = carried
        .replace('%', "%25")
        .replace('&', "%26")
        .replace('=', "%3D");
    let fields = format!("name=wang&password=correct+horse+battery&again=%2Fusers&fields={again}");
    let shown = office.send("/sign-in", &before, &fields).await;
    assert_eq!(shown.status, 200);
    assert!(shown.body.contains("李四") && shown.body.contains("还没有提交"));
    assert!(
        !office
            .bed
            .accounts()
            .book()
            .unwrap()
            .users
            .contains_key("li"),
        "not by itself"
    );
    let known = Known::session(&shown.cookie("duban").unwrap());
    assert!(shown.body.contains(&known.key()));
    assert_eq!(office.send("/users", &known, &carried).await.status, 200);
    assert!(
        office
            .bed
            .accounts()
            .book()
            .unwrap()
            .users
            .contains_key("li")
    );
}

#[tokio::test]
async fn over_https_cookies_stay_there() {
    let office = Office::with(Bed::reached_at(Some("https://duban.example"))).await;
    office.person("wang").await;
    let before = office.before().await;
    let heard = office.sign_in(&before, "wang", PASSWORD).await;
    assert_eq!(
        heard.header("strict-transport-security"),
        Some("max-age=31536000")
    );
    let session = heard.cookie("__Host-duban").unwrap();
    let cookie = heard
        .head
        .lines()
        .find(|line| line.contains("__Host-duban="))
        .unwrap();
    assert!(cookie.contains("Secure") && cookie.contains("Path=/") && !cookie.contains("Domain"));
    assert_eq!(
        office.get("/me", &Known::session(&session)).await.status,
        200
    );
}

#[tokio::test]
async fn whoever_must_change_the_password_does_nothing_else_first() {
    let office = Office::open().await;
    office.person("wang").await;
    let by = crate::access::By::command("test");
    let before = office.before().await;
    let session = office
        .sign_in(&before, "wang", PASSWORD)
        .await
        .cookie("duban")
        .unwrap();
    let known = Known::session(&session);
    office.bed.accounts().require_change(&by, "wang").unwrap();
    assert_eq!(
        office.get("/users", &known).await.header("location"),
        Some("/me/password")
    );
    let new = "password=another+good+one&password-again=another+good+one";
    let wrong = office
        .send("/me/password", &known, &format!("password-now=wrong&{new}"))
        .await;
    assert!(wrong.status == 422 && wrong.body.contains("现在的密码不正确"));
    let short = office
        .send(
            "/me/password",
            &known,
            "password-now=x&password=short&password-again=short",
        )
        .await;
    assert!(short.status == 422 && short.body.contains("应为12至128个"));
    let fields = format!("password-now=correct+horse+battery&{new}");
    let changed = office.send("/me/password", &known, &fields).await;
    assert_eq!(changed.status, 303, "{}", changed.body);
    assert_eq!(
        office.get("/me", &known).await.status,
        303,
        "the session of before is over"
    );
    let known = Known::session(&changed.cookie("duban").unwrap());
    assert_eq!(office.get("/users", &known).await.status, 200);
}

#[test]
fn only_addresses_of_ours_are_gone_to() {
    for ours in ["/", "/o/a/1/b/lead?x=1#y", "/unit/%E9%80%9A"] {
        assert_eq!(local(ours), ours);
    }
    let long = format!("/{}", "x".repeat(NEXT_BYTES));
    for foreign in [
        "",
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "https://evil.example",
        "javascript:alert(1)",
        "/\t/evil.example",
        "/\r\nset-cookie: x",
        " //evil.example",
        "/sign-out",
        "/sign-in?next=/sign-in",
        &long,
    ] {
        assert_eq!(local(foreign), "/", "{foreign:?}");
    }
}
