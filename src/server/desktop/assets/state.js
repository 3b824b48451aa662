// What is known of one conversation: made from the server's view of it, moved on by its events. Nothing here touches
// the page. Every event may come twice (after a reconnect), so each is taken by its own identity.

/** A conversation nothing is known of yet. */
export function blank(id) {
  return {
    id,
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
    approval: null,
    handoff: null,
    handoffAnswer: null,
    crisis: null,
    summary: null,
    wrapUp: null,
    problem: null,
    lagging: 0,
    ended: false,
  };
}

/** What a `SessionView` says. Cards that were shown before stay: the view does not hold them. */
export function fromView(view, before) {
  const state = { ...blank(view.conversation.id), ...(before ? keep(before) : {}) };
  state.conversation = view.conversation;
  for (const said of view.conversation.transcript || []) state.utterances.set(said.id, said);
  for (const entry of listOf(view.checklist)) addEntry(state, entry);
  state.summary = view.summary || null;
  state.wrapUp = wrapUpOf(view.summary);
  state.approval = view.approval || null;
  state.handoff = view.handoff || null;
  state.slots = view.dialogue?.slots || {};
  state.ended = Boolean(view.ended);
  return state;
}

function keep({ cards, action, hints, moods, effort, experience, receipts, crisis, notices, cut }) {
  return { cards, action, hints, moods, effort, experience, receipts, crisis, notices, cut };
}

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
  utterance_final(state, said) {
    state.interim.delete(said.participant);
    state.utterances.set(said.id, said);
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
  suggestion(state, suggestion) {
    if (suggestion.kind === "next_best_action") {
      if (state.action?.id !== suggestion.id) state.action = { ...suggestion, state: "open" };
      return;
    }
    // What is missing stands in the checklist itself.
    if (suggestion.kind === "checklist") {
      for (const entry of listOf(suggestion.missing)) addEntry(state, entry);
      return;
    }
    if (suggestion.kind === "coaching") {
      takes.coaching(state, suggestion);
      return;
    }
    const known = state.cards.find((card) => card.id === suggestion.id);
    if (!known) {
      state.cards.push({ ...suggestion, state: "open", at: lastSaid(state)?.end_ms ?? 0 });
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
  },
  coaching(state, suggestion) {
    if (!state.hints.some((hint) => hint.id === suggestion.id)) state.hints.push({ ...suggestion, state: "open" });
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
    if (state.approval && receipt.source === state.approval.source) state.approval = null;
  },
  approval_requested(state, { source, by, question }) {
    state.approval = { source, by, question };
  },
  handoff(state, handoff) {
    state.handoff = handoff;
    state.handoffAnswer = null;
  },
  handoff_changed(state, { status }) {
    const now = typeof status === "string" ? status : status?.status;
    if (now !== "offered") state.handoffAnswer = now;
    // Nobody waits for an answer any more.
    if (["returned", "given_up", "alternative", "timed_out"].includes(now)) state.handoff = null;
  },
  channel_changed(state, { to }) {
    const after = lastSaid(state)?.id ?? 0;
    state.conversation = { ...state.conversation, channel: to };
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
    state.approval = null;
  },
};

/** Takes an event; says whether it was one that the desk shows. */
export function apply(state, event) {
  const take = Object.hasOwn(takes, event.type) ? takes[event.type] : null;
  if (!take) return false;
  take(state, event);
  return true;
}

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
