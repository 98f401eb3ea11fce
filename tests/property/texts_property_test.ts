/**
 * Bytes survive: any text of Unicode as the name of a stream, a type, a login,
 * a name or value of metadata and as data comes back as it was, through every
 * representation and list, every way of opening a store, and every copy of it.
 * Text that no bytes can hold is refused.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import type { EventStore } from "../../lib/store/event_store.ts";
import { categoryOf } from "../../lib/model/stream_names.ts";
import { SILENT_LOGGER } from "../../lib/model/logger.ts";
import { encodePathSegment } from "../../lib/text/path_segment.ts";
import {
  childElements,
  parseXml,
  textOf,
  type XmlElement,
} from "../../lib/formats/xml/xml_parse.ts";
import {
  backupDirectory,
  restoreDirectory,
} from "../../storage/maintenance/backup/directories.ts";
import { openStore } from "../../storage/mod.ts";
import {
  exportDirectory,
  importDirectory,
} from "../../storage/maintenance/transfer/directories.ts";
import { verifyDirectory } from "../../storage/maintenance/verify/verify_directory.ts";
import { readLog } from "../faults/contents.ts";
import { createTestClock, createTestIds, testUuid } from "../support/events.ts";
import { type Random, withSeed } from "../support/random.ts";
import {
  ADMIN,
  openSecuredApp,
  type SecuredApp,
} from "../support/secured_app.ts";
import { basic } from "../support/test_auth.ts";

const CONTROL = { signal: new AbortController().signal, report() {} };
const ATOM_JSON = "application/vnd.eventstore.atom+json";
const ATOM_XML = "application/atom+xml";
/** What each kind of code point is tried with, besides those of chance. */
const CODE_POINTS = [
  ...[0, 1, 8, 9, 0xa, 0xd, 0x1b, 0x1f, 0x20, 0x7f, 0x80, 0x85, 0x9f, 0xa0],
  ...[0x22, 0x25, 0x26, 0x27, 0x2f, 0x3c, 0x3e, 0x40, 0x5c, 0x5d, 0xad],
  ...[0x300, 0x6de, 0x200b, 0x200d, 0x2028, 0x2029, 0x202e, 0x2066, 0xe000],
  ...[0xfdd0, 0xfdef, 0xfe0f, 0xfeff, 0xfff9, 0xfffd, 0xfffe, 0xffff],
  ...[0x1fffe, 0x1ffff, 0x1f44d, 0xe0001, 0xf0000, 0x10fffe, 0x10ffff],
];
const RANDOM_COUNT = 30;
const SEGMENT_BYTES = 8192;

/** A text, and an event that is all made of it. */
interface Sample {
  readonly id: string;
  readonly text: string;
}

Deno.test("any text comes back, however it is read and wherever it went", async () => {
  await withSeed((random) =>
    withPlace((place) => tryAll(place, samplesOf(random)))
  );
});

Deno.test("half of a surrogate pair is refused where bytes would have to hold it", async () => {
  await withPlace(async (place) => {
    await using store = await open(join(place, "store"));
    await using app = await openSecuredApp({ authOptions: { store } });
    const id = testUuid(1);
    const event = (rest: string) => `[{"eventId":"${id}",${rest}}]`;
    const refused = [
      event('"eventType":"\\ud800","data":{}'),
      event('"eventType":"a\\udfff","data":{}'),
      event('"eventType":"t","data":"\\ud800"'),
      event('"eventType":"t","data":{},"metadata":"\\udc00\\ud800"'),
    ];
    for (const body of refused) {
      const { status } = await send(app, "s", body);
      assertEquals(status, 400, body);
    }
    for (const member of ["loginName", "fullName"]) {
      const user = { loginName: "x", fullName: "x", password: "s3cret-9" };
      const { status } = await app.sendJson(
        "/users/",
        { ...user, [member]: "a\ud800" },
        { headers: ADMIN },
      );
      assertEquals(status, 400, member);
    }
    assertEquals((await app.get("/streams/s", ATOM_JSON, ADMIN)).status, 404);
    // As an escape in JSON it is text of six characters, and stays that.
    const kept = event(
      '"eventType":"t","data":{"a\\ud800":"\\udfff"},"metadata":{"b":"\\ud800"}',
    );
    assertEquals((await send(app, "s", kept)).status, 201);
    const entry = await store.readEvent("s", 0);
    const utf8 = new TextDecoder();
    assertEquals(
      utf8.decode(entry?.event.data).replaceAll(/\s/g, ""),
      '{"a\\ud800":"\\udfff"}',
    );
    assertEquals(
      utf8.decode(entry?.event.metadata).replaceAll(/\s/g, ""),
      '{"b":"\\ud800"}',
    );
  });
});

