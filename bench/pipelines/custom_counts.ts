/** The same count as in windows.ts by an aggregate of one's own: its groups are locked from their reading to their writing. */
import { aggregate, custom, json, kafka, pipeline, postgresTable, tumbling } from "weir";
import { userSchema } from "../../src/pipelines/users.ts";

export default pipeline("bench_custom_counts", {
  source: kafka("weir_bench_windows", { group: "weir-bench-custom-counts", codec: json(userSchema) }),
  outputs: (stream) => [
    stream.pipe(aggregate({
      by: (user) => ({ username: user.username }),
      window: tumbling("1m"),
      compute: {
        records: custom({
          init: () => 0,
          add: (count: number) => count + 1,
          merge: (a, b) => a + b,
          result: (count) => count,
          type: "int",
        }),
      },
    })).to(postgresTable("bench_custom_counts")),
  ],
});
