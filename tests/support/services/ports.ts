/**
 * Ports of loopback that are free now. They lie below the range from which systems take the ports of outgoing
 * connections (32768 and up on Linux, 49152 elsewhere), so that none of those can take one before its server does.
 */
export function freePorts(count: number): number[] {
  const listeners: Deno.Listener[] = [];
  while (listeners.length < count) {
    try {
      listeners.push(
        Deno.listen({ hostname: "127.0.0.1", port: 15_000 + Math.floor(Math.random() * 17_000) }),
      );
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
  // Closed when all are known, so that they differ.
  return listeners.map((listener) => {
    listener.close();
    return (listener.addr as Deno.NetAddr).port;
  });
}

export function freePort(): number {
  return freePorts(1)[0]!;
}