/** Writes all samples, and follows them everywhere. */
async function tryAll(
  place: string,
  samples: readonly Sample[],
): Promise<void> {
  const directory = join(place, "store");
  const logins: string[] = [];
  {
    await using store = await open(directory);
    await using app = await openSecuredApp({ authOptions: { store } });
    for (const sample of samples) {
      await write(app, sample);
      if (await createUser(app, sample.text)) logins.push(sample.text);
    }
    assert(logins.length > 10, `${logins.length} logins were taken`);
    await checkAll(app, samples, logins);
  }
  const wanted = await contentsOf(directory);
  // Opened again: by the snapshot, by the log alone, and without each part.
  const lost = [["heads.snap"], [".idx"], ["catalog.kv"], [
    "heads.snap",
    ".idx",
    "catalog.kv",
  ]];
  for (const parts of lost) {
    assertEquals(await contentsOf(directory), wanted);
    removeFiles(directory, parts);
  }
  await backUpAndRestore(place);
  await exportAndImport(place);
  for (const name of ["store", "restored", "imported"]) {
    const copy = join(place, name);
    assertEquals(await contentsOf(copy), wanted, name);
    const verified = await verifyDirectory(
      { directory: copy, isDeep: true },
      CONTROL,
    );
    assertEquals(
      verified.findings.filter(({ severity }) => severity !== "notice"),
      [],
    );
    await using store = await open(copy);
    await using app = await openSecuredApp({ authOptions: { store } })
      .catch(() => Promise.reject(new Error(`${name} has other users`)));
    await checkAll(app, samples, logins);
  }
}

async function write(app: SecuredApp, { id, text }: Sample): Promise<void> {
  const body = JSON.stringify([{
    eventId: id,
    eventType: text,
    data: { [text]: text },
    metadata: { [text]: text },
  }]);
  const written = await send(app, text, body);
  assertEquals(written.status, 201, JSON.stringify(text) + written.body);
  const path = new URL(written.headers.get("Location") ?? "").pathname;
  assertEquals(path, `/streams/${encodePathSegment(text)}/0`);
  const put = await app.send(`/streams/${encodePathSegment(text)}/metadata`, {
    headers: {
      ...ADMIN,
      "Content-Type": "application/json",
      "ES-EventId": id.replace("-4000-", "-4001-"),
    },
    body: JSON.stringify({ [text]: text, $acl: { $r: ["$all", text] } }),
  });
  assertEquals(put.status, 201, put.body);
}

async function createUser(app: SecuredApp, login: string): Promise<boolean> {
  const user = { loginName: login, fullName: login, password: login };
  const { status } = await app.sendJson("/users/", user, { headers: ADMIN });
  assert(status === 201 || status === 400, `${status}`);
  return status === 201;
}

/** All that there is to see of each sample. */
async function checkAll(
  app: SecuredApp,
  samples: readonly Sample[],
  logins: readonly string[],
): Promise<void> {
  for (const sample of samples) await checkEvent(app, sample);
  const seen = await entriesOf(app, "$streams");
  const all = await entriesOf(app, "$all");
  for (const { text } of samples) {
    assert(seen.some((entry) => entry.streamId === text), "$streams");
    assert(
      all.some((entry) => entry.streamId === text && entry.eventType === text),
      "$all",
    );
  }
  const { body } = await app.get("/users/", undefined, ADMIN);
  const listed: { loginName: string }[] = JSON.parse(body).data;
  for (const login of logins) {
    assert(listed.some(({ loginName }) => loginName === login), login);
    const who = await app.get("/users/$current", undefined, {
      Authorization: basic(login, login),
    });
    assertEquals(JSON.parse(who.body).data?.loginName, login);
  }
}

