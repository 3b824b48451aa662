// Begins a chat, follows it, and prints what the human agent would be shown.
//   node dist/example.js URL KEY

import { Attendant, AttendantError } from "./attendant.js";

const [url = "http://127.0.0.1:8080", key = ""] = process.argv.slice(2);
const attendant = new Attendant(url, key);

const { conversation } = await attendant.call("post", "/v1/conversations", { body: { channel: "chat" } });
const path = { id: conversation.id };

// Followed from the first event on, so that nothing is missed between the calls.
const following = (async () => {
  for await (const told of attendant.events(conversation.id, { after: 0 })) {
    if ("resync" in told) continue;
    const event = told.event;
    if (event.type === "utterance_final") console.log(`${event.role}: ${event.text}`);
    if (event.type === "suggestion") console.log(`suggestion: ${event.kind}`);
  }
})();

const words = "Hello, I was charged twice this month. When will I have my money back?";
const id = crypto.randomUUID();
const say = { path, id, body: { role: "end_user", text: words } } as const;
await attendant.call("post", "/v1/conversations/{id}/utterances", say);
// Sent again with the same id, as after a lost answer, it counts once.
await attendant.call("post", "/v1/conversations/{id}/utterances", say);

const found = await attendant.call("post", "/v1/knowledge/search", { body: { query: "charged twice", limit: 3 } });
console.log(`articles: ${found.hits.length}`);

await attendant.call("post", "/v1/conversations/{id}/end", { path });
await following;

const view = await attendant.call("get", "/v1/conversations/{id}", { path });
console.log(`utterances: ${view.conversation.transcript.length}`);

try {
  await attendant.call("get", "/v1/conversations/{id}", { path: { id: "nobody" } });
} catch (error) {
  if (!(error instanceof AttendantError)) throw error;
  console.log(`refused: ${error.status} ${error.kind}`);
}
