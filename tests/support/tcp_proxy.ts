/** An answer that is lost: the first with `holding` in it, on a connection that has asked something with `after` in it. */
export interface LostAnswer {
  readonly after: string;
  readonly holding: string;
}

/**
 * Stands between clients and a server on loopback, and does to them what networks do:
 *
 *     join  -> passes everything on (as it does from the start)
 *     cut   -> ends all connections and refuses new ones
 *     stall -> connections stay open, and nothing passes any more, as with a peer that is gone without a word
 *     flow  -> what was held back passes, and all that follows
 */
export class TcpProxy implements Disposable {
  readonly port: number;
  /** Milliseconds that everything is held back. */
  delay = 0;
  readonly #target: Deno.ConnectOptions;
  readonly #open = new Set<Deno.Conn>();
  #listener: Deno.Listener | undefined;
  #flowing = Promise.withResolvers<void>();
  #loss: (LostAnswer & { readonly lost: () => void }) | undefined;

  /** @param target `host:port` of the server. */
  constructor(target: string) {
    const [hostname, port] = target.split(":");
    this.#target = { hostname: hostname!, port: Number(port) };
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.port = (this.#listener.addr as Deno.NetAddr).port;
    this.#flowing.resolve();
    this.#accept(this.#listener);
  }

  /** Ends all connections and refuses new ones. */
  cut(): void {
    this.#listener?.close();
    this.#listener = undefined;
    this.reset();
  }

  join(): void {
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: this.port });
    this.#accept(this.#listener);
  }

  /** Ends all connections; new ones are taken. */
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

  /** Loses one answer, and with it the connection. Resolves when that has happened: the server has done what it was asked. */
  lose(answer: LostAnswer): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#loss = { ...answer, lost: resolve };
    return promise;
  }

  [Symbol.dispose](): void {
    this.cut();
    this.flow();
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
      this.#open.add(server);
      let asked: LostAnswer | undefined;
      const ask = (bytes: Uint8Array) => {
        if (this.#loss && holds(bytes, this.#loss.after)) asked = this.#loss;
        return true;
      };
      const answer = (bytes: Uint8Array) => {
        if (!this.#loss || asked !== this.#loss || !holds(bytes, asked.holding)) return true;
        this.#loss.lost();
        this.#loss = undefined;
        return false;
      };
      await Promise.allSettled([this.#pass(client, server, ask), this.#pass(server, client, answer)]);
      this.#open.delete(server);
    } catch {
      // The server refuses connections.
      close(client);
    }
    this.#open.delete(client);
  }

  /** Passes bytes on until one side ends, or `look` says that they are lost; then both sides end. */
  async #pass(from: Deno.Conn, to: Deno.Conn, look: (bytes: Uint8Array) => boolean): Promise<void> {
    const buffer = new Uint8Array(64 * 1024);
    try {
      for (let count = await from.read(buffer); count !== null; count = await from.read(buffer)) {
        await this.#flowing.promise;
        if (this.delay > 0) await new Promise((resolve) => setTimeout(resolve, this.delay));
        if (!look(buffer.subarray(0, count))) break;
        for (let at = 0; at < count;) at += await to.write(buffer.subarray(at, count));
      }
    } finally {
      close(from);
      close(to);
    }
  }
}

/** Texts are short, and stand at the start of a message: that one is split over two reads does not happen on loopback. */
function holds(bytes: Uint8Array, text: string): boolean {
  return new TextDecoder("latin1").decode(bytes).includes(text);
}

function close(connection: Deno.Conn): void {
  try {
    connection.close();
  } catch {
    // It was closed already.
  }
}
