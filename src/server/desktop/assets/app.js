// The agent desktop: opens a conversation, follows its events, draws what they change, sends what the agent decides.

import { button, icon, put, setText, wipe, $ } from "./dom.js";
import { t, span, named } from "./strings.js";
import { request, submit, follow, of, view, pause, backoff } from "./api.js";
import { blank, fromView, apply, approvalOf, decisionsOf, decline, titleOf, spoken } from "./state.js";
import { drawTalk, toEnd, toUtterance, watchScroll, latestButton } from "./talk.js";
import { drawAssist, openCards, cardTitle, formText } from "./cards.js";
import { drawChecklist, drawCustomer, drawList } from "./panels.js";
import { drawAlerts, leadsHere } from "./alerts.js";
import { drawNote, fitNote, Drafts, inWords } from "./note.js";
import { saveNote, saveWaiting } from "./saving.js";
import { drawMood } from "./plot.js";
import { agentName, listen, nextTheme, shortcutsDialog } from "./settings.js";
import { Made, unsent, waitingNotes } from "./store.js";
import { translate, toast, announce, why, withKey } from "./page.js";

// Channels on which the agent writes; on the others they speak.
const WRITTEN = new Set(["chat", "messaging", "email"]);
const LIST_EVERY = 5000;

let state = null;
let drafts = null;
let unfollow = () => {};
let drawing = 0;
let conversations = [];
// What was sent and is not answered yet: pressed twice it counts once.
const sending = new Set();

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
  const hadFocus = $("composer").contains(document.activeElement);
  $("composer").hidden = !maySay();
  if (hadFocus && $("composer").hidden) $("talk-scroll").focus();
  setText($("lagging"), state.lagging > 2000 ? t("lagging", { seconds: Math.round(state.lagging / 1000) }) : "");
  setText($("assist-count"), String(openCards(state).filter((card) => card.state === "open").length || ""));
}

const maySay = () => !state.ended && !state.trouble && WRITTEN.has(state.conversation.channel);

function go(utterance) {
  show("talk", false);
  toUtterance(utterance);
}

// --- Events ---

function take(number, type, data) {
  if (type === "resync") {
    const wasOver = state.ended;
    fromView(data, state);
    if (state.ended && !wasOver) over();
  } else if (data.type) {
    const isOld = number <= state.asOf;
    const before = state.cards.length;
    apply(state, data, isOld);
    // What was before the page was opened is no news.
    if (!isOld) tell(data, before);
  }
  redraw();
}

function tell(event, cardsBefore) {
  if (event.type === "suggestion" && event.kind === "next_best_action") {
    announce(t("new_action", { title: event.action.label }));
  } else if (["suggestion", "reply_begun"].includes(event.type) && state.cards.length > cardsBefore) {
    announce(t("new_suggestion", { kind: named("kind", event.kind), title: cardTitle(event) }));
  } else if (event.type === "coaching") {
    announce(`${event.display_name} ${event.message}`);
  } else if (event.type === "utterance_final" && event.role !== "human_agent" && WRITTEN.has(state.conversation.channel)) {
    // What is spoken the agent hears; what is written has to be told.
    announce(t("said_now", { who: named("role", event.role), words: event.text }));
  } else if (event.type === "approval_requested") {
    announce(t("approval_arrived", { question: event.question }));
  } else if (event.type === "handoff") {
    announce(t("handoff_arrived", { reason: named("reason", event.reason) }));
  } else if (event.type === "ended") {
    over();
  } else if (event.type === "failed") {
    toast(t("failed_skill", { skill: event.skill, message: event.message }), true);
  }
}

function over() {
  const listed = conversations.find((one) => one.id === state.id);
  if (listed) {
    listed.live = false;
    drawList(conversations, state.id, open);
  }
}

function connection(now, error) {
  const before = document.body.dataset.connection;
  document.body.dataset.connection = now;
  setText($("connection-words"), t(now));
  if (now === "reconnecting" && before === "live") toast(t("connection_lost"), true);
  if (now === "live" && before === "reconnecting") toast(t("connection_back"));
  // All is told, the last note included.
  if (now === "ended" && waitingNotes.has(state.id)) noteSave();
  if (now === "offline" && error) {
    state.trouble = error.status === 404 ? t("not_there") : why(error);
    toast(t("problem", { why: state.trouble }), true);
    redraw();
  }
}

// Everything that shows something of one conversation.
const SHOWN = ["crisis", "approval", "handoff", "mood", "talk-list", "action", "hints", "cards", "receipts", "checklist",
  "customer-body", "note-sections", "facts"];

