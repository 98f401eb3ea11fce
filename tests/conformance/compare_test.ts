/**
 * A comparison that finds nothing proves nothing: differences are planted here,
 * in made-up answers and in every recorded one.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import {
  type Answer,
  compareAnswer,
  judgeDefectAnswer,
  judgeRefusal,
} from "./compare.ts";
import type { SetAside } from "./json_pointer.ts";
import { lineOf } from "./difference.ts";
import {
  areaNames,
  isAnswer,
  readArea,
  type RecordedAnswer,
  type Scenario,
} from "./recording.ts";
import { ServerMade } from "./server_made.ts";

const JSON_TYPE = "application/json; charset=utf-8";
const XML_TYPE = "application/atom+xml; charset=utf-8";
const HTML_TYPE = "text/html; charset=utf-8";

const SENT_ID = "11111111-1111-4111-8111-111111111111";
const MADE_ID = "22222222-2222-4222-8222-222222222222";
const OTHER_ID = "33333333-3333-4333-8333-333333333333";

Deno.test("a recorded answer is the same as itself, and as no changed one", () => {
  let planted = 0;
  for (const scenario of areaNames().flatMap(readArea)) {
    for (const step of scenario.steps) {
      if (!isAnswer(step.response) || step.defect === true) continue;
      const isShapeOnly = step.shapeOnly === true;
      const place = `${scenario.area}, ${scenario.name}, ${step.request.path}`;
      const same = answerOf(step.response);
      assertEquals(
        compare(step.response, same, { scenario, isShapeOnly }),
        [],
        place,
      );
      if (isTree(step.response)) {
        // Other bytes, the same document: now every node is compared.
        const relaid = answerOf({
          ...step.response,
          body: `${step.response.body}\n`,
        });
        assertEquals(
          compare(step.response, relaid, { scenario, isShapeOnly }),
          [],
          place,
        );
      }
      for (const changed of changesOf(step.response, { isShapeOnly })) {
        const found = compare(step.response, changed.answer, {
          scenario,
          isShapeOnly,
        });
        assert(found.length > 0, `${changed.what} not noticed: ${place}`);
        planted++;
      }
    }
  }
  assert(planted > 10_000, `only ${planted} differences planted`);
});

Deno.test("members in another order differ", () => {
  assertDiffers({ recorded: `{"a":1,"b":2}`, answered: `{"b":2,"a":1}` });
  assertDiffers({ recorded: `{"1":1,"0":2}`, answered: `{"0":2,"1":1}` });
});

Deno.test("a missing, an additional and a doubled member differ", () => {
  assertDiffers({ recorded: `{"a":1,"b":2}`, answered: `{"a":1}` });
  assertDiffers({ recorded: `{"a":1}`, answered: `{"a":1,"b":null}` });
  assertDiffers({ recorded: `{"a":1}`, answered: `{"a":1,"a":1}` });
});

Deno.test("only a documented addition may stand at the end", () => {
  const recorded = `{"a":1}`;
  assertSame({ recorded, answered: `{"a":1,"quipuVersion":"1.0"}` });
  assertDiffers({ recorded, answered: `{"quipuVersion":"1.0","a":1}` });
  assertDiffers({ recorded, answered: `{"a":1,"otherVersion":"1.0"}` });
  assertDiffers({
    recorded: `{"a":{}}`,
    answered: `{"a":{"quipuVersion":"1.0"}}`,
  });
});

Deno.test("numbers differ by a digit that doubles do not hold", () => {
  assertDiffers({
    recorded: `[9223372036854775807]`,
    answered: `[9223372036854775808]`,
  });
  assertDiffers({ recorded: `[1.0]`, answered: `[1]` });
});

Deno.test("a value of another type differs", () => {
  assertDiffers({ recorded: `{"a":"1"}`, answered: `{"a":1}` });
  assertDiffers({ recorded: `{"a":{}}`, answered: `{"a":[]}` });
  assertDiffers({ recorded: `{"a":null}`, answered: `{"a":false}` });
});

Deno.test("layout of JSON does not count", () => {
  assertSame({ recorded: `{"a": [1,\n 2]}`, answered: `{ "a":[1,2] }` });
});

Deno.test("what is no JSON differs from JSON", () => {
  assertDiffers({ recorded: `{"a":1}`, answered: `{"a":1` });
  assertDiffers({ recorded: `{"a":1}`, answered: "" });
});

Deno.test("a time differs by its form only", () => {
  const recorded = `{"updated":"2026-11-21T17:04:33.362234Z"}`;
  assertSame({ recorded, answered: `{"updated":"2027-01-01T00:00:00Z"}` });
  for (
    const time of [
      "2027-01-01T00:00:00.10Z",
      "2027-01-01T00:00:00.Z",
      "2027-01-01T00:00:00.12345678Z",
      "2027-01-01T00:00:00+00:00",
      "2027-01-01 00:00:00Z",
      "0001-01-01T00:00:00Z",
    ]
  ) assertDiffers({ recorded, answered: `{"updated":"${time}"}` });
  assertDiffers({
    recorded: `{"updated":"0001-01-01T00:00:00Z"}`,
    answered: recorded,
  });
});

Deno.test("a time that a client sent comes back to the letter", () => {
  const sent = "2026-11-21T17:04:33Z";
  assertDiffers({
    sentBody: `{"updated":"${sent}"}`,
    recorded: `{"updated":"${sent}"}`,
    answered: `{"updated":"2027-01-01T00:00:00Z"}`,
  });
});

Deno.test("a feed differs when another of its entries dates it", () => {
  function feed(updated: string): string {
    return JSON.stringify({
      updated,
      entries: [{ updated: "2026-01-02T00:00:00Z" }, {
        updated: "2026-01-01T00:00:00Z",
      }],
    });
  }
  assertDiffers({
    recorded: feed("2026-01-01T00:00:00Z"),
    answered: feed("2026-01-02T00:00:00Z"),
  });
});

Deno.test("an id that a client sent comes back to the letter", () => {
  assertDiffers({
    sentBody: SENT_ID,
    recorded: `{"eventId":"${SENT_ID}"}`,
    answered: `{"eventId":"${OTHER_ID}"}`,
  });
});

Deno.test("an id that the server made stands for one recorded id", () => {
  assertSame({
    recorded: `[{"eventId":"${MADE_ID}"},{"eventId":"${MADE_ID}"}]`,
    answered: `[{"eventId":"${OTHER_ID}"},{"eventId":"${OTHER_ID}"}]`,
  });
  assertDiffers({
    recorded: `[{"eventId":"${MADE_ID}"},{"eventId":"${MADE_ID}"}]`,
    answered: `[{"eventId":"${OTHER_ID}"},{"eventId":"${SENT_ID}"}]`,
  });
  assertDiffers({
    recorded: `[{"eventId":"${MADE_ID}"},{"eventId":"${SENT_ID}"}]`,
    answered: `[{"eventId":"${OTHER_ID}"},{"eventId":"${OTHER_ID}"}]`,
  });
  assertDiffers({
    recorded: `{"eventId":"${MADE_ID}"}`,
    answered: `{"eventId":"no id"}`,
  });
});

Deno.test("the id in a redirect may differ, the rest of its URI may not", () => {
  const recorded = redirectTo(`http://h/streams/s/incoming/${MADE_ID}`);
  const same = answerOf(redirectTo(`http://h/streams/s/incoming/${OTHER_ID}`));
  const moved = answerOf(redirectTo(`http://h/streams/t/incoming/${OTHER_ID}`));
  const noId = answerOf(redirectTo(`http://h/streams/s/incoming/7`));
  assertEquals(compare(recorded, same), []);
  assertEquals(compare(recorded, moved).length, 1);
  assertEquals(compare(recorded, noId).length, 1);
});

Deno.test("ids and times that the server made count within texts", () => {
  const time = "2026-11-30T22:02:16.1014+00:00";
  assertSame({
    recorded: `[{"u":"/ack?ids=${MADE_ID}"},{"eventId":"${MADE_ID}"}]`,
    answered: `[{"u":"/ack?ids=${OTHER_ID}"},{"eventId":"${OTHER_ID}"}]`,
  });
  assertSame({
    recorded: `{"m":"{ \\"added\\": \\"${time}\\" }"}`,
    answered: `{"m":"{ \\"added\\": \\"2027-01-01T00:00:00+00:00\\" }"}`,
  });
  for (
    const answered of [
      `[{"u":"/ack?ids=${OTHER_ID}"},{"eventId":"${MADE_ID}"}]`,
      `[{"u":"/ack?ids=${OTHER_ID},"},{"eventId":"${OTHER_ID}"}]`,
      `[{"u":"/nack?ids=${OTHER_ID}"},{"eventId":"${OTHER_ID}"}]`,
      `[{"u":"/ack?ids=1"},{"eventId":"${OTHER_ID}"}]`,
    ]
  ) {
    assertDiffers({
      recorded: `[{"u":"/ack?ids=${MADE_ID}"},{"eventId":"${MADE_ID}"}]`,
      answered,
    });
  }
  assertDiffers({
    sentBody: SENT_ID,
    recorded: `{"u":"/ack?ids=${SENT_ID}"}`,
    answered: `{"u":"/ack?ids=${OTHER_ID}"}`,
  });
  assertDiffers({
    recorded: `{"m":"at ${time}"}`,
    answered: `{"m":"at 2027-01-01T00:00:00Z"}`,
  });
  const type = XML_TYPE;
  const recorded = `<l href="/ack/${MADE_ID}"><i>${MADE_ID}</i></l>`;
  const answered = recorded.replaceAll(MADE_ID, OTHER_ID);
  assertSame({ type, recorded, answered });
  assertDiffers({ type, recorded, answered: answered.replace("ack", "nack") });
  assertDiffers({
    type,
    recorded,
    answered: answered.replace(OTHER_ID, SENT_ID),
  });
});

Deno.test("of ignored values only the type counts", () => {
  const recorded = `{"a":1,"b":[{"c":1.5,"d":1},{"c":2.5,"d":2}]}`;
  const ignore = ["/a", "/*/*/c"];
  const same = `{"a":7,"b":[{"c":0,"d":1},{"c":0,"d":2}]}`;
  assertSame({ ignore, recorded, answered: same });
  for (
    const answered of [
      same.replace(`"a":7`, `"a":"7"`),
      same.replace(`"a":7,`, ""),
      same.replace(`"c":0,`, ""),
      same.replace(`"d":1`, `"d":2`),
      same.replace(`"c":0`, `"c":null`),
    ]
  ) assertDiffers({ ignore, recorded, answered });
  assertDiffers({ ignore: ["/b/0/c"], recorded, answered: same });
});

