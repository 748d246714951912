import { Buffer } from "node:buffer";
import type { Decompress } from "./record_set.ts";

/** Algorithms by the number of their codec, as @platformatic/kafka has them. */
export type Algorithms = Readonly<
  Record<string, { readonly decompressSync: (bytes: Buffer) => Uint8Array }>
>;

export function decompressBy(algorithms: Algorithms): Decompress {
  return (codec, { buffer, byteOffset, byteLength }) => {
    const algorithm = algorithms[codec];
    if (!algorithm) throw new Error(`records are compressed by codec ${codec}, which is not known`);
    return algorithm.decompressSync(Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength));
  };
}