async function open(id, focus = true) {
  unfollow();
  unfollow = () => {};
  const here = (state = blank(id, new Made(id)));
  drafts = new Drafts(id);
  for (const place of SHOWN) wipe($(place));
  $("composer-text").value = unsent.get(id);
  const url = new URL(location.href);
  url.searchParams.set("conversation", id);
  history.replaceState(null, "", url);
  connection("connecting");
  draw();
  drawList(conversations, id, open);
  if (focus) show("talk");
  const found = await lookAt(here);
  if (!found) return;
  fromView(found, here);
  redraw();
  // From the first event that is still there: cards, mood and hints are made of events alone.
  unfollow = follow(id, 0, (...event) => state === here && take(...event), (...now) => state === here && connection(...now), withKey);
  requestAnimationFrame(toEnd);
}

/** How a conversation stands, asked for until the server says so; nothing where it is not there, or not looked at any more. */
async function lookAt(here) {
  for (let failures = 1; ; failures += 1) {
    try {
      const found = await withKey(() => view(here.id));
      return state === here ? found : null;
    } catch (error) {
      if (state !== here) return null;
      if (!error.retryable) {
        connection("offline", error);
        return null;
      }
      connection("reconnecting");
      here.trouble = why(error);
      redraw();
      await pause(backoff(failures, error));
      if (state !== here) return null;
    }
  }
}

async function list() {
  const found = await withKey(() => request("GET", "v1/conversations?limit=50"));
  conversations = found?.conversations || [];
  drawList(conversations, state?.id ?? null, open);
  await saveWaiting(conversations, state?.id);
}

// --- What the agent does ---

/** Sends; what goes wrong is told, and the caller hears that it went wrong. `refused` follows what is refused for good. */
async function tryTo(work, refused = () => {}) {
  try {
    await withKey(work);
    return true;
  } catch (error) {
    if (!error.retryable) await refused();
    toast(t("problem", { why: why(error) }), true);
    return false;
  }
}

/** Does something in this conversation, unless it is being done. */
async function once(what, work) {
  const name = `${state?.id} ${what}`;
  if (sending.has(name)) return;
  sending.add(name);
  try {
    await work();
  } finally {
    sending.delete(name);
  }
}

