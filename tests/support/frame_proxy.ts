import { type Passage, type Piece, severed, TcpProxy } from "./tcp_proxy.ts";

/** How a binary protocol cuts its stream into frames, and which answer belongs to which request. */
export interface Framing {
  /** Bytes at a frame's start that tell its size. */
  readonly headBytes: number;
  /** The size of the whole frame, in bytes. */
  readonly sizeOf: (head: DataView) => number;
  readonly request: (frame: DataView) => Request;
  /** The `id` of the request that a frame answers. */
  readonly answered: (frame: DataView) => number;
}

export interface Request {
  /** The protocol's number for this kind of request. */
  readonly kind: number;
  /** What its answer has, too: no other request that waits on the connection has the same. */
  readonly id: number;
}

/**
 * How an answer is lost: the connection ends in its place, or it never comes, while those to other requests do. The
 * request is done either way, and the client is not told.
 */
export type Loss = "cut" | "silence";

/** A way to a server that can lose the answer to a chosen request. */
export abstract class FrameProxy extends TcpProxy {
  /** How many answers were lost. */
  lost = 0;
  readonly #framing: Framing;
  readonly #armed = new Map<number, { after: number; readonly by: Loss; readonly lost: () => void }>();

  constructor(target: string, framing: Framing) {
    super(target);
    this.#framing = framing;
  }

  /** Loses the answer to the next request of a kind, after so many others of it. Resolves when it is lost. */
  protected loseAnswer(kind: number, by: Loss, after: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#armed.set(kind, { after, by, lost: resolve });
    return promise;
  }

  /** An answer as it is to go on. */
  protected answer(frame: Uint8Array, _kind: number | undefined): Uint8Array {
    return frame;
  }

  protected override passage(): Passage {
    const asked = new Map<number, { readonly kind: number; readonly lose?: (() => Piece[]) | undefined }>();
    const ask = (frame: Uint8Array): Piece[] => {
      const { kind, id } = this.#framing.request(viewOf(frame));
      asked.set(id, { kind, lose: this.#take(kind) });
      return [frame];
    };
    const answer = (frame: Uint8Array): Piece[] => {
      const id = this.#framing.answered(viewOf(frame));
      const request = asked.get(id);
      asked.delete(id);
      return request?.lose?.() ?? [this.answer(frame, request?.kind)];
    };
    return { ask: framed(this.#framing, ask), answer: framed(this.#framing, answer) };
  }

  /** What loses the answer to the request that has just come, if it is the one. */
  #take(kind: number): (() => Piece[]) | undefined {
    const armed = this.#armed.get(kind);
    if (!armed || armed.after-- > 0) return undefined;
    this.#armed.delete(kind);
    return () => {
      this.lost++;
      armed.lost();
      return armed.by === "cut" ? [severed] : [];
    };
  }
}

/** Gives whole frames to `change`, however the bytes come. */
function framed(
  { headBytes, sizeOf }: Framing,
  change: (frame: Uint8Array) => Piece[],
): (bytes: Uint8Array) => Piece[] {
  let held = new Uint8Array();
  return (come) => {
    const bytes = new Uint8Array(held.length + come.length);
    bytes.set(held);
    bytes.set(come, held.length);
    const pieces: Piece[] = [];
    let at = 0;
    while (bytes.length - at >= headBytes) {
      const end = at + sizeOf(viewOf(bytes.subarray(at, at + headBytes)));
      if (end > bytes.length) break;
      pieces.push(...change(bytes.subarray(at, end)));
      at = end;
    }
    held = bytes.slice(at);
    return pieces;
  };
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}
