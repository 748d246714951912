import assert from "node:assert/strict";
import { readConfig } from "../src/config.ts";
import { ConfigError } from "../src/errors.ts";
import { flagOf, settings } from "../src/settings.ts";

function problemsOf(
  environment: Record<string, string>,
  flags: Record<string, string> = {},
): readonly string[] {
  try {
    readConfig(environment, flags, 2);
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error.problems;
  }
  return [];
}

Deno.test("nothing set: everything is embedded, with the defaults", () => {
  const config = readConfig({}, {}, 6);
  assert.deepEqual(config, {
    dataDir: "./data",
    workers: 6,
    statusHost: "127.0.0.1",
    statusPort: 8080,
    log: "text",
    maxBatchRecords: 5_000,
    maxBatchBytes: 4_194_304,
    memoryBytes: 8_388_608,
    commitInterval: 5,
    workerTimeout: 60_000,
  });
});

Deno.test("all of a real setup is read", () => {
  const config = readConfig(
    {
      KAFKA_BROKERS: "a:9092, b",
      KAFKA_SASL_MECHANISM: "scram-sha-512",
      KAFKA_SASL_USERNAME: "me",
      KAFKA_SASL_PASSWORD: "secret",
      KAFKA_SSL_CA: "/ca.pem",
      CASSANDRA_CONTACT_POINTS: "c1,c2:9043",
      CASSANDRA_LOCAL_DC: "dc1",
      CASSANDRA_USERNAME: "cass",
      CASSANDRA_PASSWORD: "andra",
      DATABASE_URL: "postgres://u:p@db/weir",
    },
    {},
    2,
  );
  assert.deepEqual(config.kafka, {
    brokers: ["a:9092", "b:9092"],
    client: "kafkajs",
    ssl: { caFile: "/ca.pem" },
    sasl: { mechanism: "scram-sha-512", username: "me", password: "secret" },
  });
  assert.deepEqual(config.cassandra, {
    contactPoints: ["c1", "c2:9043"],
    localDataCenter: "dc1",
    username: "cass",
    password: "andra",
    batchBytes: 5_120,
  });
  assert.equal(config.databaseUrl, "postgres://u:p@db/weir");
});

Deno.test("the client for Kafka is one of two", () => {
  const config = readConfig({ KAFKA_BROKERS: "a", KAFKA_CLIENT: "platformatic" }, {}, 2);
  assert.deepEqual(config.kafka, { brokers: ["a:9092"], client: "platformatic" });
  assert.deepEqual(problemsOf({ KAFKA_BROKERS: "a", KAFKA_CLIENT: "librdkafka" }), [
    'KAFKA_CLIENT is "librdkafka": give kafkajs or platformatic',
  ]);
});

Deno.test("spaces around values are dropped, but for those of passwords", () => {
  const config = readConfig(
    {
      STATUS_PORT: " 9000\r",
      WEIR_DATA_DIR: "  ",
      KAFKA_BROKERS: " a:1 , b:2 ",
      KAFKA_SASL_USERNAME: " me ",
      KAFKA_SASL_PASSWORD: " a secret ",
      DATABASE_URL: " postgres://u:p@db/weir\r",
    },
    { WEIR_WORKERS: " " },
    2,
  );
  assert.deepEqual([config.statusPort, config.dataDir, config.workers], [9_000, "./data", 2]);
  assert.deepEqual(config.kafka!.brokers, ["a:1", "b:2"]);
  assert.deepEqual(config.kafka!.sasl, { mechanism: "plain", username: "me", password: " a secret " });
  assert.equal(config.databaseUrl, "postgres://u:p@db/weir");
});

