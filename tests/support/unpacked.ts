import { PackedReader } from "../../src/packed_records.ts";
import type { PackedRecords, SourceRecord } from "../../src/record.ts";

/** Packed records, one by one. */
export function unpacked(packed: PackedRecords): SourceRecord[] {
  const reader = new PackedReader(packed);
  return Array.from({ length: reader.count }, (_, i) => ({
    offset: reader.offset(i),
    timestamp: reader.timestamp(i),
    key: reader.key(i),
    value: reader.value(i),
    headers: reader.headers(i),
  }));
}
