"use strict";
// Decides about pictures, by keyboard. The page is one file: opened as a file it keeps decisions in the browser; served, it sends
// each decision to the server. Text of others is written as text only: nothing here writes HTML.

const data = JSON.parse(document.getElementById("data").textContent);
const REASONS = ["wrong person", "unchanged", "background", "anatomy", "artefact", "other"];
const DECISIONS = { // decision: [word, tone, key]
  keep: ["kept", "good", "P"], discard: ["discarded", "bad", "X"], redo: ["redo", "warn", "R"], undecided: ["undecided", "calm", "U"],
};
const MODES = { result: ["Result", "1 picture"], slider: ["Slider", "S"], difference: ["Difference", "D"], side: ["Side by side", "V"] };
const ROW_PX = 148, CELL_PX = 190, PRELOADED = 2, REFRESH_MS = 2000, SPARE_ROWS = 3;
const INVISIBLE = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;

const $ = (id) => document.getElementById(id);
const items = []; // each: id, version, sha256, picture, thumbnail, scene, reference, earlier, flags, numbers, price
const marks = new Map(); // item -> {decision, reasons, note, at}
const indexOf = new Map(); // id -> item
let view = { kind: "all", flag: null }, shown = [], cursor = 0, undo = [], mode = "result", other = 0, isZoomed = false, isBlinking = false;
let preloaded = [], unsent = new Map(), isSending = false, toastTimer = 0, noteTimer = 0;

// Text and elements

const clean = (text) => String(text).replace(INVISIBLE, (sign) => `[U+${sign.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}]`);
const dollars = (amount) => `$${amount.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`;
const number = (count) => count.toLocaleString("en-US");
const counted = (count, one, many) => `${number(count)} ${count === 1 ? one : many}`;

function make(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = clean(text);
  return made;
}

function button(label, key, onPress, className) {
  const made = make("button", className, label);
  made.type = "button";
  if (key) made.append(" ", make("kbd", "", key));
  made.addEventListener("click", (event) => {
    onPress();
    // After a click the focus would stay here, and the space bar would press the button again instead of blinking.
    if (event.detail > 0) made.blur();
  });
  return made;
}

function show(picture, url) {
  if (!url) picture.removeAttribute("src");
  else if (picture.getAttribute("src") !== url) picture.src = url;
}

function say(text) {
  $("toast").textContent = clean(text);
  $("toast").classList.add("shown");
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => $("toast").classList.remove("shown"), 2500);
}

// Decisions, in this browser or at the server

const UNDECIDED = Object.freeze({ decision: "undecided", reasons: [], note: "", at: "" });
const markOf = (item) => marks.get(item) ?? UNDECIDED;
const decisionOf = (item) => markOf(item).decision;
const PREFIX = `segmind-swap/${data.journal}/`;
const placeOf = (item) => `${PREFIX}${item.sha256.slice(0, 16)}.${item.version}/${item.id}`;
let isStored = !data.served;

function load(item) {
  if (data.served) return;
  try {
    const stored = JSON.parse(localStorage.getItem(placeOf(item)) ?? "null");
    if (stored && (!marks.has(item) || stored.at > markOf(item).at)) marks.set(item, stored);
  } catch {
    isStored = false;
  }
}

function store(item) {
  if (data.served) {
    unsent.set(item, markOf(item));
    send();
    return;
  }
  try {
    localStorage.setItem(placeOf(item), JSON.stringify(markOf(item)));
  } catch {
    isStored = false;
  }
  warn();
}

const fieldsOf = (item) => ({ ...markOf(item), version: item.version, sha256: item.sha256 });

/** How many decisions of this browser are in no file yet. */
function waiting() {
  if (data.served) return 0;
  let last = data.written;
  try { last = localStorage.getItem(`${PREFIX}exported`) ?? last; } catch { /* then all of them wait */ }
  let count = 0;
  for (const [item, mark] of marks) count += mark.at > last && mark.at > (item.mark?.at ?? "");
  return count;
}

