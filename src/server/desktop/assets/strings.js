// Every word the page shows, by name; one table a language. `{name}` stands for a value, and an object of plural forms
// (see Intl.PluralRules) is chosen by `{n}`. A language that lacks an entry shows the English one.

const EN = {
  app: "Agent desktop",
  supervisor: "Supervisor",
  skip: "Skip to the suggestions",
  sign_in: "Sign in",
  sign_in_words: "The server asks for an access key. It stays in this browser tab and goes away when you close it.",
  access_key: "Access key",
  your_name: "Your name",
  your_name_words: "Written beside approvals and hand-offs that you answer.",
  continue: "Continue",
  key_refused: "The server does not know this key. Check it, or ask for a new one.",

  live: "Live",
  connecting: "Connecting",
  reconnecting: "Reconnecting",
  ended: "Ended",
  offline: "Offline",
  connection_lost: "The connection was lost. Trying again; nothing that was accepted is gone.",
  connection_back: "Connected again.",
  unreachable: "the server cannot be reached. Check the connection.",
  too_much: "the server has too much to do at the moment. Try again in a little while.",
  not_there: "There is no such conversation, or not any more.",

  conversations: "Conversations",
  no_conversations: "None yet. Calls and chats appear here when they begin.",
  play_sample: "Play the sample call",
  playing_sample: "Starting",
  sample_customer: "Sample call",
  channel_voice: "Call",
  channel_chat: "Chat",
  channel_messaging: "Messages",
  channel_email: "E-mail",
  channel_video: "Video",
  channel_changed: "Goes on as: {channel}",

  transcript: "Transcript",
  lines: "What was said",
  talk: "Talk",
  assist: "Assist",
  note: "Note",
  customer: "Customer",
  calls: "Calls",
  role_end_user: "Customer",
  role_human_agent: "You",
  role_automated_agent: "Virtual agent",
  role_unknown: "Speaker",
  speaking: "still speaking",
  said_now: "{who}: {words}",
  nothing_said: "Nothing was said yet.",
  choose_title: "A calm place to work",
  choose_words: "Choose a conversation, or play the sample call to see the desk at work: live transcript, suggestions, the next best action and the note.",
  latest: "Latest",
  heard_until: "The customer heard this much.",
  composer: "Your message",
  composer_hint: "Write to the customer",
  send: "Send",
  sent_failed: "It was not sent: {why}",

  next_action: "Next best action",
  no_action: "No step to suggest yet.",
  why: "Why",
  first_needs: "First:",
  other_actions: "Or:",
  sureness: "{percent} sure",
  of_five: "{score} of 5",
  suggestions: "Suggestions",
  no_suggestions: "Suggestions appear while you talk. Nothing to do now.",
  kind_reply: "Reply",
  kind_article: "Article",
  kind_form_values: "For the form",
  source: "From “{title}”",
  from_line: "Line {n}",
  accept: "Use",
  edit: "Edit",
  dismiss: "Dismiss",
  done: "Done",
  used: "Used",
  use_edited: "Use this text",
  cancel: "Cancel",
  edit_text: "Text of the reply",
  copied: "Copied.",
  not_copied: "The browser did not allow copying; select the text instead.",
  new_suggestion: "New {kind}: {title}",
  new_action: "Next best action: {title}",
  coaching: "Hints",
  hide_hint: "Hide this hint",
  receipts: "Done for the customer",
  status_succeeded: "done",
  status_failed: "failed",
  status_unknown: "outcome not known, a person has to look",
  status_dry_run: "only tried out, nothing was changed",

  checklist: "Checklist",
  checklist_count: "{said} of {all}",
  item_said: "said",
  item_open: "open",
  item_missing: "missing",
  item_not_applicable: "not needed here",
  item_late: "late",
  item_required: "required",
  item_by_you: "set by you",
  mark_said: "Mark as said: {label}",
  unmark: "Take back your mark: {label}",

  mood: "Mood and experience",
  mood_customer: "Customer's mood",
  mood_experience: "Expected satisfaction",
  mood_none: "The curve begins with the first words of the customer.",
  mood_text: "{from} to {to}. Now {now}; lowest at {low_time}.",
  mood_text_experience: "Expected satisfaction {score}.",
  mood_up: "bright",
  mood_flat: "even",
  mood_down: "strained",
  show_table: "As a table",
  col_time: "Time",
  col_mood: "Mood",
  col_feeling: "Feeling",
  col_experience: "Expected satisfaction",
  escalation_risk: "Risk of escalation {percent}",
  effort_repeat: "says it again",
  effort_earlier_contact: "was in touch before",
  effort_waiting: "had to wait",
  effort_transferred: "was sent around",

  about: "About the customer",
  history: "History",
  journey: "What happened before",
  known: "Known so far",
  unknown_customer: "Nothing is known of this customer yet.",

  approval: "Your yes is needed",
  approval_by_human_agent: "for you to decide",
  approval_by_supervisor: "for a supervisor to decide",
  yes: "Yes, go ahead",
  no: "No",
  approval_arrived: "Approval needed: {question}",
  answered: "Answered.",

  handoff: "Somebody is handed over to you",
  handoff_arrived: "Hand-off offered: {reason}",
  handoff_accepted: "You lead this conversation",
  handoff_taken: "{who} leads this conversation",
  handoff_declined: "Declined; it goes to somebody else.",
  handoff_tried: "Tried already",
  handoff_promised: "Promised",
  handoff_steps: "Next steps",
  outcome_done: "done",
  outcome_failed: "failed",
  outcome_refused: "refused",
  outcome_left_out: "left out",
  handoff_note: "Note (optional)",
  handoff_note_return: "What you did, and what is open",
  take: "Take over",
  decline: "Decline",
  give_back: "Give back to the virtual agent",
  reason_customer_asked: "The customer asked for a person",
  reason_out_of_scope: "It is beyond what the virtual agent may do",
  reason_policy_requires_person: "The rules ask for a person",
  reason_customer_at_risk: "The customer may be at risk",
  reason_stuck: "The virtual agent made no headway",
  reason_action_failed: "An action failed",
  reason_procedure_gone: "The procedure is not there any more",

  crisis: "The customer may be in danger",
  crisis_self_harm: "Signs of self-harm",
  crisis_medical: "Signs of a medical emergency",
  crisis_violence: "Signs of violence",
  crisis_child_safety: "A child may be in danger",
  crisis_abuse: "Signs of abuse",
  crisis_words: "They said: “{words}”",
  crisis_seen: "I have seen this",
  crisis_help: "Where help is",

  note_empty: "The note writes itself while you talk. You can ask for it at any time.",
  note_now: "Write the note now",
  note_again: "Write it again",
  note_writing: "Writing",
  note_save: "Save",
  note_saved: "Saved.",
  note_saved_later: "Kept here; it is saved as soon as the conversation is over.",
  note_by_hand: "Write it yourself",
  note_copy: "Copy",
  note_edited: "edited by you",
  note_newer: "There is a newer text.",
  note_take_newer: "Take it",
  note_evidence: "Go to line {n}: {words}",
  evidence: "Said in",
  facts: "Facts",
  wrap_up: "Wrap-up code",
  section_situation: "Situation",
  section_action: "Action",
  section_resolution: "Resolution",
  section_reason_for_cancellation: "Reason for cancellation",
  section_customer_satisfaction: "Customer satisfaction",
  section_entities: "Names and numbers",
  fact_amount: "Amount",
  fact_date: "Date",
  fact_reference: "Reference",
  fact_email: "E-mail",
  fact_phone: "Telephone",

  theme: "Colours: {which}",
  theme_auto: "as the system",
  theme_light: "light",
  theme_dark: "dark",
  shortcuts: "Keyboard",
  shortcuts_title: "Keyboard shortcuts",
  shortcuts_on: "Single keys work as shortcuts",
  shortcuts_words: "They never work while you write in a field.",
  key_next: "Next or previous suggestion",
  key_accept: "Use the suggestion in focus, or the first one",
  key_edit: "Edit it",
  key_dismiss: "Dismiss it",
  key_approve: "Yes or no to an approval",
  key_panels: "Transcript, suggestions, note, customer",
  key_calls: "List of conversations",
  key_composer: "Write to the customer",
  key_theme: "Light, dark, as the system",
  key_help: "This list",
  close: "Close",
  failed_skill: "{skill} did not work just now: {message}",
  problem: "That did not work: {why}",
  lagging: "The audio is ahead of the transcript by {seconds} s.",

  insight: "Insight",
  insight_words: "Figures of conversations, never of people: nobody is ranked here.",
  insight_none: "No stored conversations yet. Figures appear when conversations have ended.",
  refresh: "Refresh",
  to_desk: "To the desk",
  tile_conversations: "Conversations",
  tile_fcr: "Solved at first contact",
  tile_containment: "Solved by the virtual agent",
  tile_satisfaction: "Expected satisfaction",
  tile_complaining: "With a complaint",
  tile_pulse: "Pulse (1 to 5)",
  of_n: { one: "of {n}", other: "of {n}" },
  n_conversations: { one: "{n} conversation", other: "{n} conversations" },
  not_known: "not known yet",
  topics: "What customers come for",
  topic: "Topic",
  share: "Share",
  with_complaint: "Complaint",
  solved_first: "Solved at first contact",
  irritants: "What annoys them",
  groups: "By group",
  group: "Group",
  voices: "What notes and pulse do not say",
  voice_unnoted_complaints: "Complaints that no note mentions",
  voice_noted_solved_came_back: "Noted as solved, came back",
  voice_silent_dissatisfaction: "Dissatisfied without a word",
  voice_recovered: "Began badly, ended well",
};

