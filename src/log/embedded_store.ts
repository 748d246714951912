import { Buffer } from "node:buffer";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import type { Offset, ProducedRecord, RecordHeader, SourceRecord } from "../record.ts";

const version = 2;

/** 128 random bits, as hexadecimal digits. */
const randomId = "lower(hex(randomblob(16)))";

const schema = `
  create table topics (
    id integer primary key,
    name text not null unique,
    partitions integer not null,
    max_record_bytes integer not null,
    uuid text not null
  ) strict;
  create table records (
    topic integer not null,
    partition integer not null,
    "offset" integer not null,
    timestamp integer not null,
    key blob,
    value blob,
    headers text,
    primary key (topic, partition, "offset")
  ) strict, without rowid;
  create table positions (
    topic integer not null,
    consumer_group text not null,
    partition integer not null,
    "offset" integer not null,
    primary key (topic, consumer_group, partition)
  ) strict, without rowid;
  pragma user_version = ${version};
`;

/** From format 1, whose topics had no ids of their own. */
const addIds = `
  alter table topics add column uuid text not null default '';
  update topics set uuid = ${randomId};
  pragma user_version = ${version};
`;

/** A topic as the file holds it. */
export interface StoredTopic {
  readonly id: number;
  /** No other topic has it, in no other file. */
  readonly uuid: string;
  readonly partitions: number;
  /** Bytes of key, value and headers. */
  readonly maxRecordBytes: number;
  /** Of each partition: the offset that the next record will get. */
  readonly ends: Offset[];
}

/** Records for one topic. */
export interface Append {
  readonly topic: StoredTopic;
  readonly records: readonly ProducedRecord[];
  /** The partition of each. */
  readonly partitions: readonly number[];
}

/** A group's position. */
export interface StoredPosition {
  readonly topic: StoredTopic;
  readonly group: string;
  readonly partition: number;
  readonly offset: Offset;
}

interface TopicRow {
  readonly id: number;
  readonly uuid: string;
  readonly partitions: number;
  readonly max_record_bytes: number;
}

interface RecordRow {
  readonly offset: number;
  readonly timestamp: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: string | null;
}

const noHeaders: readonly RecordHeader[] = Object.freeze([]);

/**
 * The file of the embedded log. Records are on the disk (`synchronous = full`) when `write` returns: losing them to a
 * power cut would leave the warehouse with positions after the log's end. Positions only wait for the next record to
 * get there, since the warehouse has the ones that count.
 */
export class EmbeddedStore {
  readonly #db: DatabaseSync;
  readonly #append: StatementSync;
  readonly #read: StatementSync;
  readonly #setPosition: StatementSync;
  readonly #topics = new Map<string, StoredTopic>();

