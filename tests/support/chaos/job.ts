import { run } from "../commands.ts";
import { service, uniqueName } from "../env.ts";
import { createDatabase, type TestDatabase } from "../postgres_database.ts";
import type { Seeded } from "../seeded.ts";
import { programEnv, startWeir, type WeirProcess } from "../weir_process.ts";
import type { Given } from "./good_records.ts";
import { checkOrders, type Found } from "./invariants.ts";
import { KafkaClient } from "./kafka_client.ts";
import { orderPipeline } from "./order_pipeline.ts";
import { closingOrder, randomOrder, type Sent, windowMs } from "./orders.ts";
import { type Position, PositionWatch } from "./position_watch.ts";
import { until } from "./until.ts";

const main = new URL("../../../main.ts", import.meta.url).pathname;
const api = new URL("../../../src/mod.ts", import.meta.url).href;

/** Where the servers are: `host:port`, `host:port`, `postgres://...`. */
export interface Addresses {
  readonly kafka: string;
  readonly cassandra: string;
  readonly postgres: string;
}

/** True when the tests have all three servers, and /proc to look at processes. */
export const haveServers = Deno.build.os === "linux" && service("kafka") !== undefined &&
  service("cassandra") !== undefined &&
  service("postgres") !== undefined;

export function sharedServers(): Addresses {
  return { kafka: service("kafka")!, cassandra: service("cassandra")!, postgres: service("postgres")! };
}

export interface JobOptions {
  readonly random: Seeded;
  /** Default: the servers that all tests share. */
  readonly servers?: Addresses;
  /** Default: 4. */
  readonly partitions?: number;
  /**
   * How far behind orders may be before their windows close, in milliseconds. A partition that is idle or has no owner is
   * behind for as long as its processes do not know each other's state, and nothing may be late. Default: five minutes.
   */
  readonly latenessMs?: number;
}

export interface ProcessOptions {
  /** See `src/runtime/failpoints.ts`. */
  readonly failpoint?: string;
  /** Default: kafkajs. */
  readonly client?: "kafkajs" | "platformatic";
  /** Where the process is to find servers, if not where they are: through proxies. */
  readonly through?: Partial<Addresses>;
  /** Flags of `weir run`. */
  readonly flags?: readonly string[];
}

/** One job of its own under test: a topic, a keyspace, a database, and what is known about them. */
export class Job implements AsyncDisposable {
  readonly positions: PositionWatch;
  /** Its processes that have not ended. */
  readonly running = new Set<WeirProcess>();
  /** How many processes it has had. */
  started = 0;
  #ids = 0;

  private constructor(
    readonly name: string,
    readonly servers: Addresses,
    readonly random: Seeded,
    readonly kafka: KafkaClient,
    readonly database: TestDatabase,
    readonly folder: string,
    readonly latenessMs: number,
  ) {
    this.positions = new PositionWatch(database, name);
  }

  static async open(options: JobOptions): Promise<Job> {
    const { random, servers = sharedServers(), partitions = 4, latenessMs = 300_000 } = options;
    const name = uniqueName("chaos");
    const kafka = await KafkaClient.connect(servers.kafka);
    await kafka.createTopic(name, partitions);
    const folder = await Deno.makeTempDir({ prefix: "weir-chaos-" });
    await Deno.writeTextFile(
      `${folder}/orders.ts`,
      orderPipeline({ name, partitions, latenessMs, api }),
    );
    const database = await createDatabase(servers.postgres);
    return new Job(name, servers, random, kafka, database, folder, latenessMs);
  }

  get output(): string {
    return `${this.name}.out`;
  }

  /** Where each update of the windows goes. */
  get updates(): string {
    return `${this.name}.shops`;
  }

  /** Where each window goes when it has closed. */
  get closed(): string {
    return `${this.name}.closed`;
  }

  /** Where the orders of each shop are together, in one partition. */
  get byShop(): string {
    return `${this.name}.by-shop`;
  }

  /** Where the orders of each shop go with their numbers. */
  get numbered(): string {
    return `${this.name}.numbered`;
  }

  get deadLetters(): string {
    return `${this.name}.dead-letter`;
  }