// What was made of a suggestion of any kind is kept by the server, and learned from where it is an article or an action; after
// the end too, when most people come to it.
function made(here, card, became, given) {
  card.state = became;
  here.made.set(card.id, became);
  redraw();
  return tryTo(() => submit(here.id, "feedback", { suggestion: card.id, given }));
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
const host = (() => {
  if (parent === window) return null;
  // Not every browser names the frames above; all say who opened the page.
  return location.ancestorOrigins?.[0] ?? (document.referrer ? new URL(document.referrer).origin : null);
})();

function tellHost(conversation, message) {
  if (host) parent.postMessage({ source: "attendant", conversation, ...message }, host);
}

// Somebody else may have decided it meanwhile, or it came too late: what waits now is shown.
async function lookAgain(here) {
  await tryTo(async () => decisionsOf(await view(here.id), here));
  redraw();
}

const does = {
  go,
  accept: (card, text = card.text) => once(card.id, async () => {
    const here = state;
    const says = card.kind === "reply" && maySay();
    if (says && !(await say(here, text))) return;
    const given = text === card.text ? "used" : "edited";
    card.text = text;
    delete card.draft;
    const kept = made(here, card, "used", given);
    tellHost(here.id, { type: "used", kind: card.kind, text: text ?? card.title, values: card.values });
    // A host that shows this page fills its form in itself.
    if (card.kind === "form_values" && !host) await copy(formText(card));
    if (card.kind === "reply" && !says) await copy(text);
    await kept;
  }),
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
  dismiss: (card) => made(state, card, "dismissed", "dismissed"),
  actionDone(card) {
    const { id, lead } = state;
    made(state, card, "used", "used");
    // Given back to the virtual agent, it is not done again.
    if (lead !== null) tryTo(() => submit(id, "actions/done", { steps: [card.action.action] }));
    $("assist").focus();
  },
  actionDismiss(card) {
    made(state, card, "dismissed", "dismissed");
    $("assist").focus();
  },
  hideHint: (hint) => made(state, hint, "dismissed", "dismissed"),
  async mark({ checklist, item, status, is_override }) {
    const { id } = state;
    const next = is_override ? null : status === "said" ? "open" : "said";
    await tryTo(() => submit(id, "checklist", { checklist, item, status: next }));
  },
  approve: (yes) => once("approval", async () => {
    const here = state;
    const asked = approvalOf(here);
    if (!asked) return;
    const body = { source: asked.source, by: asked.by, who: agentName.get(), yes };
    const done = await tryTo(() => submit(here.id, "actions/approve", body), () => {
      here.approvals.delete(asked.source);
      return lookAgain(here);
    });
    if (!done) return;
    // The next yes to the same step may be asked for already.
    if (here.approvals.get(asked.source) === asked) here.approvals.delete(asked.source);
    announce(t("answered"));
    redraw();
  }),
  handoff: (answer, note) => once("handoff", async () => {
    const here = state;
    const offer = here.handoff;
    // Only who leads gives it back; whoever simply spoke leads by the name they have in the conversation.
    const who = answer === "return" && leadsHere(here) ? here.lead ?? agentName.get() : agentName.get();
    const body = { answer, who, handoff: offer.id, note: note || undefined };
    if (!(await tryTo(() => submit(here.id, "handoff", body), () => lookAgain(here)))) return;
    announce(t("answered"));
    if (answer === "decline") decline(here, offer);
    // It may have been offered to the next already.
    if (here.handoff !== offer) return redraw();
    if (answer === "return") here.handoff = null;
    here.handoffAnswer = answer === "accept" ? "accepted" : answer === "decline" ? "declined" : null;
    here.lead = answer === "accept" ? who : null;
    redraw();
  }),
  crisisSeen() {
    state.crisis.seen = true;
    redraw();
  },
};

async function say(here, text) {
  try {
    await withKey(() => submit(here.id, "utterances", { role: "human_agent", text }));
    return true;
  } catch (error) {
    toast(t("sent_failed", { why: why(error) }), true);
    return false;
  }
}

// The field is emptied only of what was accepted: nothing that was written is lost, and what is written meanwhile neither.
const send = () => once("composer", async () => {
  const field = $("composer-text");
  const here = state;
  const sent = field.value;
  if (!sent.trim() || !maySay() || !(await say(here, sent.trim()))) return;
  const now = state === here ? field.value : unsent.get(here.id);
  const rest = now.startsWith(sent) ? now.slice(sent.length) : now;
  unsent.set(here.id, rest);
  if (state === here && rest !== now) field.value = rest;
});

async function playSample() {
  const control = $("sample");
  control.disabled = true;
  const speed = Number(new URLSearchParams(location.search).get("speed")) || undefined;
  try {
    const { id } = await withKey(() => request("POST", "v1/desktop/sample", { speed }));
    await list();
    await open(id);
  } catch (error) {
    toast(t("problem", { why: why(error) }), true);
  } finally {
    control.disabled = false;
  }
}

async function noteNow() {
  const control = $("note-now");
  const here = state;
  control.disabled = true;
  setText(control.querySelector("span"), t("note_writing"));
  await tryTo(async () => {
    const summary = await request("POST", of(here.id, "summary"), {});
    if (summary) apply(here, { type: "summary", ...summary });
  });
  control.disabled = false;
  if (document.activeElement === document.body) control.focus();
  redraw();
}

async function noteSave() {
  const here = state;
  const text = inWords(here, drafts);
  const kept = await saveNote(here, drafts);
  if (!kept) return;
  apply(here, { type: "summary", ...kept });
  redraw();
  tellHost(here.id, { type: "note", text });
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
  // On one that was used a key does nothing: least of all use another one.
  return id ? cards.find((card) => card.id === id) : cards[0];
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
  document.querySelector(".skip").addEventListener("click", (event) => {
    event.preventDefault();
    show(state ? "assist" : "talk");
  });
  $("composer").addEventListener("submit", (event) => {
    event.preventDefault();
    send();
  });
  $("composer-text").addEventListener("input", () => unsent.set(state.id, $("composer-text").value));
  $("composer-text").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      $("composer").requestSubmit();
    }
  });
  listen({
    j: () => step(1), k: () => step(-1),
    a: onCard("accept"), e: onCard("edit"), d: onCard("dismiss"),
    y: () => state && does.approve(true), x: () => state && does.approve(false),
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
  if (wanted) open(wanted, false);
  list()
    .catch((error) => toast(t("problem", { why: why(error) }), true));
  setInterval(() => {
    const matters = !document.hidden || waitingNotes.all().length > 0;
    if (matters && !$("sign-in").open) list().catch(() => {});
  }, LIST_EVERY);
}

start();
