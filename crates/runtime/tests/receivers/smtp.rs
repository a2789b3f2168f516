//! A mail server that fails at a chosen point of the dialogue.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use duban_model::fact::Outcome;
use duban_runtime::channel::{Smtp, Way};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use crate::{message, person};

/// Where in the dialogue: what the client said last.
type At = &'static str;

/// What it says instead of yes; empty breaks the connection.
type Instead = &'static str;

/// It says nothing more, and the connection stands.
const SILENCE: Instead = "silence";

async fn serve(stream: TcpStream, at: At, instead: Instead) -> Option<()> {
    let mut stream = BufReader::new(stream);
    let mut said = "greeting".to_owned();
    let mut in_text = false;
    loop {
        if said.starts_with(at) {
            if instead.is_empty() {
                return None;
            }
            if instead == SILENCE {
                return std::future::pending().await;
            }
            stream
                .write_all(format!("{instead}\r\n").as_bytes())
                .await
                .ok()?;
        } else {
            let reply = match said.as_str() {
                "greeting" => "220 sink.example",
                "EHLO" => "250 sink.example",
                "DATA" => "354 go on",
                "QUIT" => "221 bye",
                _ => "250 ok",
            };
            stream
                .write_all(format!("{reply}\r\n").as_bytes())
                .await
                .ok()?;
            in_text = said == "DATA";
        }
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await.ok()? == 0 {
                return None;
            }
            if in_text && line != ".\r\n" {
                continue;
            }
            said = if in_text {
                "text".to_owned()
            } else {
                line.get(..4).unwrap_or("").to_owned()
            };
            in_text = false;
            break;
        }
    }
}

#[tokio::test]
async fn mail_is_delivered_only_if_the_server_took_it() {
    for (at, instead, outcome, down) in [
        ("never", "", Outcome::Delivered, false),
        // Before the mail is heard of, whatever is said is not about it.
        ("greeting", "554 no service", Outcome::Failed, true),
        ("greeting", "421 too busy", Outcome::Failed, true),
        ("greeting", "this is no mail server", Outcome::Failed, true),
        ("greeting", "", Outcome::Failed, true),
        ("EHLO", "451 later", Outcome::Failed, true),
        ("EHLO", "550 not you", Outcome::Failed, true),
        ("EHLO", "", Outcome::Failed, true),
        ("MAIL", "", Outcome::Unknown, true),
        ("RCPT", "", Outcome::Unknown, true),
        ("DATA", "554 not that", Outcome::Refused, false),
        ("DATA", "", Outcome::Unknown, true),
        ("text", "421 closing", Outcome::Failed, true),
        ("text", "354 go on", Outcome::Unknown, true),
        ("MAIL", "451 later", Outcome::Failed, false),
        ("MAIL", "550 sender refused", Outcome::Refused, false),
        ("RCPT", "450 greylisted", Outcome::Failed, false),
        ("RCPT", "550 no such mailbox", Outcome::Refused, false),
        ("RCPT", "421 closing", Outcome::Failed, true),
        ("DATA", "452 full", Outcome::Failed, false),
        ("text", "451 later", Outcome::Failed, false),
        ("text", "552 too large", Outcome::Refused, false),
        ("text", "this is no reply", Outcome::Unknown, true),
        // Out of step: it says yes, and to what nobody knows.
        ("MAIL", "354 go on", Outcome::Unknown, true),
        ("DATA", "250 ok", Outcome::Unknown, true),
        ("text", "", Outcome::Unknown, true),
    ] {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("smtp://{}", listener.local_addr().unwrap());
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, at, instead));
            }
        });
        let way = Way::Smtp(Smtp::new(&url, "督办 <duban@duban.example>".to_owned()).unwrap());
        let answer = way.send(&message(), &person()).await;
        assert_eq!(answer.outcome, outcome, "{at} `{instead}`: {answer:?}");
        assert_eq!(answer.down, down, "{at} `{instead}`: {answer:?}");
        serving.abort();
    }
}

