// <attendant-suggestions server="https://…" conversation="…" key="…">: suggestions in the panel of any agent desktop.
// The server has to allow the page's origin under [cors]; the key is one with the scopes `read` and `write`.

class AttendantSuggestions extends HTMLElement {
  connectedCallback() {
    const [server, id, key] = ["server", "conversation", "key"].map((name) => this.getAttribute(name));
    const place = `${server}/v1/conversations/${encodeURIComponent(id)}`;
    this.setAttribute("role", "log");
    // EventSource can set no headers, and resumes by itself where it broke off.
    this.events = new EventSource(`${place}/events?after=0&access_token=${encodeURIComponent(key)}`);
    const take = (message) => {
      const suggestion = JSON.parse(message.data);
      const fields = suggestion.values?.map((field) => `${field.name}: ${field.value}`).join(", ");
      const words = suggestion.text ?? fields ?? suggestion.title ?? suggestion.action?.label;
      if (!words) return;
      // The whole reply takes the place of its first sentence.
      document.getElementById(suggestion.id)?.remove();
      const used = document.createElement("button");
      used.id = suggestion.id;
      used.textContent = words;
      used.onclick = async () => {
        // The host takes the words over; what is learned from it goes to the server.
        this.dispatchEvent(new CustomEvent("use", { detail: suggestion, bubbles: true }));
        if (suggestion.kind !== "article") return;
        const headers = { Authorization: `Bearer ${key}`, "Content-Type": "application/json" };
        const body = JSON.stringify({ suggestion: suggestion.id, given: "used" });
        await fetch(`${place}/feedback`, { method: "POST", headers, body });
      };
      this.append(used);
    };
    for (const type of ["reply_begun", "suggestion"]) this.events.addEventListener(type, take);
    this.events.addEventListener("withdrawn", (message) => {
      document.getElementById(JSON.parse(message.data).suggestion)?.remove();
    });
  }

  disconnectedCallback() {
    this.events.close();
  }
}

customElements.define("attendant-suggestions", AttendantSuggestions);
