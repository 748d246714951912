/** Reference tables are read, read again, and brought to the workers. */
import assert from "node:assert/strict";
import {
  csvFile,
  join,
  jsonFile,
  kafka,
  type Pipeline,
  pipeline,
  postgresTable,
  type ReferenceSource,
  referenceTable,
  sqlQuery,
  text,
} from "weir";
import type { ReferenceRow } from "../../src/operators/reference_rows.ts";
import type { PartitionWorker } from "../../src/runtime/partition_worker.ts";
import { References } from "../../src/runtime/references.ts";
import type { Services } from "../../src/runtime/stores.ts";

type Select = Services["warehouse"]["select"];

function joining(from: ReferenceSource): Pipeline {
  const sites = referenceTable("sites", {
    columns: { site: "text", rank: "int?" },
    key: "site",
    from,
    refresh: 1,
  });
  return pipeline("p", {
    source: kafka("t", { group: "g", codec: text() }),
    outputs: (stream) => [
      stream.pipe(join(sites, { on: (site) => site, with: (site) => ({ site }) }))
        .to(postgresTable("a", { columns: { site: "text" }, key: ["site"] })),
    ],
  });
}

function referencesOf(
  from: ReferenceSource,
  select?: Select,
  selectFrom?: Services["selectFrom"],
): References {
  const services = { warehouse: { select }, ...(selectFrom && { selectFrom }) } as unknown as Services;
  return new References({ plan: joining(from), services, now: () => 0 });
}

/** What a worker was sent, each message's rows. */
class SentRows implements Pick<PartitionWorker, "refer"> {
  readonly sent: ReferenceRow[][] = [];
  refer(_pipeline: string, _table: string, rows: ReadonlyMap<string, ReferenceRow>): void {
    this.sent.push([...rows.values()]);
  }
  get worker(): PartitionWorker {
    return this as unknown as PartitionWorker;
  }
}

async function inFile(name: string, test: (file: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "weir-reference-" });
  try {
    await test(`${folder}/${name}`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Refreshes until the condition holds. */
async function refreshed(references: References, condition: () => boolean): Promise<void> {
  const stopping = new AbortController();
  const running = references.run(stopping.signal);
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 1));
  stopping.abort();
  await running;
}

async function loadedRows(references: References): Promise<ReferenceRow[]> {
  await references.load();
  const worker = new SentRows();
  references.bring("p", worker.worker);
  return worker.sent[0]!;
}

Deno.test("rows come from CSV and JSON files, by path or URL", async () => {
  await inFile("sites.csv", async (file) => {
    await Deno.writeTextFile(file, '\ufeffsite,rank,more\r\n"a, ""b""",1,x\r\n\r\nc,,\n');
    const expected = [{ site: 'a, "b"', rank: 1 }, { site: "c", rank: null }];
    assert.deepEqual(await loadedRows(referencesOf(csvFile(file))), expected);
    assert.deepEqual(await loadedRows(referencesOf(csvFile(new URL(`file://${file}`)))), expected);
  });
  await inFile("sites.json", async (file) => {
    await Deno.writeTextFile(file, '[{"site":"a","rank":2},{"site":"b"}]');
    assert.deepEqual(await loadedRows(referencesOf(jsonFile(file))), [{ site: "a", rank: 2 }, {
      site: "b",
      rank: null,
    }]);
  });
});

Deno.test("rows come from a query to the warehouse, or to the database that a variable names", async () => {
  const asked: string[] = [];
  const select: Select = (query) => {
    asked.push(query);
    return Promise.resolve([{ site: "a", rank: 1 }]);
  };
  const selectFrom: Services["selectFrom"] = (variable, query) => select(`${variable}: ${query}`, 0);
  assert.equal((await loadedRows(referencesOf(sqlQuery("q"), select, selectFrom))).length, 1);
  assert.equal((await loadedRows(referencesOf(sqlQuery("q", { url: "URL" }), select, selectFrom))).length, 1);
  assert.deepEqual(asked, ["q", "URL: q"]);
});

Deno.test("a first reading that fails says which table, and why", async () => {
  const refused = (from: ReferenceSource, message: RegExp) =>
    assert.rejects(referencesOf(from, () => Promise.reject(new Error("no such table"))).load(), message);
  await refused(
    csvFile("/nowhere/sites.csv"),
    /^ServiceError: Cannot read the reference table "sites": .*nowhere/,
  );
  await refused(sqlQuery("q"), /"sites": no such table/);
  await refused(sqlQuery("q", { url: "URL" }), /there is no Postgres to reach by URL here/);
  await inFile("sites.csv", async (file) => {
    await Deno.writeTextFile(file, "site,rank\na,first\n");
    await refused(csvFile(file), /row 1: the column "rank" is "first", it should be a whole number/);
    await Deno.writeTextFile(file, "site,rank\na,1,2\n");
    await refused(csvFile(file), /columns length is 2, got 3 on line 2/);
    for (const nothing of ["", "\ufeff\n"]) {
      await Deno.writeTextFile(file, nothing);
      await refused(csvFile(file), /sites\.csv is empty; its first line should name the columns/);
    }
    await Deno.writeTextFile(file, '{"site":"a"}');
    await refused(jsonFile(file), /does not hold a JSON array of rows/);
    await Deno.writeTextFile(file, "[");
    await refused(jsonFile(file), /JSON/);
  });
});

Deno.test("a reading that fails later leaves the rows from before, says why, and the next good one counts", async () => {
  await inFile("sites.json", async (file) => {
    const references = referencesOf(jsonFile(file));
    const worker = new SentRows();
    const lastError = () => references.status()[0]!.lastError;
    await Deno.writeTextFile(file, '[{"site":"a"}]');
    await references.load();
    references.bring("p", worker.worker);
    assert.deepEqual(references.status(), [{ name: "sites", rows: 1, loadedAt: "1970-01-01T00:00:00.000Z" }]);
    await Deno.writeTextFile(file, '[{"site":"a"},{"site":"a"}]');
    await refreshed(references, () => lastError() !== undefined);
    assert.match(lastError()!, /the key "a" is there already/);
    assert.equal(references.status()[0]!.rows, 1);
    const late = new SentRows();
    references.bring("p", late.worker);
    assert.deepEqual(
      late.sent,
      [[{ site: "a", rank: null }]],
      "a worker that comes later gets the good ones",
    );
    await Deno.remove(file);
    await Deno.writeTextFile(file, '[{"site":"a"},{"site":"b"}]');
    await refreshed(references, () => references.status()[0]!.rows === 2);
    assert.equal(lastError(), undefined);
  });
});

Deno.test("a worker gets each reading once", async () => {
  const references = referencesOf({ kind: "rows", rows: [{ site: "a" }] });
  await references.load();
  const [first, second] = [new SentRows(), new SentRows()];
  for (const each of [first, first, second, first]) references.bring("p", each.worker);
  assert.deepEqual([first.sent.length, second.sent.length], [1, 1]);
});