Deno.test("certificates to trust turn TLS on, unless it is turned off", () => {
  const ssl = (settings: Record<string, string>) => {
    const { kafka, cassandra } = readConfig(
      { KAFKA_BROKERS: "a", CASSANDRA_CONTACT_POINTS: "a", ...settings },
      {},
      2,
    );
    return [kafka!.ssl, cassandra!.ssl];
  };
  const files = { KAFKA_SSL_CA: "/k.pem", CASSANDRA_SSL_CA: "/c.pem" };
  assert.deepEqual(ssl({}), [undefined, undefined]);
  assert.deepEqual(ssl({ KAFKA_SSL: "true", CASSANDRA_SSL: "1" }), [true, true]);
  assert.deepEqual(ssl(files), [{ caFile: "/k.pem" }, { caFile: "/c.pem" }]);
  assert.deepEqual(ssl({ ...files, KAFKA_SSL: "false", CASSANDRA_SSL: "0" }), [undefined, undefined]);
});

Deno.test("an empty flag is none: the environment's value stays", () => {
  assert.equal(readConfig({ STATUS_PORT: "9001" }, { STATUS_PORT: "" }, 2).statusPort, 9_001);
  assert.deepEqual(problemsOf({ STATUS_PORT: "x" }, { STATUS_PORT: "" }), [
    'STATUS_PORT is "x": give a whole number from 0 to 65535',
  ]);
});

Deno.test("a flag wins over the environment, and an empty value counts as not set", () => {
  const config = readConfig({ STATUS_PORT: "1", WEIR_WORKERS: "", KAFKA_BROKERS: "" }, {
    STATUS_PORT: "9000",
  }, 3);
  assert.equal(config.statusPort, 9_000);
  assert.equal(config.workers, 3);
  assert.equal(config.kafka, undefined);
});

Deno.test("every problem is told at once, with setting, value and what would do", () => {
  const problems = problemsOf(
    { KAFKA_BROKERS: "http://x", WEIR_WORKERS: "0", DATABASE_URL: "mysql://u:hunter2@h/d", WEIR_LOG: "xml" },
    { STATUS_PORT: "80800" },
  );
  assert.equal(problems.length, 5);
  const all = problems.join("\n");
  assert.match(
    all,
    /KAFKA_BROKERS is "http:\/\/x": "http:\/\/x" is not a host and port; give them as in localhost:9092/,
  );
  assert.match(all, /WEIR_WORKERS is "0": give a whole number from 1 to 256/);
  assert.match(all, /WEIR_LOG is "xml": give text or json/);
  assert.match(all, /--status-port is "80800": give a whole number from 0 to 65535/);
  assert.match(all, /DATABASE_URL: it starts with mysql:\/\//);
  assert.doesNotMatch(all, /hunter2/);
});

Deno.test("a name that must be meant for a setting is refused, those of other programs are not", () => {
  assert.deepEqual(problemsOf({ KAFKA_BROKER: "x:1" }), ["KAFKA_BROKER is not a setting; KAFKA_BROKERS is"]);
  assert.match(problemsOf({ WEIR_DATADIR: "x" })[0]!, /WEIR_DATADIR is not a setting; WEIR_DATA_DIR is/);
  assert.match(problemsOf({ WEIR_COLOUR: "x" })[0]!, /WEIR_COLOUR is not a setting/);
  assert.deepEqual(
    problemsOf({ KAFKA_HEAP_OPTS: "-Xmx1g", PATH: "/bin", RANDOM_USER_API_URL: "http://x" }),
    [],
  );
});

Deno.test("half a login is refused", () => {
  assert.deepEqual(problemsOf({ KAFKA_BROKERS: "a:1", KAFKA_SASL_USERNAME: "me" }), [
    "KAFKA_SASL_USERNAME is set, but KAFKA_SASL_PASSWORD is not; set both",
  ]);
});

Deno.test("database URLs without a host or a database are refused", () => {
  assert.match(problemsOf({ DATABASE_URL: "postgres:///weir" })[0]!, /names no host/);
  assert.match(problemsOf({ DATABASE_URL: "postgres://h" })[0]!, /names no database/);
  assert.match(problemsOf({ DATABASE_URL: "h:5432" })[0]!, /DATABASE_URL: /);
});

Deno.test("flags are unlike each other", () => {
  const flags = settings.map(({ name }) => flagOf(name));
  assert.equal(new Set(flags).size, flags.length);
  assert.ok(
    flags.includes("--data-dir") && flags.includes("--status-port") && flags.includes("--kafka-brokers"),
  );
});
