import assert from "node:assert/strict";
import { json, kafka, map, pipeline, postgresTable } from "weir";
import { RecordTooLarge } from "../../src/log/mod.ts";
import type { ProducedRecord } from "../../src/record.ts";
import { deliver } from "../../src/runtime/delivery.ts";
import { packRecords } from "../../src/packed_records.ts";
import { SinkMeter } from "../../src/runtime/sink_meter.ts";

const plan = pipeline("p", {
  source: kafka("t", { group: "g", codec: json("string") }),
  outputs: (stream) => [
    stream.pipe(map((id) => ({ id }))).to(postgresTable("texts", { columns: { id: "text" }, key: ["id"] })),
  ],
});

Deno.test("dead letters that are too large go without their values, and those beside them with theirs", async () => {
  const taken: ProducedRecord[] = [];
  const produce = (topic: string, records: readonly ProducedRecord[]): Promise<void> => {
    const sizeOf = ({ key, value }: ProducedRecord) => key!.length + (value?.length ?? 0);
    const large = records.find((record) => sizeOf(record) > 100);
    if (large) return Promise.reject(RecordTooLarge.forTopic(topic, sizeOf(large), large, undefined));
    taken.push(...records);
    return Promise.resolve();
  };
  const letter = (key: number, value: number) => ({
    key: new Uint8Array(key),
    value: new Uint8Array(value),
    headers: [],
  });
  // The last one's key alone is more than the topic takes.
  const letters = [letter(1, 10), letter(2, 200), letter(3, 30), letter(101, 0)];
  const meter = new SinkMeter("dead", "dead-letter");
  const output = { slices: [], outputs: [], deadLetters: packRecords(letters), busy: 0 };
  const refused = await deliver({ output, stopped: new AbortController() }, {
    plan,
    tables: { write: () => assert.fail("no table is written") },
    log: { produce },
    meters: [],
    deadLetterMeter: meter,
    now: () => 0,
  });
  assert.deepEqual(refused, []);
  assert.deepEqual(taken.map(({ key, value }) => [key!.length, value?.length]), [[1, 10], [2, undefined], [
    3,
    30,
  ]]);
  const [added] = taken[1]!.headers;
  assert.deepEqual([added!.key, new TextDecoder().decode(added!.value!)], [
    "weir.value-bytes-left-out",
    "200",
  ]);
});
