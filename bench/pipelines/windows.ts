/** A count per minute of event time and key over the users' JSON of about 430 bytes. */
import { aggregate, count, json, kafka, pipeline, postgresTable, tumbling } from "weir";
import { userSchema } from "../../src/pipelines/users.ts";

export default pipeline("bench_windows", {
  source: kafka("weir_bench_windows", { group: "weir-bench-windows", codec: json(userSchema) }),
  outputs: (stream) => [
    stream.pipe(aggregate({
      by: (user) => ({ username: user.username }),
      window: tumbling("1m"),
      compute: { records: count() },
    })).to(postgresTable("bench_counts")),
  ],
});
