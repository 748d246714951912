import type { TopicSink } from "../pipeline.ts";
import type { ProducedRecord } from "../record.ts";
import type { Sink } from "../stream.ts";
import type { TestDeadLetter, WrittenRecord } from "./test_pipeline.ts";

/** A record as the topic's readers get it. */
export function readWritten(sink: Sink<never>, { key, value }: ProducedRecord): WrittenRecord {
  return { key: text(key), value: (sink as TopicSink<never>).codec!.decode(value!) };
}

/** A dead letter with what its headers say, see `src/runtime/dead_letter.ts`. */
export function readDeadLetter({ value, headers }: ProducedRecord): TestDeadLetter {
  const header = (name: string) => text(headers.find((each) => each.key === `weir.${name}`)?.value ?? null);
  const number = (name: string) => header(name) === null ? null : Number(header(name));
  return {
    stage: header("stage") ?? "",
    reason: header("error") ?? "",
    bytes: value,
    text: text(value),
    key: header("key"),
    topic: header("topic"),
    partition: number("partition"),
    offset: number("offset"),
  };
}

function text(bytes: Uint8Array | null): string | null {
  return bytes && new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
}
