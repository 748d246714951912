/** A record that cannot go on: where it failed and why. */
export class Failure extends Error {
  constructor(readonly stage: string, readonly reason: string) {
    super(reason);
  }
}
