// The agent desktop: opens a conversation, follows its events, draws what they change, sends what the agent decides.

import { button, icon, put, setText, $ } from "./dom.js";
import { t, span, named, percent } from "./strings.js";
import { request, submit, follow, of } from "./api.js";
import { blank, fromView, apply, titleOf, spoken } from "./state.js";
import { drawTalk, toEnd, toUtterance, watchScroll, latestButton } from "./talk.js";
import { drawAssist, openCards, cardTitle, formText } from "./cards.js";
import { drawChecklist, drawCustomer, drawList } from "./panels.js";
import { drawAlerts } from "./alerts.js";
import { drawNote, fitNote, Drafts, edited, inWords } from "./note.js";
import { drawMood } from "./plot.js";
import { agentName, listen, nextTheme, shortcutsDialog } from "./settings.js";
import { translate, toast, announce, withKey } from "./page.js";

// Channels on which the agent writes; on the others they speak.
const WRITTEN = new Set(["chat", "messaging", "email"]);
const LIST_EVERY = 5000;

let state = null;
let drafts = null;
let unfollow = () => {};
let drawing = 0;
let saveAtEnd = false;
let conversations = [];

// --- Drawing: once a frame, however many events came ---

function redraw() {
  if (drawing === 0) drawing = requestAnimationFrame(draw);
}

function draw() {
  drawing = 0;
  document.body.dataset.open = state ? "yes" : "no";
  if (!state) return;
  drawAlerts(state, does);
  drawTalk(state);
  drawAssist(state, does);
  drawChecklist(state, does);
  drawCustomer(state);
  drawNote(state, drafts, { go, redraw });
  drawMood($("mood"), state, go);
  const last = spoken(state).at(-1);
  const title = titleOf(state);
  setText($("title"), title || named("channel", state.conversation.channel));
  setText($("facts-line"), [title && named("channel", state.conversation.channel), last?.end_ms > 0 && span(last.end_ms)].filter(Boolean).join(" · "));
  $("composer").hidden = state.ended || !WRITTEN.has(state.conversation.channel);
  setText($("lagging"), state.lagging > 2000 ? t("lagging", { seconds: Math.round(state.lagging / 1000) }) : "");
  setText($("assist-count"), String(openCards(state).filter((card) => card.state === "open").length || ""));
}

function go(utterance) {
  show("talk", false);
  toUtterance(utterance);
}

// --- Events ---

function take(number, type, data) {
  if (type === "resync") {
    state = fromView(data, state);
  } else if (data.type) {
    const before = state.cards.length;
    apply(state, data);
    tell(data, before);
  }
  redraw();
}

function tell(event, cardsBefore) {
  if (event.type === "suggestion" && event.kind === "next_best_action") {
    announce(t("new_action", { title: event.action.label }));
  } else if (["suggestion", "reply_begun"].includes(event.type) && state.cards.length > cardsBefore) {
    announce(t("new_suggestion", { kind: named("kind", event.kind), title: cardTitle(event) }));
    if (gone().has(event.id)) state.cards.at(-1).state = "dismissed";
  } else if (event.type === "approval_requested") {
    announce(t("approval_arrived", { question: event.question }));
  } else if (event.type === "handoff") {
    announce(t("handoff_arrived", { reason: named("reason", event.reason) }));
  } else if (event.type === "ended") {
    const listed = conversations.find((one) => one.id === state.id);
    if (listed) {
      listed.live = false;
      drawList(conversations, state.id, open);
    }
    if (saveAtEnd) noteSave();
  } else if (event.type === "failed") {
    toast(t("failed_skill", { skill: event.skill, message: event.message }), true);
  }
}

// Cards that were dismissed stay away when the page is loaded again and the events come once more.
const gone = () => new Set(JSON.parse(sessionStorage.getItem(`attendant.gone.${state.id}`) || "[]"));
function rememberGone(id) {
  sessionStorage.setItem(`attendant.gone.${state.id}`, JSON.stringify([...gone(), id].slice(-200)));
}

function connection(now, error) {
  const before = document.body.dataset.connection;
  document.body.dataset.connection = now;
  setText($("connection-words"), t(now));
  if (now === "reconnecting" && before === "live") toast(t("connection_lost"), true);
  if (now === "live" && before === "reconnecting") toast(t("connection_back"));
  if (now === "offline" && error) toast(t("problem", { why: error.message }), true);
}

