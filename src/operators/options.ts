/** What operators, sources and sinks are given is checked when they are made, so that a mistake is an error at its line. */
import { type Duration, milliseconds } from "../duration.ts";
import { shown } from "../shown.ts";

/** Refuses options with names that are not known, which are mostly typing errors. */
export function checkOptions(what: string, options: object, known: readonly string[]): void {
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    throw new TypeError(
      `${what}: the options are ${shown(options)}; give an object, as in { ${known[0]}: ... }`,
    );
  }
  const unknown = Object.keys(options).find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new TypeError(`${what}: there is no option "${unknown}"; there are ${known.join(", ")}`);
  }
}

/** Refuses what is no function that gives its result at once. `example` is one that does. */
export function checkFunction(what: string, name: string, given: unknown, example: string): void {
  if (typeof given !== "function") {
    throw new TypeError(`${what}: "${name}" is ${shown(given)}; give a function, as in ${example}`);
  }
  if (asyncKinds.includes(Object.prototype.toString.call(given))) {
    throw new TypeError(
      `${what}: "${name}" is async, but nothing waits for a promise; give a function that gives its result at once, ` +
        `as in ${example}`,
    );
  }
}

const asyncKinds: readonly string[] = ["[object AsyncFunction]", "[object AsyncGeneratorFunction]"];

/** Refuses what cannot be a codec. */
export function checkCodec(what: string, codec: unknown, name = "codec"): void {
  const { encode, decode } = (codec ?? {}) as { readonly encode?: unknown; readonly decode?: unknown };
  if (typeof encode !== "function" || typeof decode !== "function") {
    throw new TypeError(`${what}: "${name}" is ${shown(codec)}; give one, as in json(schema)`);
  }
  checkFunction(what, `${name}.encode`, encode, "(value) => new TextEncoder().encode(value)");
  checkFunction(what, `${name}.decode`, decode, "(bytes) => new TextDecoder().decode(bytes)");
}

/** Refuses what cannot be a number of partitions. */
export function checkPartitions(what: string, partitions: number): void {
  if (Number.isInteger(partitions) && partitions >= 1) return;
  throw new TypeError(`${what}: "partitions" is ${shown(partitions)}; give a whole number from 1`);
}

/** The milliseconds of an option that is a duration. */
export function durationOf(what: string, name: string, duration: Duration): number {
  try {
    return milliseconds(duration);
  } catch (error) {
    throw new TypeError(`${what}: "${name}": ${(error as Error).message}`);
  }
}

/** The milliseconds of an option that is a duration, or no time at all: 0, or `0s`. */
export function durationOrZero(what: string, name: string, duration: Duration): number {
  const isZero = typeof duration === "string" ? /^0+(ms|s|m|h|d)$/.test(duration) : duration === 0;
  return isZero ? 0 : durationOf(what, name, duration);
}
