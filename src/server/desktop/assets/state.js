// What is known of one conversation: made from the server's view of it, moved on by its events. Nothing here touches
// the page. Every event may come twice (after a reconnect), so each is taken by its own identity.

/** A conversation nothing is known of yet. `made` tells what became of a card in this tab before. */
export function blank(id, made = new Map()) {
  return {
    id,
    made,
    // Number of the last event that the server's view takes account of; nothing before there was one.
    asOf: null,
    // Why it cannot be shown.
    trouble: null,
    conversation: { id, channel: "voice", language: "en", participants: [], profile: null, journey: [] },
    utterances: new Map(),
    now: null,
    cut: new Set(),
    notices: [],
    interim: new Map(),
    cards: [],
    action: null,
    hints: [],
    checklist: new Map(),
    moods: new Map(),
    effort: [],
    experience: [],
    receipts: new Map(),
    slots: {},
    // What waits for somebody's yes or no, by source: several may wait at once.
    approvals: new Map(),
    handoff: null,
    handoffAnswer: null,
    // Hand-offs that were declined here; each is offered to one queue after the other.
    declined: new Set(),
    // Who leads, where a person does.
    lead: null,
    crisis: null,
    summary: null,
    wrapUp: null,
    problem: null,
    lagging: 0,
    ended: false,
  };
}

/** Takes what a `SessionView` says. Cards that were shown before stay: the view does not hold them. */
export function fromView(view, state) {
  const said = view.conversation.transcript || [];
  if (state.asOf !== null) forgetOvertaken(state, said);
  state.conversation = view.conversation;
  state.utterances = new Map(said.map((one) => [one.id, one]));
  state.now = null;
  state.interim = new Map();
  state.lagging = 0;
  state.checklist = new Map();
  for (const entry of listOf(view.checklist)) addEntry(state, entry);
  state.summary = view.summary || null;
  state.wrapUp = wrapUpOf(view.summary);
  state.slots = view.dialogue?.slots || {};
  state.ended = Boolean(view.ended);
  state.trouble = null;
  decisionsOf(view, state);
  state.asOf = view.last_event;
  return state;
}

// That a reply was withdrawn may be among the events that are gone: one from before the customer's last words answers them
// no more.
function forgetOvertaken(state, said) {
  if (!said.some((one) => one.role === "end_user" && !state.utterances.has(one.id))) return;
  state.cards = state.cards.filter((card) => card.kind !== "reply" || card.state !== "open");
}

/** What waits for somebody's answer, as a view tells it. What a strategy waits for it does not hold. */
export function decisionsOf(view, state) {
  for (const source of state.approvals.keys()) if (!isOfStrategy(source)) state.approvals.delete(source);
  // What the customer is asked, they are asked in the conversation.
  const asked = view.approval;
  if (asked && asked.by !== "customer" && !view.ended) state.approvals.set(asked.source, asked);
  if (view.ended) state.approvals.clear();
  const transfer = view.dialogue?.transfers?.at(-1);
  const stage = transfer ? transfer.stage.stage : "offered";
  state.handoff = ["offered", "accepted"].includes(stage) ? view.handoff || null : null;
  state.handoffAnswer = stage === "accepted" ? "accepted" : null;
  state.lead = stage === "accepted" ? transfer.stage.by : null;
}

const isOfStrategy = (source) => source.startsWith("strategy/");

const listOf = (value) => (Array.isArray(value) ? value : []);

function addEntry(state, entry) {
  state.checklist.set(`${entry.checklist}/${entry.item}`, entry);
}

function wrapUpOf(summary) {
  const found = summary?.wrap_up;
  if (!found) return null;
  return {
    code: found.code.id,
    label: found.code.label,
    confidence: found.confidence,
    alternatives: found.alternatives || [],
    evidence: found.evidence || [],
  };
}

// The last thing said when an event came, for what carries no time of its own. Events that come once more after the page
// was loaded again come among all utterances, so the last one of the stream counts, not the last one that is known.
function lastSaid(state) {
  if (state.now !== null) return state.utterances.get(state.now) ?? null;
  return [...state.utterances.values()].at(-1) ?? null;
}

