"""A count per minute of event time and key, in update mode, upserted into Postgres."""

from pyspark.sql import DataFrame
from pyspark.sql.functions import col, count, lit, window
from pyspark.sql.streaming import StreamingQueryListener

from job import Postgres, read_flags, say, session, users

flags = read_flags()
spark = session(flags)
postgres = Postgres(spark, flags.postgres)


def write(batch: DataFrame, _: int) -> None:
    rows = batch.select(col("window.start").alias("window_start"), col("username"), col("records"))
    postgres.upsert(
        rows,
        "spark_staging",
        "insert into spark_counts (window_start, username, records) "
        "select window_start, username, records from spark_staging "
        "on conflict (window_start, username) do update set records = excluded.records",
    )


class Progress(StreamingQueryListener):
    """What a micro-batch gives is groups; how many records it took, its progress tells."""

    def onQueryStarted(self, event):
        pass

    def onQueryProgress(self, event):
        say(rows=event.progress.numInputRows)

    def onQueryIdle(self, event):
        pass

    def onQueryTerminated(self, event):
        pass


spark.streams.addListener(Progress())
counts = (
    users(spark, flags)
    .withWatermark("timestamp", "10 minutes")
    .groupBy(window("timestamp", "1 minute"), "username")
    .agg(count(lit(1)).alias("records"))
)
counts.writeStream.outputMode("update").foreachBatch(write).option(
    "checkpointLocation", flags.checkpoint
).start().awaitTermination()
