// Journeys through the pages in a real browser, as an office, its units and an auditor make them.
//
// Each begins with a fresh folder and the program as it is built; nothing is mocked.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Office, picture, until } from "./office.mjs";

const SMALL = "tests/tests/scenarios/ledgers/small";
/** The duty of the small ledger that is looked at: due on 2021-10-29, verified by the office. */
const DUTY = "small/8/kailu/responsible";

async function office(t, ...args) {
  const opened = await Office.demo(...args);
  t.after(() => opened.close());
  return opened;
}

const small = (t) => office(t, "--speed", "0", "--ledger", SMALL, "--from", "2021-10-26", "--to", "2021-10-26");

/** The link of the mail about the duty to its contact. */
async function letter(where) {
  const mail = await until("a mail to the contact", () => {
    return where.mails().find((mail) => mail.to === "lianluo@kailu.test.example" && mail.text.includes("/a/"));
  });
  return mail.text.match(/https?:\/\/\S+\/a\/\S+/)[0];
}

test("a task turns yellow, then red, and the overview follows by itself", async (t) => {
  const where = await office(t, "--speed", "6", "--from", "2021-09-25", "--to", "2021-11-05");
  const page = await where.as("office");
  await page.goto("/");
  const reds = async () => Number((await page.locator(".strip, header, body").first().innerText()).match(/红灯\s*(\d+)/)?.[1] ?? 0);
  const before = await until("a count of reds", async () => (await reds()) + 1) - 1;
  await page.evaluate(() => (globalThis.untouched = true));
  await until(`more reds than ${before} without a reload`, async () => (await reds()) > before);
  assert.equal(await page.evaluate(() => globalThis.untouched), true, "the page was not loaded again");
  await picture(page, "overview-while-it-plays");
  assert.deepEqual(page.faults, []);
});

