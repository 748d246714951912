/**
 * The embedded database: PGlite, which is Postgres in WebAssembly. It blocks the thread it is in, so it has one of
 * its own. Requests come one at a time, see `src/warehouse/pglite_protocol.ts`.
 *
 * Durability: PGlite hands every commit's write-ahead log to the operating system but never waits for the disk, as its
 * file system has no fsync. What was committed survives the end of the process, kill -9 included; after a power
 * failure or a crash of the machine the directory may be unusable.
 */
/// <reference lib="webworker" />
import type { PGlite } from "@electric-sql/pglite";
import {
  breakText,
  type PgliteFailure,
  type PgliteReply,
  type PgliteRequest,
} from "../src/warehouse/pglite_protocol.ts";

declare const self: DedicatedWorkerGlobalScope;

/** Postgres's default of 160 MB here is zeroed at the start, and so becomes resident; the system caches files too. */
const sharedBuffers = ["-c", "shared_buffers=16MB"];

/**
 * PGlite never makes a checkpoint by itself, so its write-ahead log would grow for ever. One is due after about this
 * many bytes of it, counted as what comes in and a page for each message; it takes some 40 ms.
 */
const checkpointBytes = 32 * 1024 * 1024;
const pageBytes = 8 * 1024;

let database: PGlite | undefined;
let bytesSinceCheckpoint = 0;

self.onmessage = async ({ data }: MessageEvent<PgliteRequest>) => {
  self.postMessage(await answer(data).catch(replyTo));
};

async function answer(request: PgliteRequest): Promise<PgliteReply> {
  if (request.kind === "open") {
    database = await open(request.directory);
    return { kind: "done" };
  }
  if (database === undefined) throw new Error("the embedded database is not open");
  switch (request.kind) {
    case "query": {
      const { rows } = await database.query<Record<string, unknown>>(request.text, [...request.parameters]);
      return { kind: "rows", rows };
    }
    case "run": {
      // PGlite hands the bytes to Postgres as a socket would, so COPY reads its rows from them.
      const { messages } = await database.execProtocol(request.messages);
      await checkpointWhenDue(database, request.messages.byteLength);
      return { kind: "tags", tags: messages.flatMap((message) => tagOf(message)) };
    }
    case "close":
      await database.close();
      database = undefined;
      return { kind: "done" };
  }
}

/** Opens the database in a directory; an empty one gets a new database, which is unpacked: to make one takes seconds. */
async function open(directory: string): Promise<PGlite> {
  const { PGlite } = await import("@electric-sql/pglite");
  const isNew = [...Deno.readDirSync(directory)].length === 0;
  return await PGlite.create({
    dataDir: directory,
    startParams: [...PGlite.defaultStartParams, ...sharedBuffers],
    ...(isNew && { loadDataDir: await newDatabase() }),
  });
}

async function newDatabase(): Promise<Blob> {
  const { dataDir } = await import("@electric-sql/pglite-prepopulatedfs");
  return await dataDir();
}

async function checkpointWhenDue(open: PGlite, bytes: number): Promise<void> {
  bytesSinceCheckpoint += bytes + pageBytes;
  if (bytesSinceCheckpoint < checkpointBytes || open.isInTransaction()) return;
  bytesSinceCheckpoint = 0;
  await open.exec("checkpoint");
}

function tagOf(message: { readonly name: string; readonly text?: string }): string[] {
  return message.name === "commandComplete" && message.text !== undefined ? [message.text] : [];
}

/** An error with an SQLSTATE is a statement's; after any other the state of the database is unknown. */
function replyTo(error: unknown): PgliteReply {
  const { message, code, detail, where } = error as Error & Partial<PgliteFailure>;
  if (typeof code !== "string" || !/^[0-9A-Z]{5}$/.test(code)) {
    return { kind: "broken", message: breakText(error) };
  }
  const optional = { ...(detail !== undefined && { detail }), ...(where !== undefined && { where }) };
  return { kind: "failed", error: { message, code, ...optional } };
}
