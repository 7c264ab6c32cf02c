// Polls what the run tells and puts it on the page. Everything is text: nothing here makes markup of it.

import { count, drawByLoad, drawByTime, moment, sample } from "./pictures.js";

const RUNNING_MS = 2000;
const IDLE_MS = 6000;
const PATIENCE_MS = 10000;
const STATES = { none: "no run yet", running: "running", ended: "ended, being judged", done: "ended" };

const at = (id) => document.getElementById(id);
let seen = 0;
let run = "";
let look = null;
let told = { state: "none" };
let timer = 0;
let asking = false;

function make(name, text = "", kind = "") {
  const made = document.createElement(name);
  made.textContent = text;
  if (kind) made.className = kind;
  return made;
}

// Only what has changed: a screen reader reads it out again otherwise.
function show(id, text) {
  if (at(id).textContent === text) return;
  at(id).textContent = text;
  at(id).hidden = !text;
}

async function poll() {
  clearTimeout(timer);
  if (asking) return;
  asking = true;
  const answer = await ask();
  asking = false;
  if (typeof answer === "string") show("trouble", answer);
  else take(answer);
  // A page that nobody sees asks for nothing, and then nothing is judged.
  if (!document.hidden) timer = setTimeout(poll, unsettled() ? RUNNING_MS : IDLE_MS);
}

// What the run tells, or a text that says why it tells nothing.
async function ask() {
  try {
    const signal = AbortSignal.timeout(PATIENCE_MS);
    const answer = await fetch(`live.json?seen=${seen}`, { cache: "no-store", credentials: "same-origin", signal });
    if (answer.redirected) return "Logged out: reload the page to log in again.";
    return answer.ok ? await answer.json() : `The load generator answered ${answer.status}.`;
  } catch {
    return "Locust does not answer any more; what is shown is the last that was known.";
  }
}

function unsettled() {
  return told.state === "running" || told.state === "ended" || (told.state === "done" && !look?.final);
}

function take(answer) {
  told = answer;
  if (answer.run !== run) {
    run = answer.run;
    look = null;
  }
  const fresh = answer.look !== null;
  if (fresh) look = answer.look;
  seen = look ? answer.number : 0;
  header();
  if (fresh) body();
  at("found").hidden = look === null;
  if (fresh) pictures();
}

function header() {
  const { state, scenario, target, elapsed_s: elapsed, planned_s: planned } = told;
  at("context").textContent = run ? `scenario ${scenario} · against ${target} · ${run}` : "\u00a0";
  const waiting = run ? "The first look comes after a few seconds …" : "No run yet: start one on Locust's page.";
  at("sentence").textContent = look ? look.sentence : waiting;
  show("provisional", look && !look.final ? provisional() : "");
  document.title = look ? `${look.rate} failed · Live verdict` : "Live verdict";
  const badges = [make("li", STATES[state] ?? state, state === "running" ? "running good" : "")];
  if (look) {
    badges.push(make("li", look.validity, { true: "good", false: "bad" }[look.valid]));
    badges.push(make("li", `${look.rate} of ${count(look.requests)} requests failed`));
    badges.push(make("li", `P99 ${look.p99}`));
    if (look.now && state === "running") {
      // An open load has no users: those at work are its requests in flight.
      const users = look.axis === "users" ? `${look.now.users} ${look.now.users === 1 ? "user" : "users"}, ` : "";
      badges.push(make("li", `${users}${look.now.in_flight} in flight`));
    }
  }
  at("badges").replaceChildren(...badges);
  at("progress").hidden = state !== "running" || !planned;
  at("bar").value = planned ? Math.min(1, elapsed / planned) : 0;
  at("clock").textContent = planned ? `${moment(elapsed)} of ${moment(planned)}` : "";
  at("report").hidden = !told.report;
  if (told.report) at("report-link").setAttribute("href", told.report);
  show("trouble", told.trouble ?? "");
  show("waiting", state === "running" && look?.now ? look.now.waiting : "");
  const age = look && state === "running" ? `Looked at ${Math.round(told.look_age_s)} s ago. ` : "";
  const how = "Looks come every few seconds, in a process that yields to the load, and only while this page is open.";
  at("foot").textContent = `${age}${how}`;
}

