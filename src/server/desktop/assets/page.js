// What both pages share: words into the markup, messages, and signing in.

import { h, put, $ } from "./dom.js";
import { t } from "./strings.js";
import { accessKey } from "./api.js";
import { agentName, showTheme, nextTheme } from "./settings.js";

/** Puts the words of the page's language into the markup (`data-t`, `data-t-label`, `data-t-hint`). */
export function translate(root = document) {
  for (const node of root.querySelectorAll("[data-t]")) node.textContent = t(node.dataset.t);
  for (const node of root.querySelectorAll("[data-t-label]")) node.setAttribute("aria-label", t(node.dataset.tLabel));
  for (const node of root.querySelectorAll("[data-t-hint]")) node.setAttribute("placeholder", t(node.dataset.tHint));
  showTheme();
  $("theme").addEventListener("click", nextTheme);
}

let fading = null;

/** Tells something in passing; screen readers hear it when they are ready. */
export function toast(words, isProblem = false) {
  const place = $("toast");
  put(place, h("p", { class: isProblem ? "is-problem" : null }, words));
  clearTimeout(fading);
  fading = setTimeout(() => put(place), isProblem ? 9000 : 3500);
}

/** Why something did not work, in words for whoever sits there. */
export function why(error) {
  if (error.status === 0) return t("unreachable");
  if (error.status === 429) return t("too_much");
  return error.message;
}

let waiting = [];

/** Tells screen readers what is new. What comes within a second is told together, so that talk is not drowned. */
export function announce(words) {
  waiting.push(words);
  if (waiting.length > 1) return;
  setTimeout(() => {
    $("announcer").textContent = waiting.slice(-3).join(" ");
    waiting = [];
  }, 900);
}

let asking = null;

/** Asks for a key; resolves when one was given. Whoever needs one meanwhile waits for the same answer. */
function signIn(wasRefused) {
  asking ??= ask(wasRefused).finally(() => (asking = null));
  return asking;
}

function ask(wasRefused) {
  const dialog = $("sign-in");
  // What is no key (a word with an ellipsis, say) could not even be sent.
  const key = h("input", { type: "password", id: "key", autocomplete: "off", required: true, pattern: "\\s*[\\x21-\\x7e]+\\s*" });
  const name = h("input", { type: "text", id: "name", autocomplete: "name", value: agentName.get() });
  return new Promise((resolve) => {
    const form = h("form", { method: "dialog" },
      h("h2", { id: "sign-in-title" }, t("sign_in")),
      h("p", { class: "quiet" }, t("sign_in_words")),
      wasRefused && h("p", { class: "is-problem", role: "alert" }, t("key_refused")),
      h("label", { class: "field", for: "key" }, h("span", null, t("access_key")), key),
      h("label", { class: "field", for: "name" }, h("span", null, t("your_name")), name),
      h("p", { class: "quiet" }, t("your_name_words")),
      h("div", { class: "card-buttons" }, h("button", { class: "button primary", type: "submit" }, t("continue"))));
    let given = false;
    form.addEventListener("submit", () => {
      given = true;
      accessKey.set(key.value.trim());
      if (name.value.trim()) agentName.set(name.value.trim());
      resolve();
    });
    put(dialog, form);
    // Nothing works without a key, so leaving the dialog brings it back.
    dialog.oncancel = (event) => event.preventDefault();
    // A second Escape closes it unasked.
    dialog.onclose = () => given || show();
    const show = () => {
      if (!dialog.open) dialog.showModal();
      key.focus();
    };
    show();
  });
}

/** Does something that needs a key, and asks for one as long as the server refuses. */
export async function withKey(work) {
  for (;;) {
    const key = accessKey.get();
    try {
      return await work();
    } catch (error) {
      if (error.status !== 401) throw error;
      // Another one was given meanwhile.
      if (accessKey.get() !== key) continue;
      accessKey.forget();
      await signIn(Boolean(key));
    }
  }
}
