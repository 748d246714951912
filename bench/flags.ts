/** A flag of a benchmark: `--records 2000000`, or `--profile` for one that is on or off. */
export interface Flag<T> {
  readonly about: string;
  readonly default: T;
  /**
   * Throws an Error that says what would do. `before` is the default, or the value so far of a flag that is given
   * again; most let the last one win. Absent for a flag that takes no value: given means true.
   */
  parse?(text: string, before: T): T;
}

/** Flags by name, without the dashes. */
export type Flags = Readonly<Record<string, Flag<unknown>>>;

export type ValuesOf<F extends Flags> = { readonly [N in keyof F]: F[N] extends Flag<infer T> ? T : never };

/** What is wrong with a command line, every problem of it. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** A whole number from `least` to `most`; `2_000_000` is read, too. */
export function wholeNumber(about: string, otherwise: number, least = 1, most = 1e9): Flag<number> {
  return { about, default: otherwise, parse: (text) => parseWholeNumber(text, least, most) };
}

/** Whole numbers with commas: `1,2,4`. */
export function wholeNumbers(about: string, otherwise: readonly number[]): Flag<readonly number[]> {
  return {
    about,
    default: otherwise,
    parse: (text) => text.split(",").map((each) => parseWholeNumber(each)),
  };
}

export function oneOf<const T extends string>(about: string, first: T, ...others: T[]): Flag<T> {
  const choices = [first, ...others];
  const parse = (text: string): T => {
    const choice = choices.find((each) => each === text);
    if (choice === undefined) throw new Error(`must be ${choices.join(" or ")}`);
    return choice;
  };
  return { about: `${about}: ${choices.join(" or ")}`, default: first, parse };
}

/** On when it is given. */
export function toggle(about: string): Flag<boolean> {
  return { about, default: false };
}

/**
 * The values of flags in a command line, as `--name value` or `--name=value`.
 *
 * @throws {UsageError} with every problem that there is.
 */
export function readFlags<F extends Flags>(flags: F, args: readonly string[]): ValuesOf<F> {
  const values: Record<string, unknown> = {};
  for (const [name, flag] of Object.entries(flags)) values[name] = flag.default;
  const problems: string[] = [];
  const rest = args.flatMap((arg) => /^--\w[\w-]*=/.test(arg) ? split(arg) : [arg]);
  for (let at = 0; at < rest.length; at++) {
    const arg = rest[at]!;
    const name = arg.slice(2);
    const flag = arg.startsWith("--") && Object.hasOwn(flags, name) ? flags[name] : undefined;
    if (!flag) {
      problems.push(`${arg} is not a flag of it; there are ${names(flags)}`);
    } else if (!flag.parse) {
      values[name] = true;
    } else if (rest[at + 1] === undefined) {
      problems.push(`${arg} needs a value: ${flag.about}`);
    } else {
      const text = rest[++at]!;
      try {
        values[name] = flag.parse(text, values[name]);
      } catch (error) {
        problems.push(`${arg} is "${text}": ${(error as Error).message}`);
      }
    }
  }
  if (problems.length > 0) throw new UsageError(problems.join("\n"));
  return values as ValuesOf<F>;
}

function split(arg: string): [string, string] {
  const at = arg.indexOf("=");
  return [arg.slice(0, at), arg.slice(at + 1)];
}

function names(flags: Flags): string {
  return Object.keys(flags).map((name) => `--${name}`).join(", ");
}

function parseWholeNumber(text: string, least = 1, most = 1e9): number {
  const number = /^\d[\d_]*$/.test(text) ? Number(text.replaceAll("_", "")) : NaN;
  if (!(number >= least && number <= most)) {
    throw new Error(`must be a whole number from ${least} to ${most}`);
  }
  return number;
}
