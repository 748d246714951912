import type { Faker } from "@faker-js/faker";
import { openFaker, seedOf } from "./faker.ts";
import type { Produced, Producer } from "./mod.ts";

/** Someone pays by card. */
export interface Payment {
  readonly card: string;
  readonly amount: number;
  readonly city: string;
  /** Degrees north and east. */
  readonly latitude: number;
  readonly longitude: number;
  /** Milliseconds since 1970. */
  readonly at: number;
}

const cities = [
  { city: "Berlin", latitude: 52.52, longitude: 13.41 },
  { city: "Lagos", latitude: 6.45, longitude: 3.39 },
  { city: "Lima", latitude: -12.05, longitude: -77.04 },
  { city: "Paris", latitude: 48.86, longitude: 2.35 },
  { city: "Tokyo", latitude: 35.68, longitude: 139.69 },
] as const;

/** Cards are numbered from 1; each has a home. */
const cards = 40;
const paymentsOfThief = 8;

/**
 * Payments of the minute before a run, in the order of their times. Most cards pay once or twice where they are at
 * home. One, which the run's time decides, pays eight times within twenty seconds, and another one is in two cities
 * within half a minute.
 */
export function fakerPayments(): Producer<Payment> {
  return async function* (run) {
    const faker = await openFaker(seedOf(run));
    const start = run.scheduledAt.getTime() - 60_000;
    const [thief, traveller, ...others] = faker.helpers.shuffle(numbers(cards)) as [
      number,
      number,
      ...number[],
    ];
    const payments = [
      ...others.flatMap((card) =>
        numbers(faker.number.int({ min: 1, max: 2 }))
          .map(() => payment(faker, card, homeOf(card), start + faker.number.int({ max: 59_999 })))
      ),
      ...numbers(paymentsOfThief).map((i) =>
        payment(faker, thief, homeOf(thief), start + 30_000 + i * 2_000)
      ),
      payment(faker, traveller, homeOf(traveller), start + 10_000),
      payment(faker, traveller, homeOf(traveller + 1), start + 35_000),
    ];
    yield* payments.sort((a, b) => a.value.at - b.value.at);
  };
}

function payment(
  faker: Faker,
  number: number,
  where: typeof cities[number],
  at: number,
): Produced<Payment> & { readonly timestamp: number } {
  const card = `card-${String(number).padStart(2, "0")}`;
  const amount = Number(faker.finance.amount({ min: 2, max: 150 }));
  return { key: card, value: { card, amount, ...where, at }, timestamp: at };
}

function homeOf(card: number): typeof cities[number] {
  return cities[card % cities.length]!;
}

/** From 1. */
function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i + 1);
}
