"use strict";
// The page requests the whole state about every second and changes only the elements that differ. Content of requests
// is written as text only: nothing here writes HTML.

const REFRESH_MS = 1000;
const TIMEOUT_MS = 10000;
const JOBS_AT_FIRST = 24, JOBS_AT_MOST = 480, ROWS = 100, CALLS_AT_FIRST = 30, CALLS_AT_MOST = 480;
const ANNOUNCE_EVERY_MS = 4000;

const STATES = {
  QUEUED: ["queued", "calm"], PROCESSING: ["processing", "calm"], DUE: ["ready, not polled yet", "warn"],
  COMPLETED: ["completed", "good"], FAILED: ["failed", "bad"],
};
const INVISIBLE = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;

const $ = (id) => document.getElementById(id);
let latest = null, account = null, jobsShown = JOBS_AT_FIRST, callsShown = CALLS_AT_FIRST;
let view = "swaps", rowsShown = ROWS, opened = null, returnTo = null, refreshing = null;

// Text and elements

const clean = (text) => String(text).replace(INVISIBLE, (sign) => `[U+${sign.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}]`);

function make(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = clean(text);
  return made;
}

function write(element, text) {
  const shown = clean(text);
  if (element.textContent !== shown) element.textContent = shown;
}

function set(element, name, value) {
  if (element[name] !== value) element[name] = value;
}

/** Updates the children of a list to match the items, by key. Existing children keep their place and focus. */
function list(parent, items, keyOf, create, update) {
  const there = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  let place = parent.firstElementChild;
  for (const item of items) {
    const key = String(keyOf(item));
    let child = there.get(key);
    there.delete(key);
    if (!child) {
      child = create(item);
      child.dataset.key = key;
    }
    if (child === place) place = place.nextElementSibling;
    else parent.insertBefore(child, place);
    update(child, item);
  }
  for (const child of there.values()) child.remove();
}

// Numbers and words

const dollars = (amount, digits = 2) => `$${amount.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits })}`;
const number = (count) => count.toLocaleString("en-US");

