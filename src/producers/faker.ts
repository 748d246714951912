import type { Faker } from "@faker-js/faker";
import type { ProducerRun } from "./mod.ts";

/**
 * A Faker of its own for English, loaded when it is first needed. With a seed its values are the same each time. The
 * one that the package exports is shared by the whole process, so it is only asked for its data and its class.
 */
export async function openFaker(seed: number | undefined): Promise<Faker> {
  const { faker } = await import("@faker-js/faker/locale/en");
  const Class = faker.constructor as typeof Faker;
  return new Class({ locale: faker.rawDefinitions, ...(seed !== undefined && { seed }) });
}

/** A seed that is the same for each run that stands for the same second. */
export function seedOf({ scheduledAt }: ProducerRun): number {
  return Math.floor(scheduledAt.getTime() / 1_000);
}