Deno.test("an ignored header does not count", () => {
  const recorded = { status: 200, headers: { ETag: '"1;2"' }, body: "" };
  const answered = answerOf({ ...recorded, headers: { ETag: '"3;2"' } });
  assertEquals(compare(recorded, answered).length, 1);
  assertEquals(compare(recorded, answered, { ignore: ["/eTag"] }).length, 1);
  assertEquals(compare(recorded, answered, { ignore: ["ETag"] }), []);
});

Deno.test("of a list only the kept elements count", () => {
  const recorded = `{"l":[{"s":"a","n":1}]}`;
  const only = { list: "/l", where: { s: "a" } };
  const answered = `{"l":[{"s":"b","n":7},{"s":"a","n":1},{"t":1}]}`;
  assertSame({ only, recorded, answered });
  assertDiffers({ recorded, answered });
  for (
    const other of [
      answered.replace(`"n":1`, `"n":2`),
      answered.replace(`"s":"a"`, `"s":"c"`),
      answered.replace(`"s":"b","n":7`, `"s":"a","n":1`),
    ]
  ) assertDiffers({ only, recorded, answered: other });
});

Deno.test("numbers that depend on the past count as 1 in areas with families", () => {
  const recorded = `{"p":"C:1/P:1","m":"{\\"$c\\":1,\\"$v\\":\\"1:-1:0:3\\"}"}`;
  const answered =
    `{"p":"C:73/P:73","m":"{\\"$c\\":42,\\"$v\\":\\"9:-1:0:3\\"}"}`;
  const area = "projections";
  assertSame({ area, recorded, answered });
  assertDiffers({ recorded, answered });
  assertSame({
    area,
    recorded: `{"$v":"1:-1:0:3","$c":1,"$p":1}`,
    answered: `{"$v":"9:-1:0:3","$c":42,"$p":42}`,
  });
  assertDiffers({ area, recorded: `{"$x":1}`, answered: `{"$x":42}` });
  for (
    const text of [
      "The 's' stream managed by projection 1 has",
      "Last event projection: '1'.  Emitting projection: '1'",
    ]
  ) {
    const reason = text.replaceAll("1", "73");
    assertSame({
      area,
      recorded: JSON.stringify({ text }),
      answered: JSON.stringify({ text: reason }),
    });
    assertDiffers({
      area,
      recorded: JSON.stringify({ text }),
      answered: JSON.stringify({ text: reason.replace("projection", "p") }),
    });
  }
  for (
    const other of [
      answered.replace("C:73", "C:0"),
      answered.replace("C:73", "C:-1"),
      answered.replace(":0:3", ":1:3"),
      answered.replace("$c", "$d"),
    ]
  ) assertDiffers({ area, recorded, answered: other });
});

