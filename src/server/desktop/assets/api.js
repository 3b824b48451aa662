// The server's HTTP interface: requests, and the stream of a conversation's events.

// The page may be mounted below a prefix; this file lies two folders below the server's root.
const ROOT = new URL("../../", import.meta.url);
const KEY = "attendant.key";

/** What the server, or the way to it, refused. */
export class ApiError extends Error {
  constructor(status, problem) {
    super(problem.detail || problem.title || `HTTP ${status}`);
    this.status = status;
    this.kind = problem.kind || "";
    // No status: the request never arrived.
    this.retryable = problem.retryable ?? (status === 0 || status === 429 || status >= 500);
  }
}

// A key in the address would stay in the history and in logs, so it is moved at once. A tab of its own forgets it when
// it is closed.
(() => {
  const url = new URL(location.href);
  const key = url.searchParams.get("access_token");
  if (key === null) return;
  sessionStorage.setItem(KEY, key);
  url.searchParams.delete("access_token");
  history.replaceState(null, "", url);
})();

export const accessKey = {
  get: () => sessionStorage.getItem(KEY),
  set: (key) => sessionStorage.setItem(KEY, key),
  forget: () => sessionStorage.removeItem(KEY),
};

function headers(more) {
  const key = accessKey.get();
  return { ...(key ? { Authorization: `Bearer ${key}` } : {}), ...more };
}

async function problemOf(response) {
  try {
    return await response.json();
  } catch {
    return { title: response.statusText };
  }
}

async function send(method, path, body, { signal, id } = {}) {
  let response;
  try {
    response = await fetch(new URL(path, ROOT), {
      method,
      signal,
      cache: "no-store",
      headers: headers({
        ...(body === undefined ? {} : { "Content-Type": "application/json" }),
        ...(id ? { "Idempotency-Key": id } : {}),
      }),
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, { title: error.message });
  }
  if (!response.ok) throw new ApiError(response.status, await problemOf(response));
  return response;
}

/** One request; the answer's JSON, or null where it has none. */
export async function request(method, path, body, options) {
  const response = await send(method, path, body, options);
  const text = await response.text();
  return text ? JSON.parse(text) : null;
}

/** The path of a conversation, or of something in it. */
export const of = (id, what = "") => `v1/conversations/${encodeURIComponent(id)}${what && `/${what}`}`;

// An id for an input: sent again with the same one, it counts once. Works without a secure context too.
function inputId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

/** Sends an input until it is accepted or refused for good. Its id makes that safe. */
export async function submit(conversation, what, body) {
  const id = inputId();
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await request("POST", of(conversation, what), body, { id });
    } catch (error) {
      if (!error.retryable || attempt >= 3) throw error;
      await pause(400 * 2 ** attempt);
    }
  }
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * Follows a conversation until it ended, is stopped, or is gone. `take(id, type, data)` gets each event in order;
 * `tell(state)` hears "connecting", "live", "reconnecting" and "ended". Read with `fetch` instead of `EventSource`: the key
 * goes into a header and not into an address, and we decide where to resume.
 */
export function follow(id, after, take, tell) {
  const stop = new AbortController();
  let last = after;
  let failures = 0;
  let refresh = null;

  const read = async () => {
    const query = last === null ? "" : `?after=${last}`;
    const response = await send("GET", of(id, `events${query}`), undefined, { signal: stop.signal });
    // Over, and read to its end.
    if (response.status === 204) return true;
    tell("live");
    failures = 0;
    let ended = false;
    for await (const { event, data, eventId } of messages(response.body)) {
      if (eventId !== "") last = Number(eventId);
      const parsed = JSON.parse(data);
      take(last, event, parsed);
      ended ||= parsed.type === "ended" || parsed.ended === true;
    }
    return ended;
  };

  (async () => {
    tell("connecting");
    while (!stop.signal.aborted) {
      try {
        if (await read()) return tell("ended");
      } catch (error) {
        if (stop.signal.aborted) return;
        // What is not there, or not for us, does not come back by asking again.
        if ([401, 403, 404].includes(error.status)) return tell("offline", error);
      }
      if (stop.signal.aborted) return;
      failures += 1;
      tell("reconnecting");
      // Spread, so that a server which comes back is not met by every desk at once.
      const wait = Math.min(15_000, 500 * 2 ** Math.min(failures, 5)) * (0.5 + Math.random() / 2);
      await Promise.race([pause(wait), new Promise((resolve) => (refresh = resolve))]);
    }
  })();

  const online = () => refresh?.();
  addEventListener("online", online);
  return () => {
    removeEventListener("online", online);
    stop.abort();
    refresh?.();
  };
}

/** The messages of a `text/event-stream` body (WHATWG HTML, server-sent events). */
export async function* messages(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  let message = { event: "message", data: [], eventId: "" };
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const lines = (rest + value).split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop();
    for (const line of lines) {
      if (line === "") {
        if (message.data.length > 0) yield { ...message, data: message.data.join("\n") };
        message = { event: "message", data: [], eventId: "" };
        continue;
      }
      const colon = line.indexOf(":");
      if (colon === 0) continue;
      const field = colon < 0 ? line : line.slice(0, colon);
      const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
      if (field === "data") message.data.push(value);
      else if (field === "event") message.event = value;
      else if (field === "id") message.eventId = value;
    }
  }
}
