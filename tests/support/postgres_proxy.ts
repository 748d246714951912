import { type Passage, severed, TcpProxy } from "./tcp_proxy.ts";

/** An answer that is lost: the first with `holding` in it, on a connection that has asked something with `after` in it. */
export interface LostAnswer {
  readonly after: string;
  readonly holding: string;
}

/** A way to a server whose protocol is readable text at heart, that loses single answers: what was asked is done, and nobody is told. */
export class PostgresProxy extends TcpProxy {
  #loss: (LostAnswer & { readonly lost: () => void }) | undefined;

  /** @param url `postgres://...` of the server. */
  constructor(url: string) {
    super(new URL(url).host);
  }

  /** The server's URL by way of this; user and database have to be added. */
  get url(): string {
    return `postgres://${this.address}`;
  }

  /** Loses one answer, and with it the connection. Resolves when that has happened: the server has done what it was asked. */
  lose(answer: LostAnswer): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#loss = { ...answer, lost: resolve };
    return promise;
  }

  protected override passage(): Passage {
    let asked: LostAnswer | undefined;
    return {
      ask: (bytes) => {
        if (this.#loss && holds(bytes, this.#loss.after)) asked = this.#loss;
        return [bytes];
      },
      answer: (bytes) => {
        if (!this.#loss || asked !== this.#loss || !holds(bytes, asked.holding)) return [bytes];
        this.#loss.lost();
        this.#loss = undefined;
        return [severed];
      },
    };
  }
}

/** Texts are short, and stand at the start of a message: that one is split over two reads does not happen on loopback. */
function holds(bytes: Uint8Array, text: string): boolean {
  return new TextDecoder("latin1").decode(bytes).includes(text);
}