Deno.test("a list of names that was not recorded does not count", () => {
  const name = "Access-Control-Allow-Headers";
  const answered = answerOf({
    status: 200,
    headers: { [name]: "X" },
    body: "",
  });
  const recorded = { status: 200, headers: {}, body: "" };
  assertEquals(compare(recorded, answered), []);
  const empty = { ...recorded, headers: { [name]: "" } };
  assertEquals(compare(empty, answered).length, 1);
});

Deno.test("a refusal blames the request and says why", () => {
  const refusal = answerOf({ status: 409, headers: {}, body: "No such thing" });
  assertEquals(judgeRefusal(refusal), []);
  assertEquals(judgeRefusal({ ...refusal, status: 500 }).length, 1);
  assertEquals(judgeRefusal({ ...refusal, status: 201 }).length, 1);
  assertEquals(judgeRefusal({ ...refusal, body: new Uint8Array() }).length, 1);
});

Deno.test("XML differs by names, attributes, texts and order", () => {
  const recorded = `<a x="1"><b>t</b><c/></a>`;
  const type = XML_TYPE;
  assertSame({ type, recorded, answered: `<a x='1'>\n <b>t</b><c></c></a>` });
  for (
    const answered of [
      `<a x="2"><b>t</b><c/></a>`,
      `<a><b>t</b><c/></a>`,
      `<a x="1" y=""><b>t</b><c/></a>`,
      `<a x="1"><b>u</b><c/></a>`,
      `<a x="1"><b> t</b><c/></a>`,
      `<a x="1"><c/><b>t</b></a>`,
      `<a x="1"><b>t</b></a>`,
      `<a x="1"><b>t</b><c> </c></a>`,
      `<a x="1"><b>t</b><p:c/></a>`,
      `<a x="1"><b>t</b><c/>`,
      `<a x="1"><b>t</b>more<c/></a>`,
    ]
  ) assertDiffers({ type, recorded, answered });
});

