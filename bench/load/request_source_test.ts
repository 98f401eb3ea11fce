import { assert, assertEquals, assertMatch } from "@std/assert";
import type { AppendWork } from "./job.ts";
import { createRequestSource } from "./request_source.ts";

const WORK: AppendWork = {
  kind: "append",
  format: "json",
  eventsPerPost: 3,
  dataBytes: 200,
  streamCount: 50,
  streamPrefix: "load",
};

function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

Deno.test("append requests are whole HTTP with fresh event ids each time", () => {
  const source = createRequestSource(WORK, {
    port: 8000,
    seed: 7,
    connection: 1,
  });
  const ids = new Set<string>();
  for (let i = 0; i < 100; i++) {
    const [head = "", body = ""] = textOf(source.next()).split("\r\n\r\n");
    const [, stream = ""] =
      head.match(/^POST \/streams\/load-(\d{4}) HTTP\/1.1\r\n/) ?? [];
    assert(Number(stream) < 50, `stream ${stream}`);
    assert(head.includes(`\r\nContent-Length: ${body.length}`));
    const events: { eventId: string; data: unknown }[] = JSON.parse(body);
    assertEquals(events.length, 3);
    for (const { eventId, data } of events) {
      assertMatch(
        eventId,
        /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
      );
      assertEquals(JSON.stringify(data).length, 200);
      ids.add(eventId);
    }
  }
  assertEquals(ids.size, 300);
});

Deno.test("append data has the length asked for, small and large", () => {
  for (const dataBytes of [150, 200, 1000, 10_240]) {
    const work = { ...WORK, dataBytes, eventsPerPost: 1 };
    const place = { port: 1, seed: 1, connection: 0 };
    const text = textOf(createRequestSource(work, place).next());
    const [, body = ""] = text.split("\r\n\r\n");
    const [event] = JSON.parse(body);
    assertEquals(JSON.stringify(event.data).length, dataBytes);
  }
});

Deno.test("append requests in XML hold the same order", () => {
  const work: AppendWork = {
    ...WORK,
    format: "xml",
    eventsPerPost: 2,
    dataBytes: 300,
  };
  const place = { port: 1, seed: 1, connection: 0 };
  const text = textOf(createRequestSource(work, place).next());
  const [head = "", body = ""] = text.split("\r\n\r\n");
  assert(
    head.includes("\r\nContent-Type: application/vnd.eventstore.events+xml"),
  );
  assert(head.includes(`\r\nContent-Length: ${body.length}`));
  assertMatch(
    body,
    /^<Events>(<Event><EventId>[0-9a-f-]{36}<\/EventId><EventType>order-placed<\/EventType><Data><orderId>ord-20417733<\/orderId><customer><id>.*<\/Data><\/Event>){2}<\/Events>$/,
  );
});

Deno.test("connections with one seed send different event ids", () => {
  const requests = [0, 1, 2].map((connection) =>
    textOf(createRequestSource(WORK, { port: 1, seed: 1, connection }).next())
  );
  assertEquals(new Set(requests).size, 3);
});

Deno.test("read requests go through the whole list", () => {
  const requests = Array.from({ length: 5 }, (_, i) => ({
    path: `/streams/s/${i}`,
    headers: { Accept: "application/json" },
  }));
  const source = createRequestSource({ kind: "read", requests }, {
    port: 80,
    seed: 0,
    connection: 3,
  });
  const lines = Array.from({ length: 5 }, () => textOf(source.next()));
  assertEquals(new Set(lines).size, 5);
  for (const text of lines) {
    assertMatch(
      text,
      /^GET \/streams\/s\/\d HTTP\/1.1\r\nHost: 127.0.0.1:80\r\nAccept: application\/json\r\n\r\n$/,
    );
  }
});
