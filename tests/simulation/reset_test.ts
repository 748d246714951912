/** `weir offsets reset` on simulated processes: what topics are behind with is neither lost nor repeated by it. */
import assert from "node:assert/strict";
import { ResetScenario, source } from "./reset_scenario.ts";
import { outTopic, sourceTopic } from "./simulated_pipeline.ts";

Deno.test("a reset to a later position is refused while a topic is behind, and changes nothing", async () => {
  using reset = new ResetScenario();
  await reset.fallBehind();
  const [position, cursor] = [reset.position(), reset.cursor()];
  await assert.rejects(reset.to(reset.end()), {
    message:
      `Cannot set simulated to a later position: what ${
        position - cursor
      } offsets gave to its topics is not ` +
      `published yet, and would never be; the first are ${cursor} to ${
        position - 1
      } of partition 0, for out; run the ` +
      "pipeline until its topics are 0 behind, stop it and try again, or add --skip-unpublished to leave that out",
  });
  assert.deepEqual([reset.position(), reset.cursor()], [position, cursor]);
  await reset.finish();
  assert.deepEqual(reset.published(), reset.made(0, reset.end()));
});

Deno.test("a reset to a later position skips what topics lack when it is told to, and says how much that is", async () => {
  using reset = new ResetScenario();
  await reset.fallBehind();
  const [position, cursor, end] = [reset.position(), reset.cursor(), reset.end()];
  assert.deepEqual(await reset.to(end, { skip: true }), [
    { topic: outTopic, partition: 0, from: cursor, to: position, gone: false },
  ]);
  reset.scenario.things.produce(20, "good");
  await reset.finish();
  assert.deepEqual(reset.published(), [...reset.made(0, cursor), ...reset.made(end, reset.end())]);
});

Deno.test("a reset to a later position skips for tables and topics alike when no topic is behind", async () => {
  using reset = new ResetScenario();
  const process = reset.scenario.start();
  reset.scenario.things.produce(30, "good");
  await reset.scenario.allIsWell();
  process.kill();
  reset.scenario.lose(process);
  const position = reset.position();
  reset.scenario.things.produce(30, "good");
  const end = reset.end();
  assert.deepEqual(await reset.to(end), []);
  reset.scenario.things.produce(30, "good");
  await reset.finish();
  assert.deepEqual(reset.published(), [...reset.made(0, position), ...reset.made(end, reset.end())]);
});

Deno.test("a reset back to a position that a topic has not reached lets it go on where it is", async () => {
  using reset = new ResetScenario();
  await reset.fallBehind();
  const [position, cursor] = [reset.position(), reset.cursor()];
  assert.ok(cursor < position - 1);
  assert.deepEqual(await reset.to(position - 1), []);
  assert.deepEqual([reset.position(), reset.cursor()], [position - 1, cursor]);
  await reset.finish();
  assert.deepEqual(reset.published(), reset.made(0, reset.end()));
});

Deno.test("a reset back gives topics again what is read again, while a process runs", async () => {
  using reset = new ResetScenario();
  await reset.fallBehind();
  reset.scenario.start();
  await reset.scenario.until("all is published", () => reset.cursor() === reset.end());
  assert.deepEqual(await reset.to(5), []);
  await reset.scenario.until(
    "it is read again",
    () => reset.position() === reset.end() && reset.cursor() === reset.end(),
  );
  const [first, again] = [reset.made(0, reset.end()), reset.made(5, reset.end())];
  assert.deepEqual(reset.published(), [...first, ...again].sort((a, b) => a - b));
});

Deno.test("a reset past records that retention has removed skips what topics lack of them, and says so", async () => {
  using reset = new ResetScenario();
  await reset.fallBehind();
  const [position, cursor] = [reset.position(), reset.cursor()];
  reset.scenario.stores.log.deleteBefore(sourceTopic, 0, position + 1);
  assert.deepEqual(await reset.to(position + 1), [
    { topic: outTopic, partition: 0, from: cursor, to: position, gone: true },
  ]);
  await reset.finish();
  assert.deepEqual(reset.published(), [...reset.made(0, cursor), ...reset.made(position + 1, reset.end())]);
});

Deno.test("a reset in a topic that has fewer partitions than before forgets the others", async () => {
  using reset = new ResetScenario();
  await reset.fallBehind();
  const held = () => reset.scenario.stores.warehouse.positions(source).map(({ partition }) => partition);
  assert.ok(held().length > 1);
  await reset.to(0, { skip: true, partitions: 1 });
  assert.deepEqual(held(), [0]);
});
