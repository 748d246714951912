/** A way to a server that can be cut, to see what a client makes of a connection that breaks. */
export class SeveringProxy implements AsyncDisposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #open = new Set<Deno.Conn>();
  readonly #done: Promise<void>;
  #deaf = false;

  constructor(target: { readonly hostname: string; readonly port: number }) {
    this.#done = this.#accept(target);
  }

  get port(): number {
    return this.#listener.addr.port;
  }

  /** From now on what the server sends is lost, and with the first of it the connection is cut. */
  loseAnswers(): void {
    this.#deaf = true;
  }

  /** Lets answers of connections that are made from now on pass again. */
  restore(): void {
    this.#deaf = false;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const connection of this.#open) close(connection);
    await this.#done;
  }

  async #accept(target: Deno.ConnectOptions): Promise<void> {
    const pairs: Promise<void>[] = [];
    for await (const client of this.#listener) {
      const server = await Deno.connect(target);
      this.#open.add(client).add(server);
      pairs.push(this.#join(client, server));
    }
    await Promise.all(pairs);
  }

  async #join(client: Deno.Conn, server: Deno.Conn): Promise<void> {
    await Promise.allSettled([pass(client, server, () => false), pass(server, client, () => this.#deaf)]);
    for (const connection of [client, server]) {
      close(connection);
      this.#open.delete(connection);
    }
  }
}

/** Passes bytes on until one side ends or `cut` says so; then both sides end. */
async function pass(from: Deno.Conn, to: Deno.Conn, cut: () => boolean): Promise<void> {
  const buffer = new Uint8Array(64 * 1024);
  try {
    for (let count = await from.read(buffer); count !== null; count = await from.read(buffer)) {
      if (cut()) break;
      for (let at = 0; at < count;) at += await to.write(buffer.subarray(at, count));
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
