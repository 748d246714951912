"""Users from Kafka into Cassandra and Postgres, as Spark's documentation has it: foreachBatch, with both in turn."""

import time

from pyspark.sql import DataFrame
from pyspark.sql.functions import col

from job import COLUMNS, Postgres, read_flags, say, session, users

flags = read_flags()
spark = session(flags)
postgres = Postgres(spark, flags.postgres)
others = ", ".join(f"{name} = excluded.{name}" for name in COLUMNS if name != "id")
columns = ", ".join(COLUMNS)


def write(batch: DataFrame, _: int) -> None:
    batch.persist()
    rows = batch.select(*COLUMNS)
    rows.write.format("org.apache.spark.sql.cassandra").options(keyspace="weir_bench", table="spark_users").mode(
        "append"
    ).save()
    postgres.upsert(
        rows,
        "spark_staging",
        f"insert into spark_users ({columns}) select {columns} from spark_staging on conflict (id) do update set {others}",
    )
    if flags.latencies == "yes":
        now = time.time() * 1000
        stamps = [row[0] for row in batch.select((col("timestamp").cast("double") * 1000)).collect()]
        say(rows=len(stamps), latencies=[round(now - stamp) for stamp in stamps])
    else:
        say(rows=batch.count())
    batch.unpersist()


plausible = users(spark, flags).where((col("id") != "") & col("email").contains("@"))
plausible.writeStream.foreachBatch(write).option("checkpointLocation", flags.checkpoint).start().awaitTermination()
