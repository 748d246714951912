import assert from "node:assert/strict";

/** A metric as the text format gives it: its type, and the value of each set of labels. */
export interface MetricFamily {
  readonly type: string;
  readonly help: string;
  /** By labels as JSON, names sorted: `{"partition":"0","topic":"t"}`. */
  readonly samples: Map<string, number>;
}

const metricName = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const label = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\\\|\\"|\\n)*)"(?:,(?!$)|$)/y;

/** Names of others that break the rules; they are kept as they are. */
const foreign = new Set(["kafka_consumergroup_lag_sum", "kafka_consumergroup_current_offset_sum"]);

/**
 * Reads Prometheus' text format 0.0.4, more strictly than Prometheus does, and checks what `promtool check metrics`
 * checks. Fails on anything that is wrong.
 */
export function parsePrometheusText(text: string): Map<string, MetricFamily> {
  assert.ok(text.endsWith("\n"), "the last line must end");
  const families = new Map<string, MetricFamily>();
  const helps = new Map<string, string>();
  let open = "";
  for (const line of text.slice(0, -1).split("\n")) {
    if (line === "") continue;
    const comment = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line);
    if (comment) {
      const [, what, name, rest] = comment as unknown as [string, string, string, string];
      assert.match(name, metricName);
      if (what === "HELP") {
        assert.ok(!helps.has(name), `two HELPs of ${name}`);
        helps.set(name, rest);
      } else {
        assert.ok(!families.has(name), `two TYPEs of ${name}`);
        assert.ok(helps.has(name), `no HELP before the TYPE of ${name}`);
        assert.match(rest, /^(counter|gauge)$/, `the type of ${name}`);
        families.set(name, { type: rest, help: helps.get(name)!, samples: new Map() });
        open = name;
      }
      continue;
    }
    assert.ok(!line.startsWith("#"), `unknown comment: ${line}`);
    addSample(families, open, line);
  }
  assert.deepEqual([...helps.keys()], [...families.keys()], "every HELP has a TYPE");
  for (const [name, family] of families) if (!foreign.has(name)) checkName(name, family);
  return families;
}

function addSample(families: Map<string, MetricFamily>, open: string, line: string): void {
  const match = /^([^\s{]+)(?:\{(.*)\})? (\S+)$/.exec(line);
  assert.ok(match, `not a sample: ${line}`);
  const [, name, labels, value] = match as unknown as [string, string, string | undefined, string];
  assert.equal(name, open, `a sample outside its family: ${line}`);
  assert.match(value, /^(NaN|[+-]Inf|[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?)$/, line);
  const key = JSON.stringify(Object.fromEntries(Object.entries(parseLabels(labels ?? "", line)).sort()));
  const { samples } = families.get(name)!;
  assert.ok(!samples.has(key), `two samples of ${name}${key}`);
  samples.set(key, Number(value.replace("Inf", "Infinity")));
}

function parseLabels(text: string, line: string): Record<string, string> {
  const labels: Record<string, string> = {};
  label.lastIndex = 0;
  for (let at = 0; at < text.length; at = label.lastIndex) {
    const match = label.exec(text);
    assert.ok(match, `wrong labels: ${line}`);
    const name = match[1]!;
    assert.ok(!name.startsWith("__") && !["quantile", "le"].includes(name), `reserved label: ${line}`);
    assert.ok(!Object.hasOwn(labels, name), `a label twice: ${line}`);
    labels[name] = match[2]!.replace(/\\(.)/g, (_, escaped) => escaped === "n" ? "\n" : escaped);
  }
  return labels;
}

function checkName(name: string, { type }: MetricFamily): void {
  assert.equal(name.endsWith("_total"), type === "counter", `${name} is a ${type}`);
  assert.doesNotMatch(name, /_(sum|count|bucket|info_total|counter|gauge)$/, name);
  assert.doesNotMatch(
    name,
    /(^|_)(ms|milliseconds|minutes|hours|kb|mb|kilobytes|percent|s)(_|$)/,
    `base units: ${name}`,
  );
  assert.match(name, /^[a-z_]+$/, `snake case: ${name}`);
}
