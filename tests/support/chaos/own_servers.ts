/** Servers that a scenario may stop: each is this test's own, on free ports, and removed with its data. */
import { startCassandra } from "../services/cassandra.ts";
import { startKafka } from "../services/kafka.ts";
import { startPostgres } from "../services/postgres.ts";
import type { OwnServer } from "../services/server.ts";

const starts = { kafka: startKafka, cassandra: startCassandra, postgres: startPostgres };

export type OwnRole = keyof typeof starts;

export class OwnServers implements AsyncDisposable {
  readonly #servers: readonly { readonly role: OwnRole; readonly server: OwnServer }[];
  readonly #folder: string;

  private constructor(
    servers: readonly { readonly role: OwnRole; readonly server: OwnServer }[],
    folder: string,
  ) {
    this.#servers = servers;
    this.#folder = folder;
  }

  /** @param dirs Where servers keep their data, if not in a temporary folder; such a folder has to be there. */
  static async start(
    roles: readonly OwnRole[],
    dirs: Partial<Record<OwnRole, string>> = {},
  ): Promise<OwnServers> {
    const folder = await Deno.makeTempDir({ prefix: "weir-chaos-servers-" });
    // Postgres may run as another user, who must get to its folder.
    await Deno.chmod(folder, 0o711);
    const cache = Deno.env.get("WEIR_TEST_CACHE") ||
      new URL("../../../.cache/services", import.meta.url).pathname;
    const { signal } = new AbortController();
    const started = await Promise.allSettled(roles.map(async (role) => {
      const dir = dirs[role] ?? `${folder}/${role}`;
      await Deno.mkdir(dir, { recursive: true });
      return { role, server: await starts[role]({ dir, cache, signal }) };
    }));
    const servers = new OwnServers(
      started.flatMap((each) => each.status === "fulfilled" ? [each.value] : []),
      folder,
    );
    const failed = started.find((each) => each.status === "rejected");
    if (!failed) return servers;
    await servers[Symbol.asyncDispose]();
    throw failed.reason;
  }

  of(role: OwnRole): OwnServer {
    return this.#servers.find((each) => each.role === role)!.server;
  }

  /** The addresses of those that were started. */
  get addresses(): Partial<Record<OwnRole, string>> {
    return Object.fromEntries(this.#servers.map(({ role, server }) => [role, server.address]));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#servers.map(({ server }) => server.stop()));
    await Deno.remove(this.#folder, { recursive: true });
  }
}
