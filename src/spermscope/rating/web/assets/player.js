// A clip on a canvas: loops at its true rate from a sheet that holds all its frames, each pixel as it was recorded.
const ZOOMS = [1, 1.5, 2, 3, 4];
const MARK = "#ffb000b3"; // seen through: the cell is what counts
const CORNER_PX = [13, 7]; // how far the corner marks are from the head, and where they end

export class Player {
  /** `fixed`: the style sheet says how large the canvas is; else it fills what lies around it. */
  constructor(canvas, { fixed = false } = {}) {
    this.canvas = canvas;
    this.fixed = fixed;
    this.sheet = null;
    this.playing = true;
    this.speed = 1;
    this.dimmed = 100;
    this.zoom = 1;
    this.pan = [0, 0];
    this.marked = true;
    this.onFrame = () => {};
    if (!fixed) new ResizeObserver(() => this.fit()).observe(canvas.parentElement);
    requestAnimationFrame((now) => this.#tick(now));
  }

  /** Show a clip from its first frame on; what was chosen for the last one (size, brightness, speed) stays. */
  show(picture, sheet) {
    Object.assign(this, { picture, sheet, clock_s: 0, last_ms: null, frame: -1, playing: true, pan: [0, 0] });
    this.canvas.hidden = false;
    this.fit();
  }

  clear() {
    this.sheet = null;
    this.canvas.hidden = true;
  }

  /** The last frame lasts as long as the others on average. */
  get period_s() {
    const times = this.sheet.time_s;
    return times.length > 1 ? (times.at(-1) * times.length) / (times.length - 1) : 1;
  }

  step(by) {
    this.playing = false;
    const count = this.sheet.frames;
    this.clock_s = this.sheet.time_s[(this.frame + by + count) % count];
    this.#draw();
  }

  zoomBy(by) {
    const at = Math.max(0, Math.min(ZOOMS.length - 1, ZOOMS.indexOf(this.zoom) + by));
    this.zoom = ZOOMS[at];
    this.move(0, 0);
  }

  brightenBy(percent) {
    this.dimmed = Math.max(40, Math.min(250, this.dimmed + percent));
    this.canvas.style.filter = this.dimmed === 100 ? "" : `brightness(${this.dimmed}%)`;
  }

  reset() {
    Object.assign(this, { zoom: 1, pan: [0, 0], speed: 1, playing: true });
    this.brightenBy(100 - this.dimmed);
    this.#draw(true);
  }

  /** Move the zoomed picture by shares of what is seen. */
  move(x, y) {
    const reach = (1 - 1 / this.zoom) / 2;
    const inside = (value) => Math.max(-reach, Math.min(reach, value));
    this.pan = [inside(this.pan[0] + x / this.zoom), inside(this.pan[1] + y / this.zoom)];
    this.#draw(true);
  }

  /** Show or hide the corners round the cell that is asked about. */
  mark() {
    this.marked = !this.marked;
    this.#draw(true);
  }

  /** As large as its surroundings allow. */
  fit() {
    if (!this.sheet) return;
    if (this.fixed) {
      Object.assign(this.canvas, { width: this.sheet.width_px, height: this.sheet.height_px });
      return this.#draw(true);
    }
    const { clientWidth, clientHeight } = this.canvas.parentElement;
    const room = getComputedStyle(this.canvas.parentElement);
    const wide = clientWidth - parseFloat(room.paddingLeft) - parseFloat(room.paddingRight);
    const high = clientHeight - parseFloat(room.paddingTop) - parseFloat(room.paddingBottom);
    const scale = Math.min(wide / this.sheet.width_px, high / this.sheet.height_px);
    const [width, height] = [this.sheet.width_px * scale, this.sheet.height_px * scale].map((px) => Math.max(1, Math.floor(px)));
    Object.assign(this.canvas.style, { width: `${width}px`, height: `${height}px` });
    this.canvas.width = Math.round(width * devicePixelRatio);
    this.canvas.height = Math.round(height * devicePixelRatio);
    this.#draw(true);
  }

  /** How large the whole frame is on the display, zoom included, in CSS pixels; device pixels to one of them. */
  display() {
    const of = (px) => Math.max(1, Math.round((px / devicePixelRatio) * this.zoom));
    return { display_width_px: of(this.canvas.width), display_height_px: of(this.canvas.height), display_scale: devicePixelRatio };
  }

  /** Ends with the canvas's place in the page. */
  #tick(now_ms) {
    if (!this.canvas.isConnected) return;
    requestAnimationFrame((now) => this.#tick(now));
    if (!this.sheet) return;
    if (this.playing && this.last_ms !== null) this.clock_s = (this.clock_s + ((now_ms - this.last_ms) / 1000) * this.speed) % this.period_s;
    this.last_ms = now_ms;
    this.#draw();
  }

  #draw(anew = false) {
    if (!this.sheet) return;
    const later = this.sheet.time_s.findIndex((time) => time > this.clock_s + 1e-6);
    const frame = later < 0 ? this.sheet.frames - 1 : Math.max(0, later - 1);
    if (frame === this.frame && !anew) return;
    this.frame = frame;
    this.#paint(frame);
    this.onFrame(frame);
  }

  #paint(frame) {
    const { columns, width_px: wide, height_px: high, trail_px: trail, head_px: heads } = this.sheet;
    const pen = this.canvas.getContext("2d");
    const [x, y] = [(0.5 - 0.5 / this.zoom + this.pan[0]) * wide, (0.5 - 0.5 / this.zoom + this.pan[1]) * high];
    const [left, top] = [(frame % columns) * wide, Math.floor(frame / columns) * high];
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.imageSmoothingQuality = "high";
    pen.drawImage(this.picture, left + x, top + y, wide / this.zoom, high / this.zoom, 0, 0, this.canvas.width, this.canvas.height);
    const scale = (this.canvas.width * this.zoom) / wide;
    pen.setTransform(scale, 0, 0, scale, (0.5 - x) * scale, (0.5 - y) * scale);
    pen.lineWidth = (1.3 * devicePixelRatio) / scale;
    pen.strokeStyle = MARK;
    pen.beginPath();
    for (const point of trail[frame] ?? []) pen.lineTo(...point);
    if (this.marked && heads.length) corners(pen, ...heads[frame]);
    pen.stroke();
  }
}

/** Four corners round a point, open towards the cell. */
function corners(pen, x, y) {
  const [far, near] = CORNER_PX;
  for (const [right, down] of [[-1, -1], [1, -1], [1, 1], [-1, 1]]) {
    pen.moveTo(x + right * near, y + down * far);
    pen.lineTo(x + right * far, y + down * far);
    pen.lineTo(x + right * far, y + down * near);
  }
}
