import type { PgliteFailure, PgliteReply, PgliteRequest } from "./pglite_protocol.ts";
import { messageHead } from "./protocol_message.ts";
import type { SqlParameter, SqlRow } from "./sql_database.ts";

/** A database error, as it came from the worker. */
class PgliteError extends Error {
  override readonly name = "PgliteError";
  readonly code: string;
  readonly detail: string | undefined;
  readonly where: string | undefined;

  constructor({ message, code, detail, where }: PgliteFailure) {
    super(message);
    this.code = code;
    this.detail = detail;
    this.where = where;
  }
}

/** The worker that an embedded database runs in. Takes one request at a time; the caller sees to that. */
export class PgliteConnection {
  readonly #worker: Worker;
  #pending: PromiseWithResolvers<PgliteReply> | undefined;
  #broken: Error | undefined;

  private constructor() {
    const url = new URL("../../workers/warehouse_worker.ts", import.meta.url);
    this.#worker = new Worker(url, { type: "module", name: "warehouse" });
    this.#worker.onmessage = ({ data }: MessageEvent<PgliteReply>) =>
      this.#settle((each) => each.resolve(data));
    this.#worker.onerror = (event) => {
      // Without this an error in the worker would end the process.
      event.preventDefault();
      this.abandon(new Error(event.message));
    };
  }

  static async open(directory: string): Promise<PgliteConnection> {
    const connection = new PgliteConnection();
    try {
      await connection.#ask({ kind: "open", directory });
    } catch (error) {
      connection.abandon(error as Error);
      throw error;
    }
    return connection;
  }

  /** True once the database in the worker failed: open another connection. */
  get broken(): boolean {
    return this.#broken !== undefined;
  }

  async query(text: string, parameters: readonly SqlParameter[]): Promise<readonly SqlRow[]> {
    const reply = await this.#ask({ kind: "query", text, parameters });
    return reply.kind === "rows" ? reply.rows : [];
  }

  async run(text: string, copies: readonly (readonly Uint8Array[])[]): Promise<readonly string[]> {
    const messages = protocolMessages(text, copies);
    const reply = await this.#ask({ kind: "run", messages }, [messages.buffer]);
    return reply.kind === "tags" ? reply.tags : [];
  }

  async close(): Promise<void> {
    if (!this.broken) await this.#ask({ kind: "close" });
    this.#worker.terminate();
  }

  /** Gives the worker up; what it had not committed is lost, as if the process had ended. */
  abandon(reason: Error): void {
    this.#broken ??= reason;
    this.#worker.terminate();
    this.#settle((each) => each.reject(new Error("the embedded database failed", { cause: reason })));
  }

  async #ask(request: PgliteRequest, transfer: Transferable[] = []): Promise<PgliteReply> {
    if (this.#broken) throw new Error("the embedded database failed", { cause: this.#broken });
    this.#pending = Promise.withResolvers();
    this.#worker.postMessage(request, transfer);
    const reply = await this.#pending.promise;
    if (reply.kind === "failed") throw new PgliteError(reply.error);
    if (reply.kind === "broken") {
      this.abandon(new Error(reply.message));
      throw new Error(reply.message);
    }
    return reply;
  }

  #settle(how: (pending: PromiseWithResolvers<PgliteReply>) => void): void {
    const pending = this.#pending;
    this.#pending = undefined;
    if (pending) how(pending);
  }
}

/**
 * A simple query and the rows of its COPYs as messages of Postgres's protocol, copied into one buffer: the caller
 * keeps the rows, for a commit may have to be tried again.
 */
function protocolMessages(text: string, copies: readonly (readonly Uint8Array[])[]): Uint8Array<ArrayBuffer> {
  const query = new TextEncoder().encode(`${text}\0`);
  const parts = [messageHead("Q", query.length), query];
  for (const chunks of copies) {
    for (const chunk of chunks) parts.push(messageHead("d", chunk.length), chunk);
    parts.push(messageHead("c", 0));
  }
  const messages = new Uint8Array(parts.reduce((total, part) => total + part.length, 0));
  let at = 0;
  for (const part of parts) {
    messages.set(part, at);
    at += part.length;
  }
  return messages;
}
