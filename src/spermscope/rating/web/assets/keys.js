// What each key does on the rating page.
import { say } from "/assets/words.js";

const VERBS = new Map([
  ["play", [" "]],
  ["slow", ["s"]],
  ["step_back", ["ArrowLeft"]],
  ["step_on", ["ArrowRight"]],
  ["closer", ["+", ";"]],
  ["farther", ["-"]],
  ["brighter", ["ArrowUp"]],
  ["darker", ["ArrowDown"]],
  ["as_it_was", ["0"]],
  ["mark", ["m"]],
  ["cannot", ["x"]],
  ["undo", ["Backspace"]],
  ["anchors", ["r"]],
  ["keys", ["?", "k"]],
]);
const PANS = { ArrowLeft: [-0.1, 0], ArrowRight: [0.1, 0], ArrowUp: [0, -0.1], ArrowDown: [0, 0.1] };
const SHOWN = { " ": "Space", ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓" };

/** The key itself; where an input method or a keypad hides it, the place it lies at. */
function pressed(event) {
  if (event.key !== "Process" && event.key !== "Unidentified") return event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const place = /^(?:Digit|Numpad|Key)(.)$/.exec(event.code);
  return place ? place[1].toLowerCase() : event.code === "Space" ? " " : event.code;
}

/** Tell `doing` what a key asks for: {choice: 0..}, {pan: [x, y]} or {verb}. */
export function listen(doing) {
  document.addEventListener("keydown", (event) => {
    const meant = meaning(event);
    if (!meant || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    doing(meant);
  });
}

function meaning(event) {
  const key = pressed(event);
  const onButton = event.target.closest?.("button, a, input");
  if (onButton && (key === " " || key === "Enter")) return null;
  if (event.shiftKey && PANS[key]) return { pan: PANS[key] };
  if (/^[1-9]$/.test(key)) return event.repeat ? null : { choice: Number(key) - 1 };
  if (key === "Escape") return { verb: "back" };
  for (const [verb, keys] of VERBS) {
    if (keys.includes(key)) return event.repeat && ["cannot", "undo", "anchors", "keys", "play", "slow", "mark"].includes(verb) ? null : { verb };
  }
  return null;
}

export function keyOf(verb) {
  const key = VERBS.get(verb)[0];
  return SHOWN[key] ?? (key.length === 1 ? key.toUpperCase() : key);
}

export function keycap(text) {
  const cap = document.createElement("kbd");
  cap.textContent = text;
  return cap;
}

/** The list of all keys. */
export function fillKeys(list, choices) {
  const rows = [[`1-${choices}`, "grades"], ...[...VERBS.keys()].map((verb) => [keyOf(verb), verb]), ["Shift + ← → ↑ ↓", "pan"]];
  list.replaceChildren(
    ...rows.flatMap(([key, words]) => {
      const [term, meant] = [document.createElement("dt"), document.createElement("dd")];
      term.append(keycap(key));
      meant.textContent = say(words);
      return [term, meant];
    }),
  );
}
