// Questions to the study's server; whatever it refuses comes back as a Refusal.
import { knows, say } from "/assets/words.js";

const PATIENCE_MS = 15_000;
let token = "";
let who = "";

export class Refusal extends Error {
  constructor(status, key, values = {}) {
    super(key);
    Object.assign(this, { status, key, values });
  }

  /** Whether the same question may be answered later; what something between here and the study refused may be. */
  get passing() {
    return [0, 401, 429].includes(this.status) || this.status >= 500 || ["broken", "paused"].includes(this.key);
  }

  sentence() {
    const values = Object.entries(this.values).map(([name, value]) => [name, worded(value)]);
    return say(knows(`refused_${this.key}`) ? `refused_${this.key}` : "refused_broken", Object.fromEntries(values));
  }
}

/** A state of the study as the page calls it; anything else as it is. */
function worded(value) {
  return knows(`state_${value}`) ? say(`state_${value}`) : value;
}

/** Who is signed in, with what the page needs to know; someone else than before is as if nobody were. */
export async function me() {
  const person = await once("GET", "/api/me");
  if (!person?.pseudonym) throw new Refusal(0, "broken");
  if (who && person.pseudonym !== who) throw new Refusal(401, "session");
  ({ token, pseudonym: who } = person);
  return person;
}

/** The answer; a token that another tab made old is fetched anew, once. */
export async function ask(method, path, body) {
  try {
    return await once(method, path, body);
  } catch (refusal) {
    if (refusal.key !== "token" || !token) throw refusal;
    await me();
    return once(method, path, body);
  }
}

async function once(method, path, body) {
  const headers = token && path !== "/api/me" ? { "X-CSRF-Token": token } : {};
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const answer = await reached(path, { method, headers, body: body && JSON.stringify(body) });
  if (answer.status === 204) return null;
  const said = await answer.json().catch(() => undefined);
  if (answer.ok && said !== undefined) return said;
  throw new Refusal(answer.status, said?.refused?.key ?? "broken", said?.refused?.values);
}

/** End the session; false where the server was not told, so that whoever came next would be taken for this person. */
export async function signOut() {
  try {
    await ask("DELETE", "/api/session");
    return true;
  } catch (refusal) {
    return refusal.key === "session";
  }
}

/** A sheet's picture, with its own pixels. */
export async function picture(path) {
  const answer = await reached(path, {});
  if (!answer.ok) throw new Refusal(answer.status, { 401: "session", 404: "unknown" }[answer.status] ?? "broken");
  return createImageBitmap(await answer.blob(), { colorSpaceConversion: "none", premultiplyAlpha: "none" });
}

async function reached(path, options) {
  try {
    return await fetch(path, { ...options, credentials: "same-origin", signal: AbortSignal.timeout(PATIENCE_MS) });
  } catch {
    throw new Refusal(0, "network");
  }
}