Deno.test("an HTML page must show what the recorded one holds", () => {
  const type = HTML_TYPE;
  const recorded = `<script>var data = {
  "title": "0@s",
  "eventType": "a<b",
  "eventId": "${SENT_ID}",
  "data": "{ \\"n\\": 1 }"
};
var newLocation</script>`;
  const page = `<h1>0@s</h1><p>a&lt;b ${SENT_ID}</p><pre>{"n":1}</pre>`;
  assertSame({ type, recorded, answered: page });
  assertDiffers({ type, recorded, answered: page.replace("0@s", "1@s") });
  assertDiffers({ type, recorded, answered: page.replace("a&lt;b", "a<b>") });
  assertDiffers({ type, recorded, answered: page.replace(`"n":1`, `"n":2`) });
});

Deno.test("an HTML feed must link to the recorded pages", () => {
  const type = HTML_TYPE;
  const recorded = `<script>var data = {
  "streamId": "s",
  "links": [{ "uri": "http://h/streams/s/20/forward/20", "relation": "previous" }],
  "entries": []
};
var newLocation</script>`;
  const page = `<p>s</p><a href="/streams/s/20/forward/20?format=html">`;
  assertSame({ type, recorded, answered: page });
  assertDiffers({ type, recorded, answered: page.replace("20", "21") });
});

