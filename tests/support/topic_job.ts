/** A pipeline from a topic to topics on a real Kafka, and its output as another program reads it. */
import { Buffer } from "node:buffer";
import type { Kafka } from "kafkajs";
import { readCommitted } from "./committed_records.ts";
import { service, uniqueName } from "./env.ts";
import { makeTopic, otherClient } from "./other_client.ts";
import { createDatabase, type TestDatabase } from "./postgres_database.ts";
import { startWeir, type WeirProcess } from "./weir_process.ts";

const main = new URL("../../main.ts", import.meta.url).pathname;
const api = new URL("../../src/mod.ts", import.meta.url).href;

export interface TopicJobOptions {
  readonly client: "kafkajs" | "platformatic";
  /** Partitions of the source. */
  readonly partitions: number;
}

/** True when both servers are there. */
export const haveTopicServers = service("kafka") !== undefined && service("postgres") !== undefined;

/** The pipeline writes each record's origin to a table and to a topic, or to several. */
export class TopicJob implements AsyncDisposable {
  readonly source = uniqueName("topic_job");
  readonly #kafka: Kafka;
  readonly #folder: string;
  readonly database: TestDatabase;
  readonly #options: TopicJobOptions;

  private constructor(kafka: Kafka, folder: string, database: TestDatabase, options: TopicJobOptions) {
    this.#kafka = kafka;
    this.#folder = folder;
    this.database = database;
    this.#options = options;
  }

  static async open(options: TopicJobOptions): Promise<TopicJob> {
    const kafka = await otherClient();
    const folder = await Deno.makeTempDir({ prefix: "weir-topics-" });
    const job = new TopicJob(kafka, folder, await createDatabase(service("postgres")!), options);
    await job.createTopic(job.source, options.partitions);
    return job;
  }

  get output(): string {
    return `${this.source}.out`;
  }

  /** The pipeline as it is to run from now on. `operate` is a function of the origin and the value, in TypeScript. */
  async write({ topics = [this.output], operate = "" } = {}): Promise<void> {
    const outputs = topics.map((name) =>
      `origins.to(topic("${name}", { key: (row) => row.split(" ")[0], codec: text(), partitions: 2 })),`
    );
    await Deno.writeTextFile(
      `${this.#folder}/job.ts`,
      `import { kafka, map, pipeline, postgresTable, text, topic } from ${JSON.stringify(api)};
       ${operate || "const operate = (origin: string, _value: string) => origin;"}
       export default pipeline("job", {
         source: kafka("${this.source}", { group: "${this.source}", codec: text(), partitions: ${this.#options.partitions} }),
         outputs: (stream) => {
           const origins = stream.pipe(map((value, record) => operate(record.partition + " " + record.offset, value)));
           return [
             ${outputs.join("\n")}
             origins.pipe(map((id) => ({ id }))).to(postgresTable("origins", { columns: { id: "text" }, key: ["id"] })),
           ];
         },
       });`,
    );
  }

  start(flags: readonly string[] = [], broker = service("kafka")!): WeirProcess {
    return startWeir({
      command: [Deno.execPath(), "run", "--allow-all", main, "run", `${this.#folder}/job.ts`, ...flags],
      // Several processes may run at once; what is embedded is not used.
      dataDir: `${this.#folder}/${uniqueName("data")}`,
      env: this.#env(broker),
    });
  }

  /** Runs another command on the pipeline. */
  async run(...args: string[]): Promise<string> {
    const { code, output } = await this.attempt(args);
    if (code !== 0) throw new Error(output);
    return output;
  }

  /** Runs another command, which may come to any end. */
  async attempt(
    args: readonly string[],
    env: Record<string, string> = {},
  ): Promise<{ code: number; signal: Deno.Signal | null; output: string }> {
    const { code, signal, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--allow-all", main, ...args, `${this.#folder}/job.ts`],
      env: { ...this.#env(service("kafka")!), ...env },
    }).output();
    return { code, signal, output: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr) };
  }

  async createTopic(topic: string, numPartitions: number): Promise<void> {
    const admin = this.#kafka.admin();
    await admin.connect();
    await makeTopic(admin, { topic, numPartitions });
    await admin.disconnect();
  }

  /** So many records for each partition of the source; `value` gives their text. */
  async produce(perPartition: number, value: (n: number) => string = (n) => `${n}`): Promise<void> {
    // A new topic's broker may refuse a partition of a request, and kafkajs sends all of them again.
    const producer = this.#kafka.producer({ idempotent: true });
    await producer.connect();
    for (let at = 0; at < perPartition; at += 1_000) {
      const count = Math.min(1_000, perPartition - at);
      const messages = Array.from(
        { length: this.#options.partitions },
        (_, partition) =>
          Array.from({ length: count }, (_, n) => ({ partition, value: Buffer.from(value(at + n)) })),
      ).flat();
      await producer.send({ topic: this.source, messages });
    }
    await producer.disconnect();
  }

  /** What a `read_committed` reader sees in a topic, by source partition, in the order of the output's partition. */
  async read(topic: string = this.output): Promise<Map<number, number[]>> {
    const found = new Map<number, number[]>();
    for (const { value } of await readCommitted(topic)) {
      const [partition, offset] = value!.toString().trim().split(" ").map(Number);
      if (!found.has(partition!)) found.set(partition!, []);
      found.get(partition!)!.push(offset!);
    }
    return found;
  }

  /** The dead letters: key, value and stage of each. */
  async letters(): Promise<string[]> {
    const read = await readCommitted(`${this.source}.dead-letter`);
    return read.map(({ key, value, headers }) => `${key} ${value} ${headers.get("weir.stage")}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.database.drop();
    await Deno.remove(this.#folder, { recursive: true });
  }

  #env(broker: string): Record<string, string> {
    return { KAFKA_BROKERS: broker, KAFKA_CLIENT: this.#options.client, DATABASE_URL: this.database.url };
  }
}

/** All offsets from one on up to and without another. */
export function offsets(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}
