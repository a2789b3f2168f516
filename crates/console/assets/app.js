// Keeps an open page up with the log: clock and counters at once, the main part at most once a
// second. Without this script the page reloads itself.
"use strict";
(function () {
  const REFRESH_GAP = 1000; // milliseconds between two reloads of the main part
  const FETCH_LIMIT = 10000; // milliseconds until a reload is given up
  // Following is no use of a session, which ends when nobody uses it.
  const FOLLOWS = { Accept: "text/html", "X-Duban-Follow": "1" };
  const RETRY_FIRST = 1000; // milliseconds until the first reconnection
  const RETRY_LONGEST = 15000; // milliseconds between reconnections at most

  let shown = Number(document.body.dataset.seq); // what the main part shows
  let latest = shown; // what the log has
  let busy = false;
  let last = 0;
  let timer = 0;
  let retry = RETRY_FIRST;
  let over = false; // the session is
  // What answers a form has no address of its own: it holds still, and keeps what was filled in.
  const still = document.querySelector("#main .still") !== null;

  function put(id, text) {
    const place = document.getElementById(id);
    if (place && place.textContent !== String(text)) place.textContent = text;
  }

  function tell(change) {
    put("clock-date", document.documentElement.lang === "en" ? change.day : change.date);
    put("clock-time", change.time);
    const mode = document.getElementById("clock-mode");
    if (mode) {
      put("clock-mode", change.virtual_time ? mode.dataset.virtual : mode.dataset.logged);
      mode.classList.toggle("virtual", change.virtual_time);
    }
    for (const name of ["red", "yellow", "green", "done", "grey", "late", "total", "rejections"]) {
      put("count-" + name, change[name]);
    }
  }

  // While somebody types, chooses or marks a text, the page holds still; and as long as something
  // chosen in a form is not sent.
  let chosen = false;
  document.addEventListener("input", function () { chosen = true; });

  function inUse(main) {
    if (chosen) return true;
    const active = document.activeElement;
    if (active && main.contains(active) && /^(INPUT|SELECT|TEXTAREA)$/.test(active.tagName)) return true;
    const marked = document.getSelection();
    return Boolean(marked && !marked.isCollapsed && main.contains(marked.anchorNode));
  }

  function pathOf(main, node) {
    if (!node || node === main || !main.contains(node)) return null;
    if (node.id) return "#" + CSS.escape(node.id);
    const href = node.getAttribute("href");
    if (href) return 'a[href="' + CSS.escape(href) + '"]';
    const keep = node.dataset.keep;
    return keep ? '[data-keep="' + CSS.escape(keep) + '"]' : null;
  }

  function replace(fresh) {
    const main = document.getElementById("main");
    const focus = pathOf(main, document.activeElement);
    const scrolls = new Map();
    for (const box of main.querySelectorAll("[data-keep]")) {
      scrolls.set(box.dataset.keep, [box.scrollLeft, box.scrollTop]);
    }
    const open = new Map();
    for (const part of main.querySelectorAll("details[id]")) open.set(part.id, part.open);
    const x = window.scrollX;
    const y = window.scrollY;
    main.replaceChildren(...fresh.childNodes);
    for (const box of main.querySelectorAll("[data-keep]")) {
      const at = scrolls.get(box.dataset.keep);
      if (at) [box.scrollLeft, box.scrollTop] = at;
    }
    for (const part of main.querySelectorAll("details[id]")) {
      if (open.has(part.id)) part.open = open.get(part.id);
    }
    window.scrollTo(x, y);
    const back = focus && main.querySelector(focus);
    if (back) back.focus({ preventScroll: true });
  }

  // Boxes that tick all others of their name; without a script there is a button for it.
  function boxes() {
    for (const all of document.querySelectorAll("#main input[data-all]")) {
      all.hidden = false;
      all.onchange = function () {
        for (const one of all.form.querySelectorAll('input[name="' + all.dataset.all + '"]')) one.checked = all.checked;
      };
    }
  }

  // Says so once the page leads to the sign-in, and follows no more.
  function isOver(answer) {
    if (answer.type !== "opaqueredirect") return false;
    over = true;
    const lost = document.getElementById("lost");
    lost.textContent = "登录已过期,请刷新页面重新登录";
    lost.hidden = false;
    return true;
  }

  async function refresh() {
    timer = 0;
    if (still || busy || latest <= shown) return;
    if (document.hidden || inUse(document.getElementById("main"))) return;
    busy = true;
    last = Date.now();
    try {
      const answer = await fetch(location.href, {
        headers: FOLLOWS,
        redirect: "manual",
        signal: AbortSignal.timeout(FETCH_LIMIT),
      });
      // A page that is not there (any more) keeps what it shows; so does one whose session is over.
      if (!isOver(answer) && answer.ok) {
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        const fresh = page.getElementById("main");
        if (fresh && !inUse(document.getElementById("main"))) {
          replace(fresh);
          shown = Number(page.body.dataset.seq);
          boxes();
          again();
        }
      }
    } catch {
      // The stream tells whether the console is away; this is tried again with the next change.
    } finally {
      busy = false;
      if (latest > shown) plan();
    }
  }

  // A part that is still being reckoned is asked for again, whether the log moves or not.
  function again() {
    const part = document.querySelector("#main [data-again]");
    if (part) setTimeout(function () { shown = -1; plan(); }, Number(part.dataset.again) * 1000);
  }

  function plan() {
    if (timer || busy || over) return;
    const wait = Math.max(0, last + REFRESH_GAP - Date.now());
    timer = setTimeout(refresh, wait);
  }

  function connect() {
    const stream = new EventSource(document.body.dataset.events);
    const lost = document.getElementById("lost");
    stream.addEventListener("change", function (event) {
      retry = RETRY_FIRST;
      lost.hidden = true;
      const change = JSON.parse(event.data);
      // A console whose log was set up anew begins again.
      if (change.seq < latest) shown = -1;
      latest = change.seq;
      tell(change);
      if (latest > shown) plan();
    });
    stream.onerror = function () {
      // Ours, since browsers give up after some errors.
      stream.close();
      lost.hidden = false;
      if (over) return;
      if (still) {
        setTimeout(connect, retry);
        retry = Math.min(retry * 2, RETRY_LONGEST);
        return;
      }
      // A stream does not say why it is refused; the page does.
      fetch(location.href, { method: "HEAD", headers: FOLLOWS, redirect: "manual" }).then(isOver, function () {});
      setTimeout(function () { if (!over) connect(); }, retry);
      retry = Math.min(retry * 2, RETRY_LONGEST);
    };
    window.addEventListener("pagehide", function () { stream.close(); }, { once: true });
  }

  document.addEventListener("visibilitychange", plan);
  document.addEventListener("focusout", plan);
  document.addEventListener("selectionchange", function () { if (latest > shown) plan(); });
  window.addEventListener("pageshow", function (event) { if (event.persisted) location.reload(); });
  connect();
  boxes();
  again();
})();