Deno.test("of a 4xx answer the status and the other headers count", () => {
  const recorded = {
    status: 404,
    headers: { "Content-Type": "", "Access-Control-Allow-Methods": "GET" },
    body: "{}",
  };
  const spoken = {
    status: 404,
    headers: {
      "Content-Type": "text/plain; charset=utf-8",
      "Access-Control-Allow-Methods": "GET",
    },
    body: "No such stream",
  };
  assertEquals(compare(recorded, answerOf(spoken)), []);
  assertEquals(
    compare(recorded, answerOf({ ...spoken, status: 410 })).length,
    1,
  );
  assertEquals(
    compare(recorded, answerOf({ ...spoken, headers: {} })).length,
    1,
  );
});

Deno.test("CORS lists may grow by the documented names only", () => {
  const name = "Access-Control-Expose-Headers";
  function exposing(list: string): RecordedAnswer {
    return { status: 200, headers: { [name]: list }, body: "" };
  }
  const recorded = exposing("Location, ES-Position");
  const cases: [string, number][] = [
    ["Location, ES-Position", 0],
    ["Location, ES-Position, ETag", 0],
    ["Location, ETag", 1],
    ["Location, ES-Position, X-Other", 1],
    ["Location, ES-Position, ES-Position", 1],
    ["", 1],
  ];
  for (const [list, count] of cases) {
    const found = compare(recorded, answerOf(exposing(list)));
    assertEquals(found.length, count, list);
  }
});

Deno.test("a header that was not recorded differs", () => {
  const recorded = { status: 200, headers: {}, body: "" };
  for (
    const [name, count] of [["ETag", 1], ["X-New", 1], ["Date", 0]] as const
  ) {
    const answered = answerOf({ ...recorded, headers: { [name]: "x" } });
    assertEquals(compare(recorded, answered).length, count, name);
  }
});

Deno.test("a shape differs by names, order and types of members", () => {
  const recorded = `{"a":1,"b":[{"c":"x"},{"c":"x","d":true}]}`;
  assertSame({
    isShapeOnly: true,
    recorded,
    answered: `{"a":2,"b":[{"c":"y"}]}`,
  });
  for (
    const answered of [
      `{"a":"1","b":[{"c":"x"}]}`,
      `{"b":[{"c":"x"}],"a":1}`,
      `{"a":1,"b":[]}`,
      `{"a":1,"b":[{"d":true,"c":"x"}]}`,
      `{"a":1,"b":[{"c":"x"},{"d":true}]}`,
      `{"a":1}`,
    ]
  ) assertDiffers({ isShapeOnly: true, recorded, answered });
});

Deno.test("an XML shape differs by names", () => {
  const recorded = `<f><l href="1"/><l href="2"/><e><t>1</t></e></f>`;
  const type = XML_TYPE;
  assertSame({
    isShapeOnly: true,
    type,
    recorded,
    answered: `<f><l href="3"/><e><t>2</t></e><e><t>3</t></e></f>`,
  });
  for (
    const answered of [
      `<f><l href="1"/></f>`,
      `<f><l rel="1"/><e><t>1</t></e></f>`,
      `<f><l href="1"/><e><u>1</u></e></f>`,
    ]
  ) assertDiffers({ isShapeOnly: true, type, recorded, answered });
});

Deno.test("an answer to a request that the recorded server failed at", () => {
  const sane = answerOf({
    status: 200,
    headers: { "Content-Type": JSON_TYPE },
    body: "{}",
  });
  assertEquals(judgeDefectAnswer(sane), []);
  const unwanted = [
    { ...sane, elapsedMs: 1001 },
    { ...sane, status: 500 },
    { ...sane, status: 408 + 100 },
    { ...sane, body: new TextEncoder().encode("{") },
  ];
  for (const answered of unwanted) {
    assertEquals(judgeDefectAnswer(answered).length, 1);
  }
});

