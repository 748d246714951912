import { describeError } from "../errors.ts";
import { atOnce, type RecordContext } from "../operators/mod.ts";
import type { Pipeline } from "../pipeline.ts";
import type { Times } from "./carried_times.ts";
import { shown } from "../shown.ts";
import { Failure } from "./failure.ts";
import type { PackedReader } from "../packed_records.ts";

/** Makes values of records' bytes, by the source's codec, and finds their event times. */
export class RecordDecoder {
  /** The value of the latest record; a field, so that a record costs no object beside its context. */
  value: unknown;
  readonly #source: Pipeline["source"];

  constructor(source: Pipeline["source"]) {
    this.#source = source;
  }

  /**
   * Decodes a record's value into `value` and gives its context.
   *
   * @param times Those that it carries in its headers; undefined: its timestamp is both.
   * @throws {Failure} at the stage `decode` or `eventTime`.
   */
  decode(reader: PackedReader, i: number, partition: number, times: Times | undefined): RecordContext {
    this.#decodeValue(reader, i);
    const source = this.#source;
    const timestamp = times ? times.timestamp : reader.timestamp(i);
    const eventTime = times ? times.eventTime : timestamp;
    const context = { topic: source.topic, partition, offset: reader.offset(i), timestamp, eventTime };
    if (!source.eventTime) return context;
    let given: unknown;
    try {
      given = atOnce(source.eventTime(this.value as never, context));
    } catch (error) {
      throw new Failure("eventTime", describeError(error));
    }
    const time = given instanceof Date ? given.getTime() : given;
    if (typeof time !== "number" || !Number.isFinite(time)) {
      throw new Failure("eventTime", `it gave ${shown(given)}; give a Date, or milliseconds since 1970`);
    }
    context.eventTime = time;
    return context;
  }

  #decodeValue(reader: PackedReader, i: number): void {
    const { codec } = this.#source;
    try {
      const text = codec.decodeAscii && reader.ascii(i);
      if (text !== undefined) this.value = codec.decodeAscii!(text);
      else {
        const bytes = reader.value(i);
        if (bytes === null) throw new Error("the value is null");
        this.value = atOnce(codec.decode(bytes));
      }
    } catch (error) {
      throw new Failure("decode", describeError(error));
    }
  }
}
