import { ConfigError } from "../errors.ts";
import type { Log, LogConsumer, Publisher } from "../log/mod.ts";
import type { Tables } from "../sinks/mod.ts";
import type { Warehouse } from "../warehouse/mod.ts";
import type { Outbox } from "../warehouse/outbox.ts";
import type { Resets } from "../warehouse/resets.ts";
import type { Watermarks } from "../warehouse/watermarks.ts";
import type { Services } from "./stores.ts";

/**
 * Points at which a test may end, freeze or slow down the process, set by a variable that only tests set:
 *
 *     WEIR_TEST_FAILPOINT=warehouse.commit.before:3:kill
 *
 * is kill -9 just before the third transaction. A point is a call to a service, before it is made or after it has
 * succeeded; a number is how often it is passed until it acts, once. `outbox` and `watermarks` are the warehouse's.
 *
 * | action       | what happens                                               |
 * | ------------ | ---------------------------------------------------------- |
 * | `kill`       | SIGKILL to the process itself: nothing is cleaned up       |
 * | `stop`       | SIGSTOP: it stands still until it gets SIGCONT             |
 * | `delay=2000` | the call, or its answer, is held back for milliseconds     |
 *
 * The services are wrapped where they are opened, and only when the variable is set: the rest knows nothing of it.
 */
export const failpointVariable = "WEIR_TEST_FAILPOINT";

type MethodOf<Port extends string, T> = `${Port}.${Extract<keyof T, string>}`;
type Call =
  | MethodOf<"log", Log>
  | MethodOf<"consumer", LogConsumer>
  | MethodOf<"publisher", Publisher>
  | MethodOf<"tables", Tables>
  | MethodOf<"warehouse", Warehouse>
  | MethodOf<"watermarks", Watermarks>
  | MethodOf<"outbox", Outbox>
  | MethodOf<"resets", Resets>;

/** Every call that has a point before and after it: those that write, or that say what is written next. */
const calls = [
  "log.createTopic",
  "log.produce",
  "consumer.start",
  "consumer.commit",
  "consumer.stop",
  "publisher.open",
  "publisher.publish",
  "publisher.close",
  "tables.createTable",
  "tables.write",
  "warehouse.createTable",
  "warehouse.claim",
  "warehouse.setPositions",
  "warehouse.commit",
  "watermarks.markIdle",
  "watermarks.wake",
  "watermarks.close",
  "outbox.create",
  "outbox.hold",
  "outbox.read",
  "outbox.delivered",
  "outbox.release",
  "resets.make",
  "resets.finish",
] as const satisfies readonly Call[];

export const failpoints: readonly string[] = calls.flatMap((call) => [`${call}.before`, `${call}.after`]);

export interface Failpoint {
  /** One of {@linkcode failpoints}. */
  readonly point: string;
  /** 1 for the first time that it is passed. */
  readonly nth: number;
  readonly action: "kill" | "stop" | { readonly delay: number };
}

/** @throws {ConfigError} that says how it is to be written. */
export function parseFailpoint(text: string): Failpoint {
  const [, point = "", nth, action = ""] = /^([a-zA-Z.]+):(\d+):(kill|stop|delay=\d+)$/.exec(text) ?? [];
  if (!failpoints.includes(point) || Number(nth) < 1) {
    throw new ConfigError([
      `${failpointVariable} is "${text}"; give it as warehouse.commit.before:3:kill, with one of ` +
      `${failpoints.join(", ")}, a number from 1, and kill, stop or delay=<milliseconds>`,
    ]);
  }
  const delay = /^delay=(\d+)$/.exec(action)?.[1];
  return {
    point,
    nth: Number(nth),
    action: delay === undefined ? action as "kill" | "stop" : { delay: Number(delay) },
  };
}

/**
 * The services, with one point armed.
 *
 * @param signal Sends a signal to this process.
 */
export function withFailpoint<T extends Services>(
  services: T,
  failpoint: Failpoint,
  signal: (name: "SIGKILL" | "SIGSTOP") => void,
): T {
  let passed = 0;
  const pass = async (point: string) => {
    if (point !== failpoint.point || ++passed !== failpoint.nth) return;
    const { action } = failpoint;
    if (action === "kill") signal("SIGKILL");
    else if (action === "stop") signal("SIGSTOP");
    else await new Promise((resolve) => setTimeout(resolve, action.delay));
  };
  const { log, tables, warehouse } = services;
  return {
    ...services,
    log: instead(around(log, "log", pass), {
      consumer: (topic, group) => around(log.consumer(topic, group), "consumer", pass),
      publisher: (id) => around(log.publisher(id), "publisher", pass),
    }),
    tables: around(tables, "tables", pass),
    warehouse: instead(around(warehouse, "warehouse", pass), {
      watermarks: around(warehouse.watermarks, "watermarks", pass),
      outbox: around(warehouse.outbox, "outbox", pass),
      resets: around(warehouse.resets, "resets", pass),
    }),
  };
}

/** The same object, but for some of what it has. */
function instead<T extends object>(target: T, others: Partial<T>): T {
  return new Proxy(target, { get: (_, name) => Reflect.get(name in others ? others : target, name) });
}

/** The same object, whose calls pass points. */
function around<T extends object>(target: T, port: string, pass: (point: string) => Promise<void>): T {
  return new Proxy(target, {
    get(_, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== "function") return value;
      const call = `${port}.${String(name)}`;
      if (!(calls as readonly string[]).includes(call)) return value.bind(target);
      return async (...args: unknown[]) => {
        await pass(`${call}.before`);
        const result: unknown = await value.apply(target, args);
        await pass(`${call}.after`);
        return result;
      };
    },
  });
}
