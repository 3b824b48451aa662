// <attendant-suggestions server="https://…" conversation="…" key="…">: suggestions in the panel of any agent desktop.
// The server has to allow the page's origin under [cors]; the key is one with the scopes `read` and `write`.

class AttendantSuggestions extends HTMLElement {
  connectedCallback() {
    const [server, id, key] = ["server", "conversation", "key"].map((name) => this.getAttribute(name));
    const place = `${server}/v1/conversations/${encodeURIComponent(id)}`;
    this.setAttribute("role", "log");
    // Put into the page once more, it is told everything once more.
    this.replaceChildren();
    this.cards = new Map();
    // EventSource can set no headers, and resumes by itself where it broke off.
    this.events = new EventSource(`${place}/events?after=0&access_token=${encodeURIComponent(key)}`);
    const take = (message) => this.show(JSON.parse(message.data), (given) => tell(place, key, given));
    for (const type of ["reply_begun", "suggestion"]) this.events.addEventListener(type, take);
    this.events.addEventListener("withdrawn", (message) => this.drop(JSON.parse(message.data).suggestion));
  }

  show(suggestion, tellServer) {
    const fields = suggestion.values?.map((field) => `${field.name}: ${field.value}`).join(", ");
    const words = suggestion.text ?? fields ?? suggestion.title ?? suggestion.action?.label;
    if (!words) return;
    const card = document.createElement("button");
    card.type = "button";
    card.dir = "auto";
    card.textContent = words;
    card.onclick = () => {
      // The host takes the words over; what was made of them the server keeps, once, and after the end too.
      this.dispatchEvent(new CustomEvent("use", { detail: suggestion, bubbles: true }));
      if (!card.classList.contains("used")) tellServer({ suggestion: suggestion.id, given: "used" });
      card.classList.add("used");
    };
    // The whole reply takes the place of its first sentence.
    const before = this.cards.get(suggestion.id);
    const hadFocus = before !== undefined && before === document.activeElement;
    if (before) before.replaceWith(card);
    else this.append(card);
    if (hadFocus) card.focus();
    this.cards.set(suggestion.id, card);
  }

  drop(id) {
    this.cards.get(id)?.remove();
    this.cards.delete(id);
  }

  disconnectedCallback() {
    this.events.close();
  }
}

// The same id counts once, so what got no answer is sent again.
async function tell(place, key, body, tries = 4) {
  const headers = { Authorization: `Bearer ${key}`, "Content-Type": "application/json", "Idempotency-Key": newId() };
  for (let wait = 500; tries > 0; tries -= 1, wait *= 2) {
    try {
      const answer = await fetch(`${place}/feedback`, { method: "POST", headers, body: JSON.stringify(body) });
      if (answer.ok || (answer.status < 500 && answer.status !== 429)) return;
    } catch {
      // Not reached.
    }
    await new Promise((resolve) => setTimeout(resolve, wait));
  }
}

// `crypto.randomUUID` is there in secure contexts only.
function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

customElements.define("attendant-suggestions", AttendantSuggestions);
