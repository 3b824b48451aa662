// The note: written by the server while the conversation goes on, in the agent's hands from the first change on.

import { h, keyed, button, $ } from "./dom.js";
import { t, named, percent, readable } from "./strings.js";
import { evidenceLinks } from "./talk.js";
import { tab } from "./store.js";

const BY_HAND = ["situation", "action", "resolution"];

// Sections of an organisation's own share their kind, and have a name.
const keyOf = (section) => section.name ? `${section.kind}/${section.name}` : section.kind;
const titleOf = (section) => section.name || named("section", section.kind);

const storageKey = (id) => `attendant.note.${id}`;

/** What the agent changed in the note of a conversation, by section. Kept in the tab: a reload loses nothing. */
export class Drafts {
  constructor(id) {
    this.id = id;
    this.texts = tab.read(storageKey(id), {});
  }

  has(kind) {
    return Object.hasOwn(this.texts, kind);
  }

  set(kind, text, from) {
    this.texts[kind] = { text, from };
    this.keep();
  }

  drop(kind) {
    delete this.texts[kind];
    this.keep();
  }

  /** Fields for a note that the agent writes without a model's help. */
  byHand() {
    for (const kind of BY_HAND) if (!this.has(kind)) this.set(kind, "", "");
  }

  setCode(code) {
    this.set("wrap_up", code, null);
  }

  /** The server has these: only what was written since is still the agent's. */
  stored(texts) {
    for (const [kind, { text }] of Object.entries(texts)) if (this.texts[kind]?.text === text) delete this.texts[kind];
    this.keep();
  }

  keep() {
    tab.set(storageKey(this.id), JSON.stringify(this.texts));
  }
}

// The server's sections, and those that only the agent wrote.
function sectionsOf(state, drafts) {
  const written = state.summary?.sections || [];
  const own = BY_HAND.filter((kind) => drafts.has(kind) && !written.some((one) => one.kind === kind));
  return [...written, ...own.map((kind) => ({ kind, text: "", evidence: [] }))];
}

/** The note as it would be saved: the server's, with what the agent changed. */
export function edited(state, drafts) {
  const summary = state.summary || { sections: [], facts: [], covers: 0, wrap_up: null };
  const sections = sectionsOf(state, drafts)
    .map((one) => (drafts.has(keyOf(one)) ? { ...one, text: drafts.texts[keyOf(one)].text } : one))
    .filter((one) => one.text.trim() !== "");
  let wrapUp = summary.wrap_up ?? null;
  const code = drafts.texts.wrap_up?.text;
  if (code && wrapUp?.code.id !== code) {
    // Chosen by a person; what stood there before can be chosen again.
    const others = (wrapUp?.alternatives || []).filter(([other]) => other !== code);
    const alternatives = wrapUp ? [[wrapUp.code.id, wrapUp.confidence], ...others] : others;
    wrapUp = { evidence: [], ...wrapUp, alternatives, code: { id: code, label: labelOf(state.wrapUp, code), description: "" }, confidence: 1 };
  }
  return { ...summary, sections, wrap_up: wrapUp };
}

const labelOf = (wrapUp, code) => (wrapUp?.code === code ? wrapUp.label : readable(code));

/** The note in plain words, to be put into another system. */
export function inWords(state, drafts) {
  const note = edited(state, drafts);
  const lines = note.sections.map((one) => `${titleOf(one)}: ${one.text}`);
  lines.push(...(note.facts || []).map((fact) => `${named("fact", fact.kind)}: ${fact.value}`));
  const code = drafts.texts.wrap_up?.text || state.wrapUp?.code;
  if (code) lines.push(`${t("wrap_up")}: ${labelOf(state.wrapUp, code)}`);
  return lines.join("\n");
}

// As high as its words. What is not shown has no height yet; it gets one when it is shown.
function fit(area) {
  if (area.offsetParent === null) return;
  area.style.height = "auto";
  area.style.height = `${area.scrollHeight + 2}px`;
}

