/** Whatever is wrong ends in one clear message, the right exit code, no stack trace, and nothing half-written. */
import assert from "node:assert/strict";
import { freePort } from "../support/services/ports.ts";
import { type Ended, main, weir } from "../support/weir_command.ts";
import { programEnv, startWeir } from "../support/weir_process.ts";
import { inFolder } from "../support/module_run.ts";

function isClear({ output }: Ended): void {
  assert.doesNotMatch(output, /^\s+at .*\n\s+at /m, "no stack trace");
  assert.doesNotMatch(output, /hunter2/, "no password");
}

const wrongUse: [string, string[], Record<string, string>, RegExp][] = [
  ["an unknown flag", ["run", "--nope"], {}, /unknown option '--nope'/],
  ["a flag that is nearly right", ["run", "--status-prt", "1"], {}, /--status-port/],
  [
    "a value that cannot be right",
    ["run", "--status-port", "99999"],
    {},
    /--status-port is "99999".*0 to 65535/,
  ],
  ["an unknown setting", ["run"], { WEIR_WORKER: "2" }, /WEIR_WORKER is not a setting; WEIR_WORKERS is/],
  ["a wrong URL", ["run"], { DATABASE_URL: "mysql://u:hunter2@h/d" }, /DATABASE_URL: .*postgres:\/\//],
  ["an unknown pipeline", ["run", "nosuch"], {}, /no pipeline "nosuch"; there are users/],
  ["a module that is not there", ["run", "./none.ts"], {}, /no pipeline module at \.\/none\.ts/],
  ["a pipeline twice", ["run", "users", "users"], {}, /two pipelines are named "users"/],
];

for (const [what, args, env, message] of wrongUse) {
  Deno.test(`${what} is exit code 2`, async () => {
    await inFolder("weir-cli-", async (folder) => {
      const ended = await weir(args, { WEIR_DATA_DIR: `${folder}/data`, ...env });
      assert.equal(ended.code, 2, ended.output);
      assert.match(ended.output, message);
      isClear(ended);
      assert.deepEqual([...Deno.readDirSync(folder)], [], "nothing is written");
    });
  });
}

const modules: [string, string, RegExp][] = [
  ["throws", `throw new Error("boom", { cause: new Error("the root") });`, /cannot load .*boom: the root/],
  ["has a syntax error", "syntax error here", /cannot load .*Expected/],
  [
    "exports no pipeline",
    "export default {};",
    /no pipeline module: its default export must be what pipeline/,
  ],
  [
    "describes one that cannot be",
    `import { kafka, pipeline, text } from ${
      JSON.stringify(new URL("../../src/mod.ts", import.meta.url).href)
    };
     export default pipeline("Bad Name", { source: kafka("t", { group: "g", codec: text() }), outputs: () => [] });`,
    /its name must be lower case[^]*it has no outputs/,
  ],
];

for (const [what, code, message] of modules) {
  Deno.test(`a pipeline module that ${what} is exit code 2`, async () => {
    await inFolder("weir-cli-", async (folder) => {
      await Deno.writeTextFile(`${folder}/broken.ts`, code);
      const ended = await weir(["run", `${folder}/broken.ts`], { WEIR_DATA_DIR: `${folder}/data` });
      assert.equal(ended.code, 2, ended.output);
      assert.match(ended.output, message);
      isClear(ended);
    });
  });
}

const absent: [string, Record<string, string>, RegExp][] = [
  [
    "a Kafka",
    { KAFKA_BROKERS: "127.0.0.1:1" },
    /Cannot reach Kafka at 127\.0\.0\.1:1: connection refused; check KAFKA_BROKERS/,
  ],
  [
    "a Cassandra",
    { CASSANDRA_CONTACT_POINTS: "127.0.0.1:1" },
    /Cannot reach Cassandra at 127\.0\.0\.1:1.*CASSANDRA_CONTACT_POINTS/,
  ],
  [
    "a Postgres",
    { DATABASE_URL: "postgres://u:hunter2@127.0.0.1:1/d" },
    /Postgres at 127\.0\.0\.1:1.*DATABASE_URL/,
  ],
];

for (const [what, env, message] of absent) {
  Deno.test(`${what} that is not there is exit code 1`, async () => {
    await inFolder("weir-cli-", async (folder) => {
      const ended = await weir(["run", "--status-port", "0"], { WEIR_DATA_DIR: `${folder}/data`, ...env });
      assert.equal(ended.code, 1, ended.output);
      assert.match(ended.output, message);
      isClear(ended);
    });
  });
}

Deno.test("a port in use is exit code 1", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: freePort() });
  await inFolder("weir-cli-", async (folder) => {
    const { port } = taken.addr as Deno.NetAddr;
    const ended = await weir(["run", "--status-port", `${port}`], { WEIR_DATA_DIR: `${folder}/data` });
    assert.equal(ended.code, 1, ended.output);
    assert.match(ended.output, new RegExp(`Port ${port} is already in use.*STATUS_PORT`));
    isClear(ended);
    assert.deepEqual([...Deno.readDirSync(folder)], [], "nothing is written");
  });
});

