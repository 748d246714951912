import net from "node:net";
import { clearTimeout, setTimeout } from "node:timers";
import tls from "node:tls";
import type { ISocketFactory } from "kafkajs";

interface OpenSocket {
  readonly socket: net.Socket;
  /** Where it goes: `host:port`. */
  readonly peer: string;
  /** When something came last, by the clock of `performance`. */
  heard: number;
}

/**
 * Makes kafkajs's sockets, as its own factory does, and ends one on which nothing has come for so many milliseconds since
 * it was written to. kafkajs 2.2.4 by itself lets a request time out and then sends the next one on the same connection:
 * when a broker is gone without a word, it asks for ever what nobody answers.
 *
 * What else is open to the same peer ends with it, unless something has come there meanwhile: a client has several
 * sockets, uses some of them rarely, and would find out about one after the other.
 */
export function answeredSockets(answerWithin: number): ISocketFactory {
  const open = new Set<OpenSocket>();
  return ({ host: encoded, port, ssl, onConnect }) => {
    const host = encoded.replaceAll(encodedColon, ":");
    const socket = ssl
      ? tls.connect({ host, port, ...(!net.isIP(host) && { servername: host }), ...ssl }, onConnect)
      : net.connect({ host, port }, onConnect);
    socket.setKeepAlive(true, 60_000);
    const each: OpenSocket = { socket, peer: `${host}:${port}`, heard: performance.now() };
    open.add(each);
    socket.on("close", () => open.delete(each));
    watch(each, answerWithin, (asked) => {
      for (const { socket, peer, heard } of open) {
        if (peer === each.peer && heard <= asked) {
          socket.destroy(new Error(`no answer within ${answerWithin} ms`));
        }
      }
    });
    return socket;
  };
}

const encodedColon = "%3A";

/** A `host:port` as kafkajs takes it apart: it cuts at the first colon, of which an IPv6 address has some. */
export function splittable(broker: string): string {
  return broker.replace(/^\[(.*)\]/, (_, address: string) => address.replaceAll(":", encodedColon));
}

/** @param silent Is told when the first request was sent that has had no answer for so long. */
function watch(each: OpenSocket, answerWithin: number, silent: (asked: number) => void): void {
  const { socket } = each;
  let late: ReturnType<typeof setTimeout> | undefined;
  const rest = () => {
    clearTimeout(late);
    late = undefined;
  };
  const { write } = socket;
  socket.write = ((...args: Parameters<typeof write>) => {
    late ??= setTimeout(silent, answerWithin, performance.now());
    return write.apply(socket, args);
  }) as typeof write;
  socket.on("data", () => {
    each.heard = performance.now();
    rest();
  });
  socket.on("close", rest);
}
