// The curve of mood and expected satisfaction: drawn in SVG, told in a sentence, and there as a table.

import { h, svg, putNew } from "./dom.js";
import { t, ofFive, percent, span, readable } from "./strings.js";
import { moodOf } from "./state.js";

const WIDTH = 600;
const HEIGHT = 96;
const EDGE = { left: 6, right: 6, top: 8, bottom: 8 };

const across = (at) => EDGE.left + at * (WIDTH - EDGE.left - EDGE.right);
// From 0 (bottom) to 1 (top).
const up = (share) => HEIGHT - EDGE.bottom - share * (HEIGHT - EDGE.top - EDGE.bottom);

/** Where each point stands from left to right; written messages without times are spread evenly. */
function places(points) {
  const last = Math.max(...points.map((point) => point.ms));
  const timed = last > 0;
  return points.map((point, index) => across(timed ? point.ms / last : index / Math.max(1, points.length - 1)));
}

// A curve through the points that never rises above or falls below what was measured (monotone cubic, Fritsch and
// Carlson 1980): a plain spline would show moods that nobody had.
function curve(points) {
  if (points.length === 1) return `M${points[0].x} ${points[0].y}h0.01`;
  const slope = [];
  for (let i = 0; i + 1 < points.length; i += 1) {
    slope.push((points[i + 1].y - points[i].y) / Math.max(1e-6, points[i + 1].x - points[i].x));
  }
  const tangent = points.map((_, i) => {
    if (i === 0) return slope[0];
    if (i === slope.length) return slope[i - 1];
    return slope[i - 1] * slope[i] <= 0 ? 0 : (2 * slope[i - 1] * slope[i]) / (slope[i - 1] + slope[i]);
  });
  let path = `M${points[0].x.toFixed(1)} ${points[0].y.toFixed(1)}`;
  for (let i = 0; i + 1 < points.length; i += 1) {
    const third = (points[i + 1].x - points[i].x) / 3;
    const one = [points[i].x + third, points[i].y + third * tangent[i]];
    const two = [points[i + 1].x - third, points[i + 1].y - third * tangent[i + 1]];
    const end = [points[i + 1].x, points[i + 1].y];
    path += `C${[...one, ...two, ...end].map((n) => n.toFixed(1)).join(" ")}`;
  }
  return path;
}

const moodName = (mood) => t(mood > 0.2 ? "mood_up" : mood < -0.2 ? "mood_down" : "mood_flat");

function inWords(points, expected) {
  const felt = points.filter((point) => point.mood !== null);
  const parts = [];
  if (felt.length > 0) {
    const low = felt.reduce((a, b) => (b.mood < a.mood ? b : a));
    const now = felt.at(-1);
    parts.push(
      t("mood_text", {
        from: moodName(felt[0].mood),
        to: moodName(now.mood),
        now: now.feeling ? readable(now.feeling).toLowerCase() : moodName(now.mood),
        low_time: span(low.ms),
      }),
    );
  }
  if (expected) parts.push(t("mood_text_experience", { score: ofFive(expected.satisfaction) }));
  return parts.join(" ");
}

function table(points) {
  const row = (point) =>
    h(
      "tr",
      null,
      h("td", null, span(point.ms)),
      h("td", null, point.mood === null ? "" : moodName(point.mood)),
      h("td", null, point.feeling ? readable(point.feeling) : ""),
      h("td", null, point.satisfaction === null ? "" : ofFive(point.satisfaction)),
    );
  const heads = ["col_time", "col_mood", "col_feeling", "col_experience"];
  return h(
    "table",
    { class: "small-table" },
    h("caption", { class: "hidden" }, t("mood")),
    h("thead", null, h("tr", null, heads.map((head) => h("th", { scope: "col" }, t(head))))),
    h("tbody", null, points.map(row)),
  );
}

function drawing(points, words, go) {
  const x = places(points);
  const felt = points.map((point, i) => ({ ...point, x: x[i] })).filter((point) => point.mood !== null);
  const mood = felt.map((point) => ({ ...point, y: up((point.mood + 1) / 2) }));
  const expected = points
    .map((point, i) => ({ ...point, x: x[i] }))
    .filter((point) => point.satisfaction !== null)
    .map((point) => ({ ...point, y: up((point.satisfaction - 1) / 4) }));
  const middle = up(0.5);
  return svg(
    "svg",
    { class: "plot", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": words },
    svg("line", { class: "plot-middle", x1: 0, x2: WIDTH, y1: middle, y2: middle }),
    expected.length > 0 && svg("path", { class: "plot-experience", d: curve(expected) }),
    mood.length > 1 &&
      svg("path", { class: "plot-area", d: `${curve(mood)}L${mood.at(-1).x.toFixed(1)} ${middle}L${mood[0].x.toFixed(1)} ${middle}Z` }),
    mood.length > 0 && svg("path", { class: "plot-mood", d: curve(mood) }),
    // A line without length and a round end is a dot that stays round however the drawing is stretched.
    mood.map((point) =>
      svg(
        "path",
        {
          class: `plot-dot ${point.mood > 0.2 ? "up" : point.mood < -0.2 ? "down" : ""}`,
          d: `M${point.x.toFixed(1)} ${point.y.toFixed(1)}h0.01`,
          on: { click: () => go(point.utterance) },
        },
        svg("title", null, `${span(point.ms)} ${point.feeling ? readable(point.feeling) : moodName(point.mood)}: ${point.words}`),
      ),
    ),
  );
}

/** Draws the curve of a conversation into a figure. `go` is told the utterance that was clicked on. */
export function drawMood(figure, state, go) {
  const { points, expected } = moodOf(state);
  const open = figure.querySelector("details")?.open;
  const hasCurve = points.some((point) => point.mood !== null || point.satisfaction !== null);
  if (!hasCurve) {
    putNew(figure, "none", () => h("p", { class: "quiet" }, t("mood_none")));
    return;
  }
  const effort = state.effort.slice(-2);
  putNew(figure, JSON.stringify([points, expected, effort]), () => figureOf(points, expected, effort, open, go));
}

function figureOf(points, expected, effort, open, go) {
  const words = inWords(points, expected);
  return [
    h(
      "figcaption",
      { class: "mood-head" },
      h("span", { class: "legend legend-mood" }, t("mood_customer")),
      h("span", { class: "legend legend-experience" }, t("mood_experience"),
        expected && h("strong", null, ` ${ofFive(expected.satisfaction)}`)),
      expected && expected.escalation >= 0.5 &&
        h("span", { class: "pill pill-warn" }, t("escalation_risk", { percent: percent(expected.escalation) })),
      effort.map((sign) => h("span", { class: "pill" }, t(`effort_${sign.kind}`))),
    ),
    drawing(points, `${t("mood")}: ${words}`, go),
    h("details", { open }, h("summary", { "data-action": "mood-table" }, t("show_table")), table(points)),
  ];
}
