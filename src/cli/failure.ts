import { ConfigError, describeError, OffsetOutOfRange, SchemaMismatch, ServiceError } from "../errors.ts";
import type { ExitCode } from "./exit_code.ts";

/** The exit code that an error ends a command with. */
export function exitCodeOf(error: unknown): ExitCode {
  return error instanceof ConfigError ? 2 : 1;
}

/** What a person needs: all problems of a configuration, or one error with its cause. */
export function failureText(error: unknown): string {
  if (error instanceof ConfigError) {
    return error.problems.length === 1
      ? `weir: ${error.problems[0]}`
      : ["weir: there are several problems:", ...error.problems.map((problem) => `  - ${problem}`)].join(
        "\n",
      );
  }
  const known = error instanceof ServiceError || error instanceof SchemaMismatch ||
    error instanceof OffsetOutOfRange;
  return `weir: ${known ? error.message : describeError(error)}`;
}