const TABLES = { en: EN };

/** The language the page speaks: what the address asks for, else the browser's first that there is a table for. */
export const language = (() => {
  const asked = new URLSearchParams(location.search).get("lang");
  const wanted = [asked, ...(navigator.languages || [])].filter(Boolean);
  return wanted.map((tag) => tag.split("-")[0].toLowerCase()).find((tag) => tag in TABLES) || "en";
})();

const table = TABLES[language];
const plurals = new Intl.PluralRules(language);
const percents = new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 0 });
const decimals = new Intl.NumberFormat(language, { maximumFractionDigits: 1 });
const counts = new Intl.NumberFormat(language);
const days = new Intl.DateTimeFormat(language, { dateStyle: "medium" });
const clocks = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit" });

/** The words of this name, with the values in their places. */
export function t(name, values = {}) {
  let words = table[name] ?? EN[name];
  if (words === undefined) return readable(name);
  if (typeof words === "object") words = words[plurals.select(values.n)] ?? words.other;
  return words.replace(/\{(\w+)\}/g, (whole, key) => (key in values ? String(values[key]) : whole));
}

/** The words for a name of the API (`section` + `situation`); where there are none, the name made readable. */
export function named(prefix, name) {
  const key = `${prefix}_${name}`;
  return table[key] ?? EN[key] ?? readable(name);
}

/** `account_number` as people write it. */
export function readable(name) {
  const words = String(name).replace(/[_-]+/g, " ").trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

export const percent = (share) => percents.format(share);
/** A score from 1 to 5. */
export const ofFive = (score) => t("of_five", { score: decimals.format(score) });
export const decimal = (number) => decimals.format(number);
export const count = (number) => counts.format(number);
export const day = (time) => days.format(new Date(time));
export const clock = (time) => clocks.format(new Date(time));

/** Milliseconds of a conversation as minutes and seconds. */
export function span(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

document.documentElement.lang = language;
