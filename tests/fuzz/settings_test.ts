/** Settings of any text: all that is wrong is told at once, nothing crashes, and no password is shown. */
import assert from "node:assert/strict";
import { readConfig } from "../../src/config.ts";
import { ConfigError } from "../../src/errors.ts";
import { settings } from "../../src/settings.ts";
import type { Seeded } from "../support/seeded.ts";
import { rounds } from "./rounds.ts";

const likely = [
  "",
  " ",
  "true",
  "false",
  "0",
  "1",
  "-1",
  "8080",
  "65536",
  "1e3",
  "NaN",
  "plain",
  "json",
  "kafkajs",
  "localhost",
  "localhost:9092",
  "a:1,b:2",
  ",",
  ":",
  "[::1]:9092",
  "http://x",
  "postgres://",
  "postgres://u:PW@h:1/d",
  "postgres://u:PW@:x/d",
  "mysql://u:PW@h/d",
  "u:PW@h",
  "PW",
];

/** A text that is a password, or has one in it as URLs do. */
function anyText(random: Seeded, password: string): string {
  return random.chance(0.7) ? random.pick(likely).replace("PW", password) : random.text(20);
}

Deno.test("any settings give a configuration, or every problem with a name and without a password", async () => {
  const names = [
    ...settings.map(({ name }) => name),
    "KAFKA_BROKER",
    "WEIR_X",
    "DATABASE_URLS",
    "PATH",
    "__proto__",
  ];
  await rounds(3_000, (random) => {
    const password = `secret-${random.integer(100_000, 999_999)}`;
    const some = (chance: number) =>
      Object.fromEntries(
        names.filter(() => random.chance(chance)).map((name) => {
          const secret = settings.find((each) => each.name === name)?.secret;
          return [name, secret ? anyText(random, password) : anyText(random, "visible")];
        }),
      );
    const [environment, flags] = [some(0.3), some(0.1)];
    try {
      const config = readConfig(environment, flags, 2);
      assert.ok(config.workers >= 1 && config.memoryBytes > 0 && config.maxBatchRecords > 0);
    } catch (error) {
      assert.ok(error instanceof ConfigError, `${error}`);
      assert.ok(error.problems.length > 0);
      assert.ok(!error.message.includes(password), error.message);
      for (const problem of error.problems) assert.match(problem, /^(--)?[\w-]+.*(;|:|is)/s);
      // Each setting that is wrong on its own is among them.
      for (const { name, parse, secret } of settings) {
        const [flagged, set] = [flags[name], environment[name]].map((each) => secret ? each : each?.trim());
        const given = flagged || set;
        if (!given) continue;
        let wrong = false;
        try {
          parse(given);
        } catch {
          wrong = true;
        }
        const flag = `--${name.toLowerCase().replace(/^weir_/, "").replaceAll("_", "-")}`;
        const told = error.problems.some((each) => each.startsWith(name) || each.startsWith(flag));
        if (wrong) assert.ok(told, `${name}=${given} is not in: ${error.message}`);
      }
    }
  });
});
