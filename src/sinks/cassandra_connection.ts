/**
 * Opens a connection to a Cassandra cluster, in two steps: a short-lived client that takes any data center looks at
 * the cluster, so that every wrong setting can be named; the one that stays then uses the nodes of the local data
 * center.
 */
import type { Client, ClientOptions, Host } from "cassandra-driver";
import { ServiceError } from "../errors.ts";

export type CassandraDriver = typeof import("cassandra-driver");

/** Where a Cassandra cluster is and how it is written to. */
export interface CassandraSettings {
  /** `host` or `host:port`, at least one; the port's default is 9042. */
  readonly contactPoints: readonly string[];
  /** The data center whose nodes are used. Default: the cluster's, when it has only one. */
  readonly localDataCenter?: string;
  readonly username?: string;
  readonly password?: string;
  /** TLS: with the certificate authorities that the system trusts, or with these, in PEM. Default: no TLS. */
  readonly ssl?: { readonly ca?: string } | true;
  /**
   * The most that one batch may hold, in bytes as Cassandra counts them: its `batch_size_warn_threshold`. More is
   * faster, up to its `batch_size_fail_threshold`; the server then logs a warning for each. Default: 5120.
   */
  readonly batchBytes?: number;
  /** How long opening may take before the cluster counts as unreachable, in ms. Default: 10,000. */
  readonly openTimeoutMs?: number;
  /** How long a request may go without an answer before its connection is given up, in ms. Default: 12,000. */
  readonly answerTimeoutMs?: number;
}

/**
 * The execution profile that goes round the local nodes, for when each of them has every row and no key need be
 * hashed.
 */
export const anyNode = "any-node";

/**
 * A connected client for the local data center.
 *
 * @throws {ServiceError} when the cluster can't be used with these settings, naming the one to change.
 */
export async function connect(
  driver: CassandraDriver,
  settings: CassandraSettings,
): Promise<{ readonly client: Client; readonly localDataCenter: string }> {
  const localDataCenter = await findLocalDataCenter(driver, settings);
  const client = new driver.Client({
    ...clientOptions(driver, settings),
    localDataCenter,
    profiles: [
      new driver.ExecutionProfile(anyNode, {
        loadBalancing: new driver.policies.loadBalancing.DCAwareRoundRobinPolicy(localDataCenter),
      }),
    ],
  });
  await connectInTime(driver, client, settings);
  // When it has lost every node, the driver (4.10.0) makes a new host of each, and forgets the old one, whose timers
  // and connections would go on even after the client's shutdown.
  client.on("hostRemove", (host: Host & { shutdown?(drain: boolean): Promise<void> }) => {
    host.shutdown?.(false).catch(() => {});
  });
  return { client, localDataCenter };
}

async function findLocalDataCenter(driver: CassandraDriver, settings: CassandraSettings): Promise<string> {
  const options = clientOptions(driver, settings);
  const scout = new driver.Client({
    ...options,
    policies: { ...options.policies, loadBalancing: new driver.policies.loadBalancing.RoundRobinPolicy() },
    pooling: { warmup: false },
    socketOptions: { ...options.socketOptions, readTimeout: openTimeout(settings) * 0.9 },
    isMetadataSyncEnabled: false,
  });
  await connectInTime(driver, scout, settings);
  const found = [...new Set(scout.hosts.values().map((host) => host.datacenter))].sort();
  await scout.shutdown();
  const { localDataCenter = found.length === 1 ? found[0] : undefined } = settings;
  if (localDataCenter !== undefined && found.includes(localDataCenter)) return localDataCenter;
  const wrong = localDataCenter === undefined ? "" : `no data center "${localDataCenter}", but `;
  throw new ServiceError(
    `Cassandra at ${settings.contactPoints.join(", ")} has ${wrong}the data center${
      found.length === 1 ? "" : "s"
    } ${found.join(", ")}; set CASSANDRA_LOCAL_DC to ${found.length === 1 ? "it" : "the nearest"}`,
  );
}

function clientOptions(driver: CassandraDriver, settings: CassandraSettings): ClientOptions {
  const { contactPoints, username, password = "", ssl, answerTimeoutMs = 12_000 } = settings;
  // Contact points are tried one after the other.
  const connectTimeout = openTimeout(settings) / 2 / contactPoints.length;
  const tls = ssl === true ? {} : ssl;
  return {
    contactPoints: [...contactPoints],
    ...(username !== undefined && { credentials: { username, password } }),
    // The driver trusts any certificate unless told otherwise.
    ...(tls && { sslOptions: { rejectUnauthorized: true, ...(tls.ca && { ca: [tls.ca] }) } }),
    queryOptions: { consistency: driver.types.consistencies.localQuorum, isIdempotent: true },
    policies: {
      // The driver's own default waits up to ten minutes before it looks for a lost server again.
      reconnection: new driver.policies.reconnection.ExponentialReconnectionPolicy(250, 5_000, true),
    },
    socketOptions: {
      connectTimeout: Math.min(5_000, Math.max(500, connectTimeout)),
      readTimeout: answerTimeoutMs,
      // The driver keeps a connection until 64 requests on it have no answer. With a peer that is gone without a word, and
      // few requests under way, that takes many minutes.
      defunctReadTimeoutThreshold: 0,
    },
  };
}

async function connectInTime(
  driver: CassandraDriver,
  client: Client,
  settings: CassandraSettings,
): Promise<void> {
  const connecting = client.connect();
  const late = Promise.withResolvers<never>();
  const milliseconds = openTimeout(settings);
  const timer = setTimeout(() => late.reject(new Error(`No answer within ${milliseconds} ms`)), milliseconds);
  try {
    await Promise.race([connecting, late.promise]);
  } catch (cause) {
    // Should it succeed after all, nobody would close it.
    connecting.then(() => client.shutdown()).catch(() => {});
    throw explained(driver, cause, settings);
  } finally {
    clearTimeout(timer);
  }
}

function openTimeout({ openTimeoutMs = 10_000 }: CassandraSettings): number {
  return openTimeoutMs;
}

function explained(driver: CassandraDriver, cause: unknown, settings: CassandraSettings): ServiceError {
  const at = settings.contactPoints.join(", ");
  const tried = cause instanceof driver.errors.NoHostAvailableError
    ? Object.values(cause.innerErrors ?? {})
    : [];
  if (tried.some((error) => error instanceof driver.errors.AuthenticationError)) {
    return new ServiceError(
      settings.username === undefined
        ? `Cassandra at ${at} wants a user; set CASSANDRA_USERNAME and CASSANDRA_PASSWORD`
        : `Cassandra at ${at} refuses the user "${settings.username}"; check CASSANDRA_USERNAME and CASSANDRA_PASSWORD`,
      { cause },
    );
  }
  return new ServiceError(`Cannot reach Cassandra at ${at}; check CASSANDRA_CONTACT_POINTS`, { cause });
}
