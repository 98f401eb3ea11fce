/**
 * A relay of TCP connections that can be made to stand still, as if a cable
 * were cut: nothing arrives, and nothing is closed.
 *
 * @module
 */

/** Disposing of it ends all connections. */
export interface Relay extends AsyncDisposable {
  readonly port: number;
  /** Has the connections of now stand still; later ones go on. */
  hang(): void;
  /** Has all connections go on. */
  goOn(): void;
}

/** Starts a relay to a loopback port. */
export function startRelay(targetPort: number): Relay {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const connections = new Set<Deno.Conn>();
  let standing = Promise.withResolvers<void>();
  let hung: ReadonlySet<Deno.Conn> = new Set();
  const forward = async (source: Deno.Conn, target: Deno.Conn) => {
    try {
      for await (const bytes of source.readable) {
        if (hung.has(source)) await standing.promise;
        for (let at = 0; at < bytes.length;) {
          at += await target.write(bytes.subarray(at));
        }
      }
    } catch {
      // One of both has ended.
    }
    close(source);
    close(target);
  };
  const close = (connection: Deno.Conn) => {
    if (!connections.delete(connection)) return;
    try {
      connection.close();
    } catch {
      // Its stream has closed it.
    }
  };
  const work: Promise<void>[] = [];
  const accepting = (async () => {
    for await (const client of listener) {
      const server = await Deno.connect({
        hostname: "127.0.0.1",
        port: targetPort,
      });
      connections.add(client).add(server);
      work.push(forward(client, server), forward(server, client));
    }
  })();
  return {
    port: listener.addr.port,
    hang: () => void (hung = new Set(connections)),
    goOn() {
      hung = new Set();
      standing.resolve();
      standing = Promise.withResolvers();
    },
    async [Symbol.asyncDispose]() {
      this.goOn();
      listener.close();
      await accepting;
      for (const connection of connections) close(connection);
      await Promise.all(work);
    },
  };
}
