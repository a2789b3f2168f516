//! The same inputs give the same decisions, whatever the log and however many processes.

use duban_tests::duban::{Play, run, verified, verified_at};
use duban_tests::nats::NatsServer;
use duban_tests::roles::Roles;
use duban_tests::watch::Parts;

/// The first batch of duties, the half-year's end and a month of escalations.
const LAST_DAY: &str = "2021-08-15";

#[tokio::test]
async fn memory_one_process_and_four_processes_decide_alike() {
    let mut parts = Parts::default();
    let play = Play::sample(LAST_DAY);
    let in_memory = play.checksum_in_memory();
    parts.done("simulated in memory");

    let folder = tempfile::tempdir().unwrap();
    let said = run(&play.demo(folder.path())).with_code(0);
    parts.done("played on the embedded log");
    assert_eq!(verified(folder.path()), in_memory, "{}", said.out);
    parts.done("verified");

    let server = NatsServer::start().await;
    let folder = tempfile::tempdir().unwrap();
    let roles = Roles::start(&server, folder.path());
    parts.done("nats-server and four services started");
    run(&play.rounds(&server.url("console"))).with_code(0);
    parts.done("played by four processes on JetStream");
    let verified = verified_at(&["--nats", &server.url("console")]);
    assert_eq!(verified, in_memory, "{}", roles.said());
    roles.stop();
    parts.done("verified and stopped");
}
