/** Payments by card: those that are too many, or too far apart, within a minute become alerts. */
import { json, kafka, map, mapWithState, pipeline, postgresTable, topic } from "../mod.ts";
import { fakerPayments, type Payment } from "../producers/faker_payments.ts";

export const paymentSchema = {
  type: "record",
  name: "Payment",
  fields: [
    { name: "card", type: "string" },
    { name: "amount", type: "double" },
    { name: "city", type: "string" },
    { name: "latitude", type: "double" },
    { name: "longitude", type: "double" },
    { name: "at", type: "long" },
  ],
} as const;

export const alertSchema = {
  type: "record",
  name: "Alert",
  fields: [
    { name: "card", type: "string" },
    { name: "rule", type: "string" },
    { name: "detail", type: "string" },
    { name: "at", type: "long" },
  ],
} as const;

/** More payments than these within a minute are too many, and places further apart than this too far. */
const mostPayments = 5;
const mostKilometres = 300;
const minute = 60_000;

/** What is remembered of a card's payment. */
type Place = Pick<Payment, "city" | "latitude" | "longitude" | "at">;

export default pipeline("card_fraud", {
  schedule: { cron: "* * * * *", produce: fakerPayments() },
  source: kafka("payments", {
    group: "weir-card-fraud",
    codec: json(paymentSchema),
    eventTime: (payment) => payment.at,
  }),
  outputs: (stream) => {
    const alerts = stream.pipe(mapWithState({
      name: "recent-payments",
      by: (payment) => payment.card,
      initial: (): readonly Place[] => [],
      update: (before, payment) => {
        const { card, city, latitude, longitude, at } = payment;
        const recent = before.filter((place) => Math.abs(at - place.at) < minute);
        return {
          // Some more than are too many is enough to know that they are.
          state: [...recent, { city, latitude, longitude, at }].slice(-4 * mostPayments),
          emit: reasons(recent, payment).map(([rule, detail]) => ({ card, rule, detail, at })),
        };
      },
      timeout: "1m",
    }));
    return [
      alerts.to(topic("card_alerts", { key: ({ card }) => card, codec: json(alertSchema) })),
      alerts.pipe(map((alert) => ({ ...alert, at: new Date(alert.at) }))).to(
        postgresTable("card_alerts", {
          columns: { card: "text", at: "timestamp", rule: "text", detail: "text" },
          key: ["card", "at", "rule"],
        }),
      ),
    ];
  },
});

/** What is wrong with a payment after those of the minute before it: rule and detail. */
function reasons(recent: readonly Place[], payment: Payment): [rule: string, detail: string][] {
  const found: [string, string][] = [];
  const payments = recent.length + 1;
  if (payments > mostPayments) found.push(["too many", `${payments} payments within a minute`]);
  const far = recent.find((place) => kilometres(place, payment) > mostKilometres);
  if (far) {
    const distance = Math.round(kilometres(far, payment));
    found.push(["too far", `${far.city} and ${payment.city}, ${distance} km, within a minute`]);
  }
  return found;
}

/** The distance of two places on a globe, by the haversine formula. */
export function kilometres(
  a: Pick<Place, "latitude" | "longitude">,
  b: Pick<Place, "latitude" | "longitude">,
): number {
  const radians = (degrees: number) => degrees * Math.PI / 180;
  const haversine = (angle: number) => Math.sin(radians(angle) / 2) ** 2;
  const chord = haversine(b.latitude - a.latitude) +
    Math.cos(radians(a.latitude)) * Math.cos(radians(b.latitude)) * haversine(b.longitude - a.longitude);
  return 2 * 6_371 * Math.asin(Math.sqrt(chord));
}
