// What the editor does better with a script: it checks a text while one types and marks its lines, it
// takes a file that is dropped, and it asks before a changed text is left behind.
"use strict";
(function () {
  const PAUSE = 600; // milliseconds without a key until a text is checked
  const CHECK_LIMIT = 20000; // milliseconds until a check is given up
  const IS_ENGLISH = document.documentElement.lang === "en";
  function say(chinese, english) { return IS_ENGLISH ? english : chinese; }
  const ORDER = { error: 0, warning: 1, confirm: 2 };

  for (const form of document.querySelectorAll("form.drop")) {
    const field = form.querySelector("input[type=file]");
    for (const name of ["dragover", "dragenter"]) {
      form.addEventListener(name, function (event) { event.preventDefault(); form.classList.add("over"); });
    }
    for (const name of ["dragleave", "drop"]) {
      form.addEventListener(name, function () { form.classList.remove("over"); });
    }
    form.addEventListener("drop", function (event) {
      event.preventDefault();
      if (event.dataTransfer.files.length > 0) field.files = event.dataTransfer.files;
    });
  }

  // Lists of units are narrowed while one types; what is ticked stays in sight.
  for (const field of document.querySelectorAll("[data-filter]")) {
    const table = document.getElementById(field.dataset.filter);
    if (!table) continue;
    const narrow = function () {
      const sought = field.value.trim();
      for (const row of table.tBodies[0].rows) {
        const ticked = row.querySelector("input:checked") !== null;
        row.hidden = !(sought === "" || ticked || row.cells[0].textContent.includes(sought));
      }
    };
    field.addEventListener("input", narrow);
    table.addEventListener("change", function (event) {
      const row = event.target.closest("tr");
      if (!row) return;
      // A unit has one role.
      if (event.target.checked) for (const other of row.querySelectorAll("input")) other.checked = other === event.target;
      row.classList.toggle("chosen", row.querySelector("input:checked") !== null);
    });
  }
  // What is sent once is not sent twice.
  for (const form of document.querySelectorAll("form.once")) {
    form.addEventListener("submit", function (event) {
      if (form.dataset.sent) event.preventDefault();
      form.dataset.sent = "1";
    });
  }
  window.addEventListener("pageshow", function () { for (const form of document.querySelectorAll("form.once")) delete form.dataset.sent; });

  const form = document.querySelector("form.edit");
  if (!form) return;
  const text = form.querySelector("textarea");
  const gutter = document.getElementById("gutter");
  const told = document.getElementById("told");
  const state = document.getElementById("state");
  const file = form.querySelector("[name=file]").value;
  let changed = false;
  let asked = 0;
  let timer = 0;

  function fitLines() {
    const count = text.value.split("\n").length;
    while (gutter.childElementCount < count) {
      const line = document.createElement("a");
      const number = gutter.childElementCount + 1;
      line.id = "L" + number;
      line.href = "#L" + number;
      line.textContent = number;
      gutter.append(line);
    }
    while (gutter.childElementCount > count) gutter.lastElementChild.remove();
    text.rows = count;
  }

  function show(answer) {
    if (answer.fault) { state.textContent = answer.fault; return; }
    for (const line of gutter.children) { line.className = ""; line.removeAttribute("title"); }
    for (const found of answer.diagnostics) {
      if (found.file !== file) continue;
      const line = gutter.children[Math.max(found.line, 1) - 1];
      if (!line) continue;
      if (!line.className || ORDER[found.severity] < ORDER[line.className]) line.className = found.severity;
      line.title = (line.title ? line.title + "\n" : "") + found.title;
    }
    const list = new DOMParser().parseFromString(answer.told, "text/html").getElementById("told");
    if (list) told.replaceChildren(...list.children);
    document.getElementById("none").hidden = answer.diagnostics.length > 0;
    document.getElementById("sums").textContent = say("错误", "Errors ") + answer.sorts.errors + say(",提醒", ", warnings ") + answer.sorts.warnings + say(",待确认", ", to confirm ") + answer.sorts.confirms;
    state.textContent = (changed ? say("未保存。", "Not saved. ") : "") + answer.counts;
  }

  async function check() {
    const mine = ++asked;
    state.textContent = say("正在检查…", "Checking…");
    try {
      const body = new FormData();
      for (const name of ["form_key", "file", "text"]) body.append(name, form.querySelector("[name=" + name + "]").value);
      const response = await fetch(form.dataset.check, { method: "POST", body: body, signal: AbortSignal.timeout(CHECK_LIMIT) });
      if (mine !== asked) return;
      if (response.status === 401) { state.textContent = say("登录已过期:请在另一个页面登录,再回来保存。写的内容还在。", "Signed out: sign in on another page, then come back and save. Your text is still here."); return; }
      if (!response.ok) { state.textContent = say("没有检查成,请保存后再看。", "Not checked; save and look again."); return; }
      show(await response.json());
    } catch (fault) {
      if (mine === asked) state.textContent = say("没有检查成,稍后再试。写的内容还在。", "Not checked, try again later. Your text is still here.");
    }
  }

  text.addEventListener("input", function () {
    changed = true;
    fitLines();
    clearTimeout(timer);
    timer = setTimeout(check, PAUSE);
  });
  // Tab stays in the text; Escape and then Tab leaves it.
  let leaving = false;
  text.addEventListener("keydown", function (event) {
    if (event.key === "Escape") { leaving = true; return; }
    if (event.key !== "Tab" || event.shiftKey || leaving) { leaving = false; return; }
    event.preventDefault();
    text.setRangeText("  ", text.selectionStart, text.selectionEnd, "end");
    text.dispatchEvent(new Event("input"));
  });
  form.addEventListener("submit", function () { changed = false; });
  window.addEventListener("beforeunload", function (event) { if (changed) event.preventDefault(); });
})();
