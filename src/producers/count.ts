/** @throws {TypeError} when it is not a whole number from 1 to `most`. */
export function checkCount(what: string, count: number, most: number): void {
  if (!Number.isInteger(count) || count < 1 || count > most) {
    throw new TypeError(`${what}: count ${count} must be a whole number from 1 to ${most}`);
  }
}
