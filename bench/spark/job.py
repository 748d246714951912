"""What both jobs share: their flags, the stream of users from Kafka, and upserts into Postgres."""

import argparse
import json
from urllib.parse import urlsplit

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.functions import col, from_json
from pyspark.sql.types import StringType, StructField, StructType

COLUMNS = [
    "id", "first_name", "last_name", "gender", "address", "post_code",
    "email", "username", "dob", "registered_date", "phone", "picture",
]


def read_flags() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    for name in ["brokers", "topic", "postgres", "checkpoint", "batch"]:
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--cassandra", default="")
    parser.add_argument("--latencies", default="no", choices=["yes", "no"])
    return parser.parse_args()


def session(flags: argparse.Namespace) -> SparkSession:
    builder = (
        SparkSession.builder.appName("weir-bench")
        # Two threads: more partitions after a shuffle would only cost.
        .config("spark.sql.shuffle.partitions", "2")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.ui.enabled", "false")
    )
    if flags.cassandra:
        host, _, port = flags.cassandra.partition(":")
        builder = (
            builder.config("spark.cassandra.connection.host", host)
            .config("spark.cassandra.connection.port", port or "9042")
            # As Weir and the raw writers: batches by replica set, below Cassandra's threshold for a warning.
            .config("spark.cassandra.output.batch.grouping.key", "replica_set")
            .config("spark.cassandra.output.batch.size.bytes", "5120")
            .config("spark.cassandra.output.concurrent.writes", "32")
        )
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    return spark


def users(spark: SparkSession, flags: argparse.Namespace) -> DataFrame:
    """The topic's users from its start, with the records' timestamps."""
    schema = StructType([StructField(name, StringType()) for name in COLUMNS])
    records = (
        spark.readStream.format("kafka")
        .option("kafka.bootstrap.servers", flags.brokers)
        .option("subscribe", flags.topic)
        .option("startingOffsets", "earliest")
        .option("maxOffsetsPerTrigger", flags.batch)
        .load()
    )
    parsed = records.select(from_json(col("value").cast("string"), schema).alias("user"), col("timestamp"))
    return parsed.select("user.*", "timestamp")


class Postgres:
    """Upserts by way of a staging table, in one statement."""

    def __init__(self, spark: SparkSession, url: str):
        parts = urlsplit(url)
        self.url = f"jdbc:postgresql://{parts.hostname}:{parts.port or 5432}{parts.path}?reWriteBatchedInserts=true"
        self.properties = {"user": parts.username or "", "password": parts.password or "", "driver": "org.postgresql.Driver"}
        properties = spark._jvm.java.util.Properties()
        for name, value in self.properties.items():
            properties.setProperty(name, value)
        self.connection = spark._jvm.org.postgresql.Driver().connect(self.url, properties)

    def execute(self, sql: str) -> None:
        statement = self.connection.createStatement()
        statement.execute(sql)
        statement.close()

    def upsert(self, rows: DataFrame, staging: str, insert: str) -> None:
        rows.write.option("truncate", "true").option("batchsize", "5000").jdbc(
            self.url, staging, mode="overwrite", properties=self.properties
        )
        self.execute(insert)


def say(**batch) -> None:
    print(json.dumps(batch), flush=True)
