import assert from "node:assert/strict";
import { cleanEnvironment, settingsFlag, settingsText } from "../../bench/environment.ts";
import { readFlags, UsageError } from "../../bench/flags.ts";

Deno.test("a measured process gets what it is given and what programs need, and no setting of its caller", () => {
  const caller = {
    PATH: "/bin",
    HOME: "/home/of a user",
    DENO_DIR: "/cache",
    WEIR_MEMORY_BYTES: "65536",
    KAFKA_CLIENT: "platformatic",
    WEIR_TEST_KAFKA: "127.0.0.1:9092",
    JAVA_TOOL_OPTIONS: "-Xmx1m",
    PGPASSWORD: "x",
  };
  assert.deepEqual(cleanEnvironment({ WEIR_WORKERS: "2", HOME: "/tmp" }, caller), {
    clearEnv: true,
    env: { PATH: "/bin", HOME: "/tmp", DENO_DIR: "/cache", WEIR_WORKERS: "2" },
  });
});

const flags = { set: settingsFlag };

Deno.test("--set can be given several times, and the last value of a name holds", () => {
  const args = ["--set", "WEIR_WORKERS=1", "--set=WEIR_MEMORY_BYTES=16777216", "--set", "WEIR_WORKERS=4"];
  const { set } = readFlags(flags, args);
  assert.deepEqual(set, { WEIR_WORKERS: "4", WEIR_MEMORY_BYTES: "16777216" });
  assert.equal(settingsText(set), "WEIR_WORKERS=4 WEIR_MEMORY_BYTES=16777216");
  assert.deepEqual(readFlags(flags, []), { set: {} });
});

for (
  const [given, problem] of [
    ["WEIR_WORKER=2", "must be NAME=VALUE, with the name of one of Weir's settings"],
    ["WEIR_WORKERS", "must be NAME=VALUE, with the name of one of Weir's settings"],
    ["WEIR_WORKERS=none", "WEIR_WORKERS is wrong, give a whole number from 1 to 256"],
    ["KAFKA_BROKERS=x:1", "a benchmark sets KAFKA_BROKERS by itself or by another flag"],
    ["KAFKA_SASL_PASSWORD=x", "KAFKA_SASL_PASSWORD is a secret, and would be printed"],
  ] as const
) {
  Deno.test(`--set ${given} is refused`, () => {
    const refused = new UsageError(`--set is "${given}": ${problem}`);
    assert.throws(() => readFlags(flags, ["--set", given]), refused);
  });
}
