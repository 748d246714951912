import { ServiceError } from "../errors.ts";
import { statusRoutes, type StatusRoutesOptions } from "./routes.ts";

/** The options of {@linkcode serveStatus}. */
export interface StatusServerOptions extends StatusRoutesOptions {
  /** The address to listen on: `127.0.0.1`, `::1`, `0.0.0.0`, or a name of this machine. */
  readonly host: string;
  /** 0 takes any that is free. */
  readonly port: number;
}

/** A status server that listens. */
export interface StatusServer {
  readonly address: { readonly host: string; readonly port: number };
  /** Where a browser finds it: `http://127.0.0.1:8080`. */
  readonly url: string;
  /** Stops listening, and resolves when the requests under way are answered, or cut off after a second. */
  close(): Promise<void>;
}

/** Milliseconds that requests under way get when the server closes. */
const closeTimeout = 1_000;

/**
 * Serves {@linkcode statusRoutes} over HTTP.
 *
 * @throws {ServiceError} when it cannot listen there: the port is in use, not allowed, or the address is not this
 * machine's.
 */
export function serveStatus(options: StatusServerOptions): Promise<StatusServer> {
  const closing = new AbortController();
  const cutOff = new AbortController();
  const routes = statusRoutes({ closing: closing.signal, ...options });
  return new Promise((resolve, reject) => {
    let server: Deno.HttpServer<Deno.NetAddr>;
    try {
      server = Deno.serve({
        hostname: options.host,
        port: options.port,
        signal: cutOff.signal,
        onListen: ({ hostname, port }) =>
          resolve({
            address: { host: hostname, port },
            url: `http://${reachable(hostname)}:${port}`,
            close: () => {
              closing.abort();
              return close(server, cutOff);
            },
          }),
      }, (request) => routes.fetch(request));
    } catch (cause) {
      reject(new ServiceError(listenProblem(options, cause), { cause }));
    }
  });
}

async function close(server: Deno.HttpServer<Deno.NetAddr>, cutOff: AbortController): Promise<void> {
  const timer = setTimeout(() => cutOff.abort(), closeTimeout);
  await server.shutdown();
  clearTimeout(timer);
}

/** A server that listens on every address is reached on loopback; IPv6 addresses stand in brackets. */
export function reachable(hostname: string): string {
  if (hostname === "0.0.0.0") return "127.0.0.1";
  if (hostname === "::") return "[::1]";
  return hostname.includes(":") ? `[${hostname}]` : hostname;
}

function listenProblem({ host, port }: StatusServerOptions, cause: unknown): string {
  if (cause instanceof Deno.errors.AddrInUse) {
    return `Port ${port} is already in use on ${host}; set STATUS_PORT or stop the other process`;
  }
  const why = cause instanceof Error ? cause.message : String(cause);
  return `Cannot serve the status on ${host}, port ${port}: ${why}; set STATUS_HOST or STATUS_PORT`;
}
