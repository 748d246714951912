import assert from "node:assert/strict";
import { fetchById } from "../../src/log/kafka_fetch_request.ts";
import { loadProtocol } from "../../src/log/kafka_requests.ts";

const { Encoder } = await loadProtocol();

Deno.test("a fetch by id is written as version 13 of the protocol has it", async () => {
  const uuid = Uint8Array.from({ length: 16 }, (_, i) => 240 + i);
  const part = (partition: number, fetchOffset: string) => ({ partition, fetchOffset, maxBytes: 4_096 });
  const options = {
    maxWaitTime: 100,
    minBytes: 1,
    maxBytes: 65_536,
    isolationLevel: 1,
    topics: [
      { topic: "users", partitions: [part(3, "5"), part(0, `${2 ** 40}`)] },
      { topic: "users", partitions: [part(1, "0")] },
    ],
  };
  const { encode, ...api } = fetchById(
    options,
    uuid.toBase64({ alphabet: "base64url", omitPadding: true }),
    () => new Encoder(),
  );
  assert.deepEqual(api, { apiKey: 1, apiName: "Fetch", apiVersion: 13 });
  const minusOne = "ffffffff";
  const noLogStart = "ffffffffffffffff";
  const written = (partition: string, offset: string) =>
    `000000${partition}${minusOne}${offset}${minusOne}${noLogStart}00001000` + "00";
  const expected = [
    "00", // the head's tagged fields
    minusOne,
    "00000064", // wait
    "00000001", // from
    "00010000", // to so many bytes
    "01", // committed records
    "00000000" + minusOne, // no session
    "03",
    uuid.toHex() + "03" + written("03", "0000000000000005") + written("00", "0000010000000000") + "00",
    uuid.toHex() + "02" + written("01", "0000000000000000") + "00",
    "01", // nothing to forget
    "01", // no rack
    "00",
  ];
  const { buffer } = await encode() as { buffer: Uint8Array };
  assert.equal(buffer.toHex(), expected.join(""));
});
