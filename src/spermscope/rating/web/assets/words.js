// The words of the pages in both languages, and the language they are shown in.
const KEPT = "spermscope.language";
const AGAIN_MS = 3000;
const PATIENCE_MS = 15_000;
let words = {};
let language = "en";

/** Fetch the words, again and again until they come; a page that still has none says so by itself. */
export async function loadWords() {
  while (!knows("title")) {
    words = await fetched().catch(() => ({}));
    if (!knows("title")) await new Promise((later) => setTimeout(later, AGAIN_MS));
  }
  language = localStorage.getItem(KEPT) ?? (navigator.language.startsWith("ja") ? "ja" : "en");
  fill();
}

async function fetched() {
  const answer = await fetch("/words", { signal: AbortSignal.timeout(PATIENCE_MS) });
  return Object(await answer.json());
}

export function say(key, values = {}) {
  return words[key][language].replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "?");
}

export function knows(key) {
  return key in words;
}

/** Of a text that a study has in both languages. */
export function told(wording) {
  return wording[language];
}

export function switchLanguage() {
  language = language === "en" ? "ja" : "en";
  localStorage.setItem(KEPT, language);
  fill();
  document.dispatchEvent(new Event("language"));
}

/** Put the words in their places: what `data-say...` names. */
export function fill() {
  document.documentElement.lang = language;
  document.title = `${say("title")} - spermscope`;
  for (const element of document.querySelectorAll("[data-say]")) element.textContent = say(element.dataset.say);
  for (const element of document.querySelectorAll("[data-say-label]")) element.ariaLabel = say(element.dataset.sayLabel);
  for (const element of document.querySelectorAll("[data-say-title]")) element.title = say(element.dataset.sayTitle);
  document.getElementById("language").lang = language === "en" ? "ja" : "en";
}
