// The rater's next clips, fetched ahead so that one follows the other at once and a lost network is not felt at once.
import { ask, picture } from "/assets/server.js";

const AHEAD = 12;
const ENOUGH = 6;

export class Clips {
  /** `answered()` gives the ids of presentations whose votes still wait to be sent. */
  constructor(answered) {
    Object.assign(this, { answered, queue: [], pictures: new Map(), state: "open", total: 0, shown: 0, busy: null, round: 0 });
  }

  /** The next clip with its picture; null where there is none (`state` says why). Throws a Refusal. */
  async next() {
    const { round } = this;
    if (!this.queue.length) await this.refill();
    const first = this.queue[0];
    if (!first && round === this.round) return null;
    const shown = { presentation: first, picture: first && (await this.load(first)) };
    if (round !== this.round) return this.next();
    this.shown = first.number;
    this.queue = this.queue.filter(({ number }) => number > first.number);
    this.pictures.delete(first.id);
    if (this.queue.length < ENOUGH) this.refill().catch(() => {});
    return shown;
  }

  /** Ask for what comes next; several who ask at once share one question. */
  refill() {
    if (this.busy) return this.busy;
    const asked = this.#fetch(this.round).finally(() => {
      if (this.busy === asked) this.busy = null;
    });
    return (this.busy = asked);
  }

  async #fetch(round) {
    const answered = new Set(this.answered());
    const { presentations, state, total } = await ask("GET", `/api/next?count=${AHEAD + answered.size}`);
    if (round !== this.round) return;
    Object.assign(this, { state, total });
    this.queue = presentations.filter(({ id, number }) => !answered.has(id) && number > this.shown);
    for (const presentation of this.queue) this.load(presentation).catch(() => {});
  }

  /** Begin again with what the server says comes next; what is on its way is too old. */
  restart() {
    Object.assign(this, { shown: 0, queue: [], busy: null, round: this.round + 1 });
  }

  /** The picture of a presentation, fetched once. */
  load(presentation) {
    if (!this.pictures.has(presentation.id)) {
      const coming = picture(`/sheets/${presentation.id}.png`);
      coming.catch(() => this.pictures.delete(presentation.id));
      this.pictures.set(presentation.id, coming);
    }
    return this.pictures.get(presentation.id);
  }
}
