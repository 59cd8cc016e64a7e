// The coordinator's page: who is how far, how steady, and the study's state. It sees no single vote.
import { driftLine } from "/assets/drift.js";
import { ask, me, Refusal, signOut } from "/assets/server.js";
import { fill, loadWords, say, switchLanguage, told } from "/assets/words.js";

const AGAIN_MS = 5000;
const MOVES = { draft: ["open"], open: ["paused", "locked"], paused: ["open", "locked"], locked: [] };
const HERE = /^(localhost|127\.[\d.]+|0\.0\.0\.0|\[::1\])$/; // names by which a computer means itself
const at = (id) => document.getElementById(id);
const troubles = new Map(); // what went wrong, by what was asked for; it goes when that is done
let person, study;

async function begin() {
  await loadWords();
  try {
    person = await me();
  } catch (refusal) {
    return refusal.status === 401 ? location.assign("/enter") : setTimeout(begin, AGAIN_MS);
  }
  if (person.role !== "coordinator") return location.assign("/rate");
  document.body.classList.remove("waiting");
  at("who").textContent = person.pseudonym;
  await refresh();
  setInterval(refresh, AGAIN_MS);
}

/** Ask anew; a fault is told and tried again. */
async function refresh() {
  await trying("study", async () => (study = await ask("GET", "/api/study")));
  if (study) show();
}

/** Do what was asked for; what went wrong stays told until the same goes well. */
async function trying(asked, what) {
  try {
    await what();
    troubles.delete(asked);
  } catch (refusal) {
    if (!(refusal instanceof Refusal)) throw refusal;
    if (refusal.key === "session") return location.assign("/enter#out");
    troubles.set(asked, refusal);
  }
  tellTroubles();
}

function tellTroubles() {
  const told = [...troubles.values()].map((refusal) => refusal.sentence()).join(" / ");
  if (at("trouble").textContent !== told) at("trouble").textContent = told;
  at("trouble").hidden = !told;
}

function show() {
  const done = graded();
  const { seats, total } = study;
  at("simulated").hidden = !study.protocol.simulated;
  at("state").textContent = say(`state_${study.state}`);
  at("bar").value = total ? done / total : 0;
  at("progress").textContent = say("progress", { done, total });
  for (const button of document.querySelectorAll("[data-move]")) button.hidden = !MOVES[study.state].includes(button.dataset.move);
  at("open").textContent = say(study.state === "draft" ? "start" : "resume");
  at("move-more").textContent = { draft: say("start_more"), locked: "" }[study.state] ?? say("lock_more");
  at("raters").replaceChildren(...study.raters.map(row));
  at("seats").textContent = say("seats_taken", { taken: study.raters.length, seats });
  at("only-here").hidden = Boolean(study.address) || !HERE.test(location.hostname);
  at("nobody").hidden = study.raters.length > 0;
  at("agreement-later").hidden = study.state === "locked";
  at("agreement-open").hidden = study.state !== "locked";
  at("agreement-open").href = `/agreement?language=${document.documentElement.lang}`;
  facts();
}

/** How many presentations of all seats have a grade. */
function graded() {
  return study.raters.reduce((sum, { done }) => sum + done, 0);
}

function row(rater) {
  const line = document.createElement("tr");
  const took_ms = rater.drift.at(-1)?.median_ms;
  const pace = took_ms ? say("pace_value", { seconds: (took_ms / 1000).toFixed(1) }) : say("never");
  const drift = driftLine(rater.drift, study.protocol.grades);
  line.append(cell(rater.pseudonym), cell(bar(rater)), cell(pace), cell(when(rater.last_time)), cell(drift));
  return line;
}

function cell(content) {
  const element = document.createElement("td");
  element.append(content);
  return element;
}

function bar({ pseudonym, done, total }) {
  const label = document.createElement("span");
  const line = document.createElement("progress");
  label.className = "bar";
  Object.assign(line, { max: Math.max(1, total), value: done, ariaLabel: pseudonym });
  label.append(line, say("progress", { done, total }));
  return label;
}

/** This PC's time, as 2026-11-26 13:01. */
function when(time) {
  return time ? new Date(time).toLocaleString("sv-SE", { dateStyle: "short", timeStyle: "short" }) : say("never");
}

function facts() {
  const { question, grades, view, trail } = study.protocol;
  const rows = [
    ["question", told(question)],
    ["grades", grades.map((grade) => told(grade.label)).join(" / ")],
    ["view", `${say(`view_${view}`)}, ${say(trail ? "trail_with" : "trail_without")}`],
  ];
  at("protocol").replaceChildren(
    ...rows.flatMap(([key, value]) => {
      const [term, meant] = [document.createElement("dt"), document.createElement("dd")];
      term.textContent = say(key);
      meant.textContent = value;
      return [term, meant];
    }),
  );
}

/** Open, pause or lock; the lock is asked for twice. */
async function move(to) {
  if (to === "locked" && !(await sure())) return;
  await trying("move", () => ask("POST", "/api/state", { to }));
  await refresh();
}

function sure() {
  const { seats, total } = study;
  const dialog = at("sure");
  at("sure-text").textContent = say("lock_sure", { open: total - graded(), total, empty: seats - study.raters.length, seats });
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true }));
}

/** Where others reach the study; the address of this page may mean this computer to each of them. */
function door() {
  return (HERE.test(location.hostname) && study?.address) || location.origin;
}

/** A new link, shown until the page is left. */
async function invite(role) {
  await trying("link", async () => {
    const name = at("name").value.trim();
    const { code } = await ask("POST", "/api/invitations", { role, name });
    at("name").value = "";
    const [line, whose, field, copy] = ["li", "span", "input", "button"].map((tag) => document.createElement(tag));
    Object.assign(field, { readOnly: true, value: `${door()}/enter#code=${encodeURIComponent(code)}` });
    field.dataset.sayLabel = `invite_${role}`;
    whose.dataset.say = role;
    copy.dataset.say = "copy";
    copy.type = "button";
    copy.addEventListener("click", () => {
      field.select();
      document.execCommand("copy"); // the newer way needs TLS
      copy.dataset.say = "copied";
      fill();
    });
    line.append(whose, ...(name ? [`(${name})`] : []), field, copy);
    at("links").prepend(line);
    fill();
  });
}

async function leave() {
  if (await signOut()) location.assign("/enter");
  else alert(say("leave_failed"));
}

for (const button of document.querySelectorAll("[data-move]")) button.addEventListener("click", () => move(button.dataset.move));
for (const button of document.querySelectorAll("[data-invite]")) button.addEventListener("click", () => invite(button.dataset.invite));
for (const button of at("sure").querySelectorAll("button")) button.addEventListener("click", () => at("sure").close(button.value));
document.addEventListener("language", () => {
  tellTroubles();
  if (study) show();
});
at("language").addEventListener("click", switchLanguage);
at("leave").addEventListener("click", leave);
begin();
