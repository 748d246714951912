import type { Status } from "./snapshot.ts";

/** Whether the process does its work, and if not, why. */
export interface Readiness {
  readonly ready: boolean;
  /** One line each; empty when it is ready. */
  readonly reasons: readonly string[];
}

/** Ready: there is a pipeline, all of them run, and every service is up. */
export function readiness(status: Status): Readiness {
  const reasons = [
    ...(status.pipelines.length === 0 ? ["No pipeline has started yet"] : []),
    ...status.pipelines.filter((one) => one.state !== "running")
      .map((one) => `Pipeline ${one.name} is ${one.state}${one.reason ? `: ${one.reason}` : ""}`),
    ...status.services.filter((one) => one.state !== "up")
      .map((one) => `The ${one.role} (${one.kind}) is ${one.state}: ${one.detail}`),
  ];
  return { ready: reasons.length === 0, reasons };
}
