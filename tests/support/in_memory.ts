import type { Log } from "../../src/log/mod.ts";
import type { ProducedRecord } from "../../src/record.ts";
import type { Warehouse } from "../../src/warehouse/mod.ts";

/** What is produced is kept, one list a write. `produce` can be replaced to fail or to wait. */
export class RecordingLog implements Pick<Log, "produce"> {
  readonly writes: { readonly topic: string; readonly records: readonly ProducedRecord[] }[] = [];
  /** Called before a write is kept. */
  before: () => Promise<void> = () => Promise.resolve();

  async produce(topic: string, records: readonly ProducedRecord[]): Promise<void> {
    await this.before();
    this.writes.push({ topic, records });
  }

  get records(): ProducedRecord[] {
    return this.writes.flatMap((write) => write.records);
  }
}

/** Gives each run once, to whoever asks first, as the warehouse of several processes does. */
export class RunLedger implements Pick<Warehouse, "takeRun"> {
  readonly taken = new Set<string>();
  asked = 0;

  takeRun(pipeline: string, scheduledAt: Date): Promise<boolean> {
    this.asked++;
    const run = `${pipeline} ${scheduledAt.toISOString()}`;
    if (this.taken.has(run)) return Promise.resolve(false);
    this.taken.add(run);
    return Promise.resolve(true);
  }
}