function exportDecisions() {
  const decisions = Object.fromEntries(items.filter((item) => marks.has(item)).map((item) => [item.id, fieldsOf(item)]));
  const text = JSON.stringify({ version: 1, journal: data.journal, decisions }, null, 1);
  const link = make("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  link.download = "decisions.json";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  try { localStorage.setItem(`${PREFIX}exported`, new Date().toISOString()); } catch { /* the next export has all again */ }
  say(`decisions.json: ${counted(Object.keys(decisions).length, "decision", "decisions")}. Then: segmind-swap review ${data.folder} --apply decisions.json`);
  warn();
}

function warn() {
  const count = waiting();
  $("export").classList.toggle("waiting", count > 0);
  $("export").firstChild.textContent = count ? `Export ${number(count)} ` : "Export ";
  let text = "", isSevere = false;
  if (unsent.size && data.isAway) [text, isSevere] = [`The server does not answer: ${counted(unsent.size, "decision is", "decisions are")} not saved yet. Keep this page open.`, true];
  else if (data.isAway) [text, isSevere] = ["The server does not answer: has its command ended? Decisions are not saved until it is back.", true];
  else if (!data.served && !isStored) [text, isSevere] = ["This browser keeps nothing for this page: export your decisions before you close it.", true];
  else if (view.kind === "redo" && !view.flag && drawHeader.counts?.redo) {
    const first = data.served ? "" : "after the exported file is applied, ";
    text = `To make these again, ${first}which is paid again: segmind-swap redo ${data.folder} --dry-run shows what it costs.`;
  } else if (count) text = "Decisions are in this browser only, and a cleared profile loses them: export them, then apply the file.";
  $("warning").hidden = !text;
  $("warning").textContent = text;
  $("warning").classList.toggle("severe", isSevere);
}

async function send() {
  if (isSending) return;
  isSending = true;
  while (unsent.size) {
    const sent = new Map(unsent);
    const body = [...sent].map(([item, mark]) => ({ id: item.id, version: item.version, sha256: item.sha256, decision: mark.decision, reasons: mark.reasons, note: mark.note }));
    try {
      const answer = await fetch("marks", { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
      if (!answer.ok) throw new Error(await answer.text());
      data.isAway = false;
      for (const [item, mark] of sent) if (unsent.get(item) === mark) unsent.delete(item);
      const { refused } = await answer.json();
      if (refused.length) say(`not saved: ${refused.join("; ")}`);
    } catch (error) {
      data.isAway = true;
      warn();
      await new Promise((resolve) => setTimeout(resolve, REFRESH_MS));
    }
  }
  isSending = false;
  warn();
}

/** Sets the marks of several pictures as one step, which one Backspace takes back. */
function decide(changed, change) {
  const before = changed.map((item) => [item, markOf(item)]);
  const at = new Date().toISOString();
  for (const item of changed) {
    const mark = { ...markOf(item), ...change(markOf(item)), at };
    marks.set(item, mark);
    store(item);
  }
  undo.push(before);
  draw();
}

function decideCurrent(decision) {
  const item = shown[cursor];
  if (!item) return;
  decide([item], () => ({ decision, ...(decision === "keep" || decision === "undecided" ? { reasons: [] } : {}) }));
  say(`${item.id}: ${DECISIONS[decision][0]}`);
  if (decision !== "undecided") advance();
}

function advance() {
  if (cursor + 1 < shown.length) go(cursor + 1);
  else say(`The last one. ${counted(items.filter((item) => decisionOf(item) === "undecided").length, "picture is", "pictures are")} undecided.`);
}

function keepShown() {
  const left = shown.filter((item) => decisionOf(item) === "undecided");
  if (!left.length) return say("None of the shown pictures is undecided.");
  decide(left, () => ({ decision: "keep", reasons: [] }));
  say(`Kept ${counted(left.length, "picture that was", "pictures that were")} undecided. Backspace takes it back.`);
}

function takeBack() {
  const last = undo.pop();
  if (!last) return say("Nothing to take back.");
  const at = new Date().toISOString();
  for (const [item, mark] of last) {
    marks.set(item, { ...mark, at });
    store(item);
  }
  const place = shown.indexOf(last[0][0]);
  if (last.length === 1 && place >= 0) cursor = place;
  say(last.length === 1 ? `${last[0][0].id}: ${DECISIONS[decisionOf(last[0][0])][0]} again` : `${number(last.length)} pictures are as before`);
  draw();
}

function toggleReason(place) {
  const item = shown[cursor], reason = REASONS[place];
  if (!item || !reason) return;
  decide([item], ({ reasons }) => ({ reasons: reasons.includes(reason) ? reasons.filter((known) => known !== reason) : [...reasons, reason] }));
}

// What is shown

const isFlagged = (item) => item.flags.length > 0;
const KINDS = {
  flagged: ["Flagged", "F", isFlagged], undecided: ["Undecided", "O", (item) => decisionOf(item) === "undecided"], all: ["All", "A", () => true],
  keep: ["Kept", "", (item) => decisionOf(item) === "keep", "good"], discard: ["Discarded", "", (item) => decisionOf(item) === "discard", "bad"],
  redo: ["Redo", "", (item) => decisionOf(item) === "redo", "warn"],
};
const isInView = (item) => (view.flag ? item.flags.some(([flag]) => flag === view.flag) : KINDS[view.kind][2](item));

/** The list is made when a filter is chosen. A decision does not remove a picture from under the eyes. */
function choose(kind, flag = null) {
  const before = shown[cursor];
  view = { kind, flag };
  shown = items.filter(isInView);
  cursor = Math.max(0, shown.indexOf(before));
  $("list").scrollTop = 0;
  draw();
  warn();
  reveal();
}

function go(place) {
  cursor = Math.min(Math.max(place, 0), Math.max(0, shown.length - 1));
  other = 0;
  $("about").scrollTop = 0;
  draw();
  reveal();
}

const isGrid = () => document.body.classList.contains("grid");
const columns = () => (isGrid() ? Math.max(3, Math.floor($("list").clientWidth / CELL_PX)) : 1);

function reveal() {
  const top = Math.floor(cursor / columns()) * ROW_PX, list = $("list");
  if (top < list.scrollTop) list.scrollTop = top;
  else if (top + ROW_PX > list.scrollTop + list.clientHeight) list.scrollTop = top + ROW_PX - list.clientHeight;
  drawRows();
}

// Drawing. Only the rows near the window exist, and two further pictures are loaded.

const rows = new Map(); // place in `shown` -> element

function drawRows() {
  const list = $("list"), across = columns(), width = list.clientWidth / across;
  $("rows").style.height = `${Math.ceil(shown.length / across) * ROW_PX}px`;
  const first = Math.max(0, Math.floor(list.scrollTop / ROW_PX) - SPARE_ROWS) * across;
  const end = Math.min(shown.length, (Math.ceil((list.scrollTop + list.clientHeight) / ROW_PX) + SPARE_ROWS) * across);
  for (const [place, row] of rows) if (place < first || place >= end || row.item !== shown[place]) { row.remove(); rows.delete(place); }
  for (let place = first; place < end; place++) {
    let row = rows.get(place);
    if (!row) {
      row = newRow(shown[place]);
      rows.set(place, row);
      $("rows").append(row);
    }
    const decision = decisionOf(row.item), [word, tone] = DECISIONS[decision];
    row.style.width = `${width}px`;
    row.style.height = `${ROW_PX}px`;
    row.style.transform = `translate(${(place % across) * width}px, ${Math.floor(place / across) * ROW_PX}px)`;
    row.className = `row ${decision === "undecided" ? "" : tone}`;
    if (decision === "undecided") delete row.dataset.decision;
    else row.dataset.decision = decision;
    row.setAttribute("aria-current", String(place === cursor));
    row.setAttribute("aria-label", clean(`${row.item.id}, ${word}${row.item.flags.length ? `, ${row.item.flags.map(([flag]) => flag).join(", ")}` : ""}`));
    row.sign.textContent = decision === "undecided" ? "" : DECISIONS[decision][2];
  }
}

function newRow(item) {
  const row = make("button"), thumb = make("span", "thumb"), picture = make("img"), label = make("span", "label");
  row.type = "button";
  row.tabIndex = -1;
  row.item = item;
  row.sign = make("b");
  picture.alt = "";
  picture.decoding = "async";
  picture.src = item.thumbnail;
  thumb.append(picture);
  label.append(make("span", "", item.id), row.sign);
  row.append(thumb, label, make("span", "spots", item.flags.map(([flag]) => flag).join(" · ")));
  row.addEventListener("click", () => {
    if (isGrid() && shown[cursor] === item) toggleGrid();
    else go(shown.indexOf(item));
    row.blur();
  });
  return row;
}

function draw() {
  drawHeader();
  drawFilters();
  drawRows();
  drawPicture();
}

function drawHeader() {
  const counts = { keep: 0, discard: 0, redo: 0, undecided: 0 };
  let redoUsd = 0;
  for (const item of items) {
    counts[decisionOf(item)] += 1;
    if (decisionOf(item) === "redo") redoUsd += data.price_usd;
  }
  const parts = [[`${number(counts.keep)} kept`, "good"], [`${number(counts.discard)} discarded`, "bad"],
    [`${number(counts.redo)} redo${counts.redo ? ` (${dollars(redoUsd)})` : ""}`, "warn"], [`${number(counts.undecided)} to look at`, ""]];
  $("progress").replaceChildren(...parts.flatMap(([text, tone], place) => [place ? " · " : "", make("span", tone, text)]));
  const total = items.length || 1;
  [counts.keep, counts.discard, counts.redo].forEach((count, place) => { $("bar").children[place].style.width = `${(100 * count) / total}%`; });
  $("bar").setAttribute("aria-label", `${number(items.length - counts.undecided)} of ${number(items.length)} decided`);
  $("money").textContent = data.spent_usd === null ? "" : `${dollars(data.spent_usd)} spent`;
  drawHeader.counts = counts;
}

function drawFilters() {
  const counts = drawHeader.counts, flags = new Map(data.flags.map(({ name }) => [name, 0]));
  let flagged = 0;
  for (const item of items) {
    flagged += isFlagged(item);
    for (const [flag] of item.flags) flags.set(flag, (flags.get(flag) ?? 0) + 1);
  }
  const of = { flagged, undecided: counts.undecided, all: items.length, keep: counts.keep, discard: counts.discard, redo: counts.redo };
  const wanted = [...Object.keys(KINDS).map((kind) => [kind, null]), ...[...flags].filter(([, count]) => count).map(([flag]) => ["flagged", flag])];
  const bar = $("filters");
  if (bar.childElementCount !== wanted.length + 2) {
    bar.replaceChildren(...wanted.map(([kind, flag]) => {
      const [label, key, , tone] = flag ? [flag, "", null, "warn"] : KINDS[kind];
      const made = button(label, key, () => choose(kind, flag), tone);
      made.append(" ", make("b"));
      return made;
    }), button("Grid", "G", toggleGrid), button("Histograms", "H", toggleHistograms));
  }
  wanted.forEach(([kind, flag], place) => {
    const made = bar.children[place];
    made.lastChild.textContent = number(flag ? flags.get(flag) : of[kind]);
    made.setAttribute("aria-pressed", String(flag ? view.flag === flag : !view.flag && view.kind === kind));
    made.hidden = !flag && !KINDS[kind][1] && !of[kind];
  });
  bar.children[wanted.length].setAttribute("aria-pressed", String(isGrid()));
  bar.children[wanted.length + 1].setAttribute("aria-pressed", String(!$("histograms").hidden));
  bar.children[wanted.length + 1].hidden = !data.flags.some(({ number: measured }) => measured);
}

/** What the result is compared with: the scene, or with `C` an earlier version. */
const others = (item) => [["scene", item.scene], ...item.earlier.map(({ version, picture }) => [`version ${version}`, picture])].filter(([, url]) => url);

function drawPicture() {
  const item = shown[cursor], stage = $("stage");
  $("empty").hidden = Boolean(item);
  if (!item) {
    $("empty").textContent = items.length ? "No picture is in this view. A shows all." : "There is no saved picture yet.";
    for (const id of ["result", "other", "reference"]) show($(id), null);
    for (const id of ["flags", "reasons", "modes", "decide"]) $(id).replaceChildren();
    for (const id of ["name", "place", "verdict"]) $(id).textContent = "";
    $("note").disabled = true;
    return;
  }
  const [otherName, otherUrl] = others(item)[other] ?? ["nothing", null];
  show($("result"), item.picture);
  show($("other"), otherUrl);
  $("other").alt = clean(otherName);
  show($("reference"), data.references[item.reference]);
  stage.className = `stage mode-${otherUrl ? mode : "result"}${isZoomed ? " zoom" : ""}${isBlinking && otherUrl ? " blink" : ""}`;
  const words = { slider: `${otherName} | result`, difference: `difference to the ${otherName}`, side: `${otherName} | result` };
  const word = isBlinking ? otherName : [words[mode], isZoomed ? "1:1" : ""].filter(Boolean).join(" · ");
  $("stage-word").hidden = !word;
  $("stage-word").textContent = clean(word);
  const mark = markOf(item), [verdict, tone] = DECISIONS[mark.decision];
  $("name").textContent = clean(item.id);
  $("place").textContent = `${number(cursor + 1)} of ${number(shown.length)}${item.version > 1 ? ` · version ${item.version}` : ""} · ${dollars(item.price_usd)}`;
  $("verdict").textContent = verdict;
  $("verdict").className = `verdict ${tone}`;
  $("flags").replaceChildren(...item.flags.map(([flag, reason]) => {
    const line = make("li");
    line.append(make("b", "", flag), reason ? `: ${clean(reason)}` : "");
    return line;
  }));
  drawReasons(mark);
  drawModes(item);
  drawDecide(mark);
  $("note").disabled = false;
  if (document.activeElement !== $("note")) $("note").value = mark.note;
  preload();
}

function drawReasons(mark) {
  const box = $("reasons");
  if (!box.childElementCount) box.replaceChildren(...REASONS.map((reason, place) => button(reason, String(place + 1), () => toggleReason(place))));
  REASONS.forEach((reason, place) => box.children[place].setAttribute("aria-pressed", String(mark.reasons.includes(reason))));
}

function drawModes(item) {
  const box = $("modes");
  if (!box.childElementCount) {
    const blink = button("Blink", "Space", () => {});
    for (const [name, on] of [["pointerdown", true], ["pointerup", false], ["pointerleave", false], ["pointercancel", false]]) blink.addEventListener(name, () => setBlinking(on));
    box.replaceChildren(blink, ...["slider", "difference", "side"].map((name) => button(MODES[name][0], MODES[name][1], () => setMode(name))),
      button("1:1", "Z", toggleZoom), button("Versions", "C", nextOther), button("←", "", () => go(cursor - 1)), button("→", "", () => go(cursor + 1)),
      button("Undo", "⌫", takeBack));
  }
  ["slider", "difference", "side"].forEach((name, place) => box.children[place + 1].setAttribute("aria-pressed", String(mode === name)));
  box.children[4].setAttribute("aria-pressed", String(isZoomed));
  box.children[5].hidden = !item.earlier.length;
  box.children[5].setAttribute("aria-pressed", String(other > 0));
}

function drawDecide(mark) {
  const box = $("decide");
  if (!box.childElementCount) {
    const labels = { keep: "Keep", discard: "Discard", redo: "Redo", undecided: "Undecide" };
    box.replaceChildren(...Object.keys(labels).map((decision) => button(labels[decision], DECISIONS[decision][2], () => decideCurrent(decision), DECISIONS[decision][1])));
  }
  Object.keys(DECISIONS).forEach((decision, place) => box.children[place].setAttribute("aria-pressed", String(mark.decision === decision && decision !== "undecided")));
}

function preload() {
  preloaded = shown.slice(cursor + 1, cursor + 1 + PRELOADED).flatMap((item) => [item.picture, item.scene]).filter(Boolean).map((url) => {
    const known = preloaded.find((picture) => picture.getAttribute("src") === url);
    if (known) return known;
    const picture = new Image();
    picture.src = url;
    return picture;
  });
}

function drawHistograms() {
  const figures = data.flags.filter(({ number: measured }) => measured).map((flag) => {
    const values = items.map((item) => item.numbers[flag.number]).filter(Number.isFinite);
    if (!values.length) return null;
    const sorted = values.toSorted ? values.toSorted((a, b) => a - b) : [...values].sort((a, b) => a - b);
    const low = Math.min(sorted[0], flag.threshold ?? sorted[0]), high = Math.max(sorted[Math.floor(sorted.length * 0.995)] ?? 0, flag.threshold ?? 0);
    const bins = new Array(42).fill(0), scale = (value) => (high > low ? (value - low) / (high - low) : 0);
    for (const value of values) bins[Math.min(bins.length - 1, Math.max(0, Math.floor(scale(value) * bins.length)))] += 1;
    return histogram(flag, bins, scale, low, high);
  }).filter(Boolean);
  $("histograms").replaceChildren(...figures);
}

function histogram(flag, bins, scale, low, high) {
  const svg = (name, attributes) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
  };
  const drawing = svg("svg", { viewBox: "0 0 210 64", preserveAspectRatio: "none", role: "img" }), most = Math.sqrt(Math.max(...bins));
  const at = flag.threshold === null ? null : scale(flag.threshold) * 210;
  bins.forEach((count, place) => {
    const height = count ? Math.max(2, (Math.sqrt(count) / most) * 60) : 0, middle = ((place + 0.5) / bins.length) * 210;
    const isOver = at !== null && (flag.is_below ? middle < at : middle > at);
    drawing.append(svg("rect", { x: (place / bins.length) * 210, y: 64 - height, width: 210 / bins.length - 0.6, height, class: isOver ? "over" : "" }));
  });
  if (at !== null) drawing.append(svg("line", { x1: at, x2: at, y1: 0, y2: 64 }));
  const figure = make("figure"), round = (value) => Number(value.toPrecision(3));
  const limit = flag.threshold === null ? "off" : `${flag.is_below ? "below" : "above"} ${round(flag.threshold)}`;
  figure.append(drawing, make("figcaption", "", `${flag.name}: ${limit} is flagged (${round(low)} to ${round(high)})`));
  figure.addEventListener("click", () => choose("flagged", flag.name));
  return figure;
}

// How the picture is compared

function setMode(wanted) { mode = mode === wanted ? "result" : wanted; drawPicture(); }
function toggleZoom() { isZoomed = !isZoomed; pan(50, 50); drawPicture(); }
function setBlinking(on) { if (isBlinking !== on) { isBlinking = on; drawPicture(); } }
function toggleGrid() { document.body.classList.toggle("grid"); draw(); reveal(); }

function toggleHistograms() {
  $("histograms").hidden = !$("histograms").hidden;
  if (!$("histograms").hidden) drawHistograms();
  draw();
}

function nextOther() {
  const item = shown[cursor];
  if (!item?.earlier.length) return say("This swap has one version only.");
  other = (other + 1) % others(item).length;
  if (other && mode === "result") mode = "side";
  drawPicture();
}

const panned = { x: 50, y: 50 };
function pan(x, y) {
  Object.assign(panned, { x: Math.min(100, Math.max(0, x)), y: Math.min(100, Math.max(0, y)) });
  $("stage").style.setProperty("--pan-x", `${panned.x}%`);
  $("stage").style.setProperty("--pan-y", `${panned.y}%`);
}

function cutAt(share) {
  $("cut").value = String(Math.round(share * 100));
  $("stage").style.setProperty("--cut", `${(100 * share).toFixed(2)}%`);
}

function follow(event) {
  const box = $("stage").getBoundingClientRect(), x = (event.clientX - box.left) / box.width, y = (event.clientY - box.top) / box.height;
  if (isZoomed && (event.pointerType === "mouse" || event.buttons)) pan(100 * x, 100 * y);
  else if (mode === "slider" && (event.buttons || event.type === "pointerdown") && event.target !== $("cut")) cutAt(Math.min(1, Math.max(0, x)));
}

// Keys

const KEYS = [
  ["P", "keep, and go on"], ["X", "discard, and go on"], ["R", "redo, and go on"], ["U", "undecide"], ["← →", "the picture before, the next one"], ["⌫", "take the last step back"],
  ["Space", "hold: blink to the scene"], ["S", "slider"], ["D", "difference, twice as bright"], ["V", "side by side"], ["Z", "1:1; the mouse moves the picture"], ["C", "compare with earlier versions"],
  ["1 – 6", REASONS.join(", ")], ["N", "note; Enter ends it, Shift+Enter begins a new line"], ["F O A", "flagged, undecided, all"], ["Shift+P", "keep all shown that are undecided"], ["G", "grid"], ["H", "histograms"],
  ["E", "export decisions.json"], ["Home End", "first, last"], ["?", "these keys"],
];
const ACTIONS = {
  p: () => decideCurrent("keep"), x: () => decideCurrent("discard"), r: () => decideCurrent("redo"), u: () => decideCurrent("undecided"), P: keepShown,
  ArrowRight: () => go(cursor + 1), ArrowLeft: () => go(cursor - 1), ArrowDown: () => go(cursor + columns()), ArrowUp: () => go(cursor - columns()),
  Home: () => go(0), End: () => go(shown.length - 1), Backspace: takeBack, z: toggleZoom, c: nextOther, s: () => setMode("slider"),
  d: () => setMode("difference"), v: () => setMode("side"), f: () => choose("flagged"), o: () => choose("undecided"), a: () => choose("all"), e: exportDecisions,
  g: toggleGrid, h: toggleHistograms, "?": showHelp, n: () => { $("note").focus(); },
  Escape: () => { if (isGrid()) toggleGrid(); else { mode = "result"; isZoomed = false; drawPicture(); } }, Enter: () => { if (isGrid()) toggleGrid(); },
};

function showHelp() {
  $("help").showModal();
  // The focus is at the button, which is the last thing in the window.
  $("help").scrollTop = 0;
}

function endNote(event) {
  event.preventDefault();
  $("note").blur();
  $("about").scrollTop = 0;
}

document.addEventListener("keydown", (event) => {
  if (event.target === $("note")) {
    // Enter can also choose a word of an input method, which ends no note.
    if (event.key === "Escape" || (event.key === "Enter" && !event.shiftKey && !event.isComposing)) endNote(event);
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || $("help").open) return;
  const onButton = event.target.closest?.("button");
  if (event.key === " ") {
    if (onButton) return;
    event.preventDefault();
    return setBlinking(true);
  }
  if (onButton && event.key === "Enter") return;
  if (event.target === $("cut") && event.key.startsWith("Arrow")) return;
  if (isZoomed && event.shiftKey && event.key.startsWith("Arrow")) {
    event.preventDefault();
    const [dx, dy] = { ArrowLeft: [-8, 0], ArrowRight: [8, 0], ArrowUp: [0, -8], ArrowDown: [0, 8] }[event.key];
    return pan(panned.x + dx, panned.y + dy);
  }
  const key = event.key.length === 1 ? (event.shiftKey && event.key.toUpperCase() === "P" ? "P" : event.key.toLowerCase()) : event.key;
  if (event.repeat && !key.startsWith("Arrow")) return event.preventDefault();
  const action = /^[1-6]$/.test(key) ? () => toggleReason(Number(key) - 1) : ACTIONS[key];
  if (!action) return;
  event.preventDefault();
  action();
});
document.addEventListener("keyup", (event) => { if (event.key === " ") setBlinking(false); });
addEventListener("blur", () => setBlinking(false));
addEventListener("resize", () => { drawRows(); });
addEventListener("storage", () => { for (const item of items) load(item); draw(); warn(); });
addEventListener("beforeunload", (event) => { if (unsent.size || (!isStored && waiting())) event.preventDefault(); });
$("list").addEventListener("scroll", drawRows, { passive: true });
$("stage").addEventListener("pointermove", follow);
$("stage").addEventListener("pointerdown", (event) => {
  follow(event);
  if (mode === "result" && !isZoomed) setBlinking(true);
});
for (const name of ["pointerup", "pointercancel", "pointerleave"]) $("stage").addEventListener(name, () => setBlinking(false));
$("cut").addEventListener("input", () => cutAt(Number($("cut").value) / 100));
$("export").addEventListener("click", () => { exportDecisions(); $("export").blur(); });
$("help-button").addEventListener("click", () => { $("help-button").blur(); showHelp(); });
let noted = null;
$("note").addEventListener("focus", () => { noted = shown[cursor]; });
$("note").addEventListener("input", () => { clearTimeout(noteTimer); noteTimer = setTimeout(keepNote, 400); });
$("note").addEventListener("blur", keepNote);
function keepNote() {
  clearTimeout(noteTimer);
  if (noted && $("note").value !== markOf(noted).note) decide([noted], () => ({ note: $("note").value }));
}

// Items, and while a batch runs, new ones

function add(raw) {
  const known = indexOf.get(raw.id), item = known ?? raw;
  if (known) {
    if (known.sha256 !== raw.sha256 || known.version !== raw.version) {
      // What was decided is about the picture before, and must not be sent as a decision about this one.
      marks.delete(known);
      unsent.delete(known);
      undo = undo.map((step) => step.filter(([item]) => item !== known)).filter((step) => step.length);
      if (noted === known) noted = null;
    }
    Object.assign(known, raw);
  } else {
    items.push(item);
    indexOf.set(raw.id, item);
    if (shown.length && isInView(item)) shown.push(item);
  }
  if (raw.mark && !unsent.has(item) && raw.mark.at > markOf(item).at) marks.set(item, raw.mark);
  load(item);
}

async function refresh() {
  try {
    const answer = await fetch(`changes?since=${data.sequence}`);
    if (!answer.ok) throw new Error(answer.statusText);
    const news = await answer.json(), before = items.length;
    const wasAway = data.isAway;
    data.isAway = false;
    data.sequence = news.sequence;
    data.spent_usd = news.spent_usd;
    data.references = news.references;
    news.items.forEach(add);
    if (news.items.length) {
      if (!shown.length) choose(view.kind, view.flag);
      if (items.length > before && before) say(counted(items.length - before, "new picture", "new pictures"));
      draw();
    }
    if (wasAway) warn();
  } catch {
    data.isAway = true;
    warn();
  }
  setTimeout(refresh, REFRESH_MS);
}

document.title = `${clean(data.title)}: review`;
$("title").textContent = clean(data.title);
$("keys").replaceChildren(...KEYS.flatMap(([key, meaning]) => { const term = make("dt"); term.append(make("kbd", "", key)); return [term, make("dd", "", meaning)]; }));
data.items.forEach(add);
delete data.items;
choose(items.some((item) => isFlagged(item) && decisionOf(item) === "undecided") ? "flagged" : "all");
warn();
if (data.served) setTimeout(refresh, REFRESH_MS);
