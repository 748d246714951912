import { type Context, Hono } from "hono";
import { describeError } from "../errors.ts";
import { page } from "./dashboard/page.ts";
import { script } from "./dashboard/script.ts";
import { style } from "./dashboard/style.ts";
import { statusEvents } from "./events.ts";
import { metricsContentType, type ProcessUse, renderMetrics } from "./metrics.ts";
import { type Readiness, readiness } from "./readiness.ts";
import type { Status } from "./snapshot.ts";

/** What the routes answer from. */
export interface StatusRoutesOptions {
  readonly status: () => Status;
  /** Default: {@linkcode readiness} of the status. */
  readonly ready?: () => Readiness;
  /** What the process uses, for the metrics. Default: nothing is told. */
  readonly process?: () => ProcessUse;
  /** Aborts when answers that go on are to end. Default: they never do. */
  readonly closing?: AbortSignal;
  /** Takes one line for the log about a request that failed. */
  readonly report: (message: string) => void;
}

/** Scripts and styles come from this server only, and nobody may frame the page. */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/**
 * The answers of the status server:
 * - `/` the page, with `/app.js` and `/app.css`
 * - `/status` the status as JSON; with `?pretty`, indented
 * - `/events` the status now and every second, as server-sent events
 * - `/metrics` Prometheus' text format
 * - `/healthz` 200 as long as the process can answer: restarting it would not help a pipeline that waits for a service
 * - `/readyz` 200 when every pipeline runs and every service is up, else 503; the reasons are in the JSON
 *
 * All take GET and HEAD. An error is JSON: `{ error }`, and for an unknown path `{ error, paths }`.
 */
export function statusRoutes(options: StatusRoutesOptions): Hono {
  const { status } = options;
  const { closing = new AbortController().signal } = options;
  const ready = options.ready ?? (() => readiness(status()));
  const answers: Readonly<Record<string, (context: Context) => Response | Promise<Response>>> = {
    "/": (context) => context.html(page),
    "/app.js": (context) => context.body(script, 200, { "content-type": "text/javascript; charset=utf-8" }),
    "/app.css": (context) => context.body(style, 200, { "content-type": "text/css; charset=utf-8" }),
    "/status": (context) => json(context, status(), 200),
    "/events": (context) =>
      context.body(statusEvents(status, closing), 200, {
        "content-type": "text/event-stream; charset=utf-8",
      }),
    "/metrics": async (context) =>
      context.body(await renderMetrics(status(), options.process?.()), 200, {
        "content-type": metricsContentType,
      }),
    "/healthz": (context) => context.text("ok"),
    "/readyz": (context) => {
      const answer = ready();
      return json(context, answer, answer.ready ? 200 : 503);
    },
  };

  const app = new Hono();
  app.use(async (context, next) => {
    await next();
    context.header("cache-control", "no-store");
    context.header("content-security-policy", contentSecurityPolicy);
    context.header("referrer-policy", "no-referrer");
    context.header("x-content-type-options", "nosniff");
  });
  for (const [path, answer] of Object.entries(answers)) {
    app.get(path, answer); // Hono answers HEAD from this, too.
    app.all(
      path,
      (context) =>
        context.json({ error: `${context.req.method} ${path} is not possible; use GET or HEAD` }, 405, {
          allow: "GET, HEAD",
        }),
    );
  }
  app.notFound((context) =>
    context.json({ error: `There is nothing at ${context.req.path}`, paths: Object.keys(answers) }, 404)
  );
  app.onError((error, context) => {
    options.report(`Could not answer ${context.req.method} ${context.req.path}: ${describeError(error)}`);
    return context.json({ error: "The answer could not be made; the log of the process says why" }, 500);
  });
  return app;
}

function json(context: Context, value: unknown, code: 200 | 503): Response {
  const pretty = context.req.query("pretty") !== undefined;
  return context.body(`${JSON.stringify(value, null, pretty ? 2 : undefined)}\n`, code, {
    "content-type": "application/json; charset=utf-8",
  });
}
