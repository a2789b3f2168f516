//! Accounts on disk: links, damage, and two processes on one folder.

use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use duban_model::Zone;

use super::{Known, Office, PASSWORD};
use crate::access::bed::{Bed, START};
use crate::access::{
    Accounts, AccountsFault, By, Denied, Described, INVITE_MILLIS, Role, Scope, Wished,
};

fn administrator() -> Described {
    Described {
        title: "王五".to_owned(),
        roles: [Role::Administrator].into(),
        ..Described::default()
    }
}

/// A token for the whole installation.
fn wished(name: &str, scopes: &[Scope], days: u32) -> Wished {
    Wished {
        name: name.to_owned(),
        scopes: scopes.to_vec(),
        days,
        ..Wished::default()
    }
}

#[tokio::test]
async fn the_first_administrator_comes_in_by_a_link_that_opens_once() {
    let office = Office::open().await;
    let nobody = office.get("/sign-in", &Known::nobody()).await;
    assert!(
        nobody.body.contains("duban user invite --admin"),
        "{}",
        nobody.body
    );
    let by = By::command("user invite");
    let accounts = office.bed.accounts();
    let code = accounts
        .invite(&by, "wang", Some(&administrator()))
        .unwrap();
    let path = format!("/welcome/{code}");
    let page = office.get(&path, &Known::nobody()).await;
    assert!(page.status == 200 && page.body.contains("王五"));
    let known = Known {
        before: page.cookie("duban-form"),
        ..Known::nobody()
    };
    let unlike = office
        .send(
            &path,
            &known,
            "password=correct+horse+battery&password-again=x",
        )
        .await;
    assert!(unlike.status == 422 && unlike.body.contains("不一样"));
    let fields = "password=correct+horse+battery&password-again=correct+horse+battery";
    let heard = office.send(&path, &known, fields).await;
    assert_eq!(
        (heard.status, heard.header("location")),
        (303, Some("/")),
        "{}",
        heard.body
    );
    let session = Known::session(&heard.cookie("duban").unwrap());
    assert_eq!(office.get("/users", &session).await.status, 200);
    assert_eq!(
        office.get(&path, &Known::nobody()).await.status,
        404,
        "once"
    );
    // A forgotten password: the old one holds until the new one is chosen.
    let code = accounts.invite(&by, "wang", None).unwrap();
    let before = office.before().await;
    assert_eq!(office.sign_in(&before, "wang", PASSWORD).await.status, 303);
    office.bed.later(INVITE_MILLIS);
    assert_eq!(
        office
            .get(&format!("/welcome/{code}"), &Known::nobody())
            .await
            .status,
        404
    );
    let last = accounts.disable(&by, "wang", true).unwrap_err();
    assert!(last.to_string().contains("最后一个管理员"), "{last}");
    let kept = std::fs::read_to_string(accounts.dir().join("users.json")).unwrap();
    assert!(!kept.contains(&code) && !kept.contains("horse"));
}

#[test]
fn files_are_for_the_owner_alone() {
    let bed = Bed::new();
    bed.token("read");
    bed.signed_in("wang", &[Role::Office], &[]);
    let dir = bed.accounts().dir();
    let mode =
        |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(dir), 0o700);
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
}