function provisional() {
  const upTo = look.now ? `judged up to ${moment(look.now.until_s)}` : "the run goes on";
  return `Provisional: ${upTo}${told.planned_s ? ` of ${moment(told.planned_s)}` : ""}; this may still change.`;
}

function body() {
  const [load] = look.answers;
  at("answers-head").textContent = look.final ? "Answers" : "Answers so far";
  at("answers-note").hidden = look.final;
  at("next-head").textContent = look.final ? "How sure is that?" : "What to wait for";
  at("load-finding").textContent = `${load.answer}${load.numbers ? `: ${load.numbers}` : ""}`;
  const top = look.time.statuses[0];
  at("time-finding").textContent = top
    ? `most of them: ${top.name}, ${count(top.total)} of ${count(look.errors)}; errors per ${look.time.width}, ${look.axis} behind`
    : look.final ? "none" : "none so far";
  at("answers").replaceChildren(...look.answers.map(card));
  at("sure").textContent = look.sure;
  at("change").textContent = look.change;
  list("plan", look.plan.map((line) => make("li", line)));
  // Only then: while this run goes on, waiting may settle it.
  at("command").hidden = !look.final || !look.command;
  at("command-line").textContent = look.command;
  const soFar = look.final ? "" : " so far";
  list("findings", look.findings.map(finding), make("li", `Nothing speaks against it${soFar}.`, "fine"));
  list("freezes", look.freezes.map((freeze) => make("li", freeze.text)), make("li", `none${soFar}`, "muted"));
  list("kinds", look.kinds.map(kindRow), row([["td", `no failure${soFar}`, "muted"]]));
  list("levels", look.levels.map(levelRow));
}

function list(id, items, none = null) {
  at(id).replaceChildren(...(items.length || !none ? items : [none]));
}

function card(line) {
  const made = make("div");
  made.append(make("p", line.label, "ask"), make("p", line.answer, line.decided ? "answer" : "answer open"));
  if (line.numbers) made.append(make("p", line.numbers, "numbers"));
  const why = make("details");
  why.append(make("summary", "why"), make("span", line.why));
  made.append(why);
  return made;
}

function finding(entry) {
  const made = make("li", "", entry.severity);
  made.append(make("b", entry.word), document.createTextNode(entry.text));
  return made;
}

function row(cells) {
  const made = make("tr");
  for (const [name, text, kind, label] of cells) {
    const cell = make(name, text, kind);
    if (label) cell.dataset.label = label;
    made.append(cell);
  }
  return made;
}

function kindRow(kind) {
  return row([
    ["th", kind.name, ""], ["td", kind.message || "no message", "message"],
    ["td", count(kind.count), "n", "Count"], ["td", kind.share, "n", "Of all requests"],
    ["td", kind.with_load, "", "With load"], ["td", kind.pattern, "", "In time"], ["td", kind.when, "", "Seen"],
  ]);
}

function levelRow(level) {
  return row([
    ["th", level.name, ""], ["td", count(level.requests), "n", "Requests"],
    ["td", count(level.errors), "n", "Errors"], ["td", level.text, "n", "Error rate"],
  ]);
}

function pictures() {
  if (!look) return;
  legend("by-load-legend", drawByLoad(at("by-load"), look));
  legend("by-time-legend", drawByTime(at("by-time"), look, told.planned_s));
}

function legend(id, marks) {
  list(id, marks.map(([kind, text]) => {
    const made = make("li");
    made.append(sample(kind), make("span", text));
    return made;
  }));
}

document.addEventListener("visibilitychange", () => (document.hidden ? clearTimeout(timer) : poll()));
let resized = 0;
window.addEventListener("resize", () => {
  clearTimeout(resized);
  resized = setTimeout(pictures, 100);
});
poll();
