// The supervisor's view: figures of stored conversations, groups and topics; nothing about single agents.

import { h, put, $ } from "./dom.js";
import { t, ofFive, percent, decimal, count, readable } from "./strings.js";
import { request } from "./api.js";
import { translate, toast, why, withKey } from "./page.js";

const known = (value, show) => (value === null || value === undefined ? null : show(value));

function tile(name, value, beside) {
  return h(
    "div",
    { class: `tile ${value === null ? "is-unknown" : ""}` },
    h("dt", null, t(`tile_${name}`)),
    h("dd", null, value ?? t("not_known"), beside ? h("span", { class: "tile-of" }, beside) : null),
  );
}

function tiles(total) {
  return h(
    "dl",
    { class: "tiles" },
    tile("conversations", count(total.conversations)),
    tile("fcr", known(total.first_contact_resolution, percent), total.first_contacts > 0 && t("of_n", { n: total.first_contacts })),
    tile("containment", known(total.containment, percent), total.virtual_conversations > 0 && t("of_n", { n: total.virtual_conversations })),
    tile("satisfaction", known(total.satisfaction, ofFive)),
    tile("complaining", known(total.complaining, percent)),
    tile("pulse", known(total.pulse, decimal), total.pulse_answers > 0 && t("of_n", { n: total.pulse_answers })),
  );
}

// The figure stands beside its bar, so the bar is decoration.
function bar(share) {
  const drawn = h("span", { class: "meter", "aria-hidden": "true" }, h("i"));
  drawn.firstChild.style.width = `${Math.round(Math.max(0, Math.min(1, share)) * 100)}%`;
  return [drawn, percent(share)];
}

function table(caption, heads, rows) {
  return h(
    "section",
    { class: "panel" },
    h(
      "div",
      { class: "scroll", tabindex: 0, role: "region", "aria-label": caption },
      h(
        "table",
        null,
        h("caption", null, caption),
        h("thead", null, h("tr", null, heads.map((head, at) => h("th", { scope: "col", class: at > 0 ? "number" : null }, head)))),
        h("tbody", null, rows),
      ),
    ),
  );
}

function topics(list) {
  return table(
    t("topics"),
    [t("topic"), t("tile_conversations"), t("share"), t("with_complaint"), t("solved_first")],
    list.map((topic) =>
      h(
        "tr",
        null,
        h("th", { scope: "row" }, readable(topic.name), h("span", { class: "example" }, `“${topic.example}”`)),
        h("td", { class: "number" }, count(topic.conversations)),
        h("td", { class: "number with-bar" }, bar(topic.share)),
        h("td", { class: "number" }, percent(topic.complaining)),
        h("td", { class: "number" }, known(topic.first_contact_resolution, percent) ?? "–"),
      ),
    ),
  );
}

function groups(list) {
  return table(
    t("groups"),
    [t("group"), t("tile_conversations"), t("tile_fcr"), t("tile_satisfaction"), t("tile_complaining"), t("tile_pulse")],
    list.map((group) =>
      h(
        "tr",
        null,
        h("th", { scope: "row" }, group.group),
        h("td", { class: "number" }, count(group.conversations)),
        h("td", { class: "number" }, known(group.first_contact_resolution, percent) ?? "–"),
        h("td", { class: "number" }, known(group.satisfaction, decimal) ?? "–"),
        h("td", { class: "number" }, known(group.complaining, percent) ?? "–"),
        h("td", { class: "number" }, known(group.pulse, decimal) ?? "–"),
      ),
    ),
  );
}

function irritants(list) {
  return h(
    "section",
    { class: "panel" },
    h("h2", null, t("irritants")),
    h("ul", { class: "irritants" }, list.map((one) =>
      h("li", null, h("strong", null, readable(one.name)), h("span", { class: "count" }, t("n_conversations", { n: one.conversations })),
        h("span", { class: "example" }, `“${one.example}”`)))),
  );
}

const VOICES = ["unnoted_complaints", "noted_solved_came_back", "silent_dissatisfaction", "recovered"];

function voices(all) {
  return h(
    "section",
    { class: "panel" },
    h("h2", null, t("voices")),
    h("dl", { class: "voices" }, VOICES.map((name) =>
      h("div", null, h("dt", null, t(`voice_${name}`)), h("dd", null, count(all[name]?.count ?? 0))))),
  );
}

async function load() {
  const control = $("refresh");
  control.disabled = true;
  try {
    const found = await withKey(() => request("GET", "v1/insight"));
    const report = found.report || found;
    const total = report.total || {};
    if (!total.conversations) {
      put($("figures"), h("p", { class: "quiet none" }, t("insight_none")));
      return;
    }
    const overall = (report.voices || []).find((one) => !one.topic);
    put(
      $("figures"),
      tiles(total),
      report.topics?.length > 0 && topics(report.topics),
      h("div", { class: "beside" }, report.irritants?.length > 0 && irritants(report.irritants), overall && voices(overall)),
      report.groups?.length > 0 && groups(report.groups),
    );
  } catch (error) {
    toast(t("problem", { why: why(error) }), true);
    // Figures that are there stay; an empty page says why it is empty.
    const place = $("figures");
    if (!place.querySelector(".tiles")) put(place, h("p", { class: "quiet none" }, t("problem", { why: why(error) })));
  } finally {
    control.disabled = false;
  }
}

translate();
$("refresh").addEventListener("click", load);
load();
