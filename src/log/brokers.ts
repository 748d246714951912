/** What adapters for Kafka share: how to reach its brokers, and why they cannot be reached. */
import { clearTimeout, setTimeout } from "node:timers";
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

/** Milliseconds until a Kafka that does not answer counts as unreachable. */
export const openTimeout = 10_000;
/** Milliseconds that each step of closing or leaving may take; a broker that does not answer must not hold up a stop. */
export const closeTimeout = 5_000;
/**
 * Milliseconds that a broker may take to answer before its connection counts as broken: more than members are waited for
 * when they join, and less than the 30 s after which kafkajs gives up a single request.
 */
export const answerTimeout = 25_000;
/** Bytes that a record may grow by on its way to another topic, by headers that say where it came from. */
export const recordGrowth = 64 * 1024;

/** How long a group waits for its members, and what they fetch. All adapters' members are alike, and can share a group. */
export const membership = {
  /** Milliseconds: a process that died loses its partitions within this time. */
  sessionTimeout: 6_000,
  heartbeatInterval: 1_500,
  /** Milliseconds that members have to join anew. */
  rebalanceTimeout: 20_000,
  /** Milliseconds: new partitions are seen within this time. */
  metadataMaxAge: 30_000,
  maxBytesPerPartition: 512 * 1024,
  maxBytes: 2 * 1024 * 1024,
  /** Milliseconds that a fetch waits for records. A resume or a seek waits for the fetch under way. */
  maxWaitTime: 100,
};

/** Says in one line why Kafka cannot be used, and what to look at. `loginRefused`: by the client's own error for that. */
export function unreachable(settings: KafkaSettings, error: unknown, loginRefused: boolean): ServiceError {
  const at = settings.brokers.join(",");
  const chain: (Error & { readonly code?: unknown })[] = causes(error);
  const text = chain.map((each) => each.message).join(": ");
  const code = chain.map((each) => each.code).find((each) => each === "ECONNREFUSED" || each === "ENOTFOUND");
  const message = loginRefused
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

/** A topic's id as Kafka's own tools show it; undefined for the zeros that stand for none. */
export function topicIdOf(uuid: Uint8Array): string | undefined {
  return uuid.some((byte) => byte !== 0)
    ? uuid.toBase64({ alphabet: "base64url", omitPadding: true })
    : undefined;
}

/** An error and all that it holds: its cause, and those that stand side by side in it, for several topics or brokers. */
export function causes(error: unknown): Error[] {
  const found: Error[] = [];
  const visit = (each: unknown) => {
    if (!(each instanceof Error) || found.includes(each)) return;
    found.push(each);
    visit(each.cause);
    const { errors } = each as { errors?: unknown };
    if (Array.isArray(errors)) errors.forEach(visit);
  };
  visit(error);
  return found;
}

/** Waits for `work`, but no longer than `milliseconds`: then it rejects, and the work goes on unseen. */
export function within<T>(milliseconds: number, work: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`timed out after ${milliseconds} ms`)), milliseconds);
  return Promise.race([work, late.promise]).finally(() => clearTimeout(timer));
}
