import { cassandraAnswers } from "./answers.ts";
import { startContainer } from "./docker.ts";
import { java } from "./java.ts";
import { jars } from "./maven.ts";
import { freePort, freePorts } from "./ports.ts";
import { startProcess } from "./process.ts";
import type { OwnServer, Room, Server } from "./server.ts";

/** One node, from Maven's jars. It has data centre `datacenter1` and asks for no password. */
export async function startCassandra(room: Room): Promise<OwnServer> {
  const lib = await jars("cassandra", "5.0.5", ["org.apache.cassandra:cassandra-all"], room);
  const [port, storagePort] = freePorts(2) as [number, number];
  const address = `127.0.0.1:${port}`;
  const conf = `${room.dir}/conf`;
  await Deno.mkdir(conf);
  await Deno.writeTextFile(`${conf}/logback.xml`, logback);
  // JSON is YAML too.
  await Deno.writeTextFile(
    `${conf}/cassandra.yaml`,
    JSON.stringify(settings(port, storagePort, `${room.dir}/data`)),
  );
  const command: [string, ...string[]] = [
    java(),
    "-Xms256m",
    "-Xmx1g",
    ...openedModules(),
    "-Djdk.attach.allowAttachSelf=true",
    `-Dcassandra.config=file://${conf}/cassandra.yaml`,
    `-Dcassandra.storagedir=${room.dir}/data`,
    `-Dlogback.configurationFile=${conf}/logback.xml`,
    ...alone,
    `-javaagent:${await agent(lib)}`,
    "-cp",
    `${conf}:${lib}/*`,
    "org.apache.cassandra.service.CassandraDaemon",
  ];
  return await startProcess({
    name: "cassandra",
    address,
    command,
    cwd: room.dir,
    stopWith: "SIGKILL",
    answers: () => cassandraAnswers(address),
  }, room);
}

/** The same node, as a container. */
export function startCassandraContainer(signal: AbortSignal): Promise<Server> {
  const port = freePort();
  const address = `127.0.0.1:${port}`;
  return startContainer({
    name: "cassandra",
    image: "cassandra:5.0",
    ports: [port, 9042],
    env: { MAX_HEAP_SIZE: "1G", HEAP_NEWSIZE: "256M", JVM_EXTRA_OPTS: alone.join(" ") },
    address,
    answers: () => cassandraAnswers(address),
  }, signal);
}

/** A node that is alone has no others to wait for. */
const alone = [
  "-Dcassandra.skip_wait_for_gossip_to_settle=0",
  "-Dcassandra.ring_delay_ms=0",
  "-Dcassandra.superuser_setup_delay_ms=0",
];

function settings(port: number, storagePort: number, data: string) {
  return {
    cluster_name: "weir tests",
    num_tokens: 1,
    partitioner: "org.apache.cassandra.dht.Murmur3Partitioner",
    endpoint_snitch: "SimpleSnitch",
    seed_provider: [{
      class_name: "org.apache.cassandra.locator.SimpleSeedProvider",
      parameters: [{ seeds: `127.0.0.1:${storagePort}` }],
    }],
    auto_bootstrap: false,
    listen_address: "127.0.0.1",
    rpc_address: "127.0.0.1",
    native_transport_port: port,
    storage_port: storagePort,
    data_file_directories: [`${data}/data`],
    commitlog_directory: `${data}/commitlog`,
    saved_caches_directory: `${data}/saved_caches`,
    hints_directory: `${data}/hints`,
    cdc_raw_directory: `${data}/cdc`,
    commitlog_sync: "periodic",
    commitlog_sync_period: "10000ms",
    memtable_allocation_type: "heap_buffers",
    auto_snapshot: false,
  };
}

const logback = `<configuration>
  <appender name="out" class="ch.qos.logback.core.ConsoleAppender">
    <encoder><pattern>%date{HH:mm:ss} %-5level %logger{0} %msg%n</pattern></encoder>
  </appender>
  <root level="INFO"><appender-ref ref="out"/></root>
</configuration>
`;

/** Jamm measures how much memory objects take, and must be loaded as an agent. */
async function agent(lib: string): Promise<string> {
  for await (const { name } of Deno.readDir(lib)) if (/^jamm-.*\.jar$/.test(name)) return `${lib}/${name}`;
  throw new Error(`No jamm-*.jar is in ${lib}: remove that folder, so that the jars are downloaded again`);
}

/** The parts of Java 17 that Cassandra 5 reaches into, as in its own jvm17-server.options. */
function openedModules(): string[] {
  const exported = {
    "java.base": ["java.lang.ref", "jdk.internal.misc"],
    "java.management.rmi": ["com.sun.jmx.remote.internal.rmi"],
    "java.rmi": ["sun.rmi.registry", "sun.rmi.server", "sun.rmi.transport.tcp"],
    "java.sql": ["java.sql"],
    "jdk.attach": ["sun.tools.attach"],
    "jdk.compiler": ["com.sun.tools.javac.file"],
    "jdk.unsupported": ["sun.misc"],
  };
  const opened = {
    "java.base": [
      ...[
        "java.io",
        "java.lang",
        "java.lang.module",
        "java.lang.reflect",
        "java.math",
        "java.net",
        "java.nio",
      ],
      ...["java.util", "java.util.concurrent", "java.util.concurrent.atomic", "jdk.internal.loader"],
      ...["jdk.internal.math", "jdk.internal.module", "jdk.internal.ref", "jdk.internal.reflect"],
      ...["jdk.internal.util.jar", "sun.nio.ch"],
    ],
    "java.rmi": ["sun.rmi.transport.tcp"],
    "jdk.management": ["com.sun.management.internal"],
  };
  const flags = (flag: string, packages: Record<string, string[]>) =>
    Object.entries(packages).flatMap(([module, names]) =>
      names.map((name) => `--add-${flag}=${module}/${name}=ALL-UNNAMED`)
    );
  return [...flags("exports", exported), ...flags("opens", opened)];
}