async function checkEvent(
  app: SecuredApp,
  { text }: Sample,
): Promise<void> {
  const stream = `/streams/${encodePathSegment(text)}`;
  const value = { [text]: text };
  const get = async (path: string, type: string) => {
    const answer = await app.get(path, type, ADMIN);
    assertEquals(answer.status, 200, path + answer.body);
    return answer.body;
  };
  const entry = JSON.parse(await get(`${stream}/0`, ATOM_JSON));
  assertEquals(entry.title, `0@${text}`);
  assertEquals(entry.summary, text);
  assertEquals(entry.content.eventStreamId, text);
  assertEquals(entry.content.eventType, text);
  assertEquals([entry.content.data, entry.content.metadata], [value, value]);
  const eventJson = "application/vnd.eventstore.event+json";
  assertEquals(JSON.parse(await get(`${stream}/0`, eventJson)).data, value);
  assertEquals(
    JSON.parse(await get(`${stream}/0`, "application/json")),
    value,
  );
  const metadata = JSON.parse(
    await get(`${stream}/metadata`, "application/json"),
  );
  assertEquals(metadata[text], text);

  for (
    const list of [text, `$et-${text}`]
  ) {
    for (const embed of ["content", "rich", "body", "tryharder"]) {
      const path = `/streams/${encodePathSegment(list)}?embed=${embed}`;
      const feed = JSON.parse(await get(path, ATOM_JSON));
      assertEquals(feed.streamId, list);
      const [first] = feed.entries;
      assertEquals(first.title, `0@${text}`, embed);
      if (list === text) assertEquals(first.summary, text, embed);
      if (embed === "content") continue;
      assertEquals([first.streamId, first.eventType], [text, text], embed);
      if (embed !== "body" && embed !== "tryharder") continue;
      assertEquals(JSON.parse(first.data), value, embed);
      assertEquals(JSON.parse(first.metaData), value, embed);
    }
  }
  const category = categoryOf(text);
  if (category !== undefined) {
    const events = await entriesOf(app, `$ce-${category}`);
    assert(
      events.some((found) =>
        found.streamId === text && found.eventType === text
      ),
      `$ce-${category}`,
    );
    // Every category has one stream. Its name is no JSON, so no feed shows it.
    const list = encodePathSegment(`$category-${category}`);
    const name = await get(`/streams/${list}/0`, "application/octet-stream");
    assertEquals(name, text);
  }
  // XML 1.0 has no controls and no U+FFFE: they are shown as U+FFFD.
  const xml = parsed(await get(`${stream}/0`, ATOM_XML));
  assertEquals(textIn(xml, "atom:summary"), inXml(text));
  assertEquals(textIn(xml, "atom:content", "eventStreamId"), inXml(text));
  for (const type of [ATOM_XML, "text/xml"]) {
    const feed = parsed(await get(`${stream}?embed=body`, type));
    assertEquals(textIn(feed, "entry", "summary"), inXml(text));
  }
  for (const type of ["application/xml", "text/xml"]) {
    parsed(await get(`${stream}/0`, type));
    parsed(await get(`${stream}/metadata`, type));
  }
}

async function entriesOf(app: SecuredApp, list: string) {
  const entries: { streamId: string; eventType: string }[] = [];
  let path: string | undefined = `/streams/${
    encodePathSegment(list)
  }?embed=body`;
  while (path !== undefined) {
    const { body, status } = await app.get(path, ATOM_JSON, ADMIN);
    assertEquals(status, 200, body);
    const feed: {
      entries: typeof entries;
      links: { relation: string; uri: string }[];
    } = JSON.parse(body);
    entries.push(...feed.entries);
    const next = feed.links.find(({ relation }) => relation === "next");
    path = next && new URL(next.uri).pathname + "?embed=body";
  }
  return entries;
}

