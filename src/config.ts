import { ConfigError } from "./errors.ts";
import { flagOf, ofPipelines, settings } from "./settings.ts";

/** Everything that can be set, by environment variable or by flag. */
export interface Config {
  /** Absent: the embedded log. */
  readonly kafka?: KafkaConfig;
  /** Absent: the embedded tables. */
  readonly cassandra?: CassandraConfig;
  /** A postgres:// URL. Absent: the embedded warehouse. */
  readonly databaseUrl?: string;
  readonly dataDir: string;
  readonly workers: number;
  readonly statusHost: string;
  /** 0 takes any free one. */
  readonly statusPort: number;
  readonly log: "text" | "json";
  readonly maxBatchRecords: number;
  readonly maxBatchBytes: number;
  readonly memoryBytes: number;
  readonly commitInterval: number;
  readonly workerTimeout: number;
}

export interface KafkaConfig {
  readonly brokers: readonly string[];
  readonly client: "kafkajs" | "platformatic";
  /** True, or with the path of a file with certificates to trust. */
  readonly ssl?: true | { readonly caFile: string };
  readonly sasl?: {
    readonly mechanism: "plain" | "scram-sha-256" | "scram-sha-512";
    readonly username: string;
    readonly password: string;
  };
}

export interface CassandraConfig {
  readonly contactPoints: readonly string[];
  /** Absent: the cluster's, when it has only one. */
  readonly localDataCenter?: string;
  readonly username?: string;
  readonly password?: string;
  readonly ssl?: true | { readonly caFile: string };
  readonly batchBytes: number;
}

/**
 * The configuration from the environment and the flags, which win.
 *
 * @param environment Variables by name.
 * @param flags Values by setting name. Empty ones, here and there, count as not set; spaces around values are dropped, but
 * for passwords.
 * @param cores How many cores there are.
 * @throws {ConfigError} with every problem that there is.
 */
export function readConfig(
  environment: Readonly<Record<string, string | undefined>>,
  flags: Readonly<Record<string, string | undefined>>,
  cores: number,
): Config {
  const problems = unknownSettings(environment);
  const values = new Map<string, unknown>();
  for (const { name, parse, secret } of settings) {
    const given = tidied(flags[name], secret) || tidied(environment[name], secret);
    if (!given) continue;
    try {
      values.set(name, parse(given));
    } catch (error) {
      const shown = secret ? "" : ` is "${given}"`;
      problems.push(
        `${tidied(flags[name], secret) ? flagOf(name) : name}${shown}: ${(error as Error).message}`,
      );
    }
  }
  const get = <T>(name: string): T | undefined => values.get(name) as T | undefined;
  problems.push(...missingPartners(values));
  if (problems.length > 0) throw new ConfigError(problems);
  const databaseUrl = get<string>("DATABASE_URL");
  const kafka = kafkaConfig(get);
  const cassandra = cassandraConfig(get);
  return {
    ...(kafka && { kafka }),
    ...(cassandra && { cassandra }),
    ...(databaseUrl !== undefined && { databaseUrl }),
    dataDir: get("WEIR_DATA_DIR") ?? "./data",
    workers: get("WEIR_WORKERS") ?? cores,
    statusHost: get("STATUS_HOST") ?? "127.0.0.1",
    statusPort: get("STATUS_PORT") ?? 8080,
    log: get("WEIR_LOG") ?? "text",
    maxBatchRecords: get("WEIR_MAX_BATCH_RECORDS") ?? 5_000,
    maxBatchBytes: get("WEIR_MAX_BATCH_BYTES") ?? 4 * 1024 * 1024,
    memoryBytes: get("WEIR_MEMORY_BYTES") ?? 8 * 1024 * 1024,
    commitInterval: get("WEIR_COMMIT_INTERVAL_MS") ?? 5,
    workerTimeout: get("WEIR_WORKER_TIMEOUT_MS") ?? 60_000,
  };
}