function drawSection(section, state, drafts, does) {
  const key = keyOf(section);
  const draft = drafts.has(key) ? drafts.texts[key] : null;
  const name = titleOf(section);
  const id = `note-${key}`;
  const area = h("textarea", { id, class: "note-text", rows: 2, value: draft ? draft.text : section.text, "data-section": key });
  area.addEventListener("input", () => {
    drafts.set(key, area.value, section.text);
    root.classList.add("is-edited");
    fit(area);
  });
  requestAnimationFrame(() => fit(area));
  const root = h(
    "div",
    { class: `note-section ${draft ? "is-edited" : ""}` },
    h("div", { class: "note-head" }, h("label", { for: id }, name), h("span", { class: "note-edited" }, t("note_edited"))),
    area,
    h("p", { class: "note-evidence" },
      (section.evidence || []).some((one) => one.utterance !== undefined) && h("span", null, t("evidence"), " "),
      evidenceLinks(state, section.evidence, does.go)),
    draft && draft.from !== section.text && draft.text !== section.text &&
      h("p", { class: "note-newer" }, t("note_newer"), " ",
        button(`newer-${key}`, t("note_take_newer"), {
          class: "link",
          press: () => {
            drafts.drop(key);
            does.redraw();
          },
        })),
  );
  return root;
}

function drawCode(wrapUp, drafts) {
  const chosen = drafts.texts.wrap_up?.text || wrapUp.code;
  const codes = [[wrapUp.code, wrapUp.confidence, wrapUp.label], ...(wrapUp.alternatives || []).map(([code, sure]) => [code, sure, labelOf(wrapUp, code)])];
  const select = h(
    "select",
    { id: "note-code", on: { change: () => drafts.setCode(select.value) } },
    codes.map(([code, sure, label]) => h("option", { value: code, selected: code === chosen }, `${label} (${percent(sure)})`)),
  );
  return h("div", { class: "note-section" }, h("div", { class: "note-head" }, h("label", { for: "note-code" }, t("wrap_up"))), select);
}

/** Gives the fields the height of their words, once the note is shown. */
export function fitNote() {
  for (const area of document.querySelectorAll(".note-text")) fit(area);
}

/** Draws the note. A field that has the focus is never drawn anew: its words are the agent's. */
export function drawNote(state, drafts, does) {
  const { summary, wrapUp } = state;
  const rows = sectionsOf(state, drafts).map((section) => ({ key: keyOf(section), section }));
  if (wrapUp) rows.push({ key: "wrap_up", wrapUp });
  const active = document.activeElement?.dataset?.section;
  keyed(
    $("note-sections"),
    rows,
    (row) => row.key,
    (row) => {
      if (row.wrapUp) return JSON.stringify(row.wrapUp);
      const known = $("note-sections").querySelector(`[data-key="${CSS.escape(row.key)}"]`);
      if (known && active === row.key) return known.dataset.stamp;
      return `${row.section.text}|${JSON.stringify(row.section.evidence)}|${drafts.has(row.key)}`;
    },
    (row) => (row.wrapUp ? drawCode(row.wrapUp, drafts) : drawSection(row.section, state, drafts, does)),
  );
  const facts = summary?.facts || [];
  $("facts-section").hidden = facts.length === 0;
  keyed(
    $("facts"),
    facts,
    (fact) => `${fact.kind}/${fact.value}`,
    (fact) => JSON.stringify(fact.evidence),
    (fact) =>
      h("li", null, h("span", { class: "fact-kind" }, named("fact", fact.kind)), h("span", { class: "fact-value" }, fact.value),
        evidenceLinks(state, fact.evidence, does.go)),
  );
  $("note-empty").hidden = rows.length > 0;
  // Without a model there are facts only: somebody has to say what it was about.
  $("note-by-hand").hidden = rows.some((row) => row.key === "situation");
  // After the end the server writes none any more; what there is can still be changed.
  $("note-now").hidden = state.ended;
  $("note-save").hidden = rows.length === 0;
  $("note-copy").hidden = rows.length === 0;
  $("note-now").querySelector("span").textContent = rows.length === 0 ? t("note_now") : t("note_again");
}
