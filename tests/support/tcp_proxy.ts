/**
 * What becomes of the bytes of one connection. Each is given what has come, and gives the pieces that go on;
 * {@linkcode severed} in their place ends both sides.
 */
export interface Passage {
  readonly ask: (bytes: Uint8Array) => readonly Piece[];
  readonly answer: (bytes: Uint8Array) => readonly Piece[];
}

export const severed = Symbol("severed");
export type Piece = Uint8Array | typeof severed;

interface Pair {
  readonly client: Deno.Conn;
  readonly server: Deno.Conn;
  halfOpen: boolean;
}

/**
 * Stands between clients and a server on loopback, and does to them what networks do:
 *
 *     join      -> passes everything on (as it does from the start)
 *     cut       -> ends all connections and refuses new ones
 *     reset     -> ends all connections, and takes new ones
 *     stall     -> connections stay open, and nothing passes any more, as with a peer that is gone without a word
 *     flow      -> what was held back passes, and all that follows
 *     halveOpen -> connections that are open now are silent for ever, and their ends are told to nobody; new ones are fine
 */
export class TcpProxy implements Disposable {
  readonly port: number;
  /** Milliseconds that everything is held back. */
  delay = 0;
  readonly #target: Deno.ConnectOptions;
  readonly #open = new Set<Deno.Conn>();
  readonly #pairs = new Set<Pair>();
  #listener: Deno.Listener | undefined;
  #flowing = Promise.withResolvers<void>();

  /** @param target `host:port` of the server. */
  constructor(target: string) {
    const [hostname, port] = target.split(":");
    this.#target = { hostname: hostname!, port: Number(port) };
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.port = (this.#listener.addr as Deno.NetAddr).port;
    this.#flowing.resolve();
    this.#accept(this.#listener);
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  cut(): void {
    this.#listener?.close();
    this.#listener = undefined;
    this.reset();
  }

  join(): void {
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: this.port });
    this.#accept(this.#listener);
  }

  reset(): void {
    for (const connection of this.#open) close(connection);
    this.#open.clear();
  }

  stall(): void {
    this.#flowing = Promise.withResolvers();
  }

  flow(): void {
    this.#flowing.resolve();
  }

  halveOpen(): void {
    for (const pair of this.#pairs) pair.halfOpen = true;
  }

  [Symbol.dispose](): void {
    this.cut();
    this.flow();
  }

  /** What a new connection does to its bytes. Those that know a protocol lose messages of it. */
  protected passage(): Passage {
    return { ask: (bytes) => [bytes], answer: (bytes) => [bytes] };
  }

  async #accept(listener: Deno.Listener): Promise<void> {
    try {
      for await (const client of listener) this.#forward(client);
    } catch {
      // The listener was closed.
    }
  }

  async #forward(client: Deno.Conn): Promise<void> {
    this.#open.add(client);
    try {
      const server = await Deno.connect(this.#target);
      const pair: Pair = { client, server, halfOpen: false };
      this.#open.add(server);
      this.#pairs.add(pair);
      const { ask, answer } = this.passage();
      await Promise.allSettled([
        this.#pass(pair, client, server, ask),
        this.#pass(pair, server, client, answer),
      ]);
      this.#pairs.delete(pair);
      // The other side of one that is half open does not learn that this one has ended.
      if (!pair.halfOpen) this.#open.delete(server);
    } catch {
      // The server refuses connections.
      close(client);
    }
    this.#open.delete(client);
  }

  /** Passes bytes on until one side ends, or both are to end. */
  async #pass(pair: Pair, from: Deno.Conn, to: Deno.Conn, change: Passage["ask"]): Promise<void> {
    const buffer = new Uint8Array(64 * 1024);
    try {
      for (let count = await from.read(buffer); count !== null; count = await from.read(buffer)) {
        await this.#flowing.promise;
        if (this.delay > 0) await new Promise((resolve) => setTimeout(resolve, this.delay));
        if (pair.halfOpen) continue;
        for (const piece of change(buffer.subarray(0, count))) {
          if (piece === severed) return;
          for (let at = 0; at < piece.length;) at += await to.write(piece.subarray(at));
        }
      }
    } finally {
      if (!pair.halfOpen) {
        close(from);
        close(to);
      }
    }
  }
}

function close(connection: Deno.Conn): void {
  try {
    connection.close();
  } catch {
    // It was closed already.
  }
}
