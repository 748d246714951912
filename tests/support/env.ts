/** The real services that tests may use, as the test runner names them in the environment. */
export const serviceVariables = {
  kafka: "WEIR_TEST_KAFKA",
  cassandra: "WEIR_TEST_CASSANDRA",
  postgres: "WEIR_TEST_POSTGRES",
};

export type ServiceRole = keyof typeof serviceVariables;

/** Where a service listens, or `undefined` when there is none: its tests are then left out, and the runner says so. */
export function service(role: ServiceRole): string | undefined {
  return Deno.env.get(serviceVariables[role]) || undefined;
}

/** A name that no other test uses. */
export function uniqueName(prefix: string): string {
  return `${prefix}_${crypto.randomUUID().slice(0, 8)}`;
}
