import assert from "node:assert/strict";
import { CassandraProxy, opcodes } from "./cassandra_proxy.ts";

const frame = (version: number, stream: number, opcode: number, body: string) => {
  const bytes = new Uint8Array(9 + body.length);
  bytes.set([version, 0, stream >> 8, stream & 255, opcode, 0, 0, 0, body.length]);
  bytes.set(new TextEncoder().encode(body), 9);
  return bytes;
};

/** A server that takes one connection, and what it was asked: stream, opcode and body of each request. */
async function withConnection(
  run: (proxy: CassandraProxy, client: Deno.Conn, server: Deno.Conn) => Promise<void>,
): Promise<void> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  using proxy = new CassandraProxy(`127.0.0.1:${listener.addr.port}`);
  using client = await Deno.connect({ hostname: "127.0.0.1", port: proxy.port });
  using server = await listener.accept();
  await run(proxy, client, server);
}

async function read(from: Deno.Conn, length: number): Promise<string> {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length;) {
    const count = await from.read(bytes.subarray(at));
    if (count === null) return `ended after ${at}`;
    at += count;
  }
  return bytes.toHex();
}

const [insert, other] = [frame(4, 7, opcodes.batch, "rows"), frame(4, 300, opcodes.query, "select")];
const [inserted, found] = [frame(0x84, 7, 8, ""), frame(0x84, 300, 8, "found")];

Deno.test("a frame proxy drops the answer to the chosen request, and no other, wherever the bytes are cut", async () => {
  await withConnection(async (proxy, client, server) => {
    const lost = proxy.lose("batch", "silence");
    await client.write(insert.subarray(0, 5));
    await client.write(new Uint8Array([...insert.subarray(5), ...other]));
    assert.equal(await read(server, insert.length + other.length), insert.toHex() + other.toHex());
    await server.write(new Uint8Array([...inserted, ...found.subarray(0, 3)]));
    await lost;
    await server.write(found.subarray(3));
    assert.equal(await read(client, found.length), found.toHex());
    await client.write(insert);
    await read(server, insert.length);
    await server.write(inserted);
    assert.equal(await read(client, inserted.length), inserted.toHex(), "only one is lost");
    assert.equal(proxy.lost, 1);
  });
});

Deno.test("a frame proxy ends the connection in place of the answer, after those that came before", async () => {
  await withConnection(async (proxy, client, server) => {
    const lost = proxy.lose("batch", "cut", 1);
    const second = frame(4, 8, opcodes.batch, "more rows");
    await client.write(new Uint8Array([...insert, ...other, ...second]));
    await read(server, insert.length + other.length + second.length);
    await server.write(new Uint8Array([...inserted, ...found, ...frame(0x84, 8, 8, "")]));
    await lost;
    assert.equal(await read(client, inserted.length + found.length), inserted.toHex() + found.toHex());
    assert.equal(await read(client, 1), "ended after 0");
  });
});