  /** Creates the file if there is none. Throws what SQLite says when it cannot be opened or is not ours. */
  constructor(file: string) {
    this.#db = new DatabaseSync(file, { timeout: 5_000 });
    try {
      this.#db.exec("pragma journal_mode = wal; pragma synchronous = full");
      const { user_version: found } = this.#db.prepare("pragma user_version").get() as {
        user_version: number;
      };
      if (found === 0) this.#transaction(() => this.#db.exec(schema));
      else if (found === 1) this.#transaction(() => this.#db.exec(addIds));
      else if (found !== version) {
        throw new Error(`it has format ${found}, and this program knows ${version}`);
      }
      this.#append = this.#db.prepare("insert into records values (?, ?, ?, ?, ?, ?, ?)");
      this.#setPosition = this.#db.prepare("insert or replace into positions values (?, ?, ?, ?)");
      this.#read = this.#db.prepare(
        `select "offset", timestamp, key, value, headers from records
         where topic = ? and partition = ? and "offset" >= ? order by "offset"`,
      );
    } catch (error) {
      this.#db.close();
      throw error;
    }
  }

  close(): void {
    this.#db.close();
  }

  topic(name: string): StoredTopic | undefined {
    const known = this.#topics.get(name);
    if (known) return known;
    const row = this.#db.prepare("select id, uuid, partitions, max_record_bytes from topics where name = ?")
      .get(name) as unknown as TopicRow | undefined;
    if (!row) return undefined;
    const { id, uuid, partitions, max_record_bytes: maxRecordBytes } = row;
    const last = this.#db.prepare(
      `select max("offset") as last from records where topic = ? and partition = ?`,
    );
    const ends = Array.from({ length: partitions }, (_, partition) => {
      const { last: offset } = last.get(id, partition) as { last: number | null };
      return offset === null ? 0 : offset + 1;
    });
    const topic = { id, uuid, partitions, maxRecordBytes, ends };
    this.#topics.set(name, topic);
    return topic;
  }

  createTopic(name: string, partitions: number, maxRecordBytes: number): void {
    this.#db.prepare(
      `insert into topics (name, partitions, max_record_bytes, uuid) values (?, ?, ?, ${randomId})`,
    ).run(name, partitions, maxRecordBytes);
  }

  /** Appends all records and sets all positions or, when it throws, none. Records without a time get `now`. */
  write(appends: readonly Append[], positions: readonly StoredPosition[], now: number): void {
    const ends = new Map(appends.map(({ topic }) => [topic, [...topic.ends]]));
    this.#transaction(() => {
      for (const { topic, records, partitions } of appends) {
        const next = ends.get(topic)!;
        for (const [i, { key, value, headers, timestamp = now }] of records.entries()) {
          const partition = partitions[i]!;
          const offset = next[partition]!++;
          this.#append.run(topic.id, partition, offset, timestamp, key, value, headersText(headers));
        }
      }
      for (const { topic, group, partition, offset } of positions) {
        this.#setPosition.run(topic.id, group, partition, offset);
      }
    });
    for (const [topic, next] of ends) topic.ends.splice(0, next.length, ...next);
  }

  /** The records from an offset on: up to `maxRecords`, and until they hold `maxBytes`. */
  read(
    topic: StoredTopic,
    partition: number,
    from: Offset,
    maxRecords: number,
    maxBytes: number,
  ): SourceRecord[] {
    const records: SourceRecord[] = [];
    let bytes = 0;
    for (const row of this.#read.iterate(topic.id, partition, from)) {
      const { offset, timestamp, key, value, headers } = row as unknown as RecordRow;
      records.push({
        offset,
        timestamp,
        key,
        value,
        headers: headers === null ? noHeaders : parseHeaders(headers),
      });
      bytes += (key?.length ?? 0) + (value?.length ?? 0);
      if (records.length >= maxRecords || bytes >= maxBytes) break;
    }
    return records;
  }

  earliest(topic: StoredTopic, partition: number): Offset {
    const first = this.#db.prepare(
      `select min("offset") as first from records where topic = ? and partition = ?`,
    );
    const { first: offset } = first.get(topic.id, partition) as { first: number | null };
    return offset ?? topic.ends[partition]!;
  }

  /** The first offset whose record has this timestamp or a later one, else the end. Looks through the partition. */
  offsetAt(topic: StoredTopic, partition: number, timestamp: number): Offset {
    const first = this.#db.prepare(
      `select "offset" as first from records where topic = ? and partition = ? and timestamp >= ?
       order by "offset" limit 1`,
    );
    const found = first.get(topic.id, partition, timestamp) as { first: number } | undefined;
    return found?.first ?? topic.ends[partition]!;
  }

  commit(topic: StoredTopic, group: string, positions: ReadonlyMap<number, Offset>): void {
    this.#db.exec("pragma synchronous = normal");
    try {
      this.#transaction(() => {
        for (const [partition, offset] of positions) {
          this.#setPosition.run(topic.id, group, partition, offset);
        }
      });
    } finally {
      this.#db.exec("pragma synchronous = full");
    }
  }

  committed(topic: StoredTopic, group: string): Map<number, Offset> {
    const rows = this.#db.prepare(
      `select partition, "offset" from positions where topic = ? and consumer_group = ?`,
    ).all(topic.id, group) as { partition: number; offset: number }[];
    return new Map(rows.map(({ partition, offset }) => [partition, offset]));
  }

  #transaction(work: () => void): void {
    this.#db.exec("begin immediate");
    try {
      work();
      this.#db.exec("commit");
    } catch (error) {
      if (this.#db.isTransaction) this.#db.exec("rollback");
      throw error;
    }
  }
}

/** Headers are rare: JSON of pairs, with the values in base64. */
function headersText(headers: readonly RecordHeader[]): string | null {
  if (headers.length === 0) return null;
  return JSON.stringify(
    headers.map(({ key, value }) => [key, value && Buffer.from(value).toString("base64")]),
  );
}

function parseHeaders(text: string): RecordHeader[] {
  const pairs = JSON.parse(text) as [string, string | null][];
  return pairs.map(([key, value]) => ({
    key,
    value: value === null ? null : new Uint8Array(Buffer.from(value, "base64")),
  }));
}