async function open(id, focus = true) {
  unfollow();
  saveAtEnd = false;
  state = blank(id);
  drafts = new Drafts(id);
  const url = new URL(location.href);
  url.searchParams.set("conversation", id);
  history.replaceState(null, "", url);
  draw();
  try {
    const view = await withKey(() => request("GET", of(id)));
    if (state.id !== id) return;
    state = fromView(view, null);
  } catch (error) {
    toast(t("problem", { why: error.message }), true);
    return;
  }
  redraw();
  drawList(conversations, id, open);
  // From the first event that is still there: cards, mood and hints are made of events alone.
  unfollow = follow(id, 0, (...event) => state.id === id && take(...event), connection);
  if (focus) show("talk");
  requestAnimationFrame(toEnd);
}

async function list() {
  const found = await withKey(() => request("GET", "v1/conversations?limit=50"));
  conversations = found?.conversations || [];
  drawList(conversations, state?.id ?? null, open);
}

// --- What the agent does ---

/** Sends; what goes wrong is told, and the caller hears that it went wrong. */
async function tryTo(work) {
  try {
    await withKey(work);
    return true;
  } catch (error) {
    toast(t("problem", { why: error.message }), true);
    return false;
  }
}

// Only articles are learned from; what became of the other cards shows in what is said.
function feedback(card, given) {
  // After the end nothing is taken any more.
  if (card.kind !== "article" || state.ended) return Promise.resolve(true);
  return tryTo(() => submit(state.id, "feedback", { suggestion: card.id, given }));
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    toast(t("copied"));
  } catch {
    toast(t("not_copied"), true);
  }
}

// A host that shows this page in a frame may take over notes and texts. Who may frame it, the server's policy says.
function tellHost(message) {
  const host = location.ancestorOrigins?.[0];
  if (host) parent.postMessage({ source: "attendant", conversation: state.id, ...message }, host);
}

const does = {
  go,
  async accept(card, text = card.text) {
    const written = WRITTEN.has(state.conversation.channel);
    if (card.kind === "reply" && written && !(await say(text))) return;
    card.state = "used";
    card.text = text;
    redraw();
    await feedback(card, "used");
    tellHost({ type: "used", kind: card.kind, text: text ?? card.title, values: card.values });
    // A host that shows this page fills its form in itself.
    if (card.kind === "form_values" && !location.ancestorOrigins?.[0]) await copy(formText(card));
    if (card.kind === "reply" && !written) await copy(text);
  },
  edit(card) {
    card.state = "editing";
    draw();
    document.querySelector(`[data-card="${CSS.escape(card.id)}"] textarea`)?.focus();
  },
  cancel(card) {
    card.state = "open";
    delete card.draft;
    draw();
    focusCard(card.id);
  },
  async dismiss(card) {
    card.state = "dismissed";
    rememberGone(card.id);
    redraw();
    await feedback(card, "dismissed");
  },
  actionDone(card) {
    card.state = "used";
    redraw();
    $("assist").focus();
  },
  actionDismiss(card) {
    card.state = "dismissed";
    rememberGone(card.id);
    redraw();
    $("assist").focus();
  },
  hideHint(hint) {
    hint.state = "dismissed";
    redraw();
  },
  async mark({ checklist, item, status, is_override }) {
    const next = is_override ? null : status === "said" ? "open" : "said";
    await tryTo(() => submit(state.id, "checklist", { checklist, item, status: next }));
  },
  async approve(yes) {
    const { source, by } = state.approval;
    const body = { source, by, who: agentName.get(), yes };
    if (!(await tryTo(() => submit(state.id, "actions/approve", body)))) return;
    state.approval = null;
    announce(t("answered"));
    redraw();
  },
  async handoff(answer, note) {
    const body = { answer, who: agentName.get(), note: note || undefined };
    if (!(await tryTo(() => submit(state.id, "handoff", body)))) return;
    if (answer === "return") state.handoff = null;
    state.handoffAnswer = answer === "accept" ? "accepted" : answer === "decline" ? "declined" : null;
    announce(t("answered"));
    redraw();
  },
  crisisSeen() {
    state.crisis.seen = true;
    redraw();
  },
};

async function say(text) {
  try {
    await withKey(() => submit(state.id, "utterances", { role: "human_agent", text }));
    return true;
  } catch (error) {
    toast(t("sent_failed", { why: error.message }), true);
    return false;
  }
}

async function playSample() {
  const control = $("sample");
  control.disabled = true;
  const speed = Number(new URLSearchParams(location.search).get("speed")) || undefined;
  try {
    const { id } = await withKey(() => request("POST", "v1/desktop/sample", { speed }));
    await list();
    await open(id);
  } catch (error) {
    toast(t("problem", { why: error.message }), true);
  } finally {
    control.disabled = false;
  }
}

async function noteNow() {
  const control = $("note-now");
  control.disabled = true;
  setText(control.querySelector("span"), t("note_writing"));
  await tryTo(async () => {
    const summary = await request("POST", of(state.id, "summary"), {});
    if (summary) apply(state, { type: "summary", ...summary });
  });
  control.disabled = false;
  redraw();
}

