/** A way to a Kafka on loopback that loses single answers: the request is done, and nobody is told. */

/** The numbers of requests in Kafka's protocol. */
export const requestKeys = {
  produce: 0,
  initProducerId: 22,
  addOffsetsToTxn: 25,
  endTxn: 26,
  txnOffsetCommit: 28,
} as const;

export class KafkaProxy implements AsyncDisposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #target: { readonly hostname: string; readonly port: number };
  readonly #open = new Set<Deno.Conn>();
  readonly #done: Promise<void>;
  /** Of each kind of request: how many are passed on before the answer to one is lost. */
  readonly #armed = new Map<number, number>();
  /** How many answers were lost. */
  lost = 0;

  /** @param target `127.0.0.1:port` of the broker, as it is known to its clients. */
  constructor(target: string) {
    const [hostname, port] = target.split(":");
    this.#target = { hostname: hostname!, port: Number(port) };
    this.#done = this.#accept();
  }

  get address(): string {
    return `127.0.0.1:${this.#listener.addr.port}`;
  }

  /** Loses the answer to the next request of a kind, after so many others of it. */
  lose(request: keyof typeof requestKeys, after = 0): void {
    this.#armed.set(requestKeys[request], after);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const connection of this.#open) close(connection);
    await this.#done;
  }

  async #accept(): Promise<void> {
    const pairs: Promise<unknown>[] = [];
    for await (const client of this.#listener) {
      const server = await Deno.connect(this.#target);
      this.#open.add(client).add(server);
      pairs.push(this.#join(client, server));
    }
    await Promise.all(pairs);
  }

  async #join(client: Deno.Conn, server: Deno.Conn): Promise<void> {
    const unanswered = new Set<number>();
    const ask = (frame: Uint8Array) => {
      const view = new DataView(frame.buffer, frame.byteOffset);
      const key = view.getInt16(4);
      const left = this.#armed.get(key);
      if (left === 0) unanswered.add(view.getInt32(8));
      if (left !== undefined) left === 0 ? this.#armed.delete(key) : this.#armed.set(key, left - 1);
      return frame;
    };
    const answer = (frame: Uint8Array) => {
      if (unanswered.has(new DataView(frame.buffer, frame.byteOffset).getInt32(4))) {
        this.lost++;
        return undefined;
      }
      return this.#renamed(frame);
    };
    await Promise.allSettled([pass(client, server, ask), pass(server, client, answer)]);
    for (const connection of [client, server]) {
      close(connection);
      this.#open.delete(connection);
    }
  }

  /** Brokers tell where they are to be reached: here, the proxy. */
  #renamed(frame: Uint8Array): Uint8Array {
    const { hostname, port } = this.#target;
    const address = new Uint8Array([...new TextEncoder().encode(hostname), 0, 0, port >> 8, port & 255]);
    const here = this.#listener.addr.port;
    for (let at = frame.indexOf(address[0]!); at >= 0; at = frame.indexOf(address[0]!, at + 1)) {
      if (!address.every((byte, i) => frame[at + i] === byte)) continue;
      frame.set([here >> 8, here & 255], at + address.length - 2);
    }
    return frame;
  }
}

/** Passes frames on until one side ends or `change` gives nothing; then both sides end. */
async function pass(
  from: Deno.Conn,
  to: Deno.Conn,
  change: (frame: Uint8Array) => Uint8Array | undefined,
): Promise<void> {
  let held = new Uint8Array();
  const buffer = new Uint8Array(256 * 1024);
  try {
    for (let count = await from.read(buffer); count !== null; count = await from.read(buffer)) {
      const bytes = new Uint8Array(held.length + count);
      bytes.set(held);
      bytes.set(buffer.subarray(0, count), held.length);
      let at = 0;
      while (bytes.length - at >= 4) {
        const end = at + 4 + new DataView(bytes.buffer).getInt32(at);
        if (end > bytes.length) break;
        const frame = change(bytes.subarray(at, end));
        if (!frame) return;
        for (let sent = 0; sent < frame.length;) sent += await to.write(frame.subarray(sent));
        at = end;
      }
      held = bytes.slice(at);
    }
  } finally {
    close(from);
    close(to);
  }
}

function close(connection: Deno.Conn): void {
  try {
    connection.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  }
}
