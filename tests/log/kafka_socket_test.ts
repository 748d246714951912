import assert from "node:assert/strict";
import { once } from "node:events";
import { answeredSockets, splittable } from "../../src/log/kafka_socket.ts";

/** A server that answers each message but `silence`. */
async function withServer(
  run: (address: { readonly host: string; readonly port: number }) => Promise<void>,
  host = "127.0.0.1",
): Promise<void> {
  const listener = Deno.listen({ hostname: host, port: 0 });
  const serve = async (connection: Deno.Conn) => {
    const buffer = new Uint8Array(1_024);
    for (;;) {
      const count = await connection.read(buffer).catch(() => null);
      if (count === null) break;
      if (new TextDecoder().decode(buffer.subarray(0, count)) !== "silence") {
        await connection.write(new TextEncoder().encode("answer"));
      }
    }
    connection.close();
  };
  const serving = (async () => {
    const all: Promise<void>[] = [];
    for await (const connection of listener) all.push(serve(connection));
    await Promise.all(all);
  })();
  await run({ host, port: listener.addr.port });
  listener.close();
  await serving;
}

/** kafkajs gives no TLS settings as undefined. */
const plain = { ssl: undefined!, onConnect: () => {} };

Deno.test("a socket that is written to and never answered ends, and with it others to the same peer that are as silent", async () => {
  await withServer((address) =>
    withServer(async (elsewhere) => {
      const make = answeredSockets(300);
      const [asked, idle, answered] = [1, 2, 3].map(() => make({ ...address, ...plain }));
      const other = make({ ...elsewhere, ...plain });
      const ended = [asked, idle].map(async (socket) => (await once(socket!, "error"))[0] as Error);
      asked!.write("silence");
      answered!.write("a request");
      await once(answered!, "data");
      for (const error of await Promise.all(ended)) assert.equal(error.message, "no answer within 300 ms");
      assert.deepEqual([asked, idle, answered, other].map((socket) => socket!.destroyed), [
        true,
        true,
        false,
        false,
      ]);
      for (const socket of [answered!, other]) {
        socket.end();
        await once(socket, "close");
      }
    })
  );
});

Deno.test("a socket that is answered, and one that nothing is asked of, stay open", async () => {
  await withServer(async (address) => {
    const socket = answeredSockets(200)({ ...address, ...plain });
    socket.write("a request");
    assert.equal(`${(await once(socket, "data"))[0]}`, "answer");
    // Longer than a request may go without an answer.
    await new Promise((resolve) => setTimeout(resolve, 300));
    assert.ok(!socket.destroyed);
    socket.write("another");
    assert.equal(`${(await once(socket, "data"))[0]}`, "answer");
    socket.end();
    await once(socket, "close");
  });
});

const hasIPv6 = Deno.networkInterfaces().some(({ address }) => address === "::1");

Deno.test({
  name: "an IPv6 address comes through kafkajs, which cuts a broker at its first colon",
  ignore: !hasIPv6,
  fn: () =>
    withServer(async ({ port }) => {
      const [host, cutPort, ...rest] = splittable(`[::1]:${port}`).split(":");
      assert.deepEqual([cutPort, rest], [`${port}`, []]);
      const socket = answeredSockets(10_000)({ host: host!, port, ...plain });
      await once(socket, "connect");
      assert.equal(socket.remoteAddress, "::1");
      socket.destroy();
      await once(socket, "close");
    }, "::1"),
});

Deno.test("a name stays as it is", () => assert.equal(splittable("kafka-1:9092"), "kafka-1:9092"));