  /** Starts a process of the job. */
  start({ failpoint, client, through = {}, flags = [] }: ProcessOptions = {}): WeirProcess {
    const weir = startWeir({
      command: [...this.#weir, "run", `${this.folder}/orders.ts`, ...flags],
      dataDir: `${this.folder}/data`,
      env: {
        ...this.#env(through),
        ...(client && { KAFKA_CLIENT: client }),
        ...(failpoint !== undefined && { WEIR_TEST_FAILPOINT: failpoint }),
      },
    });
    this.started++;
    this.running.add(weir);
    weir.ended.then(() => this.running.delete(weir));
    return weir;
  }

  /** Runs a command of the command line on the job, which has to succeed. */
  async command(...args: readonly string[]): Promise<void> {
    const [program, ...first] = this.#weir;
    await run(program, [...first, ...args], { clearEnv: true, env: { ...programEnv(), ...this.#env({}) } });
  }

  /** So many random records, each with an id of its own. */
  orders(count: number): Sent[] {
    return Array.from({ length: count }, () => randomOrder(this.random, `order ${this.#ids++}`));
  }

  async produce(records: readonly Sent[]): Promise<void> {
    await this.kafka.produce(this.name, records);
  }

  /**
   * Closes all windows that there are orders for, by orders that are so much later. All others are waited for first: those
   * of a partition that nobody has for a moment would be too late.
   */
  async closeWindows(): Promise<void> {
    await this.caughtUp();
    const timestamp = Date.now() + this.latenessMs + windowMs;
    const partitions = [...(await this.kafka.ends(this.name)).keys()];
    await this.produce(
      partitions.map((partition) => closingOrder(`order ${this.#ids++}`, partition, timestamp)),
    );
  }

  /** Waits until every record that is in the topic now is in the warehouse, and all results have gone on from there. */
  async caughtUp(deadlineMs?: number): Promise<void> {
    await this.reached(await this.kafka.ends(this.name), deadlineMs);
    let waiting: string | null | undefined;
    await until("the outbox is empty", async () => {
      const [outbox] = await this.database.query("select count(*)::text as waiting from weir.outbox");
      waiting = outbox?.waiting;
      return waiting === "0";
    }, { deadlineMs, state: () => ({ waiting }) });
  }

  /** Waits until the positions are at these offsets, or beyond. */
  async reached(offsets: ReadonlyMap<number, number>, deadlineMs?: number): Promise<void> {
    let positions: readonly Position[] = [];
    await until("the warehouse is where it should be", async () => {
      positions = await this.positions.read();
      const next = new Map(positions.map((position) => [position.partition, position.next]));
      return [...offsets].every(([partition, offset]) => (next.get(partition) ?? 0) >= offset);
    }, { deadlineMs, state: () => ({ positions, offsets: [...offsets] }) });
  }

  /** Counts everything anew from the raw topic, or what is given of it; see {@linkcode checkOrders}. */
  async check(given?: Given): Promise<Found> {
    return await checkOrders(this, given);
  }

  async #dropKeyspace(): Promise<void> {
    const { Client } = await import("cassandra-driver");
    const client = new Client({
      contactPoints: [this.servers.cassandra],
      localDataCenter: "datacenter1",
      // It makes a snapshot first.
      socketOptions: { readTimeout: 60_000 },
    });
    try {
      await client.execute(`DROP KEYSPACE IF EXISTS ${this.name}`);
    } finally {
      await client.shutdown();
    }
  }

  get #weir(): readonly [string, ...string[]] {
    return [Deno.execPath(), "run", "--allow-all", main];
  }

  #env(through: Partial<Addresses>): Record<string, string> {
    const { kafka, cassandra, postgres } = { ...this.servers, ...through };
    const database = new URL(this.database.url);
    database.host = new URL(postgres).host;
    return {
      KAFKA_BROKERS: kafka,
      CASSANDRA_CONTACT_POINTS: cassandra,
      DATABASE_URL: database.href,
      // One is enough, and starts sooner.
      WEIR_WORKERS: "1",
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.positions.stop();
    const topics = [
      this.name,
      this.output,
      this.updates,
      this.closed,
      this.byShop,
      this.numbered,
      this.deadLetters,
    ];
    const present = await this.kafka.admin.listTopics();
    await this.kafka.admin.deleteTopics({ topics: topics.filter((topic) => present.includes(topic)) });
    await this.kafka[Symbol.asyncDispose]();
    await this.database.drop();
    await this.#dropKeyspace();
    await Deno.remove(this.folder, { recursive: true });
  }
}
