import { setTimeout } from "node:timers";
import type { Kafka, KafkaConfig, SASLOptions } from "kafkajs";
import { answerTimeout, causes, type KafkaSettings } from "./brokers.ts";
import { fetchRecordSets } from "./kafka_fetch.ts";
import { loadProtocol, type Protocol } from "./kafka_requests.ts";
import { answeredSockets, splittable } from "./kafka_socket.ts";

/**
 * One kafkajs client and the last error that it logged. Every consumer and producer gets its own: kafkajs shares the
 * offsets of a group between all consumers of one client, and clears them when any of these joins.
 */
export interface KafkaClient {
  readonly kafka: Kafka;
  readonly protocol: Protocol;
  /** `what` went wrong: with the last logged error, which often is the root that the thrown one does not name. */
  failure(what: string, error: unknown): Error;
}

/** Makes clients for one set of settings. */
export type KafkaClients = () => KafkaClient;

/** Loads kafkajs. Its log stays off the screen; nothing connects yet. */
export async function loadKafkaClients(settings: KafkaSettings): Promise<KafkaClients> {
  const [{ Kafka, logLevel }, { default: RequestQueue }, { default: Broker }, protocol] = await Promise.all([
    import("kafkajs"),
    import("kafkajs/src/network/requestQueue/index.js"),
    import("kafkajs/src/broker/index.js"),
    loadProtocol(),
  ]);
  if (RequestQueue.prototype.scheduleCheckPendingRequests !== scheduleCheckPendingRequests) {
    RequestQueue.prototype.scheduleCheckPendingRequests = scheduleCheckPendingRequests;
    fetchRecordSets(Broker.prototype, protocol);
  }
  const socketFactory = answeredSockets(answerTimeout);
  return () => {
    let logged = "";
    const kafka = new Kafka({
      ...connection(settings),
      socketFactory,
      logLevel: logLevel.ERROR,
      logCreator: () => (entry) => {
        logged = entry.log.message;
      },
    });
    const failure = (what: string, error: unknown) => {
      const text = error instanceof Error ? error.message : String(error);
      return new Error(logged && !logged.includes(text) ? `${what} (${logged})` : what, { cause: error });
    };
    return { kafka, protocol, failure };
  };
}

function connection({ brokers, clientId = "weir", ssl, sasl }: KafkaSettings): KafkaConfig {
  return {
    brokers: brokers.map(splittable),
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

/** kafkajs's name for the answer of a broker, as `UNKNOWN_TOPIC_OR_PARTITION`; it may be wrapped. */
export function errorType(error: unknown): string | undefined {
  return causes(error).map((each) => (each as { type?: unknown }).type).find((type) =>
    typeof type === "string"
  );
}

export function isAbsent(error: unknown): boolean {
  return errorType(error) === "UNKNOWN_TOPIC_OR_PARTITION";
}

export function isLoginRefused(error: unknown): boolean {
  return causes(error).some(({ name }) => name === "KafkaJSSASLAuthenticationError");
}