/** Posts a body of events. */
function send(app: SecuredApp, streamName: string, body: string) {
  return app.send(`/streams/${encodePathSegment(streamName)}`, {
    headers: {
      ...ADMIN,
      "Content-Type": "application/vnd.eventstore.events+json",
    },
    body,
  });
}

/** The log in lines, without what a copy may have otherwise. */
async function contentsOf(directory: string): Promise<string[]> {
  await using store: EventStore = await open(directory);
  const lines: string[] = [];
  for (const event of await readLog(store)) {
    const { streamName, eventNumber, eventType, eventId } = event;
    const entry = await store.readEvent(streamName, eventNumber);
    assertEquals(entry?.event.eventId, eventId, streamName);
    lines.push(JSON.stringify([
      ...[streamName, eventNumber, eventType, eventId],
      ...[[...event.data], [...event.metadata]],
    ]));
  }
  return lines;
}

function optionsOf(directory: string) {
  return {
    directory,
    segmentSizeBytes: SEGMENT_BYTES,
    clock: createTestClock(),
    newEventId: createTestIds(),
    logger: SILENT_LOGGER,
  };
}

function open(directory: string) {
  return openStore({
    ...optionsOf(directory),
    newEventId: crypto.randomUUID.bind(crypto),
  });
}

async function backUpAndRestore(place: string): Promise<void> {
  const clock = createTestClock();
  const backup = join(place, "backup");
  await backupDirectory({
    directory: join(place, "store"),
    target: backup,
    version: "0.0.0",
    clock,
  }, CONTROL);
  await restoreDirectory({
    ...optionsOf(join(place, "restored")),
    backup,
    point: undefined,
  }, CONTROL);
}

async function exportAndImport(place: string): Promise<void> {
  let text = "";
  await exportDirectory({
    ...optionsOf(join(place, "store")),
    selection: { withSystem: true },
    sink: (more) => {
      text += more;
      return Promise.resolve();
    },
  }, CONTROL);
  const bytes = new TextEncoder().encode(text);
  await importDirectory({
    ...optionsOf(join(place, "imported")),
    bytes: (async function* () {
      yield await Promise.resolve(bytes);
    })(),
    length: bytes.length,
    withSystem: true,
  }, CONTROL);
}

/** Texts with a code point first, in the midst and last, and alone. */
function samplesOf(random: Random): Sample[] {
  const codes = new Set(CODE_POINTS);
  while (codes.size < CODE_POINTS.length + RANDOM_COUNT) {
    const code = random.integer(0, 0x10ffff);
    if (code < 0xd800 || code > 0xdfff) codes.add(code);
  }
  const texts = [...codes].flatMap((code, number) => {
    const character = String.fromCodePoint(code);
    return [
      `${character}a${number}`,
      `b${character}-${number}`,
      `c${number}-${character}`,
    ];
  });
  // Names that would be the system's without the mark.
  texts.push("\ufeff$settings", "\ufeff$user-admin", "\ufeff$$c-1");
  return texts.map((text, number) => ({
    id: testUuid(number + 1_000_000),
    text,
  }));
}

async function withPlace(
  body: (place: string) => Promise<void>,
): Promise<void> {
  const place = await Deno.makeTempDir({ prefix: "quipu-texts-" });
  try {
    await body(place);
  } finally {
    await Deno.remove(place, { recursive: true });
  }
}

function removeFiles(directory: string, parts: readonly string[]): void {
  for (const folder of [directory, join(directory, "segments")]) {
    for (const { name, isFile } of Deno.readDirSync(folder)) {
      const isIt = parts.some((part) =>
        name.startsWith(part) || name.endsWith(part)
      );
      if (isFile && isIt) Deno.removeSync(join(folder, name));
    }
  }
}

function parsed(body: string): XmlElement {
  const document = parseXml(body);
  if (document.kind !== "document") throw new Error(document.kind + body);
  return document.root;
}

function textIn(root: XmlElement, ...path: string[]): string | undefined {
  let element: XmlElement | undefined = root;
  for (const name of path) {
    element = element &&
      childElements(element).find((child) => child.name === name);
  }
  return element && textOf(element);
}

function inXml(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.replace(/[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/g, "\ufffd");
}
