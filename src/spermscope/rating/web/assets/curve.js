// A learner's distance from the panel's mean over time, beside that of one rater of the panel.
import { say } from "/assets/words.js";

const SVG = "http://www.w3.org/2000/svg";
const WIDE = 300;
const HIGH = 84;
const LAST = 10;
const FARTHEST = 2;

/** The mean of the last ten at each answer: (n) of (n). */
export function lastTen(apart) {
  return apart.map((_, end) => {
    const some = apart.slice(Math.max(0, end + 1 - LAST), end + 1);
    return some.reduce((sum, value) => sum + value, 0) / some.length;
  });
}

/** The curve as an element, the same told in words. */
export function learningCurve(apart, panel) {
  const picture = element("svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, preserveAspectRatio: "none", role: "img" });
  const down = (value) => HIGH - (Math.min(value, FARTHEST) / FARTHEST) * (HIGH - 6) - 3;
  picture.append(element("line", { x1: 0, x2: WIDE, y1: down(panel), y2: down(panel) }));
  const curve = lastTen(apart.length === 1 ? [...apart, ...apart] : apart);
  const across = (at) => (at / (curve.length - 1)) * WIDE;
  picture.append(element("polyline", { points: curve.map((value, at) => `${across(at)},${down(value)}`).join(" ") }));
  picture.ariaLabel = curve.length
    ? say("curve_told", { latest: curve.at(-1).toFixed(2), first: curve[Math.min(LAST, curve.length) - 1].toFixed(2) })
    : say("curve");
  return picture;
}

function element(tag, attributes) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}
