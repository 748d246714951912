import { describeError } from "../../../src/errors.ts";
import { type ServiceRole, serviceVariables } from "../env.ts";
import { cassandraAnswers, kafkaAnswers, postgresAnswers } from "./answers.ts";
import { startCassandra, startCassandraContainer } from "./cassandra.ts";
import { dockerEngine } from "./docker.ts";
import { startKafka, startKafkaContainer } from "./kafka.ts";
import { startPostgres, startPostgresContainer } from "./postgres.ts";
import type { Room, Server } from "./server.ts";

/** The real servers of one run of the tests. */
export interface Services {
  /** What the tests read to find them: the WEIR_TEST_* variables, empty for those that are not there. */
  readonly env: Record<string, string>;
  /** Those that are not: a line each that names it and says why. */
  readonly missing: string[];
  /** Ends what was started here, and removes its data. */
  stop(): Promise<void>;
}

export interface ServicesOptions {
  /** Hears of what is going on. */
  readonly report: (line: string) => void;
  /** Ends a start that is under way: it rejects, and leaves nothing behind. */
  readonly signal: AbortSignal;
}

const roles = {
  kafka: { answers: kafkaAnswers, container: startKafkaContainer, process: startKafka },
  cassandra: { answers: cassandraAnswers, container: startCassandraContainer, process: startCassandra },
  postgres: { answers: postgresAnswers, container: startPostgresContainer, process: startPostgres },
};

/**
 * Finds or starts a Kafka, a Cassandra and a Postgres: each taken from the environment when given there, else run by
 * Docker when there is an engine, else started on free ports of loopback from Maven's jars and the Postgres that is
 * installed (or npm's). Never rejects for a server that cannot be had; `missing` says so.
 */
export async function startServices({ report, signal }: ServicesOptions): Promise<Services> {
  const dir = await Deno.makeTempDir({ prefix: "weir-services-" });
  // Postgres may run as another user, who must get to its folder.
  await Deno.chmod(dir, 0o711);
  const cache = Deno.env.get("WEIR_TEST_CACHE") ||
    new URL("../../../.cache/services", import.meta.url).pathname;
  const docker = dockerEngine(signal);
  const started: Server[] = [];
  const env: Record<string, string> = {};
  const missing: string[] = [];

  const provide = async (role: ServiceRole): Promise<void> => {
    const variable = serviceVariables[role];
    const given = Deno.env.get(variable);
    try {
      if (given) {
        await roles[role].answers(given);
        env[variable] = given;
        return report(`${role}: ${given}, from ${variable}`);
      }
      const own = `${dir}/${role}`;
      await Deno.mkdir(own);
      const server = await start(role, { dir: own, cache, signal }, await docker);
      started.push(server);
      env[variable] = server.address;
      report(`${role}: ${server.address}`);
    } catch (error) {
      const why = given ? `nothing answers at ${given}, which ${variable} names: ` : "";
      env[variable] = "";
      missing.push(`${role}: ${why}${describeError(error)}`);
    }
  };
  const stop = async () => {
    await Promise.all(started.map((server) => server.stop()));
    await Deno.remove(dir, { recursive: true });
  };

  await Promise.all((Object.keys(roles) as ServiceRole[]).map(provide));
  if (signal.aborted) {
    await stop();
    signal.throwIfAborted();
  }
  return { env, missing, stop };
}

async function start(role: ServiceRole, room: Room, docker: boolean): Promise<Server> {
  if (!docker) return await roles[role].process(room);
  try {
    return await roles[role].container(room.signal);
  } catch (inDocker) {
    // An engine that cannot pull images helps nobody.
    return await roles[role].process(room).catch((error) => {
      throw new AggregateError([inDocker, error], `${describeError(inDocker)}; and without Docker`, {
        cause: error,
      });
    });
  }
}
