import assert from "node:assert/strict";
import { parsePrometheusText } from "./prometheus_text.ts";

const head = "# HELP a_total Some\n# TYPE a_total counter\n";

Deno.test("the parser of the tests reads values and escaped labels", () => {
  const families = parsePrometheusText(`${head}a_total{x="q\\"b\\\\n\\n",y="1"} 2e3\na_total{} +Inf\n`);
  assert.deepEqual([...families.get("a_total")!.samples], [['{"x":"q\\"b\\\\n\\n","y":"1"}', 2_000], [
    "{}",
    Infinity,
  ]]);
});

for (
  const [why, text] of Object.entries({
    "no TYPE": "a_total 1\n",
    "no HELP": "# TYPE a_total counter\na_total 1\n",
    "two TYPEs": `${head}# TYPE a_total counter\na_total 1\n`,
    "a duplicate in another order": `${head}a_total{x="1",y="2"} 1\na_total{y="2",x="1"} 1\n`,
    "a label twice": `${head}a_total{x="1",x="2"} 1\n`,
    "a raw quote": `${head}a_total{x="a"b"} 1\n`,
    "a wrong escape": `${head}a_total{x="a\\t"} 1\n`,
    "a trailing comma": `${head}a_total{x="a",} 1\n`,
    "a wrong label name": `${head}a_total{x-y="a"} 1\n`,
    "a reserved label": `${head}a_total{quantile="0.5"} 1\n`,
    "no value": `${head}a_total\n`,
    "a wrong value": `${head}a_total 1,5\n`,
    "a sample of another family": `${head}b_total 1\n`,
    "a counter without _total": "# HELP a Some\n# TYPE a counter\na 1\n",
    "a gauge with _total": "# HELP a_total Some\n# TYPE a_total gauge\na_total 1\n",
    "a unit that is no base unit": "# HELP a_ms Some\n# TYPE a_ms gauge\na_ms 1\n",
    "an open end": `${head}a_total 1`,
  })
) {
  Deno.test(`the parser of the tests refuses ${why}`, () => {
    assert.throws(() => parsePrometheusText(text), assert.AssertionError);
  });
}