interface BodyCase extends SetAside {
  readonly area?: string;
  readonly recorded: string;
  readonly answered: string;
  readonly type?: string;
  readonly sentBody?: string;
  readonly isShapeOnly?: boolean;
}

function assertSame(bodies: BodyCase): void {
  assertEquals(compareBodies(bodies), []);
}

function assertDiffers(bodies: BodyCase): void {
  const found = compareBodies(bodies);
  assert(found.length > 0, `not noticed: ${bodies.answered}`);
}

function compareBodies(
  {
    recorded,
    answered,
    type = JSON_TYPE,
    sentBody = "",
    area = "test",
    ...how
  }: BodyCase,
): string[] {
  const headers = { "Content-Type": type };
  return compare(
    { status: 200, headers, body: recorded },
    answerOf({ status: 200, headers, body: answered }),
    { scenario: { ...scenarioSending(sentBody), area }, ...how },
  );
}

function compare(
  recorded: RecordedAnswer,
  answered: Answer,
  { scenario = scenarioSending(""), isShapeOnly = false, ...setAside }:
    & SetAside
    & {
      scenario?: Scenario;
      isShapeOnly?: boolean;
    } = {},
): string[] {
  const made = new ServerMade(scenario);
  return compareAnswer(recorded, answered, { isShapeOnly, made, ...setAside })
    .map(lineOf);
}

function scenarioSending(body: string): Scenario {
  const request = { method: "POST", path: "/", headers: {}, body };
  const response = { status: 200, headers: {}, body: "" };
  return { area: "test", name: "test", steps: [{ request, response }] };
}

function redirectTo(location: string): RecordedAnswer {
  return { status: 307, headers: { Location: location }, body: "" };
}

function answerOf(recorded: RecordedAnswer): Answer {
  return {
    status: recorded.status,
    headers: new Map(
      Object.entries(recorded.headers).map((
        [name, value],
      ) => [name.toLowerCase(), value]),
    ),
    body: new TextEncoder().encode(recorded.body ?? ""),
    elapsedMs: 1,
  };
}

/** Whether a body is a whole JSON or XML document. */
function isTree({ headers, body = "" }: RecordedAnswer): boolean {
  const type = headers["Content-Type"] ?? "";
  if (body === "" || type.startsWith("text/html")) return false;
  if (type.includes("xml")) return body.startsWith("<");
  return type.includes("json") && /^[[{]/.test(body);
}

interface Change {
  readonly what: string;
  readonly answer: Answer;
}

/** Answers that differ from a recorded one in a way that clients can see. */
function changesOf(
  recorded: RecordedAnswer,
  { isShapeOnly }: { isShapeOnly: boolean },
): Change[] {
  const answer = answerOf(recorded);
  const changes: Change[] = [
    { what: "another status", answer: { ...answer, status: 299 } },
  ];
  const isError = recorded.status >= 400 && recorded.status < 500;
  for (const [name, value] of answer.headers) {
    if (name === "content-length" || value === "") continue;
    if (isError && ["content-type", "cache-control"].includes(name)) continue;
    const without = new Map(answer.headers);
    without.delete(name);
    changes.push(
      { what: `no ${name}`, answer: { ...answer, headers: without } },
      {
        what: `another ${name}`,
        answer: {
          ...answer,
          headers: new Map(answer.headers).set(name, `${value}x`),
        },
      },
    );
  }
  if (isError || isShapeOnly || (recorded.body ?? "") === "") return changes;
  const text = recorded.body ?? "";
  // A page that has nothing to show may say anything.
  if (text.includes("var data = {};")) return changes;
  changes.push(
    {
      what: "no body",
      answer: { ...answer, body: new Uint8Array(0) },
    },
    {
      what: "a cut body",
      answer: {
        ...answer,
        body: new TextEncoder().encode(text.slice(0, text.length >> 1)),
      },
    },
  );
  if (/\bg-\w/.test(text)) {
    changes.push({
      what: "another stream",
      answer: {
        ...answer,
        body: new TextEncoder().encode(text.replace(/\bg-(?=\w)/, "h-")),
      },
    });
  }
  return changes;
}
