import type { Command } from "commander";
import { type Config, readConfig } from "../config.ts";
import { flagOf, settings } from "../settings.ts";

/** What commander found, by property: `--status-port` is `statusPort`. */
export type Flags = Readonly<Record<string, string | undefined>>;

/** Gives a command a flag for every setting, or for those that are named. */
export function addSettings(command: Command, names?: readonly string[]): void {
  for (const { name, about, default: otherwise } of settings) {
    if (names && !names.includes(name)) continue;
    command.option(`${flagOf(name)} <value>`, `${about} (${name}; default: ${otherwise})`);
  }
}

/**
 * The configuration from the environment and the flags, which win.
 *
 * @throws {ConfigError} with every problem that there is.
 */
export function readSettings(flags: Flags): Config {
  const given = Object.fromEntries(settings.map(({ name }) => [name, flags[propertyOf(name)]]));
  return readConfig(Deno.env.toObject(), given, navigator.hardwareConcurrency);
}

function propertyOf(name: string): string {
  return flagOf(name).slice(2).replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
}
