// The rating page: a clip, an answer, the next clip.
import { fillAnswers, showAnchors } from "/assets/answers.js";
import { Clips } from "/assets/clips.js";
import { control, letDrag, listenToButtons, tellControls, tellFrames } from "/assets/controls.js";
import { fillKeys, listen } from "/assets/keys.js";
import { newId, Outbox } from "/assets/outbox.js";
import { Player } from "/assets/player.js";
import { ask, me, Refusal, signOut } from "/assets/server.js";
import { loadWords, say, switchLanguage, told } from "/assets/words.js";

const UNSEEN_MS = 250; // a second stroke of the last key must not grade a clip that nobody saw
const AGAIN_MS = 3000;
const at = (id) => document.getElementById(id);

let person, protocol, player, clips, outbox;
let now = null; // the clip on show: {presentation, picture, replaces}
let kept = null; // the clip that waits while the last one is graded again
let last = null; // the last answer: {vote, presentation, picture}, for "grade again"
let undoing = false;
let notice = null; // what stands in place of a clip: a key, its values, and what goes on from it
let coming = null; // the question for the next clip, while it is on its way
let again = 0; // when it is asked again
let block = 0;
let refusals = 0;
let watch = { seen_ms: 0, since: null };

async function begin() {
  await loadWords();
  try {
    person = await me();
  } catch (refusal) {
    if (refusal.status === 401) return location.assign("/enter");
    return setTimeout(begin, AGAIN_MS);
  }
  if (person.role !== "rater") return location.assign("/coordinate");
  protocol = person.protocol;
  outbox = new Outbox(`spermscope.${person.study}.${person.pseudonym}`, send, told_of);
  refusals = outbox.refused.length;
  clips = new Clips(() => outbox.waiting.map(({ presentation }) => presentation.id));
  player = new Player(at("clip"));
  tellFrames(player);
  letDrag(player);
  document.body.classList.remove("waiting");
  at("simulated").hidden = !protocol.simulated;
  arrange();
  showAnchors(protocol);
  outbox.flush();
  last = outbox.waiting.at(-1) ?? (await ask("GET", "/api/last").catch(() => null));
  next();
}

/** Put the words in their places; again after a switch of language. */
function arrange() {
  at("who").textContent = person.pseudonym;
  at("question").textContent = told(protocol.question);
  fillAnswers(protocol, give);
  fillKeys(document.querySelector("#keys dl"), protocol.grades.length);
  show();
}

/** The next clip, or what there is to say instead. */
function next() {
  clearTimeout(again);
  now = kept;
  kept = null;
  if (now) return present();
  if (!notice) tell("waiting_clip");
  coming ??= arrive().finally(() => (coming = null));
}

async function arrive() {
  let shown;
  try {
    shown = await clips.next();
  } catch (refusal) {
    if (refusal.status === 401) return signedOut();
    if (now) return; // the last clip is being graded again meanwhile
    return waitFor(refusal.status === 0 ? "refused_network" : "refused_broken");
  }
  if (now) kept = shown;
  else if (shown) turnTo(shown);
  else nothing();
}

function turnTo(shown) {
  const rests = block && shown.presentation.block > block;
  now = shown;
  block = shown.presentation.block;
  if (rests) tell("rest", { block: block - 1 }, present);
  else present();
}

function present() {
  notice = null;
  at("trouble").hidden = true;
  player.show(now.picture, now.presentation.sheet);
  watch = { seen_ms: 0, since: document.hidden ? null : performance.now() };
  show();
}

/** No clip: the study waits, or all is done. */
function nothing() {
  if (clips.state === "locked") return tell("locked_study");
  if (clips.state === "open" && !outbox.waiting.length) return tell("finished");
  waitFor({ draft: "waiting_study", paused: "paused_study", carried: "refused_carried" }[clips.state] ?? "waiting_clip");
}

function waitFor(key) {
  tell(key);
  again = setTimeout(next, AGAIN_MS);
}

function tell(key, values = {}, goOn = null) {
  notice = { key, values, goOn };
  player.clear();
  show();
}

function give(answer) {
  if (notice?.goOn) return notice.goOn();
  if (!now || notice || seenMs() < UNSEEN_MS) return;
  const { presentation, picture, replaces } = now;
  const vote = {
    id: newId(),
    presentation: presentation.id,
    ...answer,
    elapsed_ms: Math.round(seenMs()),
    ...player.display(),
    app_version: person.app_version,
    protocol_version: protocol.version,
    ...(replaces && { replaces }),
  };
  last = { vote, presentation, picture };
  choosing(false);
  outbox.add(vote, presentation);
  next();
}

/** How long the clip was in sight. */
function seenMs() {
  return watch.seen_ms + (watch.since === null ? 0 : performance.now() - watch.since);
}

/** The last clip once more; its new answer replaces the old one. */
async function undo() {
  const wanted = last;
  if (!wanted || undoing || kept || now?.replaces) return;
  undoing = true;
  try {
    const picture = wanted.picture ?? (await clips.load(wanted.presentation));
    if (last !== wanted || kept || now?.replaces) return;
    clearTimeout(again);
    kept = now;
    now = { presentation: wanted.presentation, picture, replaces: wanted.vote.id };
    present();
  } catch (refusal) {
    trouble(refusal);
  } finally {
    undoing = false;
  }
}

