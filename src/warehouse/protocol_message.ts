/**
 * The head of a message to Postgres: its type (a simple query, rows for COPY, or their end) and its length, which counts
 * itself. See "Message Formats" in Postgres's manual.
 */
export function messageHead(type: "Q" | "d" | "c", bodyBytes: number): Uint8Array {
  const head = new Uint8Array(5);
  head[0] = type.charCodeAt(0);
  new DataView(head.buffer).setUint32(1, bodyBytes + 4);
  return head;
}
