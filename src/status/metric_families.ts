import { Counter, Gauge, type Registry } from "prom-client";

type Labels = Readonly<Record<string, string | number>>;

/** Makes metrics in one registry. */
export class Families {
  readonly #registry: Registry;

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  /** A count that only rises until the process ends; its name ends in `_total`. */
  counter(name: string, help: string, labelNames: readonly string[]): Counter {
    return new Counter({ name, help, labelNames, registers: [this.#registry] });
  }

  /** A value that goes up and down. */
  gauge(name: string, help: string, labelNames: readonly string[]): LatencyGauge {
    return new LatencyGauge({ name, help, labelNames, registers: [this.#registry] });
  }
}

/** A gauge that also takes percentiles. */
export class LatencyGauge extends Gauge {
  /**
   * Sets one value for each percentile, from milliseconds to seconds: `p50` gets the label `percentile="50"`. Those that
   * are null are left out. The label is not named `quantile`, which Prometheus keeps for summaries.
   */
  percentiles(labels: Labels, times: Readonly<Record<string, number | null>>): void {
    for (const [name, time] of Object.entries(times)) {
      if (time !== null) this.set({ ...labels, percentile: name.slice(1) }, time / 1_000);
    }
  }
}