test("the office looks through its ledger, and takes what it sees along", async (t) => {
  const where = await office(t, "--speed", "0", "--to", "2021-11-30");
  await where.played();
  const page = await where.as("office");
  await page.goto("/");
  await picture(page, "overview", true);
  await page.getByRole("link", { name: "台账", exact: true }).first().click();
  await page.waitForURL(/\/ledger\//);
  await picture(page, "ledger");
  await page.goto("/ledger/tongliao-2021?view=duties&light=red&size=25");
  const rows = await page.locator("table tbody tr").count();
  assert.equal(rows, 25);
  for (const row of await page.locator("table tbody tr").all()) {
    assert.match(await row.innerText(), /红灯/);
  }
  await picture(page, "duties-that-are-red");
  const download = page.waitForEvent("download");
  await page.getByRole("link", { name: /Excel/ }).first().click();
  const file = await (await download).path();
  assert.equal(readFileSync(file).subarray(0, 2).toString(), "PK", "a workbook");
  await page.emulateMedia({ media: "print" });
  await picture(page, "ledger-on-paper");
  await page.emulateMedia({ media: "screen" });
  await page.locator("table tbody tr a").first().click();
  await picture(page, "red-duty", true);
  assert.deepEqual(page.faults, []);
});

test("a contact opens the mail's link on a phone, signs and reports", async (t) => {
  const where = await small(t);
  await where.played();
  const link = await letter(where);
  const phone = await where.onPhone();
  await phone.goto(link);
  await picture(phone, "letter-about-several", true);
  await phone.locator("main a", { hasText: "第8项" }).first().click();
  await phone.waitForLoadState();
  await picture(phone, "letter-on-a-phone", true);
  const before = where.run("explain", DUTY);
  assert.ok(!before.includes("  签收("), "looking changes nothing");
  await phone.getByRole("button", { name: /签收/ }).first().click();
  await phone.waitForLoadState();
  await until("the signature on the log", () => where.run("explain", DUTY).includes("  签收("));
  await phone.reload();
  await picture(phone, "signed-for", true);
});

test("the office returns a report, extends another date, and verifies", async (t) => {
  const where = await small(t);
  await where.played();
  const phone = await where.onPhone();
  await phone.goto(await letter(where));
  await phone.locator("main a", { hasText: "第8项" }).first().click();
  await phone.locator("summary", { hasText: "报送" }).first().click();
  const report = phone.locator("form", { has: phone.getByRole("button", { name: "报送" }) }).first();
  await report.locator("#links").fill("https://www.kailu.test.example/1.html");
  await report.locator("#said").fill("已完成抽查调度");
  await report.getByRole("button", { name: "报送" }).click();
  await phone.waitForLoadState();
  await picture(phone, "reported-on-a-phone", true);
  await until("the report on the log", () => where.run("explain", DUTY).includes("报送"));

  const page = await where.as("office");
  const act = async (name, fill, said) => {
    await page.goto(`/o/${DUTY}`);
    const form = page.locator("details", { has: page.locator("summary", { hasText: name }) }).first();
    if (!(await form.evaluate((details) => details.open))) await form.locator("summary").first().click();
    await fill(form);
    await form.locator("button[type=submit], button").last().click();
    await page.waitForLoadState();
    await until(`${said} on the log`, () => where.run("explain", DUTY).includes(said));
  };
  await page.goto(`/o/${DUTY}`);
  await picture(page, "duty-with-acts", true);
  await act("退回", (form) => form.locator("textarea").first().fill("请补充佐证"), "退回");
  await page.goto(`/o/${DUTY}`);
  await picture(page, "duty-returned", true);
  await act("批准延期", async (form) => {
    await form.locator('input[type="date"]').first().fill("2021-11-30");
    const why = form.locator("textarea");
    if ((await why.count()) > 0) await why.first().fill("节后集中办理");
  }, "2021-11-30");
  await act("核实", async (form) => {
    const why = form.locator("textarea");
    if ((await why.count()) > 0) await why.first().fill("已核实");
  }, "销号");
  await page.goto(`/o/${DUTY}`);
  assert.match(await page.locator("main").innerText(), /完成/);
  await picture(page, "duty-verified", true);
  assert.deepEqual(page.faults, []);
});

test("a clerk brings a Word ledger in, settles its questions, sees the plan and deploys it", async (t) => {
  const where = await Office.serve();
  t.after(() => where.close());
  const page = await where.invited("clerk", "--role", "office", "--tenant", "tongliao", "--title", "督办室");
  await page.goto("/define");
  await page.setInputFiles('input[type="file"]', "tests/documents/tongliao-2021-ledger.docx");
  await page.getByRole("button", { name: "上传并读取" }).click();
  await page.waitForURL(/\/define\/draft\//);
  await picture(page, "document-as-read");
  const draft = page.url();
  await page.goto(`${draft}/questions`);
  await picture(page, "questions");
  const open = async () => page.locator("main").getByText("未答 ", { exact: false }).count();
  const before = await open();
  for (let n = 0; n < 3; n += 1) {
    await page.locator('main input[type="radio"]').first().check();
    await page.getByRole("button", { name: "确定,下一个" }).click();
    await page.waitForLoadState();
  }
  assert.ok((await open()) < before, "what was answered is asked no more");
  await page.goto(`${draft}/edit`);
  await picture(page, "editor");
  await page.goto(`${draft}/plan`);
  await picture(page, "plan", true);
  await page.locator("main textarea, main input[name=reason]").last().fill("按通政公字【2021】1号");
  await page.getByRole("button", { name: "按此方案部署" }).click();
  await page.waitForLoadState();
  await picture(page, "deployed");
  await until("the ledger in force", async () => {
    await page.goto("/");
    return (await page.locator("body").innerText()).includes("分工台账");
  });
  await page.getByRole("link", { name: "台账", exact: true }).first().click();
  await page.waitForURL(/\/ledger\//);
  assert.ok((await page.locator("table tbody tr").count()) >= 36);
  await picture(page, "ledger-from-the-document");
});

test("the office adds a task outside the ledger, and changes a day of the calendar", async (t) => {
  const where = await office(t, "--speed", "0", "--to", "2021-08-15");
  await where.played();
  const page = await where.as("office");
  await page.goto("/ledger/tongliao-2021");
  await page.getByRole("link", { name: /增加台账外任务/ }).click();
  await page.fill("#text", "报送汛期信息公开整改情况。");
  await page.fill("#find", "教育局");
  assert.equal(await page.locator("#picks tr", { hasText: "通辽市发展和改革委员会" }).isVisible(), false, "the list is narrowed as one types");
  await page.getByLabel("通辽市教育局 责任").check();
  await page.fill('input[name="day"]', "2021-10-29");
  await page.fill("#reason", "市政府常务会议交办");
  await picture(page, "outside-form", true);
  await page.getByRole("button", { name: "看看会怎样" }).click();
  await page.waitForLoadState();
  assert.match(await page.locator("main").innerText(), /第37项[\s\S]*提前7个工作日/);
  await picture(page, "outside-plan", true);
  await page.getByRole("button", { name: "确认增加,立即生效" }).click();
  await page.waitForLoadState();
  await until("the task in the ledger", async () => {
    await page.goto("/ledger/tongliao-2021?sort=-number");
    return (await page.locator("main").innerText()).includes("【台账外】");
  });
  await picture(page, "outside-in-the-ledger");
  await page.goto("/define");
  await page.getByRole("button", { name: "开始修改" }).first().click();
  await page.waitForURL(/\/define\/draft\//);
  await page.getByRole("link", { name: "工作日历", exact: true }).click();
  await page.getByRole("link", { name: "2021", exact: true }).click();
  await page.getByRole("link", { name: /^2021-11-15/ }).click();
  await page.getByLabel("放假", { exact: true }).check();
  await page.fill("#name", "市庆");
  await page.getByRole("button", { name: "保存到草稿" }).click();
  await page.waitForLoadState();
  assert.equal(await page.getByRole("link", { name: "2021-11-15 星期一 放假 市庆" }).count(), 1);
  await picture(page, "calendar", true);
  assert.deepEqual(page.faults, []);
});

test("an auditor reads why, and can change nothing", async (t) => {
  const where = await office(t, "--speed", "0", "--to", "2021-11-30");
  await where.played();
  const page = await where.as("auditor");
  await page.goto("/ledger/tongliao-2021?view=duties&light=red&size=25");
  await page.locator("table tbody tr a").first().click();
  await page.waitForLoadState();
  const text = await page.locator("main").innerText();
  assert.match(text, /为什么/);
  assert.match(text, /完成时限/);
  assert.equal(await page.locator('main form[method="post"]').count(), 0, "nothing to act with");
  await picture(page, "why-for-an-auditor", true);
});

test("nobody sees a page without signing in, and the way there is kept", async (t) => {
  const where = await small(t);
  const page = await where.visitor();
  await page.goto("/ledger/small?view=duties");
  assert.match(page.url(), /\/sign-in/);
  await picture(page, "sign-in");
});
