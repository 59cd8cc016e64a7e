// Sign in with a pseudonym, or join with a one-time code (which stands behind # in a link, so no server log has it).
import { ask, Refusal } from "/assets/server.js";
import { loadWords, say, switchLanguage } from "/assets/words.js";

const at = (id) => document.getElementById(id);
let trouble = null;

async function begin() {
  await loadWords();
  const code = new URLSearchParams(location.hash.slice(1)).get("code");
  if (code) {
    history.replaceState(null, "", location.pathname);
    at("join").elements.code.value = code;
  }
  turn(Boolean(code));
  if (location.hash === "#out") tell(() => say("refused_session"));
  document.body.classList.remove("waiting");
}

function turn(joining) {
  at("join").hidden = !joining;
  at("enter").hidden = joining;
  tell(null);
}

/** Say what went wrong, again after a switch of language. */
function tell(sentence) {
  trouble = sentence;
  at("trouble").hidden = !sentence;
  at("trouble").textContent = sentence ? sentence() : "";
}

/** Send a form; `then` gets the answer. */
function sending(form, path, then) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const fields = Object.fromEntries(new FormData(form));
    if ("again" in fields && fields.again !== fields.passphrase) return tell(() => say("passphrases_differ"));
    delete fields.again;
    const button = form.querySelector("[type=submit]");
    button.disabled = true;
    try {
      then(await ask("POST", path, fields));
    } catch (refusal) {
      if (!(refusal instanceof Refusal)) throw refusal;
      tell(() => refusal.sentence());
    } finally {
      button.disabled = false;
    }
  });
}

function joined(person) {
  const told = () => (at("pseudonym").textContent = say("joined", person));
  told();
  document.addEventListener("language", told);
  at("join").hidden = true;
  at("joined").hidden = false;
  tell(null);
}

sending(at("enter"), "/api/session", () => location.assign("/"));
sending(at("join"), "/api/join", joined);
at("to-join").addEventListener("click", () => turn(true));
at("to-enter").addEventListener("click", () => turn(false));
at("language").addEventListener("click", switchLanguage);
document.addEventListener("language", () => tell(trouble));
begin();
