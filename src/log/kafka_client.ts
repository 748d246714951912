import { clearTimeout, setTimeout } from "node:timers";
import type { Kafka, KafkaConfig, SASLOptions } from "kafkajs";
import { ServiceError } from "../errors.ts";

/** How to reach a Kafka. */
export interface KafkaSettings {
  /** `host:port` of some of the brokers; the others are found through them. */
  readonly brokers: readonly string[];
  /** What brokers call this client in their logs and quotas. Default: `weir`. */
  readonly clientId?: string;
  /** Encrypts: `true` trusts the system's authorities, `ca` (PEM text) another one. Default: no encryption. */
  readonly ssl?: { readonly ca?: string } | true;
  readonly sasl?: KafkaLogin;
}

export interface KafkaLogin {
  readonly mechanism: "plain" | "scram-sha-256" | "scram-sha-512";
  readonly username: string;
  readonly password: string;
}

/**
 * One kafkajs client and the last error that it logged. Every consumer and producer gets its own: kafkajs shares the
 * offsets of a group between all consumers of one client, and clears them when any of these joins.
 */
export interface KafkaClient {
  readonly kafka: Kafka;
  /** `what` went wrong: with the last logged error, which often is the root that the thrown one does not name. */
  failure(what: string, error: unknown): Error;
}

/** Makes clients for one set of settings. */
export type KafkaClients = () => KafkaClient;

/** Loads kafkajs. Its log stays off the screen; nothing connects yet. */
export async function loadKafkaClients(settings: KafkaSettings): Promise<KafkaClients> {
  const [{ Kafka, logLevel }, { default: RequestQueue }] = await Promise.all([
    import("kafkajs"),
    import("kafkajs/src/network/requestQueue/index.js"),
  ]);
  RequestQueue.prototype.scheduleCheckPendingRequests = scheduleCheckPendingRequests;
  return () => {
    let logged = "";
    const kafka = new Kafka({
      ...connection(settings),
      logLevel: logLevel.ERROR,
      logCreator: () => (entry) => {
        logged = entry.log.message;
      },
    });
    const failure = (what: string, error: unknown) => {
      const text = error instanceof Error ? error.message : String(error);
      return new Error(logged && !logged.includes(text) ? `${what} (${logged})` : what, { cause: error });
    };
    return { kafka, failure };
  };
}

function connection({ brokers, clientId = "weir", ssl, sasl }: KafkaSettings): KafkaConfig {
  return {
    brokers: [...brokers],
    clientId,
    ...(ssl && { ssl: ssl === true || ssl.ca === undefined ? true : { ca: [ssl.ca] } }),
    ...(sasl && { sasl: { ...sasl } as SASLOptions }),
    connectionTimeout: 3_000,
    // A broker that is gone fails a request within about three seconds; who asked decides about more.
    retry: { initialRetryTime: 200, maxRetryTime: 2_000, retries: 4 },
  };
}

/** What of kafkajs's queue of requests the function below needs. */
interface RequestQueue {
  pending: unknown[];
  throttledUntil: number;
  throttleCheckTimeoutId: unknown;
  checkPendingRequests(): void;
}

/**
 * In place of kafkajs 2.2.4's own, which after every response sets a timer with a negative time, even when nothing is
 * pending: each connection then fires one every millisecond for ever, and the runtime prints a TimeoutNegativeWarning.
 */
function scheduleCheckPendingRequests(this: RequestQueue): void {
  if (this.pending.length === 0 || this.throttleCheckTimeoutId) return;
  const wait = Math.max(this.throttledUntil - Date.now(), 10);
  this.throttleCheckTimeoutId = setTimeout(() => {
    this.throttleCheckTimeoutId = null;
    this.checkPendingRequests();
  }, wait);
}

/** Says in one line why Kafka cannot be used, and what to look at. */
export function unreachable(settings: KafkaSettings, error: unknown): ServiceError {
  const at = settings.brokers.join(",");
  const chain = causes(error);
  const text = chain.map((each) => each.message).join(": ");
  const code = chain.map((each) => each.code).find((each) => typeof each === "string");
  const message = chain.some((each) => each.name === "KafkaJSSASLAuthenticationError")
    ? `Kafka at ${at} refused the login of user "${settings.sasl?.username}" by ${settings.sasl?.mechanism}; ` +
      "check the user name, the password and the mechanism"
    : /SASL/.test(text)
    ? `Kafka at ${at} does not take a login by ${settings.sasl?.mechanism} at this address; ` +
      "check the mechanism and that KAFKA_BROKERS names a listener with SASL"
    : /certificate|TLS|SSL|handshake/i.test(text)
    ? `Cannot reach Kafka at ${at}: encryption failed; check the TLS settings, and that the listener uses TLS`
    : code === "ECONNREFUSED"
    ? `Cannot reach Kafka at ${at}: connection refused; check KAFKA_BROKERS`
    : code === "ENOTFOUND" || /ENOTFOUND|lookup/.test(text)
    ? `Cannot reach Kafka at ${at}: host not found; check KAFKA_BROKERS`
    : /timed? ?out/i.test(text)
    ? `Cannot reach Kafka at ${at}: no answer in time; check KAFKA_BROKERS, and whether the listener wants TLS`
    : `Cannot use Kafka at ${at}; check KAFKA_BROKERS and whether the listener wants TLS or a login`;
  return new ServiceError(message, { cause: error });
}

/** kafkajs's name for the answer of a broker, as `UNKNOWN_TOPIC_OR_PARTITION`; it may be wrapped. */
export function errorType(error: unknown): string | undefined {
  return causes(error).map((each) => each.type).find((type) => typeof type === "string");
}

interface KafkaError extends Error {
  readonly type?: string;
  readonly code?: string | number;
}

function causes(error: unknown): KafkaError[] {
  const chain: KafkaError[] = [];
  for (let at = error; at instanceof Error && !chain.includes(at); at = at.cause ?? nested(at)) {
    chain.push(at);
  }
  return chain;
}

/** kafkajs puts the errors of a request for several topics side by side. */
function nested(error: Error): unknown {
  return (error as { errors?: unknown[] }).errors?.[0];
}

/** Waits for `work`, but no longer than `milliseconds`: then it rejects, and the work goes on unseen. */
export function within<T>(milliseconds: number, work: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`timed out after ${milliseconds} ms`)), milliseconds);
  return Promise.race([work, late.promise]).finally(() => clearTimeout(timer));
}
