import { kafkaAnswers } from "./answers.ts";
import { run } from "../commands.ts";
import { startContainer } from "./docker.ts";
import { java } from "./java.ts";
import { jars } from "./maven.ts";
import { freePort, freePorts } from "./ports.ts";
import { startProcess } from "./process.ts";
import type { OwnServer, Room, Server } from "./server.ts";

const version = "4.1.0";

/** One broker that is its own controller (KRaft), from Maven's jars. */
export async function startKafka(room: Room): Promise<OwnServer> {
  const lib = await jars(
    "kafka",
    version,
    ["org.apache.kafka:kafka_2.13", "org.apache.kafka:kafka-tools"],
    room,
  );
  const [port, controllerPort] = freePorts(2);
  const address = `127.0.0.1:${port}`;
  const file = `${room.dir}/server.properties`;
  const properties = {
    ...broker(`PLAINTEXT://${address}`, `127.0.0.1:${controllerPort}`, `PLAINTEXT://${address}`),
    "log.dirs": `${room.dir}/data`,
  };
  await Deno.writeTextFile(
    file,
    Object.entries(properties).map(([key, value]) => `${key}=${value}\n`).join(""),
  );
  const classpath = ["-cp", `${lib}/*`];
  const options = { cwd: room.dir, signal: room.signal };
  await run(
    java(),
    [...classpath, "kafka.tools.StorageTool", "format", "-t", clusterId(), "-c", file],
    options,
  );
  return await startProcess({
    name: "kafka",
    address,
    command: [java(), "-Xmx512m", ...classpath, "kafka.Kafka", file],
    cwd: room.dir,
    stopWith: "SIGKILL",
    answers: () => kafkaAnswers(address),
  }, room);
}

/** The same broker, as a container. */
export function startKafkaContainer(signal: AbortSignal): Promise<Server> {
  // A broker tells its clients where it is, so its port must be known before, and be the same inside.
  const port = freePort();
  const address = `127.0.0.1:${port}`;
  const properties = broker(`PLAINTEXT://0.0.0.0:${port}`, "127.0.0.1:9093", `PLAINTEXT://${address}`);
  const env = Object.entries(properties).map(([key, value]): [string, string] => [
    `KAFKA_${key.toUpperCase().replaceAll(".", "_")}`,
    value,
  ]);
  return startContainer({
    name: "kafka",
    image: `apache/kafka:${version}`,
    ports: [port, port],
    env: Object.fromEntries(env),
    address,
    answers: () => kafkaAnswers(address),
  }, signal);
}

function broker(listener: string, controller: string, advertised: string): Record<string, string> {
  return {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.quorum.voters": `1@${controller}`,
    "listeners": `${listener},CONTROLLER://${controller}`,
    "advertised.listeners": advertised,
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
    // Weir must create the topics that it needs, with the partitions that it needs.
    "auto.create.topics.enable": "false",
    "num.partitions": "8",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "4",
    // Nothing to wait for: tests start one member, or know when the second comes.
    "group.initial.rebalance.delay.ms": "0",
    // So that a test can have a member that died found out soon.
    "group.min.session.timeout.ms": "500",
  };
}

/** A random UUID in the way Kafka writes one: 22 characters of URL-safe base64. */
function clusterId(): string {
  return crypto.getRandomValues(new Uint8Array(16)).toBase64({ alphabet: "base64url", omitPadding: true });
}
