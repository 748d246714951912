import { gunzipSync } from "node:zlib";
import { decompressBy } from "./compression.ts";
import type { Decompress } from "./record_set.ts";

const gzip = 1;
const decompressGzip = decompressBy({ [gzip]: { decompressSync: (bytes) => gunzipSync(bytes) } });

/** What decompresses these codecs. kafkajs has gzip alone; what the others take is loaded when one of them is met. */
export async function loadDecompress(codecs: ReadonlySet<number>): Promise<Decompress> {
  if ([...codecs].every((codec) => codec === gzip)) return decompressGzip;
  const { compressionsAlgorithmsByBitmask } = await import("@platformatic/kafka");
  return decompressBy(compressionsAlgorithmsByBitmask);
}
