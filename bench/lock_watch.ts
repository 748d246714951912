import { Client } from "pg";
import { pause } from "./until.ts";

/** Milliseconds between two looks. */
const between = 20;

/** Looks again and again how many sessions of a database wait for a lock of another. */
export class LockWatch implements AsyncDisposable {
  readonly #client: Client;
  readonly #watching: Promise<void>;
  #stopped = false;
  #looks = 0;
  #waiting = 0;

  private constructor(client: Client) {
    this.#client = client;
    this.#watching = this.#watch();
    // Who asks for what was found is told.
    this.#watching.catch(() => {});
  }

  static async start(databaseUrl: string): Promise<LockWatch> {
    const client = new Client({ connectionString: databaseUrl });
    await client.connect();
    return new LockWatch(client);
  }

  /** Sessions that waited, on average, and deadlocks since the database was made. */
  async found(): Promise<{ readonly waitingSessions: number; readonly deadlocks: number }> {
    this.#stopped = true;
    await this.#watching;
    const { rows: [found] } = await this.#client.query(
      "select deadlocks::int from pg_stat_database where datname = current_database()",
    );
    return { waitingSessions: this.#waiting / this.#looks, deadlocks: found.deadlocks };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true;
    await this.#watching;
    await this.#client.end();
  }

  async #watch(): Promise<void> {
    while (!this.#stopped) {
      const { rows: [found] } = await this.#client.query(
        `select count(*)::int as waiting from pg_stat_activity
         where datname = current_database() and wait_event_type = 'Lock'`,
      );
      this.#waiting += found.waiting;
      this.#looks++;
      await pause(between);
    }
  }
}
