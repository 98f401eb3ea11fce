/**
 * Pages of streams against the rules for them, written down once more: which
 * events, which links, which headers (spec: streams §5.1 to §5.5, §9.3).
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import {
  childElements,
  parseXml,
  textOf,
  type XmlElement,
} from "../../lib/formats/xml/xml_parse.ts";
import { testUuid } from "../support/events.ts";
import { type Random, withSeed } from "../support/random.ts";
import {
  openTestApp,
  TEST_BASE_URL,
  type TestApp,
} from "../support/test_app.ts";

const STREAMS = 40;
const PAGES_A_STREAM = 25;

const SIZES = [1, 2, 3, 5, 19, 20, 21, 50, 4096];
const NO_STORE = "max-age=0, no-cache, must-revalidate";
const IMMUTABLE = "max-age=31536000, public";
const ATOM_XML = "application/atom+xml";

/** A stream, and what is hidden of it. */
interface StreamState {
  readonly name: string;
  readonly last: number;
  readonly truncateBefore: number;
  readonly maxCount: number | undefined;
  readonly cacheSeconds: number | undefined;
  /** Lower numbers are older than `$maxAge`. */
  readonly firstYoung: number;
}

/** A page as it is asked for. */
interface Page {
  readonly path: string;
  readonly isForward: boolean;
  readonly isHead: boolean;
  readonly from: number;
  readonly size: number;
}

/** What a client sees of a page. */
interface ShownPage {
  readonly numbers: readonly number[];
  readonly links: readonly (readonly [relation: string, uri: string])[];
  readonly cacheControl: string | null;
  readonly etag: string | null;
}

Deno.test("every page of every stream follows the rules, in JSON and XML", async () => {
  await withSeed(async (random) => {
    await using app = openTestApp();
    for (let index = 0; index < STREAMS; index++) {
      const state = await makeStream(app, random, `s${index}`);
      for (let count = 0; count < PAGES_A_STREAM; count++) {
        const page = nextPage(random, state);
        const wanted = wantedPage(state, page);
        const what = `${page.path} of ${JSON.stringify(state)}`;
        assertEquals(await readJson(app, page), wanted, what);
        assertEquals(await readXml(app, page), {
          ...wanted,
          etag: wanted.etag?.replace("248368668", "-1296467268") ?? null,
        }, what);
      }
    }
  });
});

async function makeStream(
  app: TestApp,
  random: Random,
  name: string,
): Promise<StreamState> {
  const count = random.pick([1, 2, 5, 19, 20, 21, 41, 50]);
  const firstYoung = random.chance(0.3) ? random.integer(0, count) : 0;
  await append(app, name, firstYoung);
  app.clock.advanceMs(60_000);
  await append(app, name, count - firstYoung);
  const truncateBefore = random.chance(0.4) ? random.integer(0, count + 5) : 0;
  const maxCount = random.chance(0.4)
    ? random.integer(1, count + 2)
    : undefined;
  const cacheSeconds = random.chance(0.3) ? 9 : undefined;
  const answer = await app.append(`$$${name}`, [{
    eventId: testUuid(++eventCount),
    eventType: "$metadata",
    data: {
      $tb: truncateBefore,
      $maxCount: maxCount,
      $cacheControl: cacheSeconds,
      $maxAge: firstYoung > 0 ? 30 : undefined,
    },
  }]);
  assertEquals(answer.status, 201, answer.body);
  const last = count - 1;
  return { name, last, truncateBefore, maxCount, cacheSeconds, firstYoung };
}

let eventCount = 0;

async function append(app: TestApp, name: string, count: number) {
  if (count === 0) return;
  const events = Array.from({ length: count }, () => ({
    eventId: testUuid(++eventCount),
    eventType: "t",
  }));
  assertEquals((await app.append(name, events)).status, 201);
}

function nextPage(random: Random, { name, last }: StreamState): Page {
  const stream = `/streams/${name}`;
  const size = random.pick(SIZES);
  const from = random.pick([0, 1, last, last + 1, last + 30, 2 ** 40]);
  const anywhere = random.chance(0.5) ? from : random.integer(0, last + 5);
  const head = { isForward: false, isHead: true, from: last };
  const backward = { isForward: false, isHead: false, from: anywhere, size };
  return random.pick<Page>([
    { ...head, path: stream, size: 20 },
    { ...head, path: `${stream}/head/${size}`, size },
    { ...head, path: `${stream}/head/backward/${size}`, size },
    { ...backward, path: `${stream}/${anywhere}/${size}` },
    { ...backward, path: `${stream}/${anywhere}/backward/${size}` },
    {
      ...backward,
      isForward: true,
      path: `${stream}/${anywhere}/forward/${size}`,
    },
  ]);
}

