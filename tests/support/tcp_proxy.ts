/** Stands between a client and a server on loopback, and can be cut and joined again at the same address. */
export class TcpProxy implements Disposable {
  readonly port: number;
  readonly #target: Deno.ConnectOptions;
  readonly #open = new Set<Deno.Conn>();
  #listener: Deno.Listener | undefined;

  /** @param target `host:port` of the server. */
  constructor(target: string) {
    const [hostname, port] = target.split(":");
    this.#target = { hostname: hostname!, port: Number(port) };
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.port = (this.#listener.addr as Deno.NetAddr).port;
    this.#accept(this.#listener);
  }

  /** Ends all connections and refuses new ones. */
  cut(): void {
    this.#listener?.close();
    this.#listener = undefined;
    for (const connection of this.#open) close(connection);
    this.#open.clear();
  }

  join(): void {
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: this.port });
    this.#accept(this.#listener);
  }

  [Symbol.dispose](): void {
    this.cut();
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
      await Promise.all([
        client.readable.pipeTo(server.writable),
        server.readable.pipeTo(client.writable),
      ]);
    } catch {
      // One of them ended, or the proxy was cut.
      close(client);
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
