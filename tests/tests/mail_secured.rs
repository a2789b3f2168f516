//! Mail leaves encrypted, to a server that is who it says it is, in the name of who may send; and
//! nobody who may not know a password reads it anywhere.

use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use duban_model::directory::Channel;
use duban_model::fact::Outcome;
use duban_model::{Message, Timestamp};
use duban_runtime::channel::{Answer, Person, Smtp, Way};
use duban_tests::mailbox::Mailbox;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use serde_json::json;
use tempfile::TempDir;

const FROM: &str = "督办 <duban@duban.example>";
const USER: &str = "du@ban";
const PASSWORD: &str = "hush: a password/100%";
/// The same as it stands in a URL.
const LOGIN: &str = "du%40ban:hush%3A%20a%20password%2F100%25";

/// A certificate for one name, and the authority that vouches for it.
struct Certificate {
    folder: TempDir,
    authority: String,
}

impl Certificate {
    fn of(name: &str) -> Certificate {
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = authority.self_signed(&key).unwrap().pem();
        let issuer = Issuer::new(authority, key);
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &issuer).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let write = |file, text| std::fs::write(folder.path().join(file), text).unwrap();
        write("certificate.pem", certificate.pem());
        write("key.pem", key.serialize_pem());
        Certificate {
            folder,
            authority: pem,
        }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A server with it.
    fn server(&self, from_start: bool) -> Mailbox {
        let secured = json!({
            "certificate": self.file("certificate.pem"),
            "key": self.file("key.pem"),
            "from_start": from_start,
            "user": USER,
            "password": PASSWORD,
        });
        Mailbox::start_secured(&json!({}), Some(&secured))
    }
}

/// The ways to encrypt, with whether it is from the start.
const WAYS: [(&str, &str, bool); 3] = [
    ("smtps://", "", true),
    ("smtp://", "?tls=required", false),
    ("smtp://", "?tls=opportunistic", false),
];

fn message(notice: &str) -> Message {
    Message {
        tenant: "office".to_owned(),
        notice: notice.to_owned(),
        attempt: 1,
        possible_duplicate: false,
        channel: Channel::Mail,
        contact: "unit/office".to_owned(),
        address: Some("office@unit.example".to_owned()),
        contact_title: "政务公开联络员".to_owned(),
        owes: true,
        subject: "【提醒】甲局:第1项 公开规划".to_owned(),
        text: "政务公开联络员:\n\n.距完成时限还有5个工作日。\n.\n事项编号:ledger/1@unit".to_owned(),
        obligation: "ledger/1@unit".to_owned(),
        kind: "reminder".to_owned(),
        step: "before:5wd".to_owned(),
        due: None,
        due_at: None,
        at: Timestamp(1_625_000_000_000),
        answer: None,
    }
}

async fn send(way: &Way, notice: &str) -> Answer {
    let answer = way.send(&message(notice), &Person::default()).await;
    let shown = format!("{answer:?} {way:?}");
    let plain = STANDARD.encode(format!("\0{USER}\0{PASSWORD}"));
    for secret in [PASSWORD, "hush", &plain, &STANDARD.encode(PASSWORD)] {
        assert!(!shown.contains(secret), "{shown}");
    }
    answer
}

#[tokio::test]
async fn mail_leaves_encrypted_and_in_the_users_name_on_a_line_that_is_kept() {
    let certificate = Certificate::of("127.0.0.1");
    for (scheme, query, from_start) in WAYS {
        let server = certificate.server(from_start);
        let url = format!("{scheme}{LOGIN}@{}{query}", server.place());
        let smtp = Smtp::trusting(&url, FROM.to_owned(), Some(&certificate.authority));
        let way = Way::Smtp(smtp.unwrap());
        for notice in ["first", "second"] {
            let answer = send(&way, notice).await;
            assert_eq!(answer.outcome, Outcome::Delivered, "{url}: {answer:?}");
        }
        let seen = server.seen();
        assert_eq!(seen.len(), 2, "{url}");
        for mail in &seen {
            assert_eq!(
                (&mail["encrypted"], &mail["user"]),
                (&json!(true), &json!(USER))
            );
            assert_eq!(mail["defects"], json!([]), "{url}");
            let text = mail["text"].as_str().unwrap().replace("\r\n", "\n");
            assert_eq!(text.trim_end(), message("").text, "{url}");
        }
        assert_eq!(seen[0]["connection"], seen[1]["connection"], "{url}");
    }
}

#[tokio::test]
async fn a_server_that_nobody_vouches_for_is_sent_nothing_and_said_so() {
    let unknown = Certificate::of("127.0.0.1");
    let other = Certificate::of("mail.example");
    let authority = Some(other.authority.as_str());
    for (certificate, authority, told) in [
        (&unknown, None, "invalid peer certificate: UnknownIssuer"),
        (&unknown, authority, "invalid peer certificate"),
        (&other, authority, "certificate not valid for name"),
    ] {
        for (scheme, query, from_start) in WAYS {
            let server = certificate.server(from_start);
            let url = format!("{scheme}{LOGIN}@{}{query}", server.place());
            let way = Way::Smtp(Smtp::trusting(&url, FROM.to_owned(), authority).unwrap());
            let answer = send(&way, "n").await;
            let found = (answer.outcome, answer.down);
            assert_eq!(found, (Outcome::Failed, true), "{url}: {answer:?}");
            assert!(answer.detail.contains(told), "{url}: {answer:?}");
            assert_eq!(server.seen().len(), 0, "{url}");
        }
    }
}

#[tokio::test]
async fn a_password_that_is_not_right_keeps_the_mail_waiting_and_is_not_repeated() {
    let certificate = Certificate::of("127.0.0.1");
    for (scheme, query, from_start) in WAYS {
        let server = certificate.server(from_start);
        let wrong = "du%40ban:hush-hush";
        let url = format!("{scheme}{wrong}@{}{query}", server.place());
        let smtp = Smtp::trusting(&url, FROM.to_owned(), Some(&certificate.authority));
        let answer = send(&Way::Smtp(smtp.unwrap()), "n").await;
        assert_eq!(answer.outcome, Outcome::Failed, "{url}: {answer:?}");
        assert!(
            answer.detail.contains("no such user with ***"),
            "{url}: {answer:?}"
        );
        assert_eq!(server.seen().len(), 0, "{url}");
    }
}

#[tokio::test]
async fn a_server_that_does_not_encrypt_is_told_no_password() {
    let server = Mailbox::start(&json!({}));
    let url = format!("smtp://{LOGIN}@{}?tls=required", server.place());
    let way = Way::Smtp(Smtp::new(&url, FROM.to_owned()).unwrap());
    let answer = send(&way, "n").await;
    assert_eq!(answer.outcome, Outcome::Failed, "{answer:?}");
    assert!(
        answer.detail.contains("STARTTLS is not supported"),
        "{answer:?}"
    );
    assert_eq!(server.seen().len(), 0);
}
