import type { Publication, Publisher } from "../../src/log/mod.ts";
import type { FakeLog } from "./fake_log.ts";
import type { Wire } from "./wire.ts";

/** A publisher as the process at the end of a wire has it. */
export class FakePublisher implements Publisher {
  constructor(readonly log: FakeLog, readonly id: string, readonly wire: Wire) {}

  open(): Promise<void> {
    return this.#call("open", () => void this.log.publishers.set(this.id, this));
  }

  publish(publication: Publication): Promise<void> {
    return this.#call(`publish ${publication.records.length}`, () => {
      this.log.checkPublisher(this);
      this.log.publish(publication);
    });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #call(what: string, action: () => void): Promise<void> {
    return this.wire.call("log", `publisher ${this.id} ${what}`, action);
  }
}
