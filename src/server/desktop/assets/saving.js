// The note on its way to the server. While a conversation goes on the server writes its note anew with every turn, so what
// the agent has saved by then waits for the end, whatever they look at meanwhile.

import { of, insist, settled, view } from "./api.js";
import { t } from "./strings.js";
import { blank, fromView } from "./state.js";
import { Drafts, edited } from "./note.js";
import { waitingNotes } from "./store.js";
import { toast, why, withKey } from "./page.js";

const underway = new Set();

/** Saves the note of a conversation as the agent left it, now or as soon as it is over. Says what was stored. */
export async function saveNote(state, drafts) {
  waitingNotes.add(state.id);
  if (!state.ended) {
    toast(t("note_saved_later"));
    return null;
  }
  if (underway.has(state.id)) return null;
  underway.add(state.id);
  const texts = structuredClone(drafts.texts);
  try {
    const kept = await withKey(() => insist("PUT", of(state.id, "summary"), edited(state, drafts)));
    waitingNotes.drop(state.id);
    drafts.stored(texts);
    toast(t("note_saved"));
    return kept;
  } catch (error) {
    // What is refused for good is not sent again and again.
    if (!error.retryable) waitingNotes.drop(state.id);
    toast(t("problem", { why: why(error) }), true);
    return null;
  } finally {
    underway.delete(state.id);
  }
}

/** Saves what waits of conversations that are over and that nobody looks at. */
export async function saveWaiting(conversations, openId) {
  for (const { id, live } of conversations) {
    if (live || id === openId || underway.has(id) || !waitingNotes.has(id)) continue;
    const state = blank(id);
    await withKey(async () => {
      // The last note is written while it ends, and brings the code.
      await settled(id, (await view(id)).last_event);
      fromView(await view(id), state);
    });
    await saveNote(state, new Drafts(id));
  }
}
