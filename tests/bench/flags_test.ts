import assert from "node:assert/strict";
import { oneOf, readFlags, toggle, UsageError, wholeNumber, wholeNumbers } from "../../bench/flags.ts";

const flags = {
  records: wholeNumber("how many", 10, 5, 1_000),
  sizes: wholeNumbers("numbers", [1, 2]),
  client: oneOf("a client", "kafkajs", "platformatic"),
  profile: toggle("with profiles"),
};

Deno.test("flags have defaults, and take values in both ways", () => {
  assert.deepEqual(readFlags(flags, []), { records: 10, sizes: [1, 2], client: "kafkajs", profile: false });
  assert.deepEqual(
    readFlags(flags, ["--records=1_000", "--sizes", "8,64", "--profile", "--client=platformatic"]),
    { records: 1_000, sizes: [8, 64], client: "platformatic", profile: true },
  );
});

Deno.test("all that is wrong with flags is told at once", () => {
  const args = ["--records", "4", "--sizes", "1,x", "--client", "x", "--nope", "more", "--records"];
  assert.throws(() => readFlags(flags, args), (error) => {
    assert.ok(error instanceof UsageError);
    assert.deepEqual(error.message.split("\n"), [
      '--records is "4": must be a whole number from 5 to 1000',
      '--sizes is "1,x": must be a whole number from 1 to 1000000000',
      '--client is "x": must be kafkajs or platformatic',
      "--nope is not a flag of it; there are --records, --sizes, --client, --profile",
      "more is not a flag of it; there are --records, --sizes, --client, --profile",
      "--records needs a value: how many",
    ]);
    return true;
  });
});

for (const text of ["", "-1", "1.5", "1e3", "0x10", "_1", " 7"]) {
  Deno.test(`"${text}" is no whole number`, () => {
    assert.throws(() => readFlags(flags, ["--records", text]), UsageError);
  });
}

Deno.test("a toggle takes no value, and a name of Object's own is no flag", () => {
  assert.throws(() => readFlags(flags, ["--profile=yes"]), UsageError);
  assert.throws(() => readFlags(flags, ["--toString", "x"]), UsageError);
});
