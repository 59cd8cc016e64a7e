// The buttons under a clip: what each does to its player, as the key of the same name does.
import { say } from "/assets/words.js";

const DOES = {
  play: (player) => (player.playing = !player.playing),
  slow: (player) => (player.speed = player.speed === 1 ? 0.25 : 1),
  step_back: (player) => player.step(-1),
  step_on: (player) => player.step(1),
  closer: (player) => player.zoomBy(1),
  farther: (player) => player.zoomBy(-1),
  brighter: (player) => player.brightenBy(10),
  darker: (player) => player.brightenBy(-10),
  as_it_was: (player) => player.reset(),
  mark: (player) => player.mark(),
};
const at = (id) => document.getElementById(id);

/** Do what a verb or a pan asks of the player, and say how it stands; false where it asks for something else. */
export function control(player, { verb, pan }) {
  if (pan) player.move(...pan);
  else if (verb in DOES) DOES[verb](player);
  else return false;
  tellControls(player);
  return true;
}

/** How the player stands. Corners to be hidden are only there in a fixed field. */
export function tellControls(player) {
  at("zoom").textContent = `${player.zoom}×`;
  at("brightness").textContent = `${player.dimmed} %`;
  at("slow").ariaPressed = String(player.speed < 1);
  at("mark").ariaPressed = String(player.marked);
  if (player.sheet) at("mark").hidden = !player.sheet.head_px.length;
}

/** Let the player say which frame it shows. */
export function tellFrames(player) {
  player.onFrame = (frame) => (at("frame").textContent = say("frame", { number: frame + 1, count: player.sheet.frames }));
}

/** A finger or the mouse moves the zoomed picture. */
export function letDrag(player) {
  const { canvas } = player;
  canvas.addEventListener("pointerdown", (event) => canvas.setPointerCapture(event.pointerId));
  canvas.addEventListener("pointermove", (event) => {
    if (event.buttons) player.move(-event.movementX / canvas.clientWidth, -event.movementY / canvas.clientHeight);
  });
}

/** Buttons that name what they do (`data-do`) do it; the mouse leaves no focus behind, which Space would press. */
export function listenToButtons(doing) {
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-do]");
    if (!button || button.disabled) return;
    doing({ verb: button.dataset.do });
    if (event.detail) button.blur();
  });
}
