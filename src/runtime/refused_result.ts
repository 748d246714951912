import { describeError } from "../errors.ts";
import { type Log, RecordTooLarge } from "../log/mod.ts";
import type { ProducedRecord, RecordHeader } from "../record.ts";
import { withoutValue } from "./dead_letter.ts";
import type { Refuse } from "./stream_delivery.ts";

/**
 * Makes dead letters of results that their sink will not take: as JSON, for there is no record that they could be read
 * from; one that is a record already goes with its own value. One that is too large for the dead letters, too, as it
 * mostly is if that is why it was refused, goes without its value: what follows it is not to wait for ever.
 */
export function refusal(log: Pick<Log, "produce">, topic: string, stream: string, sink: string): Refuse {
  const utf8 = new TextEncoder();
  const header = (name: string, value: string): RecordHeader => ({
    key: `weir.${name}`,
    value: utf8.encode(value),
  });
  return async (sequence, row, error) => {
    const json = JSON.stringify(row, (_, value) => typeof value === "bigint" ? String(value) : value);
    const letter: ProducedRecord = {
      key: utf8.encode(`${stream}-${sequence}`),
      value: row.value instanceof Uint8Array ? row.value : utf8.encode(json),
      headers: [header("stage", `write ${sink}`), header("error", describeError(error).slice(0, 2_000))],
    };
    try {
      await log.produce(topic, [letter]);
    } catch (cause) {
      if (!(cause instanceof RecordTooLarge)) throw cause;
      await log.produce(topic, [withoutValue(letter)]);
    }
  };
}
