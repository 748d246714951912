/**
 * The page's script, served at `/app.js`: plain JavaScript for browsers, without a build step. It asks for `/status`
 * every second while the page can be seen. Whatever the status says goes in as text nodes, never as markup. A new
 * picture is laid over the old one node by node, so that selections and scroll positions stay.
 */
export const script = String.raw`"use strict";

const interval = 1000;
const timeout = 5000;
const none = "–";
const levels = {
  running: "good", stalled: "bad", failed: "bad", draining: "warn",
  OK: "good", WARN: "warn", STOP: "bad", STALL: "bad", REWIND: "bad",
  ok: "good", retrying: "warn", up: "good", down: "bad",
  starting: "unknown", idle: "unknown", busy: "good", replaced: "warn", waiting: "unknown",
};

// How values read: null and what is absent are a dash.

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const fine = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });
const known = (value) => value !== null && value !== undefined && value !== "";
const count = (value) => known(value) ? whole.format(value) : none;
const text = (value) => known(value) ? String(value) : none;
const rate = (value) => known(value) ? (value < 10 ? fine : whole).format(value) + "/s" : none;

function duration(milliseconds) {
  if (!known(milliseconds)) return none;
  if (milliseconds < 1000) return fine.format(milliseconds) + " ms";
  const seconds = milliseconds / 1000;
  if (seconds < 60) return fine.format(seconds) + " s";
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return minutes + " min " + Math.floor(seconds % 60) + " s";
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? hours + " h " + minutes % 60 + " min" : Math.floor(hours / 24) + " days";
}

const since = (time) => duration(Math.max(0, Math.round((Date.now() - Date.parse(time)) / 1000) * 1000));

function clock(time) {
  if (!known(time)) return none;
  const date = new Date(time);
  const today = date.toDateString() === new Date().toDateString();
  return today ? date.toLocaleTimeString([], { hourCycle: "h23" }) : date.toLocaleString([], { hourCycle: "h23" });
}

// What the page is made of.

function element(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (known(value)) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

const badge = (state) => element("span", { class: "badge", "data-level": levels[state] || "unknown" }, text(state));

const facts = (entries) =>
  element("dl", {}, ...entries.map(([name, value, more]) =>
    element("div", {}, element("dt", {}, name),
      element("dd", {}, value, known(more) ? element("small", {}, more) : null))));

/** Columns are [name, class, cell of a row]; the first names the row. Without rows there is no table. */
function table(caption, columns, rows) {
  if (rows.length === 0) return null;
  const head = columns.map(([name, kind]) => element("th", { scope: "col", class: kind }, name));
  const line = (row) =>
    element("tr", {}, ...columns.map(([, kind, cell], at) =>
      at === 0 ? element("th", { scope: "row", class: kind }, cell(row)) : element("td", { class: kind }, cell(row))));
  return element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
    element("table", {}, element("caption", {}, caption),
      element("thead", {}, element("tr", {}, ...head)), element("tbody", {}, ...rows.map(line))));
}

const section = (id, title, mark, ...children) =>
  element("section", { "aria-labelledby": id },
    element("div", { class: "title" }, element("h2", { id }, title), mark), ...children);

const reason = (state, why) =>
  known(why) ? element("p", { class: "reason", "data-level": levels[state] || "unknown" }, why) : null;

// The parts, from left to right as records flow.

function pipelinePart(pipeline, at) {
  const { source, records, rates, latencyMs, partitions } = pipeline;
  const lag = partitions.reduce((sum, one) => sum + one.lag, 0);
  return section("pipeline-" + at, pipeline.name, badge(pipeline.state),
    reason(pipeline.state, pipeline.reason),
    element("p", { class: "note" }, "Reads " + source.topic + " as group " + source.group),
    facts([
      ["In", rate(rates.inPerSecond), count(records.in) + " in all"],
      ["Out", rate(rates.outPerSecond), count(records.out) + " in all"],
      ["Lag", count(lag), lag === 1 ? "record" : "records"],
      ["Latency p50", duration(latencyMs.p50), "p95 " + duration(latencyMs.p95)],
      ["Latency p99", duration(latencyMs.p99), "end to end"],
      ["Filtered", count(records.filtered)],
      ["Dead letters", count(records.deadLettered)],
      ["Late", count(records.late)],
      ["Too far ahead", count(records.ahead)],
      ["Watermark", clock(pipeline.watermark), known(pipeline.watermark) ? since(pipeline.watermark) + " ago" : null],
    ]),
    sinkTable(pipeline.sinks), partitionTable(partitions), referenceTable(pipeline.references || []),
    stageTable(pipeline.stages));
}

const sinkTable = (sinks) =>
  table("Sinks", [
    ["Sink", "text", (sink) => sink.name],
    ["Kind", "", (sink) => sink.kind],
    ["State", "", (sink) => badge(sink.state)],
    ["Written", "number", (sink) => count(sink.written)],
    ["Behind", "number", (sink) => count(sink.behind)],
    ["Waiting", "number", (sink) => count(sink.waiting)],
    ["Retries", "number", (sink) => count(sink.retries)],
    ["p50", "number", (sink) => duration(sink.latencyMs.p50)],
    ["p99", "number", (sink) => duration(sink.latencyMs.p99)],
    ["Last error", "text", (sink) => text(sink.lastError)],
  ], sinks);

const partitionTable = (partitions) =>
  table("Partitions", [
    ["Partition", "", (one) => text(one.partition)],
    ["Verdict", "", (one) => badge(one.verdict)],
    ["Lag", "number", (one) => count(one.lag)],
    ["Behind by", "number", (one) => known(one.lagSeconds) ? duration(one.lagSeconds * 1000) : none],
    ["Position", "number", (one) => count(one.position)],
    ["Committed", "number", (one) => count(one.committed)],
    ["End", "number", (one) => count(one.endOffset)],
    ["Queued", "number", (one) => count(one.queued)],
    ["Fetching", "", (one) => known(one.worker) ? (one.paused ? "paused" : "yes") : "other process"],
    ["Worker", "number", (one) => text(one.worker)],
  ], partitions);

const referenceTable = (references) =>
  table("Reference tables", [
    ["Table", "text", (one) => one.name],
    ["Rows", "number", (one) => count(one.rows)],
    ["Read", "", (one) => clock(one.loadedAt)],
    ["Last error", "text", (one) => text(one.lastError)],
  ], references);

const stageTable = (stages) =>
  table("Stages: time of a batch", [
    ["Stage", "text", ([name]) => name],
    ["p50", "number", ([, times]) => duration(times.p50)],
    ["p99", "number", ([, times]) => duration(times.p99)],
  ], Object.entries(stages));

const servicePart = (services) =>
  section("services", "Services", null, table("What holds the data", [
    ["Role", "", (service) => service.role],
    ["Kind", "", (service) => service.kind],
    ["State", "", (service) => badge(service.state)],
    ["Detail", "text", (service) => text(service.detail)],
  ], services));

const workerPart = (workers) =>
  section("workers", "Workers", null, table("Threads that work on records", [
    ["Worker", "", (worker) => text(worker.id)],
    ["State", "", (worker) => badge(worker.state)],
    ["Busy", "number", (worker) => count(worker.busy * 100) + " %"],
    ["Partitions", "number", (worker) => count(worker.partitions)],
    ["Restarts", "number", (worker) => count(worker.restarts)],
  ], workers));

const schedulePart = (schedules) =>
  section("schedules", "Schedules", null, table("Producers that run by the clock (UTC)", [
    ["Pipeline", "text", (schedule) => schedule.pipeline],
    ["Cron", "", (schedule) => schedule.cron],
    ["State", "", (schedule) => badge(schedule.state)],
    ["Runs", "number", (schedule) => count(schedule.runs)],
    ["Failures", "number", (schedule) => count(schedule.failures)],
    ["Skipped", "number", (schedule) => count(schedule.skipped)],
    ["Last run", "", (schedule) => clock(schedule.lastRun && schedule.lastRun.startedAt)],
    ["Records", "number", (schedule) => count(schedule.lastRun && schedule.lastRun.records)],
    ["Error", "text", (schedule) => text(schedule.lastRun && schedule.lastRun.error)],
  ], schedules));

const partOf = (rows, part) => rows.length > 0 ? part(rows) : null;

function picture(status) {
  return element("main", { id: "content" },
    ...status.pipelines.map(pipelinePart),
    partOf(status.services, servicePart), partOf(status.workers, workerPart),
    partOf(status.schedules, schedulePart));
}

function summary(status) {
  const down = status.services.filter((one) => one.state !== "up").map((one) => one.role + " down");
  const halted = status.pipelines.filter((one) => one.state !== "running")
    .map((one) => one.name + " " + one.state);
  const problems = [...halted, ...down];
  if (status.pipelines.length === 0) return ["unknown", "No pipeline has started yet"];
  if (problems.length === 0) {
    return ["good", status.pipelines.length === 1 ? "Running" : "All " + status.pipelines.length + " pipelines run"];
  }
  const bad = down.length > 0 || status.pipelines.some((one) => levels[one.state] === "bad");
  return [bad ? "bad" : "warn", problems.join(", ")];
}

// Showing it.

/** Makes an old node the same as a new one, and keeps what is the same. */
function lay(old, fresh) {
  if (old.nodeName !== fresh.nodeName) return old.replaceWith(fresh);
  if (old.nodeType === Node.TEXT_NODE) {
    if (old.data !== fresh.data) old.data = fresh.data;
    return;
  }
  for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name)) old.removeAttribute(name);
  for (const { name, value } of [...fresh.attributes]) {
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  const children = [...fresh.childNodes];
  const kept = [...old.childNodes];
  children.forEach((child, at) => kept[at] ? lay(kept[at], child) : old.append(child));
  for (const child of kept.slice(children.length)) child.remove();
}

function announce(level, message) {
  const line = document.getElementById("summary");
  if (line.dataset.level !== level) line.dataset.level = level;
  if (line.textContent !== message) line.textContent = message; // Else it would be read out again.
  document.title = "Weir: " + message;
}

function show(status) {
  document.documentElement.classList.remove("stale");
  document.getElementById("process").textContent =
    "Version " + status.version + ", up for " + since(status.startedAt);
  announce(...summary(status));
  lay(document.getElementById("content"), picture(status));
}

let lastAnswer = null;

function showUnreachable(error) {
  document.documentElement.classList.add("stale");
  const kept = lastAnswer === null ? "" : ". Below is what it said at " + clock(lastAnswer);
  announce("bad", error.message + kept);
}

async function read() {
  let response;
  try {
    response = await fetch("/status", { signal: AbortSignal.timeout(timeout), cache: "no-store" });
  } catch (cause) {
    throw new Error("The process cannot be reached (" + cause.message + ")", { cause });
  }
  if (!response.ok) throw new Error("The process answers with an error (" + response.status + ")");
  return await response.json();
}

async function poll() {
  if (document.visibilityState === "visible") {
    let status = null;
    try {
      status = await read();
      lastAnswer = new Date();
    } catch (error) {
      showUnreachable(error);
    }
    if (status !== null) show(status); // Outside the try: an error here is the page's own.
  }
}

/** One poll after the other; never two at once. */
async function run() {
  try {
    await poll();
  } finally {
    setTimeout(run, interval);
  }
}

run();
`;
