import assert from "node:assert/strict";
import { json, kafka, pipeline, testPipeline, topic, validate } from "weir";
import { InvalidRecord } from "../../src/operators/mod.ts";
import { applied } from "../support/applied.ts";

Deno.test("validate lets good values through, and says what is wrong with bad ones", () => {
  const adult = validate(function isAdult(age: number) {
    return age >= 18 || (age < 0 ? `${age} is no age` : false);
  });
  assert.deepEqual(applied(adult, 18, 99), [18, 99]);
  const refused = (age: number, message: string) =>
    assert.throws(
      () => applied(adult, age),
      (error) => error instanceof InvalidRecord && error.message === message,
    );
  refused(-1, "-1 is no age");
  refused(5, "validate(isAdult) refused it");
  assert.throws(() => applied(validate(() => ""), 1), /validate refused it/, "an empty text is no reason");
});

Deno.test("only true is good: what a check in JavaScript gives by mistake is not", () => {
  for (const verdict of [undefined, null, 1, {}]) {
    assert.throws(() => applied(validate(() => verdict as never), 1), InvalidRecord, `${verdict}`);
  }
});

Deno.test("what validate refuses is a dead letter with its reason and its bytes, and leaves no output a row", async () => {
  const codec = json("int");
  const test = await testPipeline(pipeline("p", {
    source: kafka("ages", { group: "g", codec }),
    outputs: (ages) => [
      ages.to(topic("all", { key: () => null, codec })),
      ages.pipe(validate((age, { offset }) => age >= 0 || `number ${offset} is ${age}`)).to(
        topic("good", { key: () => null, codec }),
      ),
    ],
  }));
  await test.send({ value: 1 }, { value: -2 }, { value: 3 });
  for (const name of ["all", "good"]) {
    assert.deepEqual(test.records(name).map(({ value }) => value), [1, 3], name);
  }
  assert.deepEqual(test.deadLetters.map(({ stage, reason, text }) => [stage, reason, text]), [
    ["validate", "number 1 is -2", "-2"],
  ]);
});