function wantedPage(state: StreamState, page: Page): ShownPage {
  const { name, last, truncateBefore, maxCount, cacheSeconds } = state;
  const { from, size, isForward, isHead } = page;
  const firstKept = Math.max(
    0,
    truncateBefore,
    last - (maxCount ?? last + 1) + 1,
  );
  const lowest = isForward ? from : Math.max(0, from - size + 1);
  const highest = isForward ? from + size - 1 : from;
  const firstShown = Math.max(lowest, firstKept, state.firstYoung);
  const numbers: number[] = [];
  for (let n = Math.min(highest, last); n >= firstShown; n--) numbers.push(n);

  const isEnd = isForward
    ? highest >= last && highest >= firstKept
    : from - size + 1 <= firstKept || from < firstKept ||
      (lowest <= last && numbers.at(-1) !== lowest);
  const hasOlder = isForward ? from > 0 : !isEnd;
  const hasNewer = !isForward || !isEnd || numbers.length > 0;
  const older = isForward ? from - 1 : from - size;
  const newer = isHead && truncateBefore > last
    ? 0
    : Math.min(highest, last) + 1;
  const stream = `${TEST_BASE_URL}/streams/${name}`;
  const links: ShownPage["links"][number][] = [
    ["self", stream],
    ["first", `${stream}/head/backward/${size}`],
  ];
  if (hasOlder) {
    links.push(["last", `${stream}/0/forward/${size}`]);
    links.push(["next", `${stream}/${older}/backward/${size}`]);
  }
  if (hasNewer) {
    links.push(["previous", `${stream}/${newer}/forward/${size}`]);
  }
  links.push(["metadata", `${stream}/metadata`]);

  const isFull = !isHead && (isForward ? last >= highest : from <= last);
  const current = cacheSeconds === undefined
    ? NO_STORE
    : `max-age=${cacheSeconds}, public`;
  return {
    numbers,
    links,
    cacheControl: isFull ? IMMUTABLE : current,
    etag: isFull ? null : etagOf(last, Math.max(firstKept, state.firstYoung)),
  };
}

function etagOf(last: number, firstVisible: number): string {
  const hidden = firstVisible === 0
    ? ""
    : `;${Math.min(firstVisible, last + 1)}`;
  return `"${last};248368668${hidden}"`;
}

async function readJson(app: TestApp, { path, isForward, isHead }: Page) {
  const { status, headers, body } = await app.get(
    path,
    "application/vnd.eventstore.atom+json",
  );
  assertEquals(status, 200, body);
  const feed = JSON.parse(body);
  assertEquals("selfUrl" in feed, !isForward, path);
  assertEquals("eTag" in feed, isHead, path);
  return shown(headers, {
    titles: feed.entries.map((entry: { title: string }) => entry.title),
    links: feed.links.map(
      ({ relation, uri }: { relation: string; uri: string }) => [relation, uri],
    ),
  });
}

async function readXml(app: TestApp, { path }: Page) {
  const { status, headers, body } = await app.get(path, ATOM_XML);
  assertEquals(status, 200, body);
  const parsed = parseXml(body);
  if (parsed.kind !== "document") throw new Error(`No XML: ${body}`);
  const children = childElements(parsed.root);
  return shown(headers, {
    titles: named(children, "entry").map((entry) =>
      textOf(named(childElements(entry), "title")[0] ?? entry)
    ),
    links: named(children, "link").map(({ attributes }) => {
      const { rel = "", href = "" } = Object.fromEntries(attributes);
      return [rel, href];
    }),
  });
}

function named(elements: readonly XmlElement[], name: string): XmlElement[] {
  return elements.filter((element) => element.name === name);
}

function shown(
  headers: Headers,
  { titles, links }: {
    readonly titles: readonly string[];
    readonly links: ShownPage["links"];
  },
): ShownPage {
  assertEquals(headers.get("Vary"), "Accept");
  return {
    numbers: titles.map((title) => Number(title.split("@")[0])),
    links,
    cacheControl: headers.get("Cache-Control"),
    etag: headers.get("ETag"),
  };
}
