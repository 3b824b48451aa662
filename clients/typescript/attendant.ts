// A client of attendant's HTTP API in one file, for browsers and Node. The types are generated from the server's own
// OpenAPI document (`npm run generate -- URL/openapi.json -o schema.ts`), so a call that does not fit does not compile.

import type { components, paths } from "./schema.js";

type Schemas = components["schemas"];
export type SessionView = Schemas["SessionView"];
export type SessionEvent = Schemas["SessionEvent"];

type Method = "get" | "post" | "put" | "delete";
type Operation<P extends keyof paths, M extends Method> = paths[P] extends Record<M, infer O> ? O : never;
type PathsWith<M extends Method> = { [P in keyof paths]: paths[P][M] extends object ? P : never }[keyof paths];
type BodyOf<O> = O extends { requestBody: { content: { "application/json": infer B } } } ? B : undefined;
type JsonOf<R> = R extends { content: { "application/json": infer A } } ? A : never;
type AnswerOf<O> = O extends { responses: infer R } ? JsonOf<R[keyof R & (200 | 201 | 202)]> : never;
type Values = Record<string, string | number | undefined>;

/** What the server refused (RFC 9457), or that it was not reached (`status` 0). */
export class AttendantError extends Error {
  constructor(readonly status: number, readonly kind: string, readonly retryable: boolean, detail: string) {
    super(detail);
  }
}

/** A numbered event; a `resync` tells how the conversation stands where events are gone. */
export type Told = { id: number; event: SessionEvent } | { id: number; resync: SessionView };

export class Attendant {
  constructor(private readonly url: string, private readonly key: string) {}

  /** One call. `path` holds the values of the path's braces, `query` those behind the question mark. */
  async call<M extends Method, P extends PathsWith<M>>(
    method: M,
    path: P,
    given: { path?: Values; query?: Values; body?: BodyOf<Operation<P, M>>; id?: string } = {},
  ): Promise<AnswerOf<Operation<P, M>>> {
    const response = await this.send(method, this.address(String(path), given), given.body, {
      ...(given.id ? { "Idempotency-Key": given.id } : {}),
    });
    const text = await response.text();
    return (text ? JSON.parse(text) : undefined) as AnswerOf<Operation<P, M>>;
  }

  /** Events of a conversation until it is over. A broken connection is taken up where it broke. */
  async *events(conversation: string, options: { after?: number; signal?: AbortSignal } = {}): AsyncGenerator<Told> {
    let last = options.after;
    for (let failures = 0; ; ) {
      try {
        const address = this.address("/v1/conversations/{id}/events", { path: { id: conversation }, query: { after: last } });
        const response = await this.send("get", address, undefined, {}, options.signal);
        if (response.status === 204 || !response.body) return;
        for await (const message of messages(response.body)) {
          failures = 0;
          last = message.id;
          const data = JSON.parse(message.data);
          yield message.event === "resync" ? { id: message.id, resync: data } : { id: message.id, event: data };
          if (data.type === "ended" || data.ended === true) return;
        }
      } catch (error) {
        if (options.signal?.aborted || (error instanceof AttendantError && !error.retryable)) throw error;
      }
      failures += 1;
      await new Promise((resolve) => setTimeout(resolve, Math.min(15_000, 250 * 2 ** failures)));
    }
  }

  private address(path: string, given: { path?: Values; query?: Values }): URL {
    const filled = path.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(String(given.path?.[name] ?? "")));
    const url = new URL(filled.replace(/^\//, ""), this.url.endsWith("/") ? this.url : `${this.url}/`);
    for (const [name, value] of Object.entries(given.query ?? {})) {
      if (value !== undefined) url.searchParams.set(name, String(value));
    }
    return url;
  }

  private async send(method: Method, url: URL, body: unknown, more: Record<string, string>, signal?: AbortSignal) {
    const headers: Record<string, string> = { Authorization: `Bearer ${this.key}`, ...more };
    if (body !== undefined) headers["Content-Type"] = "application/json";
    const options: RequestInit = { method: method.toUpperCase(), headers };
    if (body !== undefined) options.body = JSON.stringify(body);
    if (signal) options.signal = signal;
    const response = await fetch(url, options).catch((error: Error) => {
      throw signal?.aborted ? error : new AttendantError(0, "unreachable", true, error.message);
    });
    if (response.ok) return response;
    const problem = await response.json().catch(() => ({}));
    throw new AttendantError(response.status, problem.kind ?? "", problem.retryable ?? response.status >= 500,
      problem.detail ?? response.statusText);
  }
}

/** The messages of a `text/event-stream` body. */
async function* messages(body: ReadableStream<Uint8Array>) {
  const decoder = new TextDecoder();
  const reader = body.getReader();
  let text = "";
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      text += decoder.decode(value, { stream: true }).replaceAll("\r", "");
      for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
        const lines = text.slice(0, end).split("\n");
        text = text.slice(end + 2);
        const field = (name: string) =>
          lines.filter((line) => line.startsWith(`${name}:`)).map((line) => line.slice(name.length + 1).replace(/^ /, ""));
        const data = field("data").join("\n");
        if (data) yield { id: Number(field("id")[0] ?? 0), event: field("event")[0] ?? "message", data };
      }
    }
  } finally {
    // Whoever stops reading holds no connection open.
    await reader.cancel().catch(() => undefined);
  }
}
