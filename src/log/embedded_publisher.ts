import { Fenced } from "../errors.ts";
import type { Publication, Publisher } from "./mod.ts";

/** One process has the file, so the publishers of an id all know each other. */
export class EmbeddedPublisher implements Publisher {
  readonly #id: string;
  readonly #latest: Map<string, Publisher>;
  readonly #write: (publication: Publication) => void;

  /**
   * @param latest Of each id, the publisher that was opened last.
   * @param write Writes all of a publication, or throws.
   */
  constructor(id: string, latest: Map<string, Publisher>, write: (publication: Publication) => void) {
    this.#id = id;
    this.#latest = latest;
    this.#write = write;
  }

  // deno-lint-ignore require-await -- the port's
  async open(): Promise<void> {
    this.#latest.set(this.#id, this);
  }

  // deno-lint-ignore require-await -- what it throws is to be a rejection
  async publish(publication: Publication): Promise<void> {
    if (publication.cursors.length === 0) {
      throw new TypeError("Cannot publish without a cursor: give one at least");
    }
    if (this.#latest.get(this.#id) !== this) {
      throw new Fenced(`Cannot publish as publisher ${this.#id}: a later one has taken over`);
    }
    this.#write(publication);
  }

  // deno-lint-ignore require-await -- the port's
  async close(): Promise<void> {
    if (this.#latest.get(this.#id) === this) this.#latest.delete(this.#id);
  }
}
