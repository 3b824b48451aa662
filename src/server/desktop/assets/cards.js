// What the human agent is offered: the next best action, cards to use, edit or dismiss, and quiet hints.

import { h, keyed, put, button, icon, $ } from "./dom.js";
import { t, percent, named, readable } from "./strings.js";
import { evidenceLinks } from "./talk.js";

// As many cards as somebody can take in while talking; older ones step back to a line each until they are looked at.
const SHOWN = 5;
const WHOLE = 2;
const HINTS = 2;

/** Title of a card, for announcements. */
export function cardTitle(card) {
  if (card.kind === "form_values") return formText(card);
  return card.kind === "article" ? card.title : card.text || "";
}

/** Values for a form, one a line, as they are copied. */
export function formText(card) {
  return card.values.map((field) => `${readable(field.name)}: ${field.value}`).join("\n");
}

function sources(card) {
  const titles = new Set((card.citations || []).map((one) => one.title));
  return [...titles].map((title) => h("span", { class: "source" }, t("source", { title })));
}

// An item of a list may say the opposite without the words it stands behind; the heads of a table are another row.
function quote({ lead, quote }) {
  return lead && !lead.startsWith("|") ? `${lead} – ${quote}` : quote;
}

function body(card) {
  if (card.kind === "article") {
    return [
      h("h3", { class: "card-title" }, card.title),
      h("blockquote", { class: "card-quote" }, quote(card.citation)),
    ];
  }
  if (card.kind === "form_values") {
    const rows = card.values.map((field) =>
      h("div", null, h("dt", { title: field.label }, readable(field.name)), h("dd", null, field.value)));
    return [card.title && h("h3", { class: "card-title" }, card.title), h("dl", { class: "pairs card-fields" }, rows)];
  }
  return [h("p", { class: "card-text" }, card.text), h("p", { class: "card-sources" }, sources(card))];
}

function editor(card, does) {
  const area = h("textarea", { class: "card-edit", rows: 4, "aria-label": t("edit_text"), value: card.draft ?? card.text });
  area.addEventListener("input", () => (card.draft = area.value));
  area.addEventListener("keydown", (event) => {
    if (event.key === "Escape") does.cancel(card);
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) does.accept(card, area.value);
  });
  return [
    area,
    h(
      "div",
      { class: "card-buttons" },
      button("accept-edit", t("use_edited"), { class: "button primary", press: () => does.accept(card, area.value) }),
      button("cancel-edit", t("cancel"), { press: () => does.cancel(card) }),
    ),
  ];
}

function drawCard({ card, isOld }, state, does) {
  const label = named("kind", card.kind);
  const used = card.state === "used";
  return h(
    "li",
    null,
    h(
      "article",
      { class: `card card-${card.kind} is-${card.state} ${isOld ? "is-old" : ""}`, tabindex: -1, "data-card": card.id, "aria-label": `${label}: ${cardTitle(card)}` },
      h(
        "header",
        { class: "card-head" },
        h("span", { class: "card-kind" }, label),
        h("span", { class: "card-lines" }, evidenceLinks(state, card.evidence, does.go)),
        h("span", { class: "sure", title: t("sureness", { percent: percent(card.confidence) }) },
          h("span", { class: "hidden" }, t("sureness", { percent: percent(card.confidence) })), sureness(card.confidence)),
      ),
      card.state === "editing"
        ? editor(card, does)
        : [
            body(card),
            used
              ? h("p", { class: "card-used" }, icon("check"), t("used"))
              : h(
                  "div",
                  { class: "card-buttons" },
                  button("accept", t("accept"), { class: "button primary", press: () => does.accept(card) }),
                  card.kind === "reply" && button("edit", t("edit"), { press: () => does.edit(card) }),
                  button("dismiss", t("dismiss"), { class: "button plain", press: () => does.dismiss(card) }),
                ),
          ],
    ),
  );
}

// Three strokes say as much as a percentage needs to while somebody is talking.
function sureness(confidence) {
  const level = confidence >= 0.75 ? 3 : confidence >= 0.45 ? 2 : 1;
  return h("span", { class: "strokes", "aria-hidden": "true" }, [1, 2, 3].map((n) => h("i", { class: n <= level ? "on" : null })));
}

/** Cards that can still be used, the newest first. */
export function openCards(state) {
  const cards = state.cards.filter((card) => card.state !== "dismissed").reverse();
  // One that is being edited stays, however many come.
  return cards.filter((card, at) => at < SHOWN || card.state === "editing");
}

/** Draws the next best action, the cards and the hints. */
export function drawAssist(state, does) {
  drawAction(state, does);
  const cards = openCards(state);
  keyed(
    $("cards"),
    cards.map((card, at) => ({ card, isOld: card.state === "used" || (at >= WHOLE && card.state === "open") })),
    ({ card }) => card.id,
    ({ card, isOld }) => JSON.stringify([card.state, isOld, cardTitle(card), card.confidence, card.citations, card.evidence]),
    (row) => drawCard(row, state, does),
  );
  $("cards-none").hidden = cards.length > 0;
  const hints = state.hints.filter((hint) => hint.state === "open").slice(-HINTS);
  keyed($("hints"), hints, (hint) => hint.id, () => "", (hint) => drawHint(hint, does));
  $("hints-section").hidden = hints.length === 0;
  const receipts = [...state.receipts.values()];
  keyed($("receipts"), receipts, (one) => one.id, (one) => one.status, drawReceipt);
  $("receipts-section").hidden = receipts.length === 0;
}

function drawAction(state, does) {
  const place = $("action");
  const card = state.action;
  const isOpen = card && card.state === "open";
  // Left alone while nothing changed: somebody may be about to press its button.
  const stamp = isOpen ? card.id : "none";
  if (place.dataset.stamp === stamp) return;
  place.dataset.stamp = stamp;
  if (!isOpen) {
    put(place, h("p", { class: "quiet" }, t("no_action")));
    return;
  }
  const action = card.action;
  put(
    place,
    h("h3", { class: "action-title" }, action.label),
    action.reason && h("p", { class: "action-reason" }, h("span", { class: "action-why" }, t("why")), " ", action.reason),
    action.preconditions.length > 0 &&
      h("p", { class: "action-first" }, h("span", { class: "action-why" }, t("first_needs")), " ", action.preconditions.join(", ")),
    h(
      "div",
      { class: "card-buttons" },
      button("action-done", t("done"), { class: "button primary", icon: "check", press: () => does.actionDone(card) }),
      button("action-dismiss", t("dismiss"), { class: "button plain", press: () => does.actionDismiss(card) }),
      h("span", { class: "card-lines" }, evidenceLinks(state, card.evidence, does.go)),
    ),
  );
}

function drawHint(hint, does) {
  return h(
    "li",
    { class: "hint" },
    h("p", null, h("strong", null, hint.display_name), " ", hint.message),
    button("hint-hide", t("hide_hint"), { class: "icon-button", icon: "close", icon_only: true, press: () => does.hideHint(hint) }),
  );
}

function drawReceipt(receipt) {
  return h(
    "li",
    { class: `receipt receipt-${receipt.status}` },
    icon(receipt.status === "succeeded" ? "check" : "alert"),
    h("span", null, readable(receipt.tool), ": ", named("status", receipt.status)),
  );
}
