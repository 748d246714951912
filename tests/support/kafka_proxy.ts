import { FrameProxy, type Framing, type Loss } from "./frame_proxy.ts";

/** The numbers of requests in Kafka's protocol. */
export const requestKeys = {
  produce: 0,
  initProducerId: 22,
  addOffsetsToTxn: 25,
  endTxn: 26,
  txnOffsetCommit: 28,
} as const;

/** Requests whose answers tell where brokers are: Metadata, FindCoordinator, DescribeCluster. */
const telling = [3, 10, 60];

/** A frame is a size (int32) and so many bytes; a request starts with key, version (int16) and id (int32), an answer with the id. */
const framing: Framing = {
  headBytes: 4,
  sizeOf: (head) => 4 + head.getInt32(0),
  request: (frame) => ({ kind: frame.getInt16(4), id: frame.getInt32(8) }),
  answered: (frame) => frame.getInt32(4),
};

/** A way to a Kafka on loopback that loses single answers. */
export class KafkaProxy extends FrameProxy {
  readonly #target: { readonly hostname: string; readonly port: number };

  /** @param target `127.0.0.1:port` of the broker, as it is known to its clients. */
  constructor(target: string) {
    super(target, framing);
    const [hostname, port] = target.split(":");
    this.#target = { hostname: hostname!, port: Number(port) };
  }

  /** Loses the answer to the next request of a kind, after so many others of it. Resolves when it is lost. */
  lose(request: keyof typeof requestKeys, after = 0, by: Loss = "cut"): Promise<void> {
    return this.loseAnswer(requestKeys[request], by, after);
  }

  /** Brokers tell where they are to be reached: here, the proxy. */
  protected override answer(frame: Uint8Array, kind: number | undefined): Uint8Array {
    if (kind === undefined || !telling.includes(kind)) return frame;
    const { hostname, port } = this.#target;
    const address = new Uint8Array([...new TextEncoder().encode(hostname), 0, 0, port >> 8, port & 255]);
    for (let at = frame.indexOf(address[0]!); at >= 0; at = frame.indexOf(address[0]!, at + 1)) {
      if (!address.every((byte, i) => frame[at + i] === byte)) continue;
      frame.set([this.port >> 8, this.port & 255], at + address.length - 2);
    }
    return frame;
  }
}
