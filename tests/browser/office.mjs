// One office for a journey: the program under test on a folder of its own, a browser, and what was
// sent by mail. Everything ends with the journey.

import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";

const DUBAN = needed("DUBAN_BIN");
const BROWSER = needed("DUBAN_CHROMIUM");
const PICTURES = needed("DUBAN_PICTURES");

/** How long anything may take that is going to happen, in milliseconds. */
export const PATIENCE = 60_000;

const DESK = { width: 1280, height: 900 };
const PHONE = { width: 390, height: 844 };

function needed(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: run this by \`cargo xtask journeys\``);
  return value;
}

/** Waits until `look` finds something. */
export async function until(what, look) {
  const end = Date.now() + PATIENCE;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (Date.now() > end) throw new Error(`not within ${PATIENCE} ms: ${what}`);
    await new Promise((go) => setTimeout(go, 100));
  }
}

export class Office {
  /** Starts a demo that stays open once it has played. */
  static async demo(...args) {
    const office = new Office();
    office.data = mkdtempSync(join(tmpdir(), "duban-journey-"));
    const fixed = ["demo", "--stay", "--http", "127.0.0.1:0", "--data", office.data];
    await office.open([...fixed, ...args], /page: (http:\/\/\S+?)\/?\s/);
    return office;
  }

  /** Starts the program as an office runs it, with nothing in it, on virtual time. */
  static async serve() {
    const office = new Office();
    office.data = mkdtempSync(join(tmpdir(), "duban-journey-"));
    const args = ["serve", "--clock", "virtual", "--http", "127.0.0.1:0", "--data", office.data];
    await office.open(args, /pages: (http:\/\/\S+?)\/?\s/);
    return office;
  }

  async open(args, address) {
    this.out = "";
    this.program = spawn(DUBAN, args);
    this.program.stdout.on("data", (bytes) => (this.out += bytes));
    this.program.stderr.on("data", (bytes) => (this.out += bytes));
    this.browser = await chromium.launch({
      executablePath: BROWSER,
      args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
    });
    this.home = (await until("the pages' address", () => this.out.match(address)))[1];
  }

  /** Waits until everything was played. */
  async played() {
    await until(`the end of the demo: ${this.out.slice(-400)}`, () => this.out.includes("Ctrl-C"));
  }

  /** Somebody's browser, signed in by the one-time link that the demo printed. */
  async as(who, size = DESK) {
    const link = await until(`a link for ${who}`, () => this.out.match(new RegExp(`as demo-${who}, once: (\\S+)`)));
    const visitor = await this.visitor(size);
    await visitor.goto(link[1]);
    const go = visitor.locator("main form button");
    if (visitor.url().includes("/link/") && (await go.count()) > 0) await go.first().click();
    await visitor.waitForLoadState();
    return visitor;
  }

  /** Somebody's browser, who was just invited and chose a password. */
  async invited(name, ...args) {
    const link = this.run("user", "invite", name, ...args).trim();
    const visitor = await this.visitor();
    await visitor.goto(link);
    await visitor.fill('input[name="password"]', "correct horse battery");
    await visitor.fill('input[name="password-again"]', "correct horse battery");
    await visitor.click("main form button");
    await visitor.waitForLoadState();
    return visitor;
  }

  /** Somebody's browser, signed in as nobody. */
  async visitor(size = DESK, options = {}) {
    const context = await this.browser.newContext({ viewport: size, baseURL: this.home, locale: "zh-CN", ...options });
    const page = await context.newPage();
    page.faults = [];
    page.on("pageerror", (fault) => page.faults.push(String(fault)));
    page.on("console", (message) => {
      if (message.type() === "error") page.faults.push(message.text());
    });
    page.setDefaultTimeout(PATIENCE);
    return page;
  }

  onPhone() {
    return this.visitor(PHONE);
  }

  /** Every mail so far: to whom, and its plain text. */
  mails() {
    const files = [];
    const look = (folder) => {
      for (const name of readdirSync(folder)) {
        const path = join(folder, name);
        if (statSync(path).isDirectory()) look(path);
        else if (name.endsWith(".eml")) files.push(path);
      }
    };
    const folder = join(this.data, "mail");
    mkdirSync(folder, { recursive: true });
    look(folder);
    return files.sort().map((file) => {
      const mail = readFileSync(file, "utf8");
      const to = mail.match(/^To:.*<(.*)>/m)?.[1];
      const body = mail.split("Content-Type: text/plain")[1].split("\r\n\r\n")[1].split("\r\n--")[0];
      return { to, text: Buffer.from(body, "base64").toString("utf8") };
    });
  }

  /** The program once more, beside the one that runs. */
  run(...args) {
    const done = spawnSync(DUBAN, [...args, "--data", this.data], { encoding: "utf8" });
    if (done.status !== 0) throw new Error(`duban ${args.join(" ")}: ${done.stdout}${done.stderr}`);
    return done.stdout;
  }

  /** Sends one event from outside. */
  send(event) {
    const file = join(this.data, "event.ndjson");
    writeFileSync(file, JSON.stringify({ specversion: "1.0", source: "urn:journey", ...event }));
    return this.run("send", file);
  }

  async close() {
    await this.browser.close();
    this.program.kill();
    rmSync(this.data, { recursive: true, force: true });
  }
}

let pictures = 0;

/** A picture for people to look at. */
export async function picture(page, name, whole = false) {
  mkdirSync(PICTURES, { recursive: true });
  pictures += 1;
  const number = String(pictures).padStart(2, "0");
  await page.screenshot({ path: join(PICTURES, `${number}-${name}.png`), fullPage: whole });
}
