// The server's HTTP interface: requests, and the stream of a conversation's events.

import { tab } from "./store.js";

// The page may be mounted below a prefix; this file lies two folders below the server's root.
const ROOT = new URL("../../", import.meta.url);
const KEY = "attendant.key";
// A request that got no answer in this time is sent again; its id makes that safe.
const ANSWER_MS = 20_000;
// A longer wait that the server asks for is not waited out while somebody looks on.
const LONGEST_WAIT = 10_000;
// The server says something every 15 seconds unless it is set otherwise. A stream that is silent for longer is dead,
// whatever the network says: a laptop that slept, a router that forgot.
const SILENCE_MS = (Number(new URLSearchParams(location.search).get("silence")) || 60) * 1000;
const LONGEST_SILENCE = 600_000;

/** What the server, or the way to it, refused. */
export class ApiError extends Error {
  constructor(status, problem, wait = null) {
    super(problem.detail || problem.title || `HTTP ${status}`);
    this.status = status;
    // Milliseconds that the server asks to wait.
    this.wait = wait;
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
  tab.set(KEY, key);
  url.searchParams.delete("access_token");
  history.replaceState(null, "", url);
})();

export const accessKey = {
  get: () => tab.get(KEY),
  set: (key) => tab.set(KEY, key),
  forget: () => tab.forget(KEY),
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
    if (error.name === "AbortError" && signal?.aborted) throw error;
    throw new ApiError(0, { title: error.message });
  }
  if (!response.ok) {
    const seconds = Number(response.headers.get("Retry-After"));
    throw new ApiError(response.status, await problemOf(response), seconds > 0 ? seconds * 1000 : null);
  }
  return response;
}

/** One request; the answer's JSON, or null where it has none. */
export async function request(method, path, body, { within, ...options } = {}) {
  const response = await send(method, path, body, { ...options, signal: within && AbortSignal.timeout(within) });
  try {
    const text = await response.text();
    return text ? JSON.parse(text) : null;
  } catch (error) {
    throw new ApiError(0, { title: error.message });
  }
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

/** Sends what counts once an id until it is accepted or refused for good. */
export async function insist(method, path, body) {
  const id = inputId();
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await request(method, path, body, { id, within: ANSWER_MS });
    } catch (error) {
      if (!error.retryable || attempt >= 3) throw error;
      await pause(Math.min(error.wait ?? 400 * 2 ** attempt, LONGEST_WAIT));
    }
  }
}

/** Sends an input of a conversation. */
export const submit = (conversation, what, body) => insist("POST", of(conversation, what), body);

/** How a conversation stands. */
export const view = (conversation) => request("GET", of(conversation), undefined, { within: ANSWER_MS });

/** Waits until a conversation that ends has told all there is, its last note included. */
export async function settled(conversation, after) {
  const response = await send("GET", of(conversation, `events?after=${after}`));
  await response.text();
}

export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** How long to wait after so many failures. Spread, so that a server which comes back is not met by every desk at once. */
export const backoff = (failures, error) =>
  error?.wait ?? Math.min(15_000, 500 * 2 ** Math.min(failures, 5)) * (0.5 + Math.random() / 2);

/**
 * Follows a conversation until it ended, is stopped, or is gone. `take(id, type, data)` gets each event in order;
 * `tell(state)` hears "connecting", "live", "reconnecting" and "ended". `keyed` does what needs a key, and asks for one where
 * the server takes the old one no more. Read with `fetch` instead of `EventSource`: the key goes into a header and not into
 * an address, and we decide where to resume.
 */
export function follow(id, after, take, tell, keyed) {
  const stop = new AbortController();
  let last = after;
  let failures = 0;
  let refresh = null;
  let silence = SILENCE_MS;

  const read = async () => {
    const query = last === null ? "" : `?after=${last}`;
    const silent = new AbortController();
    let timer = null;
    const alive = () => {
      clearTimeout(timer);
      timer = setTimeout(() => {
        // Where the server is set to be silent for longer, this is the last time that it is taken for dead.
        silence = Math.min(silence * 2, LONGEST_SILENCE);
        silent.abort();
      }, silence);
    };
    const signal = AbortSignal.any([stop.signal, silent.signal]);
    try {
      const response = await keyed(() => {
        alive();
        return send("GET", of(id, `events${query}`), undefined, { signal });
      });
      // Over, and read to its end.
      if (response.status === 204) return true;
      tell("live");
      failures = 0;
      let ended = false;
      for await (const { event, data, eventId } of messages(response.body, alive)) {
        if (eventId !== "") last = Number(eventId);
        const parsed = JSON.parse(data);
        take(last, event, parsed);
        ended ||= parsed.type === "ended" || parsed.ended === true;
      }
      return ended;
    } finally {
      clearTimeout(timer);
    }
  };

  (async () => {
    tell("connecting");
    while (!stop.signal.aborted) {
      let why = null;
      try {
        if (await read()) return tell("ended");
      } catch (error) {
        if (stop.signal.aborted) return;
        // What is not there, or not for us, does not come back by asking again.
        if ([403, 404].includes(error.status)) return tell("offline", error);
        why = error;
      }
      if (stop.signal.aborted) return;
      failures += 1;
      tell("reconnecting");
      await Promise.race([pause(backoff(failures, why)), new Promise((resolve) => (refresh = resolve))]);
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

/** The messages of a `text/event-stream` body (WHATWG HTML, server-sent events). `alive` hears that something came. */
export async function* messages(body, alive = () => {}) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  let message = { event: "message", data: [], eventId: "" };
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    alive();
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
