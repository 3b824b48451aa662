// The transcript: what the customer says stands left, what is said to them right, both in the order of time.

import { h, keyed, setText, button, icon, $ } from "./dom.js";
import { t, span, named } from "./strings.js";
import { spoken } from "./state.js";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

// Places of values are told in bytes of UTF-8; strings here are UTF-16.
function withValues(said) {
  const notes = [...(said.annotations || [])].sort((a, b) => a.start - b.start);
  if (notes.length === 0) return [said.text];
  const bytes = encoder.encode(said.text);
  const parts = [];
  let at = 0;
  for (const note of notes) {
    if (note.start < at || note.end > bytes.length) continue;
    parts.push(decoder.decode(bytes.slice(at, note.start)));
    parts.push(h("span", { class: "value", title: note.value }, decoder.decode(bytes.slice(note.start, note.end))));
    at = note.end;
  }
  parts.push(decoder.decode(bytes.slice(at)));
  return parts;
}

const side = (role) => (role === "end_user" ? "left" : role === "unknown" ? "left unknown" : "right");

// Where times are not known, as in a chat, none is shown.
const when = (said) => (said.end_ms > 0 || said.start_ms > 0 ? h("time", null, span(said.start_ms)) : null);

function drawUtterance(said, cut) {
  const who = said.role === "unknown" ? t("role_unknown") : named("role", said.role);
  return h(
    "li",
    {
      class: `said ${side(said.role)} ${said.role} ${said.back_channel ? "listening" : ""} ${said.follows ? "follows" : ""}`,
      id: `said-${said.id}`,
      tabindex: -1,
    },
    h("p", { class: "said-who" }, h("span", null, who), when(said)),
    h("p", { class: "said-words", lang: said.language || null }, withValues(said),
      cut && h("span", { class: "said-cut" }, t("heard_until"))),
    (said.citations || []).length > 0 &&
      h("p", { class: "said-source" }, said.citations.map((one) => t("source", { title: one.title })).join(", ")),
  );
}

function drawInterim(words, role) {
  return h(
    "li",
    { class: `said interim ${side(role)} ${role}` },
    h("p", { class: "said-who" }, h("span", null, named("role", role)), h("span", { class: "hidden" }, t("speaking"))),
    h("p", { class: "said-words" }, h("span", null, words.stable), " ",
      h("span", { class: "tentative" }, words.tentative || (words.stable ? "" : "…"))),
  );
}

const roleOf = (state, participant) =>
  state.conversation.participants?.find((one) => one.id === participant)?.role ||
  spoken(state).findLast((said) => said.participant === participant)?.role || "unknown";

/** Draws the transcript and keeps its end in sight, unless somebody reads further up. */
export function drawTalk(state) {
  const list = $("talk-list");
  const rows = [];
  let before = null;
  for (const said of spoken(state)) {
    rows.push({ key: said.id, said: { ...said, follows: before === said.participant } });
    before = said.participant;
    for (const notice of state.notices.filter((one) => one.after === said.id)) {
      rows.push({ key: `n${said.id}-${notice.channel}`, notice });
    }
  }
  for (const words of state.interim.values()) rows.push({ key: `i-${words.participant}`, words });
  keyed(
    list,
    rows,
    (row) => row.key,
    (row) =>
      row.said
        ? [row.said.text, row.said.role, row.said.follows, row.said.start_ms, row.said.citations?.length, state.cut.has(row.said.id)].join("|")
        : row.words ? `${row.words.stable}|${row.words.tentative}` : "",
    (row) => {
      if (row.said) return drawUtterance(row.said, state.cut.has(row.said.id));
      if (row.words) return drawInterim(row.words, roleOf(state, row.words.participant));
      return h("li", { class: "notice" }, t("channel_changed", { channel: named("channel", row.notice.channel) }));
    },
  );
  $("talk-empty").hidden = rows.length > 0 && !state.trouble;
  setText($("talk-empty"), state.trouble || t("nothing_said"));
  if (follows) toEnd();
  else $("talk-latest").hidden = rows.length === 0;
}

// Whether the end is kept in sight: until somebody scrolls up, and again once they come back.
let follows = true;

/** Shows what was said last, and keeps it in sight. */
export function toEnd() {
  const scroller = $("talk-scroll");
  follows = true;
  scroller.scrollTop = scroller.scrollHeight;
  $("talk-latest").hidden = true;
}

/** Watches where somebody reads. What is above the transcript may grow: that is no scrolling. */
export function watchScroll() {
  const scroller = $("talk-scroll");
  scroller.addEventListener("scroll", () => {
    follows = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 60;
    if (follows) $("talk-latest").hidden = true;
  });
  new ResizeObserver(() => follows && toEnd()).observe(scroller);
}

/** Shows an utterance, moves the focus to it and marks it for a moment. */
export function toUtterance(id) {
  const line = $(`said-${id}`);
  if (!line) return false;
  follows = false;
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  line.scrollIntoView({ block: "center", behavior: calm ? "auto" : "smooth" });
  line.focus({ preventScroll: true });
  for (const marked of document.querySelectorAll(".said.found")) marked.classList.remove("found");
  line.classList.add("found");
  return true;
}

/** Links to the utterances among some evidence. */
export function evidenceLinks(state, evidence, go) {
  const lines = (evidence || []).map((one) => one.utterance).filter((id) => id !== undefined);
  return lines.slice(0, 4).map((id) =>
    button(`evidence-${id}`, t("from_line", { n: id }), {
      class: "link",
      label: t("note_evidence", { n: id, words: state.utterances.get(id)?.text || "" }),
      press: () => go(id),
    }),
  );
}

/** The button that leads back to the end. */
export function latestButton() {
  return [icon("down"), t("latest")];
}
