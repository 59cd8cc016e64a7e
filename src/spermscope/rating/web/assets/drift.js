// A small line of a rater's mean grade by block, best grade at the top, with the same said in words.
import { say } from "/assets/words.js";

const SVG = "http://www.w3.org/2000/svg";
const WIDE = 150;
const HIGH = 34;
const EDGE = 4;

/** The line as an element, or a dash where no block has a grade; `drift` as the server gives it, oldest first. */
export function driftLine(drift, grades) {
  const known = drift.filter(({ mean_grade: mean }) => mean !== null);
  if (!known.length) return say("never");
  const across = (block) => EDGE + ((block - 1) / Math.max(1, drift.at(-1).block - 1)) * (WIDE - 2 * EDGE);
  const down = (mean) => EDGE + ((mean - 1) / (grades.length - 1)) * (HIGH - 2 * EDGE);
  const points = known.map(({ block, mean_grade: mean }) => [across(block), down(mean)]);
  const values = known.map(({ mean_grade: mean }) => mean.toFixed(2)).join(", ");
  const picture = element("svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, role: "img" });
  picture.ariaLabel = say("drift_told", { best: 1, worst: grades.length, values });
  const middle = down((1 + grades.length) / 2);
  picture.append(element("line", { x1: EDGE, x2: WIDE - EDGE, y1: middle, y2: middle }));
  picture.append(element("polyline", { points: points.map((point) => point.join(",")).join(" ") }));
  picture.append(...points.map(([x, y]) => element("circle", { cx: x, cy: y, r: 2.5 })));
  return picture;
}

function element(tag, attributes) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}