/** Say what a button could not do, until the next clip is on show. */
function trouble(refusal) {
  if (!(refusal instanceof Refusal)) throw refusal;
  at("trouble").textContent = refusal.sentence();
  at("trouble").hidden = false;
}

async function send(vote) {
  const receipt = await ask("POST", "/api/votes", vote);
  if (receipt?.vote !== vote.id) throw new Refusal(0, "broken");
  localStorage.setItem(`spermscope.${person.study}.${person.pseudonym}.receipt`, JSON.stringify(receipt));
  return receipt;
}

/** What became of the votes on their way. */
function told_of(box) {
  if (box.refusal?.status === 401) return signedOut();
  const waiting = box.waiting.length;
  const more = box.refused.length > refusals;
  refusals = box.refused.length;
  if (more) turnBack();
  at("saved").textContent = waiting ? say(box.refusal ? "offline" : "unsent", { count: waiting }) : say("saved");
  at("saved").classList.toggle("waiting", Boolean(waiting && box.refusal));
  const untold = box.untold;
  at("refused").hidden = !untold.length;
  if (untold.length) at("refused-why").textContent = say("refused_votes", { count: untold.length, why: reason(untold.at(-1)) });
  at("receipt").disabled = !keptReceipt();
}

/** After a refusal what is on show is out of turn: go on with what the study says comes next. */
function turnBack() {
  clips.restart();
  now = kept = last = notice = null;
  next();
}

function reason({ why, values }) {
  return new Refusal(0, why, values).sentence();
}

function keptReceipt() {
  return localStorage.getItem(`spermscope.${person.study}.${person.pseudonym}.receipt`);
}

function signedOut() {
  location.assign("/enter#out");
}

function show() {
  const number = now && !now.replaces ? now.presentation.number : kept?.presentation.number ?? clips.total + 1;
  const total = clips.total || person.total;
  const done = notice?.key === "finished" ? total : Math.min(total, Math.max(0, now || kept ? number - 1 : Math.max(person.done, clips.shown)));
  at("bar").value = total ? done / total : 0;
  at("progress").textContent = say("progress", { done, total });
  at("notice").hidden = !notice;
  if (notice) at("notice").replaceChildren(say(notice.key, notice.values), ...goOnButton());
  at("again").hidden = !now?.replaces;
  at("undo").disabled = !last || Boolean(now?.replaces);
  for (const button of document.querySelectorAll("#grades button, #reasons button, #cannot, .controls button")) button.disabled = Boolean(notice);
  for (const [at, button] of document.querySelectorAll("#grades button").entries()) {
    button.classList.toggle("given", Boolean(now?.replaces) && last.vote.grade === protocol.grades[at].code);
  }
  tellControls(player);
  told_of(outbox);
}

function goOnButton() {
  if (!notice.goOn) return [];
  const button = document.createElement("button");
  button.className = "main";
  button.textContent = say("go_on");
  button.addEventListener("click", notice.goOn);
  return [button];
}

function choosing(reason) {
  at("reasons").hidden = !reason;
  at("grades").hidden = reason;
  at("cannot").firstChild.textContent = say(reason ? "back" : "cannot");
}

function toggle(dialog) {
  if (dialog.open) dialog.close();
  else dialog.showModal();
}

const verbs = {
  cannot: () => choosing(at("reasons").hidden),
  back: () => choosing(false),
  undo,
  anchors: () => at("anchors").disabled || toggle(at("anchor-clips")),
  keys: () => toggle(at("keys")),
};

function doing({ choice, pan, verb }) {
  const dialog = document.querySelector("dialog[open]");
  if (dialog && !(verb === "back" || verb === "keys" || verb === "anchors")) return;
  if (dialog) return dialog.close();
  if (choice !== undefined) return chosen(choice);
  if ((notice || !now) && !["undo", "keys", "anchors"].includes(verb)) return;
  if (!control(player, { verb, pan })) verbs[verb]();
}

function chosen(choice) {
  if (!at("reasons").hidden) return protocol.reasons[choice] && give({ reason: protocol.reasons[choice] });
  return protocol.grades[choice] && give({ grade: protocol.grades[choice].code });
}

async function leave() {
  const count = outbox.waiting.length;
  if (count && !confirm(say("leave_unsent", { count }))) return;
  if (await signOut()) location.assign("/enter");
  else alert(say("leave_failed"));
}

function saveReceipt() {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([keptReceipt()], { type: "application/json" }));
  link.download = `receipt-${person.pseudonym}.json`;
  link.click();
  URL.revokeObjectURL(link.href);
}

listen(doing);
listenToButtons(doing);
document.addEventListener("visibilitychange", () => {
  if (document.hidden && watch.since !== null) watch = { seen_ms: seenMs(), since: null };
  else if (!document.hidden && watch.since === null) watch.since = performance.now();
});
document.addEventListener("language", arrange);
at("language").addEventListener("click", switchLanguage);
at("show-keys").addEventListener("click", () => toggle(at("keys")));
at("dismiss").addEventListener("click", () => outbox.dismiss());
at("receipt").addEventListener("click", saveReceipt);
at("leave").addEventListener("click", leave);
begin();