async function noteSave() {
  try {
    // While it goes on the server writes the note anew with every turn; what the agent wrote waits for its end.
    saveAtEnd = !state.ended;
    if (saveAtEnd) {
      toast(t("note_saved_later"));
      return;
    }
    await withKey(() => request("PUT", of(state.id, "summary"), edited(state, drafts)));
    toast(t("note_saved"));
    tellHost({ type: "note", text: inWords(state, drafts) });
  } catch (error) {
    toast(t("problem", { why: error.message }), true);
  }
}

// --- Moving about ---

/** Shows a part of the desk; on narrow screens the others step aside. */
function show(view, focus = true) {
  document.body.dataset.view = view;
  // On wide screens the talk stands beside one of these; it stays open while one looks at the talk.
  if (view === "assist" || view === "note") document.body.dataset.aid = view;
  for (const tab of document.querySelectorAll("[data-show]")) {
    if (tab.dataset.show === (tab.closest(".switch") ? document.body.dataset.aid : view)) tab.setAttribute("aria-current", "true");
    else tab.removeAttribute("aria-current");
  }
  if (view === "note") fitNote();
  if (focus) $(view === "talk" ? "talk-scroll" : view)?.focus();
}

function cardInFocus() {
  const cards = state ? openCards(state).filter((card) => card.state === "open") : [];
  const id = document.activeElement?.closest("[data-card]")?.dataset.card;
  return cards.find((card) => card.id === id) || cards[0];
}

function focusCard(id) {
  document.querySelector(`[data-card="${CSS.escape(id)}"]`)?.focus();
}

function step(by) {
  if (!state) return;
  show("assist", false);
  const cards = openCards(state);
  const at = cards.findIndex((card) => card.id === document.activeElement?.closest("[data-card]")?.dataset.card);
  const next = cards[at < 0 ? 0 : Math.max(0, Math.min(cards.length - 1, at + by))];
  if (next) focusCard(next.id);
  else $("assist").focus();
}

const onCard = (what) => () => {
  const card = cardInFocus();
  if (card && (what !== "edit" || card.kind === "reply")) does[what](card);
};

function start() {
  translate();
  put($("talk-latest"), latestButton());
  $("talk-latest").addEventListener("click", toEnd);
  watchScroll();
  for (const node of document.querySelectorAll("[data-icon]")) node.prepend(icon(node.dataset.icon));
  for (const node of document.querySelectorAll("[data-sample]")) node.addEventListener("click", playSample);
  for (const tab of document.querySelectorAll("[data-show]")) tab.addEventListener("click", () => show(tab.dataset.show));
  put($("note-buttons"),
    button("note-now", t("note_now"), { press: noteNow }),
    button("note-by-hand", t("note_by_hand"), { press: () => (drafts.byHand(), draw(), $("note-situation")?.focus()) }),
    button("note-save", t("note_save"), { class: "button primary", press: noteSave }),
    button("note-copy", t("note_copy"), { icon: "copy", press: () => copy(inWords(state, drafts)) }));
  for (const control of $("note-buttons").children) control.id = control.dataset.action;
  shortcutsDialog();
  $("keys").addEventListener("click", () => $("shortcuts").showModal());
  $("composer").addEventListener("submit", async (event) => {
    event.preventDefault();
    const field = $("composer-text");
    const text = field.value.trim();
    if (!text) return;
    // Emptied only once it is accepted: nothing that was written is lost.
    if (await say(text)) field.value = "";
  });
  $("composer-text").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      $("composer").requestSubmit();
    }
  });
  listen({
    j: () => step(1), k: () => step(-1),
    a: onCard("accept"), e: onCard("edit"), d: onCard("dismiss"),
    y: () => state?.approval && does.approve(true), x: () => state?.approval && does.approve(false),
    0: () => show("list"), 1: () => show("talk"), 2: () => show("assist"), 3: () => show("note"), 4: () => show("customer"),
    c: () => !$("composer").hidden && (show("talk", false), $("composer-text").focus()),
    t: nextTheme, "?": () => $("shortcuts").showModal(),
  });
  // Where there is room, the checklist stands at the side; else it goes with the suggestions.
  const narrow = matchMedia("(max-width: 900px)");
  const place = () => (narrow.matches ? $("assist").append($("checklist-section")) : $("customer").before($("checklist-section")));
  narrow.addEventListener("change", place);
  place();
  show("talk", false);
  draw();
  const wanted = new URLSearchParams(location.search).get("conversation");
  list()
    .then(() => wanted && open(wanted, false))
    .catch((error) => toast(t("problem", { why: error.message }), true));
  setInterval(() => {
    if (!document.hidden && !$("sign-in").open) list().catch(() => {});
  }, LIST_EVERY);
}

start();
