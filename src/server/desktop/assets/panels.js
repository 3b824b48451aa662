// The quieter parts of the desk: checklist, what is known of the customer, and the list of conversations.

import { h, keyed, putNew, icon, $ } from "./dom.js";
import { t, named, readable, day, clock } from "./strings.js";

const SIGNS = { said: "check", open: "ring", missing: "alert", not_applicable: "skip" };

function drawItem(entry, does) {
  const isSaid = entry.status === "said";
  const words = [
    t(`item_${entry.status}`),
    entry.is_late && !isSaid && t("item_late"),
    entry.required && !isSaid && t("item_required"),
    entry.is_override && t("item_by_you"),
  ].filter(Boolean);
  const label = entry.is_override
    ? t("unmark", { label: entry.label })
    : t("mark_said", { label: entry.label });
  return h(
    "li",
    { class: `item item-${entry.status} ${entry.is_late ? "late" : ""}` },
    h(
      "button",
      {
        type: "button", class: "item-mark", "data-action": `mark-${entry.checklist}-${entry.item}`,
        "aria-pressed": String(isSaid), "aria-label": label, title: label, on: { click: () => does.mark(entry) },
      },
      icon(SIGNS[entry.status] || "ring"),
    ),
    h("span", { class: "item-label" }, entry.label, h("span", { class: `item-state ${words.length > 1 || entry.status === "missing" ? "" : "hidden"}` }, words.join(", "))),
    entry.evidence !== null && entry.evidence !== undefined &&
      h("button", { type: "button", class: "link", "data-action": `line-${entry.item}`, on: { click: () => does.go(entry.evidence) } },
        t("from_line", { n: entry.evidence })),
  );
}

/** Draws the checklist, with how much of it was said. */
export function drawChecklist(state, does) {
  const entries = [...state.checklist.values()];
  const counted = entries.filter((entry) => entry.status !== "not_applicable");
  $("checklist-section").hidden = entries.length === 0;
  $("checklist-count").textContent = t("checklist_count", {
    said: counted.filter((entry) => entry.status === "said").length,
    all: counted.length,
  });
  keyed(
    $("checklist"),
    // What does not matter in this conversation stands last.
    [...counted, ...entries.filter((entry) => entry.status === "not_applicable")],
    (entry) => `${entry.checklist}/${entry.item}`,
    (entry) => [entry.status, entry.is_late, entry.is_override, entry.evidence].join("|"),
    (entry) => drawItem(entry, does),
  );
}

const pairs = (entries) =>
  h("dl", { class: "pairs" }, entries.map(([name, value]) => h("div", null, h("dt", null, readable(name)), h("dd", null, String(value)))));

function part(title, ...children) {
  return h("section", { class: "part" }, h("h3", null, title), children);
}

/** Draws what is known of the customer. */
export function drawCustomer(state) {
  const { profile, journey = [] } = state.conversation;
  const attributes = Object.entries(profile?.attributes || {});
  const history = profile?.history || [];
  const slots = Object.entries(state.slots || {});
  const facts = state.summary?.facts || [];
  const nothing = !profile && journey.length === 0 && slots.length === 0 && facts.length === 0;
  // Somebody may be copying a number out of it.
  putNew($("customer-body"), JSON.stringify([profile, journey, slots, facts]), () => [
    nothing && h("p", { class: "quiet" }, t("unknown_customer")),
    profile && h("p", { class: "customer-name" }, profile.display_name || profile.id),
    attributes.length > 0 && pairs(attributes),
    slots.length > 0 && part(t("known"), pairs(slots)),
    facts.length > 0 && slots.length === 0 && part(t("known"), pairs(facts.map((fact) => [named("fact", fact.kind), fact.value]))),
    history.length > 0 && part(t("history"), h("ul", { class: "lines" }, history.map((line) => h("li", null, line)))),
    journey.length > 0 &&
      part(
        t("journey"),
        h("ol", { class: "journey" }, [...journey].reverse().map((event) =>
          h("li", null, h("time", { datetime: event.at }, day(event.at)), h("span", null, event.description)))),
      ),
  ]);
}

/** Draws the conversations there are; the one that is open is marked. */
export function drawList(conversations, openId, open) {
  const title = (one) => one.name || one.customer || named("channel", one.channel);
  keyed(
    $("calls"),
    conversations,
    (one) => one.id,
    (one) => [one.live, one.channel, one.id === openId, title(one)].join("|"),
    (one) =>
      h(
        "li",
        null,
        h(
          "a",
          {
            class: "call", href: `?conversation=${encodeURIComponent(one.id)}`, "data-action": "open",
            "aria-current": one.id === openId ? "true" : null,
            on: {
              click: (event) => {
                if (event.ctrlKey || event.metaKey || event.shiftKey) return;
                event.preventDefault();
                open(one.id);
              },
            },
          },
          icon(one.channel === "messaging" ? "chat" : one.channel === "video" ? "voice" : one.channel),
          h("span", { class: "call-title" }, title(one)),
          h("span", { class: "call-when" }, clock(one.started_at)),
          h("span", { class: `call-state ${one.live ? "is-live" : ""}` }, one.live ? t("live") : t("ended")),
        ),
      ),
  );
  $("calls-none").hidden = conversations.length > 0;
}