/** Spaces around a value come from files and quotes; in a password they may be meant. */
function tidied(value: string | undefined, secret: boolean | undefined): string | undefined {
  return secret ? value : value?.trim();
}

type Get = <T>(name: string) => T | undefined;

function kafkaConfig(get: Get): KafkaConfig | undefined {
  const brokers = get<string[]>("KAFKA_BROKERS");
  if (!brokers) return undefined;
  const username = get<string>("KAFKA_SASL_USERNAME");
  const ssl = sslConfig(get, "KAFKA");
  return {
    brokers: brokers.map((broker) => /:\d+$/.test(broker) ? broker : `${broker}:9092`),
    client: get("KAFKA_CLIENT") ?? "kafkajs",
    ...(ssl && { ssl }),
    ...(username !== undefined && {
      sasl: {
        mechanism: get("KAFKA_SASL_MECHANISM") ?? "plain",
        username,
        password: get("KAFKA_SASL_PASSWORD") ?? "",
      },
    }),
  };
}

function cassandraConfig(get: Get): CassandraConfig | undefined {
  const contactPoints = get<string[]>("CASSANDRA_CONTACT_POINTS");
  if (!contactPoints) return undefined;
  const localDataCenter = get<string>("CASSANDRA_LOCAL_DC");
  const username = get<string>("CASSANDRA_USERNAME");
  const ssl = sslConfig(get, "CASSANDRA");
  return {
    contactPoints,
    ...(localDataCenter !== undefined && { localDataCenter }),
    ...(username !== undefined && { username, password: get("CASSANDRA_PASSWORD") ?? "" }),
    ...(ssl && { ssl }),
    batchBytes: get("CASSANDRA_BATCH_BYTES") ?? 5_120,
  };
}

/** Certificates to trust mean TLS, unless it is turned off. */
function sslConfig(get: Get, of: string): true | { caFile: string } | undefined {
  const caFile = get<string>(`${of}_SSL_CA`);
  const on = get<boolean>(`${of}_SSL`) ?? caFile !== undefined;
  if (!on) return undefined;
  return caFile === undefined ? true : { caFile };
}

/** Settings that mean nothing without another one, as a user would expect them to. */
function missingPartners(values: ReadonlyMap<string, unknown>): string[] {
  const problems: string[] = [];
  const needs = (name: string, partner: string) => {
    if (values.has(name) && !values.has(partner)) {
      problems.push(`${name} is set, but ${partner} is not; set both`);
    }
  };
  needs("KAFKA_SASL_PASSWORD", "KAFKA_SASL_USERNAME");
  needs("KAFKA_SASL_USERNAME", "KAFKA_SASL_PASSWORD");
  needs("KAFKA_SASL_MECHANISM", "KAFKA_SASL_USERNAME");
  needs("CASSANDRA_PASSWORD", "CASSANDRA_USERNAME");
  needs("CASSANDRA_USERNAME", "CASSANDRA_PASSWORD");
  return problems;
}

/** Variables that look like settings and are none: ours by prefix, or so close to one that it must be meant. */
function unknownSettings(environment: Readonly<Record<string, string | undefined>>): string[] {
  const known = [...settings.map(({ name }) => name), ...ofPipelines];
  const problems: string[] = [];
  for (const [name, value] of Object.entries(environment)) {
    if (!value || known.includes(name) || name.startsWith("WEIR_TEST_")) continue;
    const near = nearest(name, known);
    if (near) problems.push(`${name} is not a setting; ${near} is`);
    else if (name.startsWith("WEIR_")) {
      problems.push(`${name} is not a setting; see weir run --help for those there are`);
    }
  }
  return problems;
}

/** The known name that differs in at most two letters, if there is one. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  return known.find((each) => Math.abs(each.length - name.length) <= 2 && distance(name, each) <= 2);
}

/** Levenshtein's distance. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length]!;
}
