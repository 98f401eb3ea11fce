/**
 * The real program in real trouble: a clock that jumps, no file descriptors
 * left.
 *
 * @module
 */

import { assert, assertEquals, assertGreater } from "@std/assert";
import {
  type Circumstances,
  type RunningServer,
  startServer,
} from "../support/program.ts";
import {
  createStoreDirectory,
  type StoreDirectory,
  upTo,
} from "../support/store_directory.ts";

/** Appends the event of that number; tells the status. */
async function append(server: RunningServer, number: number): Promise<number> {
  const response = await fetch(`${server.url}/streams/trouble-${number % 3}`, {
    method: "POST",
    headers: {
      "Content-Type": "application/json",
      "ES-EventType": "tested",
      "ES-EventId": crypto.randomUUID(),
    },
    body: JSON.stringify({ n: number }),
  });
  await response.body?.cancel();
  return response.status;
}

function start(
  directory: StoreDirectory,
  circumstances: Circumstances,
): Promise<RunningServer> {
  const args = [`--db=${directory.path}`, "--segment-size=1MiB"];
  return startServer(args, {}, 0, circumstances);
}

/** Numbers of the events that the tests sent, and times of all events. */
async function readBack(
  directory: StoreDirectory,
): Promise<{ numbers: number[]; times: number[] }> {
  await using opened = await directory.open();
  assertEquals(opened.verdict, "CLEAN");
  const { events } = await opened.store.readAll({
    from: 0,
    count: 4096,
    direction: "forward",
    withBodies: true,
  });
  return {
    numbers: events
      .filter(({ eventType }) => eventType === "tested")
      .map(({ data }) => JSON.parse(new TextDecoder().decode(data)).n),
    times: events.map(({ createdAtUs }) => createdAtUs),
  };
}

Deno.test({
  name:
    "a clock that jumps back a day changes no order, and the store stays clean",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using directory = await createStoreDirectory();
    const entry = "tests/support/shifting_clock.ts";
    let number = 0;
    for (let life = 0; life < 2; life++) {
      await using server = await start(directory, { entry });
      for (const jumps of [false, true, true]) {
        if (jumps) server.kill("SIGUSR2");
        for (let count = 0; count < 5; count++) {
          assertEquals(await append(server, ++number), 201);
        }
      }
    }
    const { numbers, times } = await readBack(directory);
    assertEquals(numbers, upTo(number));
    assertEquals(times, times.toSorted((one, other) => one - other));
  },
});

Deno.test({
  name: "a server out of file descriptors goes on when it has some again",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using directory = await createStoreDirectory();
    const server = await start(directory, { openFilesMax: 64 });
    const idle: Deno.Conn[] = [];
    let answered = 0;
    try {
      const port = Number(new URL(server.url).port);
      while (answered < 3) assertEquals(await append(server, ++answered), 201);
      // More than it can accept, and fewer than the system lets wait.
      for (let count = 0; count < 60; count++) {
        const connection = await Deno.connect({ hostname: "127.0.0.1", port })
          .catch(() => undefined);
        if (connection !== undefined) idle.push(connection);
      }
      const asking = append(server, answered + 1).catch(() => 0);
      await new Promise((resolve) => setTimeout(resolve, 300));
      for (const connection of idle.splice(0)) connection.close();
      // Answered, refused with a reason, or cut off; never told a lie.
      const meanwhile = await asking;
      assert([0, 201, 500, 503].includes(meanwhile), String(meanwhile));
      if (meanwhile === 201) answered++;
      let status = 0;
      for (let attempt = 0; attempt < 1000 && status !== 201; attempt++) {
        status = await append(server, 100).catch(() => 0);
        if (status !== 201) await new Promise((go) => setTimeout(go, 50));
      }
      assertEquals(status, 201, "It writes again");
    } finally {
      for (const connection of idle) connection.close();
      server.kill("SIGTERM");
    }
    const { exitCode, log } = await server.end;
    assertEquals(exitCode, 0, log);
    const { numbers } = await readBack(directory);
    assertGreater(numbers.length, answered);
    assertEquals(numbers.slice(0, answered), upTo(answered));
  },
});
