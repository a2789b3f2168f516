//! Leases on a real server: whose turn it is to write is agreed on, and each role writes its own.

use crate::bed::options;
use duban_journal::{Holder, JetStreamLog, Lease, Leases, Log, LogError};
use duban_model::frame::Service;
use duban_tests::nats::NatsServer;

async fn leases(server: &NatsServer, user: &str) -> Leases {
    let log = JetStreamLog::connect(options(server, user)).await.unwrap();
    Log::JetStream(log)
        .leases()
        .expect("a log of several processes")
}

fn holder(incarnation: u64) -> Holder {
    Holder {
        incarnation,
        host: "a".to_owned(),
        ..Holder::default()
    }
}

#[tokio::test]
async fn of_two_candidates_for_one_revision_one_gets_the_lease() {
    let server = NatsServer::start().await;
    let all = leases(&server, "duban").await;
    let rules = leases(&server, "rules").await;
    let service = Service::Rules;
    assert_eq!(
        rules.look(service).await,
        Ok(Lease::default()),
        "nobody ever held it"
    );

    let first = rules.write(service, Some(&holder(1)), 0).await.unwrap();
    let first = first.expect("it was free");
    assert_eq!(
        all.write(service, Some(&holder(2)), 0).await,
        Ok(None),
        "too late"
    );
    let renewed = rules.write(service, Some(&holder(1)), first).await.unwrap();
    let renewed = renewed.expect("nobody came between");
    assert_eq!(
        all.write(service, Some(&holder(2)), first).await,
        Ok(None),
        "it has moved"
    );
    let taken = all.write(service, Some(&holder(2)), renewed).await.unwrap();
    let taken = taken.expect("it stood still");
    assert_eq!(
        rules.write(service, Some(&holder(1)), renewed).await,
        Ok(None),
        "lost"
    );
    let stands = rules.look(service).await.unwrap();
    assert_eq!((stands.revision, stands.holder), (taken, Some(holder(2))));

    let free = all
        .write(service, None, taken)
        .await
        .unwrap()
        .expect("given back");
    assert_eq!(
        rules.look(service).await,
        Ok(Lease {
            revision: free,
            holder: None
        })
    );
    assert_eq!(
        rules.look(Service::Intake).await,
        Ok(Lease::default()),
        "each its own"
    );
}

#[tokio::test]
async fn every_role_writes_its_own_lease_only() {
    let server = NatsServer::start().await;
    leases(&server, "duban").await;
    for role in Service::ALL {
        let own = leases(&server, role.as_str()).await;
        for service in Service::ALL {
            let answer = own.write(service, Some(&holder(1)), 0).await;
            if service == role {
                assert!(matches!(answer, Ok(Some(_))), "{answer:?}");
            } else {
                assert!(matches!(answer, Err(LogError::Refused(_))), "{answer:?}");
            }
        }
    }
    let console = leases(&server, "console").await;
    let answer = console.write(Service::Rules, None, 0).await;
    assert!(matches!(answer, Err(LogError::Refused(_))), "{answer:?}");
    assert!(console.look(Service::Rules).await.unwrap().holder.is_some());
}

#[tokio::test]
async fn leases_outlive_a_crash_of_the_server() {
    let mut server = NatsServer::start().await;
    let before = leases(&server, "duban").await;
    let written = before
        .write(Service::Intake, Some(&holder(7)), 0)
        .await
        .unwrap();
    server.kill();
    server.restart().await;
    let after = leases(&server, "intake").await;
    let lease = after.look(Service::Intake).await.unwrap();
    assert_eq!(
        (Some(lease.revision), lease.holder),
        (written, Some(holder(7)))
    );
}
