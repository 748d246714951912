import assert from "node:assert/strict";
import { PostgresProxy } from "./postgres_proxy.ts";
import { TcpProxy } from "./tcp_proxy.ts";

/** A server that answers each message with `did <message>`, and what it was asked. */
function echo() {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const asked: string[] = [];
  const serve = async (connection: Deno.Conn) => {
    const buffer = new Uint8Array(1_024);
    try {
      for (let count = await connection.read(buffer); count !== null; count = await connection.read(buffer)) {
        const text = new TextDecoder().decode(buffer.subarray(0, count));
        asked.push(text);
        await connection.write(new TextEncoder().encode(`did ${text}`));
      }
    } catch {
      // The client is gone.
    }
    connection.close();
    ended++;
  };
  let ended = 0;
  const serving = (async () => {
    const all: Promise<void>[] = [];
    for await (const connection of listener) all.push(serve(connection));
    await Promise.all(all);
  })();
  const address = `127.0.0.1:${(listener.addr as Deno.NetAddr).port}`;
  return {
    address,
    asked,
    /** How many connections have ended. */
    get ended() {
      return ended;
    },
    stop: () => (listener.close(), serving),
  };
}

async function connect(proxy: TcpProxy) {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port: proxy.port });
  const buffer = new Uint8Array(1_024);
  return {
    close: () => connection.close(),
    send: (text: string) => connection.write(new TextEncoder().encode(text)),
    /** The next answer; null when the connection has ended. */
    async answer(): Promise<string | null> {
      const count = await connection.read(buffer).catch(() => null);
      return count === null ? null : new TextDecoder().decode(buffer.subarray(0, count));
    },
  };
}

Deno.test("a proxy loses the answer that it is told to, and the server has done what it was asked", async () => {
  const server = echo();
  using proxy = new PostgresProxy(`postgres://${server.address}`);
  const client = await connect(proxy);
  const lost = proxy.lose({ after: "commit", holding: "did" });
  await client.send("insert");
  assert.equal(await client.answer(), "did insert");
  await client.send("commit");
  assert.equal(await client.answer(), null);
  await lost;
  assert.deepEqual(server.asked, ["insert", "commit"]);
  client.close();
  const next = await connect(proxy);
  await next.send("commit");
  assert.equal(await next.answer(), "did commit", "only one answer is lost");
  next.close();
  proxy.cut();
  await server.stop();
});

Deno.test("a stalled proxy holds back what it gets until it flows", async () => {
  const server = echo();
  using proxy = new TcpProxy(server.address);
  const client = await connect(proxy);
  await client.send("one");
  assert.equal(await client.answer(), "did one");
  proxy.stall();
  await client.send("two");
  const answered = client.answer();
  assert.equal(await Promise.race([answered, new Promise((done) => setTimeout(done, 50, "none"))]), "none");
  assert.deepEqual(server.asked, ["one"]);
  proxy.flow();
  assert.equal(await answered, "did two");
  client.close();
  proxy.cut();
  await server.stop();
});

Deno.test("a proxy that is reset ends connections and takes new ones", async () => {
  const server = echo();
  using proxy = new TcpProxy(server.address);
  const client = await connect(proxy);
  await client.send("one");
  assert.equal(await client.answer(), "did one");
  proxy.reset();
  assert.equal(await client.answer(), null);
  client.close();
  const next = await connect(proxy);
  await next.send("two");
  assert.equal(await next.answer(), "did two");
  next.close();
  proxy.cut();
  await server.stop();
});

Deno.test("connections that are half open are silent for ever, and new ones are not", async () => {
  const server = echo();
  using proxy = new TcpProxy(server.address);
  const client = await connect(proxy);
  await client.send("one");
  assert.equal(await client.answer(), "did one");
  proxy.halveOpen();
  await client.send("two");
  const answered = client.answer();
  const next = await connect(proxy);
  await next.send("three");
  assert.equal(await next.answer(), "did three");
  assert.equal(await Promise.race([answered, new Promise((done) => setTimeout(done, 50, "none"))]), "none");
  assert.deepEqual(server.asked, ["one", "three"]);
  client.close();
  assert.equal(await answered, null);
  await next.send("four");
  assert.equal(await next.answer(), "did four");
  assert.equal(server.ended, 0, "the server does not learn that the first has ended");
  next.close();
  proxy.cut();
  await server.stop();
});
