import { openFaker, seedOf } from "./faker.ts";
import type { Producer } from "./mod.ts";

/** What a thermometer says. */
export interface Reading {
  readonly sensor: string;
  readonly celsius: number;
  /** When it was read, by ISO 8601. */
  readonly at: string;
}

/** The thermometers, and the temperature around which each one moves. */
const sensors: Readonly<Record<string, number>> = {
  attic: 27,
  cellar: 12,
  garden: 15,
  greenhouse: 31,
  kitchen: 21,
};

/** Seconds from one reading of a thermometer to the next. */
const interval = 10;

/** What a thermometer without a connection reads. */
const disconnected = -999;

/**
 * Five thermometers, read every ten seconds of the minute before a run, whose time decides what they say. It is warmer
 * by day; each swings a little; and about one reading in fifty is of a thermometer that has lost its connection.
 */
export function fakerReadings(): Producer<Reading> {
  return async function* (run) {
    const faker = await openFaker(seedOf(run));
    const end = run.scheduledAt.getTime();
    for (let time = end - 60_000; time < end; time += interval * 1_000) {
      for (const [sensor, base] of Object.entries(sensors)) {
        const day = 4 * Math.sin((time / 86_400_000 - 0.375) * 2 * Math.PI);
        const noise = faker.number.float({ min: -0.5, max: 0.5, fractionDigits: 2 });
        const broken = faker.number.int({ min: 1, max: 50 }) === 1;
        const celsius = broken ? disconnected : Math.round((base + day + noise) * 100) / 100;
        yield { key: sensor, value: { sensor, celsius, at: new Date(time).toISOString() }, timestamp: time };
      }
    }
  };
}
