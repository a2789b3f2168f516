//! Notices that reached nobody: what the office finds of them, and what it can do.

use super::*;
use duban_model::RecordId;

async fn as_office(served: &Served, path: &str) -> String {
    let held = served.bed.signed_in("wang", &[Role::Office], &[]);
    let who = format!("Cookie: duban={held}");
    Served::answer(served.open_as(path, &who).await).await.2
}

/// A ledger with one duty that is owed, and its id.
fn sample() -> (Sample, String) {
    let mut sample = Sample::empty();
    sample.directory(Service::Rules);
    sample.adopt_tasks("台账", vec![task(1, "集中公开")]);
    let duty = sample.open("1", "city-spj", Some(day(30)));
    (sample, duty)
}

/// A notice that was given up.
fn given_up(sample: &mut Sample, duty: &str) -> String {
    let notice = sample.requested(duty, "before:15wd");
    sample.queued(duty, &notice, "before:15wd");
    sample.attempted(&notice, 1);
    sample.abandoned(&notice, "550 没有<b>此人</b>");
    notice
}

#[tokio::test]
async fn what_reached_nobody_is_an_incident_until_somebody_is_reached() {
    let (mut sample, duty) = sample();
    let notice = given_up(&mut sample, &duty);
    let served = serving(&mut sample).await;
    let overview = as_office(&served, "/").await;
    assert!(overview.contains("href=\"/incidents\""), "{overview}");
    assert!(
        overview.contains("需处理的异常 <b class=\"big bad\">1</b>"),
        "{overview}"
    );
    let page = as_office(&served, "/incidents").await;
    for part in [
        "未能送达",
        "通辽市行政审批和政务服务局",
        "550 没有&#60;b&#62;此人",
        "电话告知",
        "再试一次",
        &format!("/notices?id={notice}"),
        &format!("/o/{duty}"),
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    let page = as_office(&served, "/incidents?sort=no-contact").await;
    assert!(page.contains("没有需要处理的异常"), "{page}");
    let page = as_office(&served, "/incidents?lang=en").await;
    assert!(
        page.contains("Not reached") && page.contains("Try again"),
        "{page}"
    );
    // A program may read of it, and not act.
    let (status, _, page) = served.get("/incidents").await;
    assert!(status == 200 && !page.contains("/notices/retry"), "{page}");
    assert_eq!(served.get_for("city-spj", "/incidents").await.0, 403);
    let (_, _, overview) = served.get_for("city-spj", "/").await;
    assert!(!overview.contains("需处理的异常"), "{overview}");
    served.end().await;

    // Its people were told of the same later.
    sample = self::sample().0;
    let notice = given_up(&mut sample, &duty);
    let later = sample.requested(&duty, "due");
    sample.queued(&duty, &later, "due");
    sample.now = sample.now.plus_millis(1);
    sample.delivered(&later, 1);
    let served = serving(&mut sample).await;
    assert!(!as_office(&served, "/").await.contains("需处理的异常"));
    let page = as_office(&served, "/incidents").await;
    assert!(page.contains("没有需要处理的异常"), "{page}");
    let page = as_office(&served, "/incidents?show=all").await;
    assert!(
        page.contains("之后的通知已送达") && page.contains(&notice),
        "{page}"
    );
    served.end().await;
}

#[tokio::test]
async fn a_notice_tried_again_says_so_and_is_not_offered_twice() {
    let (mut sample, duty) = sample();
    let first = given_up(&mut sample, &duty);
    let fact = sample.retried(&first);
    let asked = serving(&mut sample).await;
    let page = as_office(&asked, "/notices").await;
    assert!(
        page.contains("已要求再试,正在处理") && !page.contains("再试一次"),
        "{page}"
    );
    asked.end().await;

    let (mut sample, _) = self::sample();
    let first_again = given_up(&mut sample, &duty);
    assert_eq!(first, first_again);
    assert_eq!(sample.retried(&first), fact);
    sample.refused_by(Service::Notifier, fact, "no-contact");
    let refused = serving(&mut sample).await;
    let page = as_office(&refused, "/notices").await;
    assert!(page.contains("再试一次"), "the next try may do: {page}");
    refused.end().await;

    let (mut sample, _) = self::sample();
    let first = given_up(&mut sample, &duty);
    sample.retried(&first);
    let second = RecordId::derive(&[b"second"]).to_string();
    sample.queued_instead(&duty, &second, &first);
    let waiting = serving(&mut sample).await;
    let page = as_office(&waiting, "/notices").await;
    assert!(
        page.contains("已再发:") && !page.contains("再试一次"),
        "{page}"
    );
    assert!(page.contains(&format!("/notices?id={second}")), "{page}");
    let page = as_office(&waiting, &format!("/notices?id={second}")).await;
    assert!(
        page.contains("第二联络员") && page.contains("代替未送达的一份"),
        "{page}"
    );
    assert!(
        page.contains("没有&#60;b&#62;此人"),
        "with the first one: {page}"
    );
    let page = as_office(&waiting, "/incidents").await;
    assert!(
        page.contains("已改发,等待结果") && !page.contains("再试一次"),
        "{page}"
    );
    waiting.end().await;

    let (mut sample, _) = self::sample();
    let first = given_up(&mut sample, &duty);
    sample.queued_instead(&duty, &second, &first);
    sample.delivered(&second, 1);
    let arrived = serving(&mut sample).await;
    let page = as_office(&arrived, "/incidents").await;
    assert!(page.contains("没有需要处理的异常"), "{page}");
    let page = as_office(&arrived, "/incidents?show=all").await;
    assert!(page.contains("改发后已送达"), "{page}");
    arrived.end().await;
}

#[tokio::test]
async fn a_unit_without_anybody_to_tell_is_one_incident_and_ends_with_its_duties() {
    let (mut sample, duty) = sample();
    for step in ["before:15wd", "before:7wd", "due"] {
        let notice = sample.requested(&duty, step);
        sample.suppressed(&duty, &notice, "名录中没有联络员");
    }
    sample.rejected("site-x");
    let served = serving(&mut sample).await;
    let page = as_office(&served, "/incidents").await;
    assert!(
        page.contains("无人可通知") && page.contains("次数 3"),
        "{page}"
    );
    assert!(
        page.contains("未受理") && page.contains("[unknown-unit] site-x"),
        "{page}"
    );
    served.end().await;

    let (mut sample, duty) = self::sample();
    let notice = sample.requested(&duty, "due");
    sample.suppressed(&duty, &notice, "名录中没有联络员");
    sample.waived(&duty);
    let served = serving(&mut sample).await;
    assert!(
        !as_office(&served, "/incidents")
            .await
            .contains("名录中没有联络员")
    );
    served.end().await;
}