function duration(seconds) {
  if (seconds < 0.95) return `${Math.max(0, seconds).toFixed(1)} s`;
  if (seconds < 99.5) return `${Math.round(seconds)} s`;
  if (seconds < 5700) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172800) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86400)} d`;
}
const ago = (seconds) => (seconds < 1 ? "now" : `${duration(seconds)} ago`);

function nameOf(url) {
  try {
    const parts = new URL(url);
    return parts.host || url;
  } catch {
    return url;
  }
}

function codeOf(call) {
  if (call.status !== null) return String(call.status);
  return { cut: "cut", left: "left", waiting: "…", broken: "error", answered: "" }[call.ending];
}

function toneOf(call) {
  if (call.ending === "waiting") return "calm";
  if (call.status === null || call.status >= 500) return "bad";
  return call.status >= 400 ? "warn" : "good";
}

const titleOf = (call) => (call.kind ? `${call.kind} ${number(call.number)}` : call.method);

// Announcements for screen readers

let pending = [], announcing = null;
function announce(text) {
  pending.push(text);
  if (announcing) return;
  announcing = setTimeout(() => {
    announcing = null;
    $("announcements").textContent = pending.length > 3 ? `${pending.length} changes. ${pending.at(-1)}` : pending.join(". ");
    pending = [];
  }, $("announcements").textContent ? ANNOUNCE_EVERY_MS : 0);
}

// Requests to the emulator

async function ask(path, options = {}) {
  const answer = await fetch(`/_emulator/${path}`, { cache: "no-store", signal: AbortSignal.timeout(TIMEOUT_MS), ...options });
  const body = answer.status === 204 ? null : await answer.json();
  if (!answer.ok) throw Object.assign(new Error(body.error), { answered: true });
  return body;
}

const post = (path, body = {}) => ask(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });

async function change(what, words) {
  try {
    await what();
    if (words) announce(words);
  } catch (problem) {
    failed(problem);
  }
  await refresh();
}

function failed(problem) {
  $("gone").hidden = false;
  write($("gone"), problem.answered ? problem.message
    : "The emulator does not answer. If the emulator was stopped, its swaps and its ledger are lost. Start it again with: segmind-swap emulator");
}

function refresh() {
  refreshing ??= update().finally(() => { refreshing = null; });
  return refreshing;
}

async function update() {
  try {
    const state = await ask(`state?jobs=${jobsShown}&calls=${callsShown}`);
    if (latest && state.account !== account) close();
    show(state, state.account === account);
    account = state.account;
    latest = state;
    $("gone").hidden = true;
    if (view === "ledger") showLedger(await ask(`ledger?limit=${rowsShown}`));
    if (opened) await opened();
  } catch (problem) {
    if (problem.answered) return failed(problem);
    failed(problem);
    write($("pulse-text"), "not reachable");
    $("pulse").className = "pulse bad";
  }
}

// The state

function show(state, known) {
  const paused = state.clock.paused;
  $("pulse").className = `pulse ${paused ? "warn" : "good"}`;
  const speed = state.speed === 1 ? "" : ` · ${state.speed.toLocaleString("en-US")}× speed`;
  write($("pulse-text"), paused ? "paused: no swap proceeds" : `live · a swap takes ${duration(state.job_seconds)}${speed}`);
  write($("pause"), paused ? "Resume" : "Pause");
  showTotals(state);
  showFaults(state.faults);
  list($("cards"), state.jobs, (job) => `${state.account}/${job.number}`, makeCard, (card, job) => fillCard(card, job, known));
  list($("calls"), state.calls, (call) => `${state.account}/${call.serial}`, makeCall, fillCall);
  const total = state.totals.jobs;
  set($("empty"), "hidden", total > 0);
  write($("job-seconds"), duration(state.job_seconds));
  const key = state.api_key === null ? "any" : state.api_key === "…" ? "the-key-it-was-started-with" : state.api_key;
  const isLocal = /^(localhost|.*\.localhost|127\..*|\[::1\])$/.test(location.hostname);
  const allow = !isLocal && !location.protocol.startsWith("https") ? "\nexport SEGMIND_ALLOW_HTTP=1" : "";
  write($("command-export"), `export SEGMIND_BASE_URL=${location.origin}\nexport SEGMIND_API_KEY=${key}${allow}`);
  write($("newest"), total > state.jobs.length ? `the newest ${number(state.jobs.length)} of ${number(total)}` : "");
  set($("more"), "hidden", total <= state.jobs.length || jobsShown >= JOBS_AT_MOST);
  set($("no-call"), "hidden", state.requests > 0);
  set($("more-calls"), "hidden", state.requests <= state.calls.length || callsShown >= CALLS_AT_MOST);
}

function showTotals(state) {
  const totals = state.totals, limit = state.rate_limit;
  const found = [
    ["in progress", number(totals.running)],
    ["completed", number(totals.completed)],
    ["failed", number(totals.failed), "", totals.failed ? "bad" : ""],
    ["billed", dollars(totals.billed_usd)],
    ["credits left", dollars(state.credits_usd), "", state.credits_usd < state.price_usd ? "bad" : ""],
    ["paid twice", number(totals.paid_twice), "", totals.paid_twice ? "bad" : ""],
  ];
  const again = totals.billed_again - totals.paid_twice;
  if (again) found.push(["same pictures again", number(again), "", "warn"]);
  if (limit) {
    const full = limit.used >= limit.requests_per_minute;
    const next = limit.resets_in === null ? "" : `, resets in ${duration(limit.resets_in)}`;
    found.push([limit.count_polls ? "submits and polls this minute" : "submits this minute",
      number(limit.used), ` of ${number(limit.requests_per_minute)}${next}`, full ? "warn" : ""]);
  } else {
    found.push(["rate limit", "none"]);
  }
  list($("totals"), found, (row) => row[0], (row) => {
    const pair = make("div");
    pair.append(make("dt", "", row[0]), make("dd"));
    pair.lastChild.append(make("span"), make("small"));
    return pair;
  }, (pair, [, value, rest = "", tone = ""]) => {
    write(pair.lastChild.firstChild, value);
    write(pair.lastChild.lastChild, rest);
    set(pair, "className", tone);
  });
}

function showFaults(faults) {
  set($("no-fault"), "hidden", faults.length > 0);
  list($("in-force"), faults, (fault) => `${latest?.account}/${fault.number}`, (fault) => {
    const item = make("li"), words = make("span"), button = make("button", "", "Remove");
    button.type = "button";
    button.setAttribute("aria-label", `Remove fault ${fault.number}`);
    button.addEventListener("click", () => change(() => ask(`faults/${fault.number}`, { method: "DELETE" }).catch((problem) => {
      if (!problem.answered) throw problem;
    }), "Fault removed"));
    words.append(make("b", "", `${fault.on}: ${fault.what}`), make("small"));
    item.append(words, button);
    return item;
  }, (item, fault) => {
    const hits = fault.hits ? `, hit ${fault.hits === 1 ? "once" : `${number(fault.hits)} times`} so far` : "";
    write(item.querySelector("small"), `${fault.when}${hits}`);
  });
}

// A swap

function makeCard() {
  const card = make("li", "card");
  const result = make("div", "box result"), below = make("div", "below"), inputs = make("div", "inputs"), about = make("div", "about");
  const open = make("button", "open"), title = make("h3");
  open.type = "button";
  title.append(open);
  about.append(title, make("ul", "facts"));
  for (const [name, words] of [["reference", "Reference"], ["scene", "Scene"]]) {
    const figure = make("figure", name);
    figure.append(make("div", "box"), make("figcaption", "", words));
    inputs.append(figure);
  }
  below.append(inputs, about);
  card.append(result, below);
  return card;
}

function fillCard(card, job, known) {
  const [word, tone] = STATES[job.state];
  const before = card.dataset.state;
  if (before === undefined) {
    const open = card.querySelector(".open");
    open.textContent = `Swap ${number(job.number)}`;
    open.addEventListener("click", () => openJob(job.number, open));
    if (known) {
      card.classList.add("fresh");
      announce(`Swap ${job.number} was submitted`);
    }
    picture(card.querySelector(".reference .box"), job.reference.picture, `Reference of swap ${job.number}`, nameOf(job.reference.url));
    picture(card.querySelector(".scene .box"), job.scene.picture, `Scene of swap ${job.number}`, nameOf(job.scene.url));
  } else if (before !== job.state && (job.state === "COMPLETED" || job.state === "FAILED")) {
    announce(`Swap ${job.number} ${word}`);
  }
  card.dataset.state = job.state;
  fillResult(card.querySelector(".result"), job);
  list(card.querySelector(".facts"), factsOf(job, word, tone), (fact) => fact[0], () => make("li"), (item, [, text, name]) => {
    write(item, text);
    set(item, "className", name ? `tone ${name}` : "");
  });
}

function factsOf(job, word, tone) {
  const facts = [["state", word, tone]];
  if (job.billed_before) facts.push(["again", againOf(job), job.lost_before ? "bad" : "warn"]);
  if (job.fault) facts.push(["fault", `its submit: ${job.fault}`, "warn"]);
  facts.push(["polls", job.polls === 1 ? "1 poll" : `${number(job.polls)} polls`], ["age", ago(job.age)]);
  return facts;
}

/** What is known about a job whose pictures had been submitted before. */
function againOf(job) {
  return job.lost_before ? `paid twice: the answer to swap ${job.lost_before} was lost`
    : `same pictures again as swap ${job.billed_before}`;
}

function fillResult(box, job) {
  const tone = STATES[job.state][1];
  if (job.result) {
    picture(box, job.result, `Result of swap ${job.number}`, "");
    return;
  }
  let words = box.querySelector("span"), bar = box.querySelector(".progress");
  if (!words) {
    words = make("span");
    words.append(make("strong"), make("bdi"));
    bar = make("div", "progress");
    box.replaceChildren(words, bar);
    if (job.scene.picture) {
      // Behind the words, the scene is shown faintly until there is a result.
      const scene = imageOf(job.scene.picture, "");
      scene.className = "faint";
      box.prepend(scene);
    }
  }
  set(words, "className", tone);
  const left = Math.max(0, job.seconds - job.age);
  const [head, rest] = {
    QUEUED: ["Queued", `${duration(left)} to go`],
    PROCESSING: ["Processing", `${duration(left)} to go`],
    DUE: ["Ready", "its picture is made at the next poll"],
    FAILED: ["Failed", job.reason || ""],
    COMPLETED: ["Completed", "its picture is no longer kept"],
  }[job.state];
  write(words.firstChild, head);
  write(words.lastChild, rest);
  set(bar, "hidden", job.state !== "QUEUED" && job.state !== "PROCESSING");
  bar.style.setProperty("--done", job.progress.toFixed(3));
}

/** Shows a picture that the emulator hosts, or words in its place: nothing is loaded from other hosts. */
function picture(box, source, words, instead) {
  if (!source) {
    const span = make("span");
    span.append(make("bdi", "", instead));
    box.replaceChildren(span);
    return;
  }
  if (box.firstElementChild?.dataset?.source === source) return;
  box.replaceChildren(imageOf(source, words));
}

function imageOf(source, words) {
  const image = make("img");
  image.alt = words;
  image.loading = "lazy";
  image.decoding = "async";
  image.dataset.source = source;
  image.src = source;
  return image;
}

// A request

function makeCall(call) {
  const item = make("li"), button = make("button");
  button.type = "button";
  button.append(make("span"), make("span", "code"), make("span", "what"), make("span", "ago"));
  write(button.firstChild, titleOf(call));
  button.addEventListener("click", () => openCall(call.serial, button));
  item.append(button);
  return item;
}

function fillCall(item, call) {
  const [, code, what, when] = item.firstChild.children;
  write(code, codeOf(call));
  set(code, "className", `code ${toneOf(call)}`);
  write(what, call.fault ? `fault: ${call.fault}` : call.job ? `swap ${number(call.job)}` : call.kind ? "" : call.path);
  set(what, "className", call.fault ? "what bad" : "what");
  write(when, call.ago < 1 ? "now" : duration(call.ago));
}

// The ledger

function showLedger(page) {
  const totals = page.totals;
  write($("sum"), totals.jobs === 0 ? "Nothing has been billed."
    : `${number(totals.jobs)} ${totals.jobs === 1 ? "swap" : "swaps"} billed, ${dollars(totals.billed_usd, 4)} in all; `
      + (totals.paid_twice ? `${number(totals.paid_twice)} of them a second time, after an answer was lost` : "none of them twice")
      + (totals.billed_again > totals.paid_twice ? `; ${number(totals.billed_again - totals.paid_twice)} with the same pictures again.` : "."));
  set($("older"), "hidden", page.next === null || rowsShown >= 1000);
  list($("rows"), page.jobs, (job) => `${latest.account}/${job.number}`, (job) => {
    const row = make("tr");
    const open = make("button", "", number(job.number));
    open.type = "button";
    open.setAttribute("aria-label", `Open swap ${job.number}`);
    open.addEventListener("click", () => openJob(job.number, open));
    const first = make("td");
    first.append(open);
    const state = make("td");
    state.append(make("span", "word"));
    row.append(first, state, make("td"), make("td"), make("td", "remark"), make("td", "money"));
    return row;
  }, (row, job) => {
    const [word, tone] = STATES[job.state];
    const cells = row.children;
    write(cells[1].firstChild, word);
    set(cells[1].firstChild, "className", `word ${tone}`);
    write(cells[2], ago(job.age));
    write(cells[3], number(job.polls));
    const remarks = [];
    if (job.billed_before) remarks.push(againOf(job));
    if (job.fault) remarks.push(`its submit: ${job.fault}`);
    if (job.reason) remarks.push(job.reason);
    if (job.refunded) remarks.push("refunded");
    write(cells[4], remarks.join("; "));
    write(cells[5], dollars(job.refunded ? 0 : job.price_usd, 4));
  });
}

// The dialog

function openDialog(title, from, fill) {
  write($("detail-title"), title);
  $("detail-body").replaceChildren();
  returnTo = from;
  opened = fill;
  if (!$("detail").open) $("detail").showModal();
  $("detail").scrollTop = 0;
  refresh();
}

function close() {
  opened = null;
  if ($("detail").open) $("detail").close();
}

function openJob(job, from) {
  const body = $("detail-body");
  openDialog(`Swap ${number(job)}`, from, async () => {
    const found = await ask(`jobs/${job}`);
    if (!body.firstChild) {
      const figures = make("div", "figures");
      for (const [name, words] of [["result", "Result"], ["reference", "Reference: who goes in"], ["scene", "Scene: whose character is replaced"]]) {
        const figure = make("figure", name);
        figure.append(make("div", "box"), make("figcaption", "", words));
        figures.append(figure);
      }
      body.append(figures, make("dl", "pairs"), make("h3", "", "Requests and answers"), make("div", "exchanges"));
    }
    const [figures, pairs, , exchanges] = body.children;
    const { reference, scene } = found.job;
    const [word] = STATES[found.job.state];
    fillResult(figures.querySelector(".result .box"), found.job);
    picture(figures.querySelector(".reference .box"), reference.picture, "Reference", nameOf(reference.url));
    picture(figures.querySelector(".scene .box"), scene.picture, "Scene", nameOf(scene.url));
    const rows = [
      ["state", found.job.reason ? `${word}: ${found.job.reason}` : word],
      ["accepted", ago(found.job.age)],
      ["billed", `${dollars(found.job.price_usd, 4)}${found.job.refunded ? ", refunded" : ""}${found.job.billed_before ? `; ${againOf(found.job)}` : ""}`],
      ["request id", found.job.request_id],
      ["reference", reference.url],
      ["scene", scene.url],
    ];
    if (found.job.fault) rows.push(["its submit", found.job.fault]);
    list(pairs, rows.flatMap(([name, value]) => [["dt", name, name], ["dd", name, value]]), (cell) => `${cell[0]}/${cell[1]}`,
      (cell) => make(cell[0]), (element, cell) => write(element, cell[2]));
    list(exchanges, found.calls, (call) => call.serial, makeExchange, fillExchange);
  });
}

function openCall(serial, from) {
  const body = $("detail-body");
  openDialog("Request", from, async () => {
    const found = (await ask(`calls?before=${serial + 1}&limit=1`)).calls;
    if (!found.length || found[0].serial !== serial) return;
    write($("detail-title"), `Request: ${titleOf(found[0])}`);
    list(body, found, (call) => call.serial, (call) => Object.assign(makeExchange(call), { open: true }), fillExchange);
  });
}

function makeExchange(call) {
  const exchange = make("details"), summary = make("summary");
  summary.append(make("b", "", titleOf(call)), " ", make("span", "code"), " ", make("span", "ago"));
  const halves = make("div", "halves");
  for (const words of ["Request", "Answer"]) {
    const half = make("div");
    half.append(make("h4", "", words), make("pre"));
    halves.append(half);
  }
  exchange.append(summary, halves);
  return exchange;
}

function fillExchange(exchange, call) {
  const [, code, when] = exchange.firstChild.children;
  write(code, codeOf(call));
  set(code, "className", `code ${toneOf(call)}`);
  write(when, [ago(call.ago), call.fault ? `fault: ${call.fault}` : ""].filter(Boolean).join(" · "));
  const [request, answer] = exchange.querySelectorAll("pre");
  const none = { waiting: "no answer yet", cut: "none: the connection was cut", left: "none: the client disconnected", broken: "none: the emulator failed, see its log" };
  fillText(request, `${call.method} ${call.path}`, call.request);
  if (call.answer) fillText(answer, `HTTP ${call.status}`, call.answer);
  else write(answer, none[call.ending]);
}

function fillText(element, first, half) {
  const headers = half.headers.map(([name, value]) => `${name}: ${value}`).join("\n");
  const text = half.body || (half.size_bytes ? `(${number(half.size_bytes)} bytes)` : "");
  const whole = `${first}\n${headers}\n\n${pretty(text)}`;
  if (element.dataset.whole === whole) return;
  element.dataset.whole = whole;
  element.replaceChildren(make("span", "", first), "\n", make("span", "header", headers), "\n\n", make("span", "", pretty(text)));
}

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

// Buttons and keys

$("pause").addEventListener("click", () => {
  const paused = latest?.clock.paused;
  change(() => post(paused ? "clock/resume" : "clock/pause"), paused ? "Resumed" : "Paused");
});
$("advance").addEventListener("click", () => change(() => post("clock/advance", { seconds: 60 }), "One minute forward"));
$("reset").addEventListener("click", () => $("sure").showModal());
$("reset-no").addEventListener("click", () => $("sure").close());
$("reset-yes").addEventListener("click", () => {
  $("sure").close();
  change(() => post("reset"), "The emulator was reset");
});

for (const button of document.querySelectorAll("[data-rule]")) {
  button.addEventListener("click", () => change(() => post("faults", { rule: button.dataset.rule }),
    `${button.parentElement.getAttribute("aria-label")}: ${button.textContent}`));
}

async function addRule() {
  const input = $("rule");
  if (!input.value.trim()) return input.focus();
  try {
    await post("faults", { rule: input.value });
    input.value = "";
    write($("rule-problem"), "");
    announce("Fault added");
  } catch (problem) {
    if (problem.answered) write($("rule-problem"), problem.message);
    else failed(problem);
  }
  await refresh();
}
$("add").addEventListener("click", addRule);
$("rule").addEventListener("keydown", (event) => { if (event.key === "Enter") addRule(); });

function showView(which) {
  view = which;
  document.body.dataset.view = which;
  for (const name of ["swaps", "ledger", "controls"]) {
    $(name).hidden = name !== which && name !== "controls";
    $(`show-${name}`).setAttribute("aria-pressed", String(name === which));
  }
  refresh();
}
// In a wide window the controls are always visible in the second column.
const wide = matchMedia("(min-width: 1001px)");
wide.addEventListener("change", () => { if (wide.matches && view === "controls") showView("swaps"); });
$("show-controls").addEventListener("click", () => showView("controls"));
$("show-swaps").addEventListener("click", () => showView("swaps"));
$("show-ledger").addEventListener("click", () => showView("ledger"));
$("more").addEventListener("click", () => { jobsShown = Math.min(JOBS_AT_MOST, jobsShown * 2); refresh(); });
$("older").addEventListener("click", () => { rowsShown = Math.min(1000, rowsShown + ROWS); refresh(); });
$("more-calls").addEventListener("click", () => { callsShown = Math.min(CALLS_AT_MOST, callsShown * 2); refresh(); });

$("close").addEventListener("click", close);
$("detail").addEventListener("click", (event) => { if (event.target === $("detail")) close(); });
$("detail").addEventListener("close", () => {
  opened = null;
  returnTo?.focus({ preventScroll: true });
});

for (const button of document.querySelectorAll(".copy")) {
  button.addEventListener("click", async () => {
    const code = button.previousElementSibling;
    try {
      await navigator.clipboard.writeText(code.textContent);
      write(button, "Copied");
      setTimeout(() => write(button, "Copy"), 1500);
    } catch {
      getSelection().selectAllChildren(code);
    }
  });
}

document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh(); });

async function live() {
  for (;;) {
    await refresh();
    await new Promise((resolve) => { setTimeout(resolve, REFRESH_MS); });
  }
}
live();
