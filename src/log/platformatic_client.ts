import type { BaseOptions, SASLOptions } from "@platformatic/kafka";
import { answerTimeout, causes, type KafkaSettings, membership } from "./brokers.ts";
import { decompressBy } from "./compression.ts";
import type { Decompress } from "./record_set.ts";

export type Library = typeof import("@platformatic/kafka");

/** The library, and what each of its clients is made with. Nothing connects before it is used. */
export interface PlatformaticClients {
  readonly library: Library;
  readonly options: BaseOptions;
  readonly decompress: Decompress;
}

export async function loadPlatformatic(settings: KafkaSettings): Promise<PlatformaticClients> {
  const library = await import("@platformatic/kafka");
  const decompress = decompressBy(library.compressionsAlgorithmsByBitmask);
  return { library, options: connection(settings), decompress };
}

function connection({ brokers, clientId = "weir", ssl, sasl }: KafkaSettings): BaseOptions {
  return {
    bootstrapBrokers: [...brokers],
    clientId,
    ...(ssl && { tls: ssl === true || ssl.ca === undefined ? {} : { ca: ssl.ca } }),
    ...(sasl && {
      sasl: {
        mechanism: sasl.mechanism.toUpperCase() as SASLOptions["mechanism"],
        username: sasl.username,
        password: sasl.password,
      },
    }),
    connectTimeout: 3_000,
    requestTimeout: answerTimeout,
    metadataMaxAge: membership.metadataMaxAge,
    autocreateTopics: false,
    // A broker that is gone fails a request within about two seconds, and one that asks others before it within ten,
    // since each of these is retried; who asked decides about more.
    retries: 4,
    retryDelay: (_client, _operation, attempt) => retryDelay(attempt),
  };
}

/** Milliseconds until the next try. */
export function retryDelay(attempt: number): number {
  return 100 * 2 ** (attempt - 1);
}

/** The brokers' answers in an error, as `UNKNOWN_TOPIC_OR_PARTITION`. */
export function answers(error: unknown): readonly string[] {
  return causes(error).map((each) => (each as { apiId?: unknown }).apiId).filter((id) =>
    typeof id === "string"
  );
}

/** The library has words of its own for a topic that is not in the metadata. */
export function isAbsent(error: unknown): boolean {
  return answers(error).includes("UNKNOWN_TOPIC_OR_PARTITION") ||
    causes(error).some(({ message }) => message.startsWith("Unknown topic "));
}

export function isLoginRefused(error: unknown): boolean {
  return answers(error).includes("SASL_AUTHENTICATION_FAILED") ||
    causes(error).some(({ message }) => message === "SASL authentication failed.");
}
