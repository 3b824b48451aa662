// What cannot wait: danger, somebody's yes, a hand-over. Each is drawn once and left alone while it stands, so that a
// note which is being written is not lost.

import { h, put, button, icon, $ } from "./dom.js";
import { t, named, readable } from "./strings.js";
import { approvalOf, hasDeclined } from "./state.js";
import { evidenceLinks } from "./talk.js";
import { agentName } from "./settings.js";

function section(id, stamp, draw) {
  const place = $(id);
  if (place.dataset.stamp === stamp) return;
  const hadFocus = place.contains(document.activeElement);
  place.dataset.stamp = stamp;
  place.hidden = stamp === "";
  put(place, stamp === "" ? [] : draw());
  // What was answered leaves the focus where work goes on. What comes in its place has to be read first: its button is not
  // under the finger that pressed the last one.
  if (hadFocus) (stamp === "" ? $("assist") : place).focus();
}

function crisis(state, does) {
  const { kind, words, evidence, protocol } = state.crisis;
  const resources = (protocol.resources || []).filter((one) => !one.kinds?.length || one.kinds.includes(kind));
  return [
    h("div", { class: "alert-head" }, h("h2", { class: "alert-title" }, icon("alert"), t("crisis")),
      button("crisis-seen", t("crisis_seen"), { press: does.crisisSeen })),
    h("p", null, h("strong", null, named("crisis", kind)), ". ", t("crisis_words", { words }), " ", evidenceLinks(state, evidence, does.go)),
    h("p", { class: "alert-words" }, protocol.guidance),
    resources.length > 0 &&
      h("ul", { class: "resources", "aria-label": t("crisis_help") }, resources.map((one) =>
        h("li", null, one.name, " ", h("strong", null, one.contact)))),
  ];
}

function approval(state, does) {
  const { by, question } = approvalOf(state);
  return [
    h(
      "div",
      { class: "alert-head" },
      h("h2", { class: "alert-title" }, t("approval"), " ", h("span", { class: "pill" }, named("approval_by", by))),
      h(
        "div",
        { class: "card-buttons" },
        button("approve-yes", t("yes"), { class: "button primary", key: "y", press: () => does.approve(true) }),
        button("approve-no", t("no"), { key: "x", press: () => does.approve(false) }),
      ),
    ),
    h("p", { class: "alert-question" }, question),
  ];
}

function briefing(handoff) {
  const slots = Object.entries(handoff.slots || {});
  const sections = handoff.summary?.sections || [];
  const lines = (title, words) =>
    words.length > 0 && h("div", { class: "brief-part" }, h("h3", null, title), h("ul", { class: "lines" }, words.map((line) => h("li", null, line))));
  const steps = (handoff.steps || []).map((step) =>
    `${step.label} (${[t(`outcome_${step.outcome}`), step.reason].filter(Boolean).join(": ")})`);
  const tried = steps.length > 0 ? steps : (handoff.tried || []).map((step) => readable(step.split("/").at(-1)));
  return [
    sections.map((one) => h("p", null, h("strong", null, `${named("section", one.kind)}: `), one.text)),
    slots.length > 0 && h("dl", { class: "pairs" }, slots.map(([name, value]) => h("div", null, h("dt", null, readable(name)), h("dd", null, value)))),
    h("div", { class: "brief-parts" },
      lines(t("handoff_tried"), tried),
      lines(t("handoff_promised"), (handoff.promises || []).map((promise) => promise.words)),
      lines(t("handoff_steps"), handoff.next_steps || [])),
  ];
}

/** Whether who leads is whoever sits here: by the name they gave, or since they simply spoke. */
export const leadsHere = ({ lead, conversation }) =>
  lead === null || lead === agentName.get() ||
  conversation.participants?.some((one) => one.id === lead && one.role === "human_agent") || lead === "human_agent";

function handoff(state, does) {
  const given = state.handoff;
  const answer = state.handoffAnswer;
  // Whoever said no is not asked again, and may still change their mind while nobody else has it.
  if (answer === "declined" || (!answer && hasDeclined(state))) {
    const take = button("handoff-accept", t("take"), { press: () => does.handoff("accept", "") });
    return [h("div", { class: "alert-head" }, h("p", null, t("handoff_declined")), !answer && take)];
  }
  const accepted = answer === "accepted";
  const mine = leadsHere(state);
  if (accepted && !mine) return [h("p", null, t("handoff_taken", { who: state.lead }))];
  const note = h("input", { type: "text", id: "handoff-note", autocomplete: "off" });
  return [
    h(
      "div",
      { class: "alert-head" },
      h("h2", { class: "alert-title" }, accepted ? t("handoff_accepted") : t("handoff"), " ",
        h("span", { class: "pill" }, named("reason", given.reason))),
      h(
        "div",
        { class: "card-buttons" },
        accepted
          ? button("handoff-return", t("give_back"), { press: () => does.handoff("return", note.value) })
          : [
              button("handoff-accept", t("take"), { class: "button primary", press: () => does.handoff("accept", note.value) }),
              button("handoff-decline", t("decline"), { press: () => does.handoff("decline", note.value) }),
            ],
      ),
    ),
    briefing(given),
    h("label", { class: "field", for: "handoff-note" }, h("span", null, accepted ? t("handoff_note_return") : t("handoff_note")), note),
  ];
}

/** Draws what stands above everything else. */
export function drawAlerts(state, does) {
  const danger = state.crisis && !state.crisis.seen ? `${state.crisis.kind}|${state.crisis.words}` : "";
  section("crisis", danger, () => crisis(state, does));
  const waits = approvalOf(state);
  const asked = waits ? `${waits.source}|${waits.by}|${waits.question}` : "";
  section("approval", asked, () => approval(state, does));
  const offered = state.handoff && !state.ended ? `${state.handoff.id ?? state.handoff.reason}|${state.handoffAnswer}|${state.lead}|${hasDeclined(state)}` : "";
  section("handoff", offered, () => handoff(state, does));
}
