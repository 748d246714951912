import { postgresAnswers } from "./answers.ts";
import { run } from "../commands.ts";
import { startContainer } from "./docker.ts";
import { freePort } from "./ports.ts";
import { findPostgres } from "./postgres_programs.ts";
import { startProcess } from "./process.ts";
import type { OwnServer, Room, Server } from "./server.ts";

/** A cluster of its own from the programs that are installed, else from npm's. User postgres, no password. */
export async function startPostgres(room: Room): Promise<OwnServer> {
  const bin = await findPostgres(room);
  const user = await unprivileged();
  const data = `${room.dir}/data`;
  await Deno.mkdir(data, { mode: 0o700 });
  if (user !== undefined) await Deno.chown(data, user.uid, user.gid);
  const cluster = ["-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"];
  await run(`${bin}/initdb`, cluster, { cwd: room.dir, signal: room.signal, ...user });
  const port = freePort();
  const settings = {
    port,
    listen_addresses: "127.0.0.1",
    unix_socket_directories: "",
    max_connections: 200,
  };
  const address = `postgres://postgres@127.0.0.1:${port}/postgres`;
  return await startProcess({
    name: "postgres",
    address,
    command: [
      `${bin}/postgres`,
      "-D",
      data,
      ...Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]),
    ],
    cwd: room.dir,
    ...(user !== undefined && { user }),
    // It has children and shared memory: "immediate" ends those too.
    stopWith: "SIGQUIT",
    answers: () => postgresAnswers(address),
  }, room);
}

/** The same, as a container. */
export function startPostgresContainer(signal: AbortSignal): Promise<Server> {
  const port = freePort();
  const address = `postgres://postgres@127.0.0.1:${port}/postgres`;
  return startContainer({
    name: "postgres",
    image: "postgres:17",
    ports: [port, 5432],
    env: { POSTGRES_HOST_AUTH_METHOD: "trust" },
    address,
    answers: () => postgresAnswers(address),
  }, signal);
}

/** Postgres refuses to run as root. For root: whom it runs as instead. For others: undefined. */
async function unprivileged(): Promise<{ uid: number; gid: number } | undefined> {
  if (Deno.uid() !== 0) return undefined;
  const accounts = (await Deno.readTextFile("/etc/passwd")).split("\n").map((line) => line.split(":"));
  const account = ["postgres", "nobody"].map((name) => accounts.find((fields) => fields[0] === name)).find(
    Boolean,
  );
  if (account === undefined) {
    throw new Error("Postgres refuses to run as root, and no account postgres or nobody is here");
  }
  return { uid: Number(account[2]), gid: Number(account[3]) };
}
