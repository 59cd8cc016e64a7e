// The tutor: a learner grades a clip, then sees what the panel said of it and of the clips that look most alike.
import { fillGrades } from "/assets/answers.js";
import { control, letDrag, listenToButtons, tellControls, tellFrames } from "/assets/controls.js";
import { learningCurve } from "/assets/curve.js";
import { listen } from "/assets/keys.js";
import { Player } from "/assets/player.js";
import { ask, picture, Refusal } from "/assets/server.js";
import { loadWords, say, switchLanguage, told } from "/assets/words.js";

const UNSEEN_MS = 250;
const AGAIN_MS = 3000;
const at = (id) => document.getElementById(id);
let lessons, player;
let now = null; // the clip on show
let panel = null; // what the panel said, once the learner has answered
let shownAt_ms = 0;
let busy = false; // one answer, or one clip, is asked for at a time
let trouble = null;

async function begin() {
  await loadWords();
  try {
    lessons = await ask("GET", "/api/lessons");
  } catch (refusal) {
    if (!(refusal instanceof Refusal)) throw refusal;
    return setTimeout(begin, AGAIN_MS);
  }
  player = new Player(at("clip"));
  tellFrames(player);
  letDrag(player);
  at("simulated").hidden = !lessons.simulated;
  document.body.classList.remove("waiting");
  show();
  await first();
}

async function first() {
  await next();
  if (!now) setTimeout(first, AGAIN_MS);
}

/** Do what asks the server, one at a time; what went wrong is told until something goes well. */
async function trying(what) {
  if (busy) return;
  busy = true;
  try {
    await what();
    trouble = null;
  } catch (refusal) {
    fail(refusal);
  } finally {
    busy = false;
    tellTrouble();
  }
}

function fail(refusal) {
  if (!(refusal instanceof Refusal)) throw refusal;
  trouble = refusal;
  tellTrouble();
}

function tellTrouble() {
  at("trouble").hidden = !trouble;
  at("trouble").textContent = trouble ? trouble.sentence() : "";
}

/** The learner's own answers, in this browser alone: {clip, grade, apart}. */
function answers() {
  return JSON.parse(localStorage.getItem(kept()) ?? "[]");
}

function kept() {
  return `spermscope.tutor.${lessons.name}`;
}

/** A clip that was answered least often so far, at random. */
function drawn() {
  const counts = new Array(lessons.clips).fill(0);
  for (const { clip } of answers()) counts[clip] += 1;
  const fewest = Math.min(...counts.filter((_, clip) => clip !== now?.clip));
  const open = counts.map((count, clip) => [count, clip]).filter(([count, clip]) => count === fewest && clip !== now?.clip);
  return open[Math.floor(Math.random() * open.length)][1];
}

function next() {
  return trying(async () => {
    const clip = drawn();
    const [sheet, shown] = await Promise.all([ask("GET", `/api/clips/${clip}`), picture(`/sheets/${clip}.png`)]);
    now = { clip };
    panel = null;
    player.show(shown, sheet);
    shownAt_ms = performance.now();
    show();
  });
}

async function give({ grade }) {
  if (panel || !now || performance.now() - shownAt_ms < UNSEEN_MS) return;
  await trying(async () => {
    const found = await ask("GET", `/api/panel/${now.clip}`);
    const number = lessons.protocol.grades.findIndex(({ code }) => code === grade);
    const apart = Math.abs(number - mean(found.shares));
    panel = { ...found, grade, apart };
    localStorage.setItem(kept(), JSON.stringify([...answers(), { clip: now.clip, grade, apart }]));
  });
  if (!panel) return;
  show();
  at("next").focus();
  await showNearest(panel).catch(fail);
}

function mean(shares) {
  return shares.reduce((sum, share, number) => sum + share * number, 0);
}

function show() {
  const { view, trail } = lessons.protocol;
  tellTrouble();
  tellControls(player);
  at("view").textContent = `${say("view")}: ${say(`view_${view}`)}, ${say(trail ? "trail_with" : "trail_without")}`;
  at("question").textContent = told(lessons.protocol.question);
  at("grades").replaceChildren(...fillGrades(lessons.protocol, give));
  if (panel) [...at("grades").children].forEach(mark);
  at("next").hidden = !panel;
  at("nearest").hidden = !panel;
  at("apart").textContent = panel ? say("panel_mean", { apart: panel.apart.toFixed(1) }) : "";
  at("answered").textContent = say("answered", { count: answers().length });
  at("curve-more").textContent = say("curve_more", { panel: lessons.panel_apart.toFixed(2) });
  document.querySelector("#curve .line").replaceChildren(learningCurve(answers().map(({ apart }) => apart), lessons.panel_apart));
}

/** The panel's share on a grade's button, and the learner's own grade. */
function mark(button, number) {
  const { code } = lessons.protocol.grades[number];
  const [line, share] = ["progress", "span"].map((tag) => document.createElement(tag));
  Object.assign(line, { max: 1, value: panel.shares[number], ariaLabel: say("panel") });
  Object.assign(share, { className: "share", textContent: `${Math.round(100 * panel.shares[number])} %` });
  button.classList.toggle("given", code === panel.grade);
  button.disabled = true;
  button.lastChild.replaceWith(share);
  button.append(line);
}

/** The clips most alike and what the panel said of them; left off once the learner goes on. */
async function showNearest(mine) {
  const shelf = document.querySelector("#nearest .anchors");
  shelf.replaceChildren();
  for (const { clip, shares } of mine.nearest) {
    const [sheet, shown] = await Promise.all([ask("GET", `/api/clips/${clip}`), picture(`/sheets/${clip}.png`)]);
    if (panel !== mine) return;
    const figure = shelf.appendChild(document.createElement("figure"));
    new Player(figure.appendChild(document.createElement("canvas")), { fixed: true }).show(shown, sheet);
    const said = shares.map((share, number) => `${lessons.protocol.grades[number].code} ${Math.round(100 * share)} %`);
    figure.appendChild(document.createElement("figcaption")).textContent = said.join("\n");
  }
}

function doing({ choice, pan, verb }) {
  const grade = lessons?.protocol.grades[choice]?.code;
  if (panel && (grade || verb === "play")) next();
  else if (grade) give({ grade });
  else if (now) control(player, { pan, verb });
}

listen(doing);
listenToButtons((meant) => now && control(player, meant));
at("next").addEventListener("click", next);
at("language").addEventListener("click", switchLanguage);
document.addEventListener("language", show);
at("forget").addEventListener("click", () => {
  localStorage.removeItem(kept());
  show();
});
begin();