const takes = {
  utterance_interim(state, { participant, start_ms, stable, tentative }) {
    state.interim.set(participant, { participant, start_ms, stable, tentative });
  },
  speech_started(state, { participant, start_ms }) {
    if (!state.interim.has(participant)) {
      state.interim.set(participant, { participant, start_ms, stable: "", tentative: "" });
    }
  },
  no_speech(state, { participant }) {
    state.interim.delete(participant);
  },
  speech_lagging(state, { behind_ms }) {
    state.lagging = behind_ms;
  },
  utterance_final(state, said, isOld) {
    state.interim.delete(said.participant);
    // The view has it as it is by now: its speaker may have become known since.
    if (!isOld || !state.utterances.has(said.id)) state.utterances.set(said.id, said);
    state.now = said.id;
    state.lagging = 0;
  },
  reply(state, { utterance, text, citations }) {
    // Its final carries the rest; until then it is shown as said by the virtual agent.
    const known = state.utterances.get(utterance);
    if (known) {
      state.utterances.set(utterance, { ...known, citations });
    } else {
      const start_ms = lastSaid(state)?.end_ms ?? 0;
      state.utterances.set(utterance, {
        id: utterance, participant: "virtual-agent", role: "automated_agent", text, start_ms, end_ms: start_ms, citations,
      });
    }
  },
  reply_interrupted(state, { utterance, text }) {
    const known = state.utterances.get(utterance);
    if (known) state.utterances.set(utterance, { ...known, text });
    state.cut.add(utterance);
  },
  suggestion(state, suggestion, isOld) {
    const became = state.made.get(suggestion.id) ?? "open";
    if (suggestion.kind === "next_best_action") {
      if (state.action?.id !== suggestion.id) state.action = { ...suggestion, state: became };
      return;
    }
    // What is missing stands in the checklist itself.
    if (suggestion.kind === "checklist") {
      if (!isOld) for (const entry of listOf(suggestion.missing)) addEntry(state, entry);
      return;
    }
    if (suggestion.kind === "coaching") {
      takes.coaching(state, suggestion);
      return;
    }
    const known = state.cards.find((card) => card.id === suggestion.id);
    if (!known) {
      state.cards.push({ ...suggestion, state: became });
    } else if (known.state === "open") {
      // The whole reply takes the place of its first sentence.
      Object.assign(known, suggestion);
    }
  },
  reply_begun(state, suggestion) {
    takes.suggestion(state, suggestion);
  },
  withdrawn(state, { suggestion }) {
    // What somebody works with, or has used, stays.
    if (state.action?.id === suggestion && state.action.state === "open") state.action = null;
    state.cards = state.cards.filter((card) => card.id !== suggestion || card.state !== "open");
    state.hints = state.hints.filter((hint) => hint.id !== suggestion);
  },
  coaching(state, suggestion) {
    if (state.hints.some((hint) => hint.id === suggestion.id)) return;
    state.hints.push({ ...suggestion, state: state.made.get(suggestion.id) ?? "open" });
  },
  checklist(state, entry) {
    addEntry(state, entry);
  },
  emotion(state, { participant, state: felt }) {
    state.moods.set(`${participant}/${felt.utterance}`, { participant, ...felt });
  },
  effort(state, { participant, sign }) {
    if (!state.effort.some((one) => one.utterance === sign.utterance && one.kind === sign.kind)) {
      state.effort.push({ participant, ...sign });
    }
  },
  experience(state, { score, is_final }) {
    const utterance = lastSaid(state)?.id ?? 0;
    state.experience = state.experience.filter((one) => one.utterance !== utterance);
    state.experience.push({ utterance, is_final, ...score });
  },
  summary(state, summary) {
    state.summary = summary;
    state.wrapUp = wrapUpOf(summary) || state.wrapUp;
  },
  wrap_up(state, { type, ...wrapUp }) {
    state.wrapUp = wrapUp;
  },
  crisis(state, { kind, words, evidence, protocol }) {
    state.crisis = { kind, words, evidence, protocol };
  },
  action(state, receipt) {
    state.receipts.set(receipt.id, receipt);
    state.approvals.delete(receipt.source);
  },
  approval_requested(state, { source, by, question }) {
    state.approvals.set(source, { source, by, question });
  },
  strategy(state, { strategy, event }) {
    if (event.event === "approval_needed") return;
    // A step that went on waits for nobody; one of a strategy that is over, or has another plan, neither.
    const over = ["resolved", "needs_person", "cancelled", "replanned"].includes(event.event);
    const name = `strategy/${strategy}/${event.step ?? ""}`;
    for (const source of state.approvals.keys()) {
      if (over ? source.startsWith(`strategy/${strategy}/`) : source === name) state.approvals.delete(source);
    }
  },
  handoff(state, handoff) {
    state.handoff = handoff;
    state.handoffAnswer = null;
    state.lead = null;
  },
  handoff_changed(state, { handoff, status, by }) {
    // What became of an earlier offer is no answer to this one.
    if (state.handoff?.id && handoff && state.handoff.id !== handoff) return;
    if (status !== "offered") state.handoffAnswer = status;
    state.lead = status === "accepted" ? by : null;
    // Nobody waits for an answer any more.
    if (["returned", "given_up", "alternative", "timed_out"].includes(status)) state.handoff = null;
  },
  channel_changed(state, { to }, isOld) {
    const after = lastSaid(state)?.id ?? 0;
    if (!isOld) state.conversation = { ...state.conversation, channel: to };
    if (!state.notices.some((notice) => notice.after === after && notice.channel === to)) {
      state.notices.push({ after, channel: to });
    }
  },
  failed(state, { skill, message }) {
    state.problem = { skill, message };
  },
  ended(state) {
    state.ended = true;
    state.interim.clear();
    state.approvals.clear();
  },
};

