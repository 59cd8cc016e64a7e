// The answers a rater may give, and the anchor clips that show what the grades mean.
import { keycap, keyOf } from "/assets/keys.js";
import { Player } from "/assets/player.js";
import { picture } from "/assets/server.js";
import { say, told } from "/assets/words.js";

/** Buttons for grades and reasons in the page's language; `give({grade} or {reason})` is called by a click. */
export function fillAnswers(protocol, give) {
  const letters = fillGrades(protocol, give);
  letters.forEach((button, at) => protocol.grades[at].anchors.length && withTile(button, tile(protocol.grades[at].code)));
  document.getElementById("grades").replaceChildren(...letters);
  const why = protocol.reasons.map((reason, at) => choice(at, [words(say(reason))], () => give({ reason })));
  why.forEach((button) => button.classList.add("plain"));
  const asked = document.querySelector("#reasons p");
  document.getElementById("reasons").replaceChildren(asked, ...why);
  for (const verb of ["cannot", "undo", "anchors"]) {
    const button = document.getElementById(verb);
    button.replaceChildren(words(say(verb)), keycap(keyOf(verb)));
  }
}

/** A button for each grade. */
export function fillGrades(protocol, give) {
  return protocol.grades.map((grade, at) => {
    const button = choice(at, [letter(grade.code), words(bare(grade))], () => give({ grade: grade.code }));
    button.classList.add("plain");
    return button;
  });
}

/** The small canvas of a grade, with what plays on it already. */
function tile(code) {
  const canvas = document.querySelector(`#grades canvas[data-grade="${code}"]`) ?? document.createElement("canvas");
  canvas.dataset.grade = code;
  return canvas;
}

function withTile(button, canvas) {
  button.classList.remove("plain");
  button.prepend(canvas);
}

/** Let the first anchor clip of each grade loop on its button, and all of them in the dialog. */
export async function showAnchors(protocol) {
  const shelf = document.querySelector("#anchor-clips .anchors");
  shelf.replaceChildren();
  for (const grade of protocol.grades) {
    for (const [number, sheet] of grade.anchors.entries()) {
      const shown = await picture(`/anchors/${grade.code}/${number}.png`);
      const figure = shelf.appendChild(document.createElement("figure"));
      loop(figure.appendChild(document.createElement("canvas")), shown, sheet);
      figure.append(letter(grade.code));
      if (number === 0) loop(tile(grade.code), shown, sheet);
    }
  }
  document.getElementById("anchors").disabled = !shelf.children.length;
}

/** A small loop of fixed size. */
function loop(canvas, shown, sheet) {
  const player = new Player(canvas, { fixed: true });
  player.show(shown, sheet);
}

/** The label without the code, which stands beside it. */
function bare(grade) {
  return told(grade.label).replace(new RegExp(`^${grade.code}\\s*[::]\\s*`), "");
}

function letter(code) {
  const element = document.createElement("span");
  element.className = "letter";
  element.textContent = code;
  return element;
}

function words(text) {
  const element = document.createElement("span");
  element.className = "words";
  element.textContent = text;
  return element;
}

function choice(at, parts, give) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "choice";
  const middle = document.createElement("span");
  middle.append(...parts);
  button.append(middle, keycap(String(at + 1)));
  button.addEventListener("click", (event) => {
    give();
    if (event.detail) event.currentTarget.blur(); // else the next Space would press it again
  });
  return button;
}
