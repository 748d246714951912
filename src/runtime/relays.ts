import type { Log } from "../log/mod.ts";
import type { CassandraTable, Pipeline, TopicSink } from "../pipeline.ts";
import type { Tables } from "../sinks/mod.ts";
import type { Warehouse } from "../warehouse/mod.ts";
import { OutboxRelay } from "./outbox_relay.ts";
import type { OutputTables } from "./output_tables.ts";
import { isPassing, passedBy } from "./passing.ts";
import { refusal } from "./refused_result.ts";
import type { SinkMeter } from "./sink_meter.ts";
import { encodedBy, TableDelivery, TopicDelivery } from "./stream_delivery.ts";

export interface RelaysOptions {
  readonly plan: Pipeline;
  readonly services: {
    readonly log: Pick<Log, "produce" | "publisher" | "offsets">;
    readonly tables: Pick<Tables, "write">;
    readonly warehouse: Pick<Warehouse, "outbox">;
  };
  readonly tables: OutputTables;
  /** One per output of the pipeline, in order. */
  readonly meters: readonly SinkMeter[];
  readonly now: () => number;
  /** Holds the streams: what no other process has for its name. Default: a random one. */
  readonly holder?: string;
}

/** The relays of a pipeline's outputs whose results go from the warehouse to another place. */
export class Relays {
  readonly #relays: readonly OutboxRelay[];

  constructor({ plan, services, tables, meters, now, holder = crypto.randomUUID() }: RelaysOptions) {
    const { log, warehouse } = services;
    this.#relays = [...tables.streams].map(([output, stream]) => {
      const { sink } = plan.outputs[output]!;
      const refuse = refusal(log, plan.deadLetter, stream, sink.name);
      const passing = isPassing(plan, plan.outputs[output]!);
      const topicDelivery = (topic: TopicSink<never>) =>
        new TopicDelivery(log, topic, stream, passing ? passedBy(topic) : encodedBy(topic), refuse);
      const delivery = sink.kind === "topic"
        ? topicDelivery(sink as TopicSink<never>)
        : new TableDelivery(services.tables, sink as CassandraTable<never>, refuse);
      return new OutboxRelay({
        output,
        stream,
        holder,
        warehouse,
        tables,
        meter: meters[output]!,
        delivery,
        refuse,
        now,
      });
    });
  }

  /** There may be new results. */
  notify(): void {
    for (const relay of this.#relays) relay.notify();
  }

  /** Delivers all that waits now. */
  async relay(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#relays.map((relay) => relay.relay(signal)));
  }

  /** Runs until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#relays.map((relay) => relay.run(signal)));
  }
}