// What the view tells as it is now: an event from before it would bring back what is over. What a strategy waits for is not
// in the view.
const IN_VIEW = new Set([
  "utterance_interim", "speech_started", "no_speech", "speech_lagging", "checklist", "approval_requested", "handoff",
  "handoff_changed", "summary", "wrap_up", "failed", "ended",
]);

/** Takes an event; `isOld` where the view that is known takes account of it already. */
export function apply(state, event, isOld = false) {
  const take = Object.hasOwn(takes, event.type) ? takes[event.type] : null;
  if (!take) return;
  if (isOld && IN_VIEW.has(event.type) && !isOfStrategy(event.source ?? "")) return;
  take(state, event, isOld);
}

const transferOf = (offer) => String(offer.id ?? "").replace(/\.\d+$/, "");

/** Somebody here does not take the hand-off. */
export function decline(state, offer) {
  state.declined.add(transferOf(offer));
}

/** Whether the hand-off that is offered was declined here before. */
export const hasDeclined = ({ handoff, declined }) => handoff !== null && declined.has(transferOf(handoff));

/** What waits longest for somebody's yes or no. */
export const approvalOf = (state) => state.approvals.values().next().value ?? null;

/** The participant who is the customer, by id. */
export function customerOf(state) {
  const known = state.conversation.participants?.find((one) => one.role === "end_user");
  if (known) return known.id;
  for (const said of state.utterances.values()) if (said.role === "end_user") return said.participant;
  return null;
}

/** What to call a conversation in a list. */
export function titleOf(state) {
  const profile = state.conversation.profile;
  const customer = state.conversation.participants?.find((one) => one.role === "end_user");
  return profile?.display_name || customer?.display_name || profile?.id || null;
}

/** Utterances in the order they were said. */
export function spoken(state) {
  return [...state.utterances.values()].sort((a, b) => a.id - b.id);
}

/** The customer's mood, an entry an utterance: when, how bright (-1 to 1), what is felt most. */
export function moodOf(state) {
  const customer = customerOf(state);
  const felt = new Map();
  for (const one of state.moods.values()) {
    if (customer === null || one.participant === customer) felt.set(one.utterance, one);
  }
  const points = [];
  let expected = null;
  const scores = [...state.experience];
  for (const said of spoken(state)) {
    while (scores.length > 0 && scores[0].utterance <= said.id) expected = scores.shift();
    const mood = felt.get(said.id);
    if (!mood && said.role !== "end_user") continue;
    points.push({
      utterance: said.id,
      ms: said.start_ms,
      mood: mood ? mood.valence : null,
      feeling: mood ? strongest(mood.felt) : null,
      satisfaction: expected ? expected.satisfaction : null,
      words: said.text,
    });
  }
  if (scores.length > 0) expected = scores.at(-1);
  return { points, expected };
}

function strongest(felt) {
  let best = null;
  for (const [name, probability] of Object.entries(felt || {})) {
    if (name !== "neutral" && probability >= 0.25 && (!best || probability > best.probability)) best = { name, probability };
  }
  return best?.name ?? null;
}
