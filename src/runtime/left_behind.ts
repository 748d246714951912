import type { Pipeline } from "../pipeline.ts";
import type { Output } from "../stream.ts";
import type { SourceName } from "../warehouse/mod.ts";
import type { Outbox } from "../warehouse/outbox.ts";
import { openWindows, recordStream } from "./aggregate_table.ts";

/**
 * What waits in the outbox for the pipeline's sinks from the time before it was changed, and nobody delivers: a line for
 * people for each sink.
 *
 * @param streams Those that are delivered, by output.
 */
export async function leftBehind(
  plan: Pipeline,
  streams: ReadonlyMap<number, string>,
  outbox: Pick<Outbox, "waiting">,
): Promise<string[]> {
  const { group, topic } = plan.source;
  const lines: string[] = [];
  for (const [i, output] of plan.outputs.entries()) {
    let waiting = 0;
    for (const stream of possible({ group, topic }, output)) {
      if (stream !== streams.get(i)) waiting += await outbox.waiting(stream);
    }
    if (waiting === 0) continue;
    const { kind, name } = output.sink;
    lines.push(
      `${waiting} results for the ${kind} "${name}" wait in the outbox since before the pipeline was changed; they go ` +
        "out when it is run as it was",
    );
  }
  return lines;
}

/** The streams that an output may ever have had. */
function possible(source: SourceName, { sink }: Output): string[] {
  if (sink.kind === "postgres") return [];
  return [openWindows(source, sink).table, ...(sink.kind === "topic" ? [recordStream(source, sink)] : [])];
}
