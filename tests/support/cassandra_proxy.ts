import { FrameProxy, type Framing, type Loss } from "./frame_proxy.ts";

/** The opcodes of requests in Cassandra's native protocol. */
export const opcodes = { query: 0x07, execute: 0x0a, batch: 0x0d } as const;

/** A frame of version 4 has nine bytes and a body: version, flags, stream (int16), opcode, length of the body (int32). */
const framing: Framing = {
  headBytes: 9,
  sizeOf: (head) => 9 + head.getInt32(5),
  request: (frame) => ({ kind: frame.getUint8(4), id: frame.getInt16(2) }),
  answered: (frame) => frame.getInt16(2),
};

/** A way to a Cassandra that loses single answers. */
export class CassandraProxy extends FrameProxy {
  constructor(target: string) {
    super(target, framing);
  }

  /** Loses the answer to the next request of a kind, after so many others of it. Resolves when it is lost. */
  lose(request: keyof typeof opcodes, by: Loss, after = 0): Promise<void> {
    return this.loseAnswer(opcodes[request], by, after);
  }
}
