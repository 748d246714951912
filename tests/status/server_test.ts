import assert from "node:assert/strict";
import { ServiceError } from "../../src/errors.ts";
import { serveStatus, type StatusServer, type StatusServerOptions } from "../../src/status/server.ts";
import type { Status } from "../../src/status/snapshot.ts";
import { parsePrometheusText } from "./prometheus_text.ts";
import { samplePipeline, sampleStatus } from "./sample_status.ts";

/** Serves on a free port while `run` runs. */
async function serving(
  options: Partial<StatusServerOptions>,
  run: (get: (path: string, init?: RequestInit) => Promise<Response>, server: StatusServer) => Promise<void>,
): Promise<void> {
  const unexpected = (message: string) => assert.fail(message);
  const server = await serveStatus({
    host: "127.0.0.1",
    port: 0,
    status: sampleStatus,
    report: unexpected,
    ...options,
  });
  // A client of its own: a connection that was kept from an earlier server on the same port would be a dead one.
  const client = Deno.createHttpClient({});
  try {
    await run((path, init) => fetch(`${server.url}${path}`, { ...init, client }), server);
  } finally {
    await server.close();
    client.close();
  }
}

Deno.test("/status is the status as JSON, not to be kept", () =>
  serving({}, async (get) => {
    const response = await get("/status");
    assert.equal(response.status, 200);
    assert.equal(response.headers.get("content-type"), "application/json; charset=utf-8");
    assert.equal(response.headers.get("cache-control"), "no-store");
    const text = await response.text();
    assert.deepEqual(JSON.parse(text), sampleStatus());
    assert.equal(text.trimEnd().includes("\n"), false);
  }));