#[tokio::test]
async fn a_damaged_file_is_named_and_never_written_over() {
    for (file, text) in [
        ("users.json", "{\"format\":1,\"entries\":{\"wang\":"),
        ("sessions.json", "[]"),
        ("tokens.json", "{\"format\":9,\"entries\":{}}"),
    ] {
        let office = Office::open().await;
        let session = office.bed.signed_in("wang", &[Role::Administrator], &[]);
        let accounts = office.bed.accounts();
        let path = accounts.dir().join(file);
        std::fs::write(&path, text).unwrap();
        let by = By::command("test");
        let fault = accounts
            .invite(&by, "li", Some(&administrator()))
            .unwrap_err();
        assert!(
            matches!(fault, Denied::Fault(AccountsFault::Damaged { .. })),
            "{fault}"
        );
        let said = fault.to_string();
        assert!(said.contains(file) && said.contains("backup"), "{said}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        let known = Known::session(&session);
        assert_eq!(office.get("/", &known).await.status, 503);
        assert_eq!(office.get("/sign-in", &Known::nobody()).await.status, 503);
        assert_eq!(office.get("/healthz", &known).await.status, 200);
        assert_eq!(office.get("/readyz", &known).await.status, 503);
        // Put back, it is read again.
        std::fs::remove_file(&path).unwrap();
        assert_eq!(office.get("/sign-in", &Known::nobody()).await.status, 200);
    }
}

#[test]
fn two_processes_lose_nothing_of_each_others() {
    const EACH: usize = 12;
    let bed = Bed::new();
    let threads: Vec<_> = (0..4)
        .map(|process| {
            // What a process has read is its own, and so is its lock.
            let accounts = Accounts::new(bed.folder.path(), Arc::new(|| START), Zone::SHANGHAI);
            std::thread::spawn(move || {
                let by = By::command("test");
                for n in 0..EACH {
                    let name = format!("user-{process}-{n}");
                    accounts.invite(&by, &name, Some(&administrator())).unwrap();
                    accounts
                        .make_token(&by, &wished(&name, &[Scope::Read], 1))
                        .unwrap();
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    let book = bed.accounts().book().unwrap();
    assert_eq!((book.users.len(), book.tokens.len()), (4 * EACH, 4 * EACH));
    let traces = bed.accounts().traces().unwrap();
    assert_eq!(traces.len(), 2 * 4 * EACH);
}

#[tokio::test]
async fn what_another_process_does_holds_at_once() {
    let office = Office::open().await;
    office.bed.signed_in("wang", &[Role::Administrator], &[]);
    let session = office.bed.signed_in("li", &[Role::Auditor], &[]);
    let other = Accounts::new(office.bed.folder.path(), Arc::new(|| START), Zone::SHANGHAI);
    let by = By::command("user disable");
    assert_eq!(office.get("/", &Known::session(&session)).await.status, 200);
    other.disable(&by, "li", true).unwrap();
    assert_eq!(office.get("/", &Known::session(&session)).await.status, 303);
    let token = other
        .make_token(&by, &wished("网站", &[Scope::Read], 1))
        .unwrap();
    assert_eq!(office.get("/", &Known::token(&token)).await.status, 200);
    let id = &token[..12];
    other.end_token(&by, id).unwrap();
    assert_eq!(office.get("/", &Known::token(&token)).await.status, 401);
    let token = other
        .make_token(&by, &wished("网站", &[Scope::Read], 1))
        .unwrap();
    office.bed.later(24 * 3_600_000);
    assert_eq!(
        office.get("/", &Known::token(&token)).await.status,
        401,
        "expired"
    );
}

#[test]
fn descriptions_that_are_none_are_refused() {
    let bed = Bed::new();
    let by = By::command("test");
    let invite = |name: &str, described: &Described| {
        let refused = bed.accounts().invite(&by, name, Some(described));
        refused.unwrap_err().to_string()
    };
    let good = administrator();
    assert!(invite("王", &good).contains("小写字母"));
    assert!(invite(&"x".repeat(41), &good).contains("40"));
    let long = Described {
        title: "x".repeat(61),
        ..good.clone()
    };
    assert!(invite("a", &long).contains("60"));
    let contact = Described {
        roles: [Role::Contact].into(),
        ..good.clone()
    };
    assert!(invite("a", &contact).contains("至少一个单位"));
    let none = Described {
        roles: std::collections::BTreeSet::default(),
        ..good
    };
    assert!(invite("a", &none).contains("角色"));
    let tokens = bed.accounts();
    assert!(
        tokens
            .make_token(&by, &wished("", &[Scope::Read], 1))
            .is_err()
    );
    assert!(tokens.make_token(&by, &wished("a", &[], 1)).is_err());
    assert!(
        tokens
            .make_token(&by, &wished("a", &[Scope::Read], 0))
            .is_err()
    );
    assert_eq!(Scope::parse("events:write:duban.obligation.opened"), None);
    assert_eq!(Scope::parse("write"), None);
}
