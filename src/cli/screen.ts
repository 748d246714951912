import type { PipelineStatus, Status } from "../status/snapshot.ts";

/**
 * What the operator sees: lines of text or of JSON, and on a terminal a live line below them that shows each pipeline's
 * rates and lag.
 */
export class Screen {
  readonly #json: boolean;
  readonly #terminal: boolean;
  #timer: ReturnType<typeof setInterval> | undefined;
  #live = "";

  constructor(format: "text" | "json", terminal: boolean) {
    this.#json = format === "json";
    this.#terminal = terminal && !this.#json;
  }

  say(line: string): void {
    if (this.#json) {
      return this.#write(`${JSON.stringify({ time: new Date().toISOString(), message: line.trim() })}\n`);
    }
    this.#write(`${this.#live === "" ? "" : clearLine}${line}\n${this.#live}`);
  }

  /** Keeps the live line up to date, until `close`. */
  follow(status: () => Status): void {
    if (!this.#terminal) return;
    this.#timer = setInterval(() => {
      this.#live = liveLine(status()).slice(0, width() - 1);
      this.#write(clearLine + this.#live);
    }, 1_000);
  }

  close(): void {
    clearInterval(this.#timer);
    if (this.#live !== "") this.#write("\n");
    this.#live = "";
  }

  #write(text: string): void {
    try {
      Deno.stdout.writeSync(new TextEncoder().encode(text));
    } catch {
      // Who read it is gone, or the disk that it goes to is full: no reason to stop the work, and nobody to tell.
    }
  }
}

const clearLine = "\r\x1b[K";

/** Columns of the terminal; as many as they mostly are when it is gone, or does not say. */
function width(): number {
  try {
    return Deno.consoleSize().columns || 80;
  } catch {
    return 80;
  }
}

/** One line for all pipelines: `users  20/s in  20/s out  lag 0  p99 8 ms`. */
export function liveLine(status: Status): string {
  return status.pipelines.map(pipelinePart).join("  |  ").replaceAll(/\s*\p{Cc}+\s*/gu, " ");
}

function pipelinePart(
  { name, state, reason, rates, records, partitions, latencyMs }: PipelineStatus,
): string {
  const lag = partitions.reduce((sum, partition) => sum + partition.lag, 0);
  const rate = (perSecond: number) => `${perSecond < 10 ? perSecond.toFixed(1) : Math.round(perSecond)}/s`;
  const latency = latencyMs.p99 === null ? "" : `  p99 ${Math.round(latencyMs.p99)} ms`;
  const letters = records.deadLettered === 0 ? "" : `  dead letters ${records.deadLettered}`;
  const trouble = state === "running" ? "" : `  ${state}${reason === undefined ? "" : `: ${reason}`}`;
  return `${name}  ${rate(rates.inPerSecond)} in  ${
    rate(rates.outPerSecond)
  } out  lag ${lag}${latency}${letters}${trouble}`;
}
