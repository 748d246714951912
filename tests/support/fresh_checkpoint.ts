import type { Checkpoint } from "../../src/warehouse/mod.ts";

/** The checkpoint of a partition, 0 by default, that has a first owner and nothing read yet, but for what is given. */
export function freshCheckpoint(given: Partial<Checkpoint> = {}): Checkpoint {
  return {
    partition: 0,
    epoch: 1,
    next: 0,
    writeTime: 0,
    eventTime: null,
    watermark: null,
    idle: false,
    ...given,
  };
}
