/** The job that is measured: JSON users of about 430 bytes into Cassandra and Postgres. */
import { cassandraTable, json, kafka, map, pipeline, postgresTable, validate } from "weir";
import { userColumns, userSchema } from "../../src/pipelines/users.ts";

const plausible = (user: { id: string; email: string }) => user.id !== "" && user.email.includes("@");

export default pipeline("bench_rows", {
  source: kafka("weir_bench_rows", { group: "weir-bench-rows-job", codec: json(userSchema) }),
  outputs: (stream) => {
    const users = stream.pipe(
      validate(plausible),
      map((user) => ({ ...user, post_code: String(user.post_code) })),
    );
    return [
      users.to(cassandraTable("weir_bench.rows", { columns: userColumns, key: ["id"] })),
      users.to(postgresTable("bench_rows", { columns: userColumns, key: ["id"] })),
    ];
  },
});