/// A server that behaves so, and its address.
async fn server(at: At, instead: Instead) -> (String, tokio::sync::watch::Receiver<usize>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (counted, count) = tokio::sync::watch::channel(0);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            counted.send_modify(|count| *count += 1);
            tokio::spawn(serve(stream, at, instead));
        }
    });
    (address, count)
}

#[tokio::test]
async fn a_mail_server_that_falls_silent_is_given_up_and_only_what_it_never_heard_of_is_certain() {
    for at in ["greeting", "EHLO", "MAIL", "RCPT", "DATA", "text"] {
        let (address, mut count) = server(at, SILENCE).await;
        let way = Smtp::new(
            &format!("smtp://{address}"),
            "duban@duban.example".to_owned(),
        );
        let way = Way::Smtp(way.unwrap());
        let send = tokio::spawn(async move { way.send(&message(), &person()).await });
        count.wait_for(|count| *count > 0).await.unwrap();
        // What can be said without time passing is said.
        for _ in 0..1_000 {
            tokio::task::yield_now().await;
        }
        tokio::time::pause();
        let answer = send.await.unwrap();
        tokio::time::resume();
        // Before it was told of the mail, nothing can have arrived.
        let outcome = match at {
            "greeting" | "EHLO" => Outcome::Failed,
            _ => Outcome::Unknown,
        };
        assert_eq!(answer.outcome, outcome, "{at}: {answer:?}");
        assert!(answer.down, "{at}: {answer:?}");
    }
}

/// A server that answers about the first mail late, and refuses every other one at its end.
async fn late(stream: TcpStream, first: Arc<AtomicBool>) -> Option<()> {
    let mut stream = BufReader::new(stream);
    stream.write_all(b"220 sink.example\r\n").await.ok()?;
    let mut in_text = false;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        let reply = match line.get(..4).unwrap_or("") {
            _ if in_text && line != ".\r\n" => continue,
            _ if in_text && first.swap(false, Ordering::SeqCst) => {
                tokio::time::sleep(Duration::from_millis(200)).await;
                "250 taken"
            }
            _ if in_text => "552 too large",
            "DATA" => "354 go on",
            _ => "250 ok",
        };
        in_text = reply.starts_with("354");
        let reply = format!("{reply}\r\n");
        stream.write_all(reply.as_bytes()).await.ok()?;
    }
}

#[tokio::test]
async fn a_late_answer_about_one_mail_is_not_taken_for_an_answer_about_the_next() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("smtp://{}", listener.local_addr().unwrap());
    let first = Arc::new(AtomicBool::new(true));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(late(stream, first.clone()));
        }
    });
    let way = Way::Smtp(Smtp::new(&url, "duban@duban.example".to_owned()).unwrap());
    // The runner's own limit breaks off a send that takes too long.
    let (first, who) = (message(), person());
    let given_up = tokio::time::timeout(Duration::from_millis(100), way.send(&first, &who));
    assert!(given_up.await.is_err());
    tokio::time::sleep(Duration::from_millis(300)).await;
    let answer = way.send(&message(), &person()).await;
    assert_eq!(answer.outcome, Outcome::Refused, "{answer:?}");
}

/// A way to a server that answers so, line by line, then falls silent; and what it is told.
async fn answering(answers: &'static [&'static str]) -> (Way, mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("smtp://{}", listener.local_addr().unwrap());
    let (told, tells) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut read = vec![0; 64 * 1024];
        for answer in answers {
            let answer = format!("{answer}\r\n");
            stream.write_all(answer.as_bytes()).await.unwrap();
            let length = stream.read(&mut read).await.unwrap();
            let read = String::from_utf8_lossy(&read[..length]);
            told.send(read.into_owned()).unwrap();
        }
        std::future::pending::<()>().await;
    });
    let smtp = Smtp::new(&url, "duban@duban.example".to_owned());
    (Way::Smtp(smtp.unwrap()), tells)
}

