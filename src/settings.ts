/** One setting: its name, and how a text becomes its value. `parse` throws an Error that says what would do. */
export interface Setting {
  readonly name: string;
  /** What it is for, in one line. */
  readonly about: string;
  /** What holds when it is not set, in words. */
  readonly default: string;
  readonly parse: (text: string) => unknown;
  /** Its value is never shown. */
  readonly secret?: true;
}

/** All settings. The flag of each is its name in lower case with dashes: `STATUS_PORT` is `--status-port`. */
export const settings: readonly Setting[] = [
  {
    name: "KAFKA_BROKERS",
    about: "brokers to connect to first, as host:port,host:port",
    default: "embedded log",
    parse: hosts,
  },
  {
    name: "KAFKA_CLIENT",
    about: "the client library for Kafka, kafkajs or platformatic",
    default: "kafkajs",
    parse: oneOf("kafkajs", "platformatic"),
  },
  {
    name: "KAFKA_SSL",
    about: "connect to Kafka with TLS",
    default: "false; true with KAFKA_SSL_CA",
    parse: flag,
  },
  {
    name: "KAFKA_SSL_CA",
    about: "file with the certificates to trust for Kafka",
    default: "the system's",
    parse: text,
  },
  {
    name: "KAFKA_SASL_MECHANISM",
    about: "plain, scram-sha-256 or scram-sha-512",
    default: "plain, if a user is set",
    parse: oneOf("plain", "scram-sha-256", "scram-sha-512"),
  },
  { name: "KAFKA_SASL_USERNAME", about: "user for Kafka", default: "none", parse: text },
  { name: "KAFKA_SASL_PASSWORD", about: "password for Kafka", default: "none", parse: text, secret: true },
  {
    name: "CASSANDRA_CONTACT_POINTS",
    about: "nodes to connect to first, as host or host:port, with commas",
    default: "embedded tables",
    parse: hosts,
  },
  {
    name: "CASSANDRA_LOCAL_DC",
    about: "the data center to write to",
    default: "the cluster's, when it has only one",
    parse: text,
  },
  { name: "CASSANDRA_USERNAME", about: "user for Cassandra", default: "none", parse: text },
  { name: "CASSANDRA_PASSWORD", about: "password for Cassandra", default: "none", parse: text, secret: true },
  {
    name: "CASSANDRA_SSL",
    about: "connect to Cassandra with TLS",
    default: "false; true with CASSANDRA_SSL_CA",
    parse: flag,
  },
  {
    name: "CASSANDRA_SSL_CA",
    about: "file with the certificates to trust for Cassandra",
    default: "the system's",
    parse: text,
  },
  {
    name: "CASSANDRA_BATCH_BYTES",
    about: "bytes of rows in one Cassandra batch; its server warns above 5120",
    default: "5120",
    parse: wholeNumber(1, 1 << 24),
  },
  {
    name: "DATABASE_URL",
    about: "the Postgres to write to, as postgres://user:password@host:port/database",
    default: "embedded Postgres",
    parse: databaseUrl,
    secret: true,
  },
  { name: "WEIR_DATA_DIR", about: "folder for what is embedded", default: "./data", parse: text },
  { name: "WEIR_WORKERS", about: "how many workers", default: "one per core", parse: wholeNumber(1, 256) },
  { name: "STATUS_HOST", about: "address of the status server", default: "127.0.0.1", parse: text },
  {
    name: "STATUS_PORT",
    about: "port of the status server; 0 takes a free one",
    default: "8080",
    parse: wholeNumber(0, 65_535),
  },
  {
    name: "WEIR_LOG",
    about: "text, or json for one JSON object a line",
    default: "text",
    parse: oneOf("text", "json"),
  },
  {
    name: "WEIR_MAX_BATCH_RECORDS",
    about: "records that a worker takes at once, at most",
    default: "5000",
    parse: wholeNumber(1, 1_000_000),
  },
  {
    name: "WEIR_MAX_BATCH_BYTES",
    about: "bytes that a worker takes at once, at most",
    default: "4194304",
    parse: wholeNumber(1_024, 1 << 30),
  },
  {
    name: "WEIR_MEMORY_BYTES",
    about: "bytes of records on their way, at most, for each pipeline",
    default: "8388608",
    parse: wholeNumber(65_536, 2 ** 40),
  },
  {
    name: "WEIR_WORKER_TIMEOUT_MS",
    about: "milliseconds after which a worker that does not answer is replaced",
    default: "60000",
    parse: wholeNumber(100, 86_400_000),
  },
  {
    name: "WEIR_COMMIT_INTERVAL_MS",
    about: "milliseconds from one transaction to the next, at least",
    default: "5",
    parse: wholeNumber(0, 60_000),
  },
];

/** Settings that pipelines read by themselves; known here so that they are not taken for typing errors. */
export const ofPipelines = ["RANDOM_USER_API_URL"];

/** The flag of a setting. */
export function flagOf(name: string): string {
  return `--${name.toLowerCase().replace(/^weir_/, "").replaceAll("_", "-")}`;
}

function text(value: string): string {
  return value;
}

function flag(value: string): boolean {
  if (value === "true" || value === "1") return true;
  if (value === "false" || value === "0") return false;
  throw new Error("give true or false");
}

function hosts(value: string): string[] {
  const hosts = value.split(",").map((host) => host.trim());
  for (const host of hosts) {
    const [, port] = /^(?:[A-Za-z0-9._-]+|\[[0-9a-fA-F:]+\])(?::(\d{1,5}))?$/.exec(host) ?? ["", "0"];
    if (port !== undefined && (Number(port) < 1 || Number(port) > 65_535)) {
      throw new Error(
        `"${host}" is not a host and port; give them as in localhost:9092, with commas between several`,
      );
    }
  }
  return hosts;
}

function wholeNumber(least: number, most: number): (value: string) => number {
  return (value) => {
    const number = /^\d+$/.test(value) ? Number(value) : NaN;
    if (!(number >= least && number <= most)) throw new Error(`give a whole number from ${least} to ${most}`);
    return number;
  };
}

function oneOf(...choices: string[]): (value: string) => string {
  return (value) => {
    if (!choices.includes(value)) {
      throw new Error(`give ${choices.slice(0, -1).join(", ")} or ${choices.at(-1)}`);
    }
    return value;
  };
}

function databaseUrl(given: string): string {
  const example = "give it as postgres://user:password@host:5432/database";
  const value = given.trim();
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (!url) {
    throw new Error(`it is not a URL; ${example}, with what is special in a password as in %23 for #`);
  }
  if (url.protocol !== "postgres:" && url.protocol !== "postgresql:") {
    throw new Error(`it starts with ${url.protocol}//; ${example}`);
  }
  if (url.hostname === "" && !url.searchParams.has("host")) throw new Error(`it names no host; ${example}`);
  if (url.pathname.length < 2) throw new Error(`it names no database; ${example}`);
  return value;
}
