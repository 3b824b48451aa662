// What somebody set for this browser: colours, single-key shortcuts, and the keys themselves.

import { h, put, icon, $ } from "./dom.js";
import { t } from "./strings.js";
import { browser } from "./store.js";

const THEMES = ["auto", "light", "dark"];
const stored = (name, otherwise) => browser.get(`attendant.${name}`) ?? otherwise;

/** Sets the colours as they were chosen; "auto" follows the system. */
export function showTheme() {
  const theme = stored("theme", "auto");
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  const control = $("theme");
  if (!control) return;
  const label = t("theme", { which: t(`theme_${theme}`) });
  control.setAttribute("aria-label", label);
  control.title = label;
  put(control, icon(theme === "dark" ? "moon" : theme === "light" ? "sun" : "auto"));
}

/** The next of: as the system, light, dark. */
export function nextTheme() {
  const at = THEMES.indexOf(stored("theme", "auto"));
  browser.set("attendant.theme", THEMES[(at + 1) % THEMES.length]);
  showTheme();
}

/** Who answers approvals and hand-offs. */
export const agentName = {
  get: () => stored("name", "desktop"),
  set: (name) => browser.set("attendant.name", name),
};

const usesKeys = () => stored("keys", "on") === "on";

const LIST = [
  [["J", "K"], "key_next"],
  [["A"], "key_accept"],
  [["E"], "key_edit"],
  [["D"], "key_dismiss"],
  [["Y", "X"], "key_approve"],
  [["1", "2", "3", "4"], "key_panels"],
  [["0"], "key_calls"],
  [["C"], "key_composer"],
  [["T"], "key_theme"],
  [["?"], "key_help"],
];

/** Fills the dialog that lists the shortcuts and lets them be switched off (WCAG 2.2, 2.1.4). */
export function shortcutsDialog() {
  const box = h("input", { type: "checkbox", id: "keys-on" });
  box.checked = usesKeys();
  box.addEventListener("change", () => browser.set("attendant.keys", box.checked ? "on" : "off"));
  put(
    $("shortcuts"),
    h("form", { method: "dialog" },
      h("h2", { id: "shortcuts-title" }, t("shortcuts_title")),
      h("label", { class: "check" }, box, t("shortcuts_on")),
      h("p", { class: "quiet" }, t("shortcuts_words")),
      h("dl", { class: "keys" }, LIST.map(([keys, what]) =>
        h("div", null, h("dt", null, keys.map((key) => h("kbd", null, key))), h("dd", null, t(what))))),
      h("div", { class: "card-buttons" }, h("button", { class: "button primary", value: "close" }, t("close")))),
  );
}

// A key that is held down goes through a list, and decides nothing a second time.
const REPEATS = new Set(["j", "k"]);

/** Calls what belongs to a key, except while somebody writes or holds a modifier. */
export function listen(actions) {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || !usesKeys()) return;
    if (event.target.closest("input, textarea, select, [contenteditable]") || document.querySelector("dialog[open]")) return;
    const key = event.key.toLowerCase();
    const action = actions[key];
    if (!action) return;
    event.preventDefault();
    if (event.repeat && !REPEATS.has(key)) return;
    action();
  });
}