const TAKEN: &[&str] = &[
    "220 sink.example",
    "250 ok",
    "250 ok",
    "250 ok",
    "354 go on",
    "250 ok",
];

#[tokio::test]
async fn a_mail_is_written_with_its_end_so_that_neither_side_waits_for_the_other() {
    let (way, mut tells) = answering(TAKEN).await;
    let answer = way.send(&message(), &person()).await;
    assert_eq!(answer.outcome, Outcome::Delivered, "{answer:?}");
    for said in ["EHLO ", "MAIL FROM:", "RCPT TO:", "DATA"] {
        assert!(tells.recv().await.unwrap().starts_with(said), "{said}");
    }
    let mail = tells.recv().await.unwrap();
    assert!(
        mail.starts_with("From: ") && mail.ends_with("\r\n.\r\n"),
        "{mail}"
    );
}

#[tokio::test]
async fn a_line_that_nobody_uses_is_given_up_after_a_minute_with_a_goodbye() {
    let (way, mut tells) = answering(TAKEN).await;
    way.send(&message(), &person()).await;
    while !tells.recv().await.unwrap().ends_with("\r\n.\r\n") {}
    tokio::time::pause();
    tokio::time::sleep(Duration::from_secs(55)).await;
    assert!(tells.try_recv().is_err(), "it is kept for a while");
    tokio::time::sleep(Duration::from_secs(10)).await;
    tokio::time::resume();
    assert_eq!(tells.recv().await.unwrap(), "QUIT\r\n");
    drop(way);
}

#[tokio::test]
async fn a_no_counts_though_its_server_never_says_goodbye() {
    let answers = &[
        "220 sink.example",
        "250 ok",
        "250 ok",
        "550 no such mailbox",
    ];
    let (way, mut tells) = answering(answers).await;
    let answer = way.send(&message(), &person()).await;
    assert_eq!(answer.outcome, Outcome::Refused, "{answer:?}");
    while tells.recv().await.unwrap() != "QUIT\r\n" {}
}

#[tokio::test]
async fn a_line_that_its_server_has_closed_costs_no_mail() {
    for instead in ["", "421 closing"] {
        let (address, count) = server("NOOP", instead).await;
        let url = format!("smtp://{address}");
        let way = Way::Smtp(Smtp::new(&url, "duban@duban.example".to_owned()).unwrap());
        for lines in [1, 2] {
            let answer = way.send(&message(), &person()).await;
            assert_eq!(answer.outcome, Outcome::Delivered, "{instead}: {answer:?}");
            assert_eq!(*count.borrow(), lines, "{instead}");
        }
    }
}

#[tokio::test]
async fn a_mail_server_without_the_encryption_asked_for_is_sent_nothing() {
    let (address, _) = server("never", "").await;
    for url in [
        format!("smtps://{address}"),
        format!("smtp://{address}?tls=required"),
    ] {
        let way = Way::Smtp(Smtp::new(&url, "duban@duban.example".to_owned()).unwrap());
        let answer = way.send(&message(), &person()).await;
        let said_no = matches!(answer.outcome, Outcome::Failed | Outcome::Refused);
        assert!(said_no, "{url}: {answer:?}");
    }
}

#[tokio::test]
async fn no_mail_server_is_failed() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("smtp://{}", listener.local_addr().unwrap());
    drop(listener);
    let way = Way::Smtp(Smtp::new(&url, "duban@duban.example".to_owned()).unwrap());
    let answer = way.send(&message(), &person()).await;
    assert_eq!(
        (answer.outcome, answer.down),
        (Outcome::Failed, true),
        "{answer:?}"
    );
}

#[tokio::test]
async fn debug_output_hides_the_password() {
    let way = Smtp::new("smtps://user:hush@mail.example", "a@b.example".to_owned()).unwrap();
    let shown = format!("{way:?}") + &format!("{:#?}", Way::Smtp(way));
    assert!(
        !shown.contains("hush") && !shown.contains("user"),
        "{shown}"
    );
}
