import { describeError } from "../errors.ts";
import type { ServiceStatus } from "../status/snapshot.ts";
import type { Services } from "./stores.ts";
import { pause } from "./retry.ts";

const interval = 5_000;

/** Asks every service now and then how it is, for the status. */
export class ServiceMonitor {
  readonly #services: Services;
  #status: ServiceStatus[] = [];

  constructor(services: Services) {
    this.#services = services;
  }

  async check(): Promise<void> {
    const { log, tables, warehouse } = this.#services;
    this.#status = await Promise.all([
      settled("log", log.kind, () => log.describe()),
      settled("tables", tables.kind, async () => ({ detail: await tables.describe() })),
      settled("warehouse", warehouse.kind, async () => ({ detail: await warehouse.describe() })),
    ]);
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.check();
      await pause(interval, signal);
    }
  }

  status(): readonly ServiceStatus[] {
    return this.#status;
  }
}

async function settled(
  role: ServiceStatus["role"],
  kind: ServiceStatus["kind"],
  describe: () => Promise<{ detail: string; brokers?: number }>,
): Promise<ServiceStatus> {
  try {
    return { role, kind, state: "up", ...await describe() };
  } catch (error) {
    return { role, kind, state: "down", detail: describeError(error) };
  }
}
