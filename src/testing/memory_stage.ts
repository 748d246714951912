import type { Pipeline } from "../pipeline.ts";
import { Dispatcher } from "./dispatcher.ts";
import type { MemoryLog } from "./memory_log.ts";
import type { MemoryTables } from "./memory_tables.ts";
import { MemoryWarehouse } from "./memory_warehouse.ts";
import { SourceTopic } from "./source_topic.ts";
import type { SentRecord } from "./test_pipeline.ts";

export interface MemoryStageOptions<T> {
  readonly plan: Pipeline<T>;
  /** Of the topic that it reads. */
  readonly partitions: number;
  readonly log: MemoryLog;
  readonly tables: MemoryTables;
  readonly now: () => number;
}

/** One of a pipeline's plans on stores in memory, and the topic that it reads. */
export class MemoryStage<T = unknown> {
  readonly plan: Pipeline<T>;
  readonly topic: SourceTopic<T>;
  readonly warehouse = new MemoryWarehouse();
  readonly dispatcher: Dispatcher;
  readonly #log: MemoryLog;
  readonly #now: () => number;
  /** How many of the records that were written to its topic it has taken. */
  #taken = 0;

  constructor({ plan, partitions, log, tables, now }: MemoryStageOptions<T>) {
    this.plan = plan;
    this.topic = new SourceTopic(plan.source, partitions);
    const services = { log, tables, warehouse: this.warehouse };
    this.dispatcher = new Dispatcher({ plan, partitions, services, now });
    this.#log = log;
    this.#now = now;
  }

  /** The records that came too late for a window or a state. */
  get late(): SentRecord[] {
    return this.dispatcher.late.map(({ partition, offset }) => this.topic.read(partition, offset));
  }

  /** Takes what the stage before has written to its topic. */
  async follow(): Promise<void> {
    const written = this.#log.records(this.plan.source.topic);
    const fresh = written.slice(this.#taken);
    this.#taken = written.length;
    await this.dispatcher.process(this.topic.write(fresh, this.#now()));
  }
}
