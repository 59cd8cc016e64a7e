// Votes that stay on this PC until the server has them: through reloads, lost networks and restarts.
const RETRY_MS = [500, 1000, 2000, 4000, 8000];

export class Outbox {
  /** `send(vote)` gives a receipt or throws a Refusal; `changed(outbox)` is called when anything did. */
  constructor(name, send, changed) {
    Object.assign(this, { name, send, changed, busy: false, tries: 0, timer: 0, receipt: null, refusal: null });
    window.addEventListener("online", () => this.flush());
  }

  /** Of each vote that is not acknowledged: the vote and the presentation it was given on, in turn. */
  get waiting() {
    return this.#read("waiting");
  }

  /** Votes that the study will not take. */
  get refused() {
    return this.#read("refused");
  }

  /** Those of them that the rater was not told of yet. */
  get untold() {
    return this.refused.filter(({ told }) => !told);
  }

  /** They stay here, and are told no more. */
  dismiss() {
    this.#write("refused", this.refused.map((one) => ({ ...one, told: true })));
  }

  add(vote, presentation) {
    this.#write("waiting", [...this.waiting, { vote, presentation }]);
    this.flush();
  }

  /** Send what waits, one after the other; later again where the server cannot be reached. */
  async flush() {
    if (this.busy) return;
    this.busy = true;
    clearTimeout(this.timer);
    try {
      while (this.waiting.length) {
        const [first] = this.waiting;
        await this.#deliver(first);
      }
      this.#settle(null);
    } catch (refusal) {
      this.#settle(refusal);
      this.timer = setTimeout(() => this.flush(), RETRY_MS[Math.min(this.tries++, RETRY_MS.length - 1)]);
    } finally {
      this.busy = false;
    }
  }

  async #deliver(first) {
    try {
      this.receipt = await this.send(first.vote);
      this.tries = 0;
    } catch (refusal) {
      if (refusal.passing !== false) throw refusal;
      this.#keep("refused", [...this.refused, { ...first, why: refusal.key, values: refusal.values }]);
    }
    this.#keep("waiting", this.waiting.filter(({ vote }) => vote.id !== first.vote.id));
    this.changed(this);
  }

  #settle(refusal) {
    this.refusal = refusal;
    this.changed(this);
  }

  #read(kind) {
    return JSON.parse(localStorage.getItem(`${this.name}.${kind}`) ?? "[]");
  }

  #keep(kind, votes) {
    localStorage.setItem(`${this.name}.${kind}`, JSON.stringify(votes));
  }

  #write(kind, votes) {
    this.#keep(kind, votes);
    this.changed(this);
  }
}

/** A random id, also where the page came without TLS. */
export function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}