Deno.test("/status?pretty is indented", () =>
  serving({}, async (get) => {
    const text = await (await get("/status?pretty")).text();
    assert.deepEqual(JSON.parse(text), sampleStatus());
    assert.match(text, /^\{\n {2}"schema": 1,\n/);
  }));

Deno.test("/status is what the process is like now", async () => {
  let calls = 0;
  await serving({ status: () => sampleStatus({ version: `${++calls}` }) }, async (get) => {
    assert.equal((await (await get("/status")).json()).version, "1");
    assert.equal((await (await get("/status")).json()).version, "2");
  });
});

Deno.test("/events are statuses, each made when the one before is taken", async () => {
  let calls = 0;
  await serving({ status: () => sampleStatus({ version: `${++calls}` }) }, async (get) => {
    const response = await get("/events");
    assert.equal(response.status, 200);
    assert.equal(response.headers.get("content-type"), "text/event-stream; charset=utf-8");
    assert.equal(response.headers.get("cache-control"), "no-store");
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    const first = (await reader.read()).value!;
    assert.deepEqual(JSON.parse(/^data: (.*)\n\n$/.exec(first)![1]!), sampleStatus({ version: "1" }));
    const second = (await reader.read()).value!;
    assert.deepEqual(JSON.parse(/^data: (.*)\n\n$/.exec(second)![1]!), sampleStatus({ version: "2" }));
    await reader.cancel();
    const head = await get("/events", { method: "HEAD" });
    assert.equal(await head.text(), "");
  });
});

Deno.test("/events ends when the server closes, and does not hold it up", async () => {
  const ended = Promise.withResolvers<string>();
  await serving({}, async (get) => {
    const response = await get("/events");
    const reader = response.body!.getReader();
    await reader.read();
    reader.read().then(
      ({ done }) => ended.resolve(done ? "ended" : "went on"),
      (error) => ended.reject(error),
    );
  });
  assert.equal(await ended.promise, "ended");
});

Deno.test("/metrics is Prometheus' text", () =>
  serving({ process: () => ({ residentBytes: 5, cpuSeconds: 1 }) }, async (get) => {
    const response = await get("/metrics");
    assert.equal(response.headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    const families = parsePrometheusText(await response.text());
    assert.equal(families.get("process_resident_memory_bytes")?.samples.get("{}"), 5);
    assert.equal(families.get("kafka_brokers")?.samples.get("{}"), 3);
  }));

Deno.test("/healthz is ok although a pipeline has failed; /readyz is not, and says why", async () => {
  const failed = () =>
    sampleStatus({ pipelines: [samplePipeline({ state: "failed", reason: "Offset 5 is gone" })] });
  await serving({ status: failed }, async (get) => {
    const health = await get("/healthz");
    assert.equal(health.status, 200);
    assert.equal(await health.text(), "ok");
    const ready = await get("/readyz");
    assert.equal(ready.status, 503);
    assert.deepEqual(await ready.json(), {
      ready: false,
      reasons: ["Pipeline users is failed: Offset 5 is gone"],
    });
  });
});

Deno.test("/readyz is 200 when all runs, and follows `ready` where it is given", async () => {
  await serving({}, async (get) => {
    const response = await get("/readyz");
    assert.equal(response.status, 200);
    assert.deepEqual(await response.json(), { ready: true, reasons: [] });
  });
  await serving({ ready: () => ({ ready: false, reasons: ["Starting"] }) }, async (get) => {
    const response = await get("/readyz");
    assert.equal(response.status, 503);
    assert.deepEqual(await response.json(), { ready: false, reasons: ["Starting"] });
  });
});

Deno.test("the page allows only what comes from this server, and has nothing inline", () =>
  serving({}, async (get) => {
    const response = await get("/");
    assert.equal(response.status, 200);
    assert.match(response.headers.get("content-type") ?? "", /^text\/html/);
    assert.equal(response.headers.get("x-content-type-options"), "nosniff");
    const policy = response.headers.get("content-security-policy") ?? "";
    assert.match(policy, /default-src 'none'/);
    assert.match(policy, /script-src 'self'/);
    assert.doesNotMatch(policy, /unsafe|\*|http/);
    const html = await response.text();
    assert.doesNotMatch(html, /<script(?![^>]*src=)|<style|\sstyle=|\son\w+=/);
    for (const [, path] of html.matchAll(/(?:src|href)="(\/[^"]*)"/g)) {
      const linked = await get(path!);
      await linked.body?.cancel();
      assert.equal(linked.status, 200, path!);
    }
  }));

Deno.test("the page's script is JavaScript that writes no markup", () =>
  serving({}, async (get) => {
    const response = await get("/app.js");
    assert.equal(response.headers.get("content-type"), "text/javascript; charset=utf-8");
    const script = await response.text();
    new Function(script); // Throws when it does not parse.
    assert.doesNotMatch(script, /innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(/);
  }));

Deno.test("HEAD answers as GET does, without a body", () =>
  serving({}, async (get) => {
    for (const path of ["/", "/status", "/metrics", "/healthz", "/readyz", "/app.js", "/app.css"]) {
      const head = await get(path, { method: "HEAD" });
      assert.equal(head.status, 200, path);
      assert.equal(await head.text(), "", path);
      const full = await get(path);
      await full.body?.cancel();
      assert.equal(head.headers.get("content-type"), full.headers.get("content-type"), path);
    }
  }));

Deno.test("other methods are refused with those that are possible", () =>
  serving({}, async (get) => {
    for (const method of ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"]) {
      const response = await get("/status", { method });
      assert.equal(response.status, 405, method);
      assert.equal(response.headers.get("allow"), "GET, HEAD");
      assert.deepEqual(await response.json(), {
        error: `${method} /status is not possible; use GET or HEAD`,
      });
    }
  }));

Deno.test("an unknown path is told the paths there are", () =>
  serving({}, async (get) => {
    const response = await get("/statuss");
    assert.equal(response.status, 404);
    const { error, paths } = await response.json();
    assert.equal(error, "There is nothing at /statuss");
    assert.ok(paths.includes("/status") && paths.includes("/metrics"), paths);
  }));

Deno.test("a status that cannot be made is a 500, its root cause is logged, and the server goes on", async () => {
  const reported: string[] = [];
  let broken = true;
  const status = (): Status => {
    if (broken) throw new Error("The snapshot failed", { cause: new Error("secret cause") });
    return sampleStatus();
  };
  await serving({ status, report: (message) => reported.push(message) }, async (get) => {
    for (const path of ["/status", "/metrics", "/readyz"]) {
      const response = await get(path);
      assert.equal(response.status, 500, path);
      assert.doesNotMatch(await response.text(), /secret/);
      assert.equal(reported.pop(), `Could not answer GET ${path}: The snapshot failed: secret cause`);
    }
    broken = false;
    const response = await get("/status");
    await response.body?.cancel();
    assert.equal(response.status, 200);
  });
});

Deno.test("a port in use is an error that says what to do", () =>
  serving({}, async (_, { address: { port } }) => {
    await assert.rejects(
      serveStatus({ host: "127.0.0.1", port, status: sampleStatus, report: () => {} }),
      (error) => {
        assert.ok(error instanceof ServiceError);
        assert.equal(
          error.message,
          `Port ${port} is already in use on 127.0.0.1; set STATUS_PORT or stop the other process`,
        );
        return true;
      },
    );
  }));

Deno.test("an address of another machine is an error that names it", async () => {
  await assert.rejects(
    serveStatus({ host: "192.0.2.1", port: 0, status: sampleStatus, report: () => {} }),
    (error) => {
      assert.ok(error instanceof ServiceError);
      assert.match(
        error.message,
        /^Cannot serve the status on 192\.0\.2\.1, port 0: .+; set STATUS_HOST or STATUS_PORT$/,
      );
      return true;
    },
  );
});

Deno.test("a server that listens on all addresses tells one that a browser can open", () =>
  serving({ host: "0.0.0.0" }, async (get, { url, address }) => {
    assert.equal(url, `http://127.0.0.1:${address.port}`);
    assert.equal(await (await get("/healthz")).text(), "ok");
  }));

Deno.test("a closed server answers no more, and its port is free", async () => {
  let port = 0;
  await serving({}, async (get, server) => {
    port = server.address.port;
    await (await get("/healthz")).text();
  });
  await serving({ port }, async (get) => assert.equal(await (await get("/healthz")).text(), "ok"));
});

Deno.test("closing waits for an answer under way", async () => {
  let closing: Promise<void> | undefined;
  const server: StatusServer = await serveStatus({
    host: "127.0.0.1",
    port: 0,
    status: () => {
      closing = server.close();
      return sampleStatus();
    },
    report: assert.fail,
  });
  assert.deepEqual(await (await fetch(`${server.url}/status`)).json(), sampleStatus());
  await closing;
});
