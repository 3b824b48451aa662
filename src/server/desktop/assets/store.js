// What the browser keeps for this page, by name. Where it keeps nothing (a frame of a page that is not trusted with it),
// the page itself remembers for as long as it is open.

function area(name) {
  const memory = new Map();
  const place = () => {
    try {
      return window[name];
    } catch {
      return null;
    }
  };
  return {
    get(key) {
      if (memory.has(key)) return memory.get(key);
      return place()?.getItem(key) ?? null;
    },
    set(key, text) {
      try {
        place().setItem(key, text);
        memory.delete(key);
      } catch {
        memory.set(key, text);
      }
    },
    forget(key) {
      memory.delete(key);
      place()?.removeItem(key);
    },
    /** What was kept as JSON; the other value where there is none, or none that can be read. */
    read(key, otherwise) {
      try {
        return JSON.parse(this.get(key)) ?? otherwise;
      } catch {
        return otherwise;
      }
    },
  };
}

/** Until the tab is closed. */
export const tab = area("sessionStorage");
/** For good. */
export const browser = area("localStorage");

// So many cards of a conversation are remembered; a long call shows some dozens.
const REMEMBERED = 300;

/** What became of the cards of a conversation in this tab, so that a reload offers nothing again. */
export class Made {
  constructor(conversation) {
    this.key = `attendant.made.${conversation}`;
    this.cards = new Map(Object.entries(tab.read(this.key, {})));
  }

  get(card) {
    return this.cards.get(card) ?? null;
  }

  set(card, became) {
    this.cards.delete(card);
    this.cards.set(card, became);
    tab.set(this.key, JSON.stringify(Object.fromEntries([...this.cards].slice(-REMEMBERED))));
  }
}

const WAITING = "attendant.notes-waiting";

/** Conversations whose note the agent has saved and that are not over yet: it is stored when they are. */
export const waitingNotes = {
  all: () => tab.read(WAITING, []),
  has: (id) => waitingNotes.all().includes(id),
  add: (id) => tab.set(WAITING, JSON.stringify([...new Set([...waitingNotes.all(), id])])),
  drop: (id) => tab.set(WAITING, JSON.stringify(waitingNotes.all().filter((one) => one !== id))),
};

const composerKey = (id) => `attendant.composer.${id}`;

/** What is being written to the customer of a conversation; of each its own, so that nothing goes to somebody else. */
export const unsent = {
  get: (id) => tab.get(composerKey(id)) ?? "",
  set: (id, text) => (text === "" ? tab.forget(composerKey(id)) : tab.set(composerKey(id), text)),
};
