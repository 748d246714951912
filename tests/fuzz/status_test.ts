/** Requests of any kind: the status server never fails, and never tells what it should not. */
import assert from "node:assert/strict";
import { statusRoutes } from "../../src/status/routes.ts";
import { sampleStatus } from "../status/sample_status.ts";
import type { Seeded } from "../support/seeded.ts";
import { rounds } from "./rounds.ts";

const parts = [
  "status",
  "metrics",
  "healthz",
  "readyz",
  "app.js",
  "api",
  "..",
  ".",
  "%2e%2e",
  "%00",
  "%ff",
  "%",
  "etc",
  "passwd",
];

function anyPath(random: Seeded): string {
  const path = Array.from(
    { length: random.integer(0, 4) },
    () => random.chance(0.8) ? random.pick(parts) : encodeURIComponent(random.text(10)),
  ).join("/");
  const query = random.chance(0.3)
    ? `?${random.pick(["pretty", "pretty=%", "a=b&a", "%ff", "pretty[]=1"])}`
    : "";
  return `/${path}${query}`;
}

function anyHeaders(random: Seeded): Headers {
  const headers = new Headers();
  const names = [
    "host",
    "origin",
    "accept",
    "range",
    "if-none-match",
    "content-type",
    "authorization",
    "x-forwarded-host",
  ];
  const values = [
    "evil.example",
    "http://evil.example",
    "null",
    "*/*",
    "bytes=0-",
    "bytes=9-1",
    "a".repeat(5_000),
    "Bearer x",
    "",
  ];
  for (const name of names) if (random.chance(0.2)) headers.set(name, random.pick(values));
  return headers;
}

Deno.test("any request gets an answer that is no failure, with the headers that protect it", async () => {
  const app = statusRoutes({ status: sampleStatus, report: (message) => assert.fail(message) });
  await rounds(2_000, async (random) => {
    const method = random.pick(["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND"]);
    const body = ["GET", "HEAD"].includes(method) || random.chance(0.5) ? null : random.text(50);
    const path = anyPath(random);
    const request = new Request(`http://127.0.0.1:8080${path}`, {
      method,
      headers: anyHeaders(random),
      body,
    });
    const response = await app.fetch(request);
    // Not ready is 503, and the only answer of its kind.
    const notReady = response.status === 503 && new URL(request.url).pathname === "/readyz";
    assert.ok(response.status < 500 || notReady, `${method} ${path}: ${response.status}`);
    assert.equal(response.headers.get("x-content-type-options"), "nosniff");
    assert.equal(response.headers.get("cache-control"), "no-store");
    assert.equal(response.headers.get("access-control-allow-origin"), null, "no other site may read it");
    const text = await response.text();
    if (response.headers.get("content-type")?.startsWith("application/json") && text !== "") JSON.parse(text);
    if (response.headers.get("content-type")?.startsWith("text/html")) {
      assert.ok(!text.includes("evil.example"));
    }
    assert.ok(!/\/(src|tests)\/|at \w+ \(/.test(response.status >= 400 ? text : ""), "no stack in an error");
  });
});
