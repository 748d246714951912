import { describeError } from "../../src/errors.ts";
import { run } from "../../tests/support/commands.ts";
import { java } from "../../tests/support/services/java.ts";
import { type Artifact, jars } from "../../tests/support/services/maven.ts";

/** Where Spark is installed. */
export interface Spark {
  /** The Python that has pyspark. */
  readonly python: string;
  /** The folder of the jars that the jobs need. */
  readonly jars: string;
}

/** Gives Spark, or undefined after it has said why there is none; the answer is kept. */
export type SparkSource = () => Promise<Spark | undefined>;

const sparkVersion = "3.5.1";
const artifacts: readonly Artifact[] = [
  `org.apache.spark:spark-sql-kafka-0-10_2.12:${sparkVersion}`,
  "com.datastax.spark:spark-cassandra-connector_2.12:3.5.1",
  "org.postgresql:postgresql:42.7.7",
];

/**
 * Installs pyspark by pip, and what its jobs need by Maven, into a cache on the first call (about 500 MB). Needs
 * Java 17, Python 3 and Maven.
 */
export function sparkSource(report: (line: string) => void): SparkSource {
  let found: Promise<Spark | undefined> | undefined;
  return () =>
    found ??= install(report).catch((error) => {
      report(`Spark is left out: ${describeError(error)}`);
      return undefined;
    });
}

async function install(report: (line: string) => void): Promise<Spark> {
  const cache = Deno.env.get("WEIR_TEST_CACHE") || new URL("../../.cache/services", import.meta.url).pathname;
  await run(java(), ["-version"]);
  await run("python3", ["--version"]);
  const room = { dir: cache, cache, signal: new AbortController().signal };
  await Deno.mkdir(cache, { recursive: true });
  const environment = `${cache}/pyspark-${sparkVersion}`;
  const python = `${environment}/bin/python`;
  if (!await isWhole(python)) {
    report(`Installing pyspark ${sparkVersion} into ${environment}`);
    await run("python3", ["-m", "venv", "--clear", environment]);
    await run(python, ["-m", "pip", "install", "--quiet", `pyspark==${sparkVersion}`]);
  }
  return { python, jars: await jars("spark", sparkVersion, artifacts, room) };
}

async function isWhole(python: string): Promise<boolean> {
  try {
    await run(python, ["-c", "import pyspark"]);
    return true;
  } catch {
    return false;
  }
}
