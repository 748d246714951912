/** One answer of a server; the signal aborts when the server is closed. */
export type Answer = (request: Request, closed: AbortSignal) => Response | Promise<Response>;

/** An HTTP server on loopback that answers as it is told, one answer a request, and stands by the last one. */
export class ScriptedServer implements AsyncDisposable {
  readonly requests: URL[] = [];
  readonly #closing = new AbortController();
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  constructor(...answers: Answer[]) {
    const last = answers.at(-1)!;
    this.#server = Deno.serve(
      {
        hostname: "127.0.0.1",
        port: 0,
        onListen: () => {},
        onError: () => new Response(null, { status: 500 }),
      },
      async (request) => {
        this.requests.push(new URL(request.url));
        return await (answers.shift() ?? last)(request, this.#closing.signal);
      },
    );
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}/api/`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await this.#server.shutdown();
  }
}

export function answer(body: unknown, init?: ResponseInit): Answer {
  return () => new Response(typeof body === "string" ? body : JSON.stringify(body), init);
}

/** Takes the request and says nothing until the server closes. */
export const hang: Answer = (_request, closed) =>
  new Promise((resolve) => closed.addEventListener("abort", () => resolve(new Response(null))));

/** Sends the start of a body, and nothing more until the client gives up. */
export const stall: Answer = () =>
  new Response(
    new ReadableStream({
      start: (controller) => controller.enqueue(new TextEncoder().encode('{"results": [')),
    }),
  );

/** A server that promises more than it sends, then hangs up. */
export class BreakingServer implements Disposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  connections = 0;

  constructor() {
    this.#accept();
  }

  get url(): string {
    return `http://127.0.0.1:${this.#listener.addr.port}/api/`;
  }

  async #accept(): Promise<void> {
    for await (const connection of this.#listener) {
      this.connections++;
      await connection.read(new Uint8Array(4_096));
      await connection.write(
        new TextEncoder().encode('HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{"results": ['),
      );
      connection.close();
    }
  }

  [Symbol.dispose](): void {
    this.#listener.close();
  }
}