Deno.test("a data directory that cannot be written is exit code 1", async () => {
  await inFolder("weir-cli-", async (folder) => {
    await Deno.writeTextFile(`${folder}/file`, "");
    const ended = await weir(["run", "--status-port", "0"], { WEIR_DATA_DIR: `${folder}/file/data` });
    assert.equal(ended.code, 1, ended.output);
    assert.match(ended.output, /Cannot write to the data directory .*WEIR_DATA_DIR/);
    isClear(ended);
  });
});

Deno.test("a lock that is no lock is said to be that, and not another process", async () => {
  await inFolder("weir-cli-", async (folder) => {
    await Deno.writeTextFile(`${folder}/lock`, "what somebody else has put here".repeat(100));
    const ended = await weir(["run", "--status-port", "0", "--data-dir", folder]);
    assert.equal(ended.code, 1, ended.output);
    assert.match(
      ended.output,
      /Cannot lock the data directory .* by its file "lock": file is not a database/,
    );
    isClear(ended);
  });
});

Deno.test("with WEIR_LOG=json an error is a line of JSON, too", async () => {
  const ended = await weir(["run", "nosuch"], { WEIR_LOG: "json" });
  assert.equal(ended.code, 2, ended.output);
  const { time, message } = JSON.parse(ended.output);
  assert.ok(!Number.isNaN(Date.parse(time)));
  assert.match(message, /^weir: there is no pipeline "nosuch"/);
});

Deno.test("output that nobody reads any more ends nothing", async () => {
  await inFolder("weir-cli-", async (folder) => {
    const port = freePort();
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "--allow-all", main, "run", "--data-dir", folder, "--status-port", `${port}`],
      clearEnv: true,
      env: programEnv(),
      stdout: "piped",
      stderr: "null",
    }).spawn();
    await child.stdout.cancel();
    let ended: Deno.CommandStatus | undefined;
    const end = child.status.then((status) => ended = status);
    const isReady = async () => {
      const response = await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => undefined);
      await response?.body?.cancel();
      return response?.ok ?? false;
    };
    while (ended === undefined && !(await isReady())) await new Promise((done) => setTimeout(done, 100));
    if (ended === undefined) child.kill("SIGTERM");
    assert.equal((await end).code, 0);
  });
});

Deno.test("a second process on the same data directory is refused, and the first goes on", async () => {
  await inFolder("weir-cli-", async (folder) => {
    await using first = startWeir({
      command: [Deno.execPath(), "run", "--allow-all", main, "run"],
      dataDir: folder,
    });
    await first.until("it runs", ({ pipelines: [users] }) => users?.state === "running" || undefined);
    const ended = await weir(["run", "--status-port", "0", "--data-dir", folder]);
    assert.equal(ended.code, 1, ended.output);
    assert.match(
      ended.output,
      /Another process uses the data directory .*several processes can share real services only/,
    );
    isClear(ended);
    await first.until(
      "all is written",
      ({ pipelines: [users] }) => (users?.records.in ?? 0) >= 20 || undefined,
    );
    assert.equal(await first.stop(), 0);
  });
});

Deno.test("help and version are exit code 0", async () => {
  assert.match((await weir(["--version"])).output, /^\d+\.\d+\.\d+\n$/);
  assert.equal((await weir(["-h"])).code, 0);
  const help = await weir(["run", "--help"]);
  assert.equal(help.code, 0);
  for (const setting of ["KAFKA_BROKERS", "CASSANDRA_CONTACT_POINTS", "DATABASE_URL", "STATUS_PORT"]) {
    assert.ok(help.output.includes(setting), setting);
  }
  assert.match((await weir(["list"])).output, /^users +/m);
});
