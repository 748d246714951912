// @ts-types="@types/pg"
import type { Connection, Submittable } from "pg";
import { messageHead } from "./protocol_message.ts";

/**
 * Statements in one simple-query message of Postgres's protocol, for a `pg` client to submit. The client's own query
 * and pg-copy-streams take one COPY a message; here each COPY is fed as the server comes to it, so that a whole
 * transaction costs one round trip and one more for each COPY.
 *
 * The methods named `handle...` are what the client calls on the query it is running.
 */
export class PostgresScript implements Submittable {
  readonly #text: string;
  readonly #copies: readonly (readonly Uint8Array[])[];
  readonly #tags: string[] = [];
  readonly #done = Promise.withResolvers<readonly string[]>();
  #copied = 0;

  constructor(text: string, copies: readonly (readonly Uint8Array[])[]) {
    this.#text = text;
    this.#copies = copies;
  }

  /** The statements' tags, once all are done; rejects with the error of the first that failed. */
  get tags(): Promise<readonly string[]> {
    return this.#done.promise;
  }

  submit(connection: Connection): void {
    connection.query(this.#text);
  }

  handleCopyInResponse({ stream }: Connection): void {
    // The rows are in memory already, so waiting for the socket to drain would save none.
    stream.cork();
    for (const chunk of this.#copies[this.#copied++] ?? []) {
      for (let at = 0; at < chunk.length; at += copyDataBytes) {
        const part = chunk.subarray(at, at + copyDataBytes);
        stream.write(messageHead("d", part.length));
        stream.write(part);
      }
    }
    stream.write(messageHead("c", 0));
    stream.uncork();
  }

  handleCommandComplete({ text }: { readonly text: string }): void {
    this.#tags.push(text);
  }

  handleReadyForQuery(): void {
    this.#done.resolve(this.#tags);
  }

  /** What the server still sends or takes of this message after an error is dropped on both sides. */
  handleError(error: Error): void {
    this.#done.reject(error);
  }

  handleRowDescription(): void {}
  handleDataRow(): void {}
  handlePortalSuspended(): void {}
  handleEmptyQuery(): void {}
}

/** How much one CopyData message takes, so that the server can start on the first while others are on their way. */
const copyDataBytes = 64 * 1024;
