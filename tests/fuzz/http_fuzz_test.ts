/**
 * Sends requests made by chance to the whole interface over the program's own
 * store. Whatever comes: no answer blames the server, none takes a second, and
 * a refusal changes nothing.
 *
 * `QUIPU_FUZZ_REQUESTS` says how many, `QUIPU_SEED` repeats what failed.
 *
 * @module
 */

import { assert } from "@std/assert";
import { SaxesParser } from "saxes";
import { SILENT_LOGGER } from "../../lib/model/logger.ts";
import { TOKEN_SCOPES } from "../../lib/model/principal.ts";
import { parseXml } from "../../lib/formats/xml/xml_parse.ts";
import { openStore } from "../../storage/mod.ts";
import { createTestClock, createTestIds } from "../support/events.ts";
import { leastMs } from "../support/least_time.ts";
import { newSeed, withSeed } from "../support/random.ts";
import {
  ADMIN,
  openSecuredApp,
  OPS,
  type SecuredApp,
} from "../support/secured_app.ts";
import { TEST_BASE_URL, TEST_INFO } from "../support/test_app.ts";
import { type FuzzRequest, nextRequest } from "./http_requests.ts";

const REQUESTS = Number(Deno.env.get("QUIPU_FUZZ_REQUESTS") ?? 3_000);
const ANSWER_MS_MAX = 1_000;

/** So many requests share a store: later ones find what earlier ones wrote. */
const REQUESTS_A_STORE = 1_000;

Deno.test(`${REQUESTS} requests made by chance are answered sanely`, async () => {
  const seed = newSeed();
  print(`QUIPU_SEED=${seed}`);
  const statuses = new Map<number, number>();
  await withSeed(async (random) => {
    for (let sent = 0; sent < REQUESTS;) {
      await using app = await openSecuredApp({
        authOptions: { store: await openMemoryStore() },
      });
      const anna = await app.createUser("anna", { groups: ["readers"] });
      const authorizations = [
        ...Array<string>(8).fill(ADMIN.Authorization),
        OPS.Authorization,
        anna.Authorization,
        ...await tokensOf(app),
        "Bearer x",
        "Bearer quipu.x.y",
        "Basic !!!",
        "Basic",
        "Digest a=b",
      ];
      const end = Math.min(REQUESTS, sent + REQUESTS_A_STORE);
      for (; sent < end; sent++) {
        const request = nextRequest(random, { authorizations });
        const status = await check(app, request, sent);
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
      }
    }
  }, seed);
  const counts = [...statuses].sort(([a], [b]) => a - b)
    .map(([status, count]) => `${status}: ${count}`);
  print(counts.join(", "));
  // Else the requests would not reach what is behind the first checks.
  if (REQUESTS >= 3_000) {
    for (
      const status of [200, 201, 204, 307, 400, 401, 403, 404, 405, 406, 415]
    ) {
      assert(statuses.has(status), `no answer was ${status}`);
    }
  }
});

/** `Authorization` headers of one token for each scope. */
async function tokensOf(app: SecuredApp): Promise<string[]> {
  const headers: string[] = [];
  for (const scope of TOKEN_SCOPES) {
    const { status, body } = await app.sendJson("/users/admin/tokens", {
      label: scope,
      scopes: [scope],
    }, { headers: ADMIN });
    assert(status === 201, body);
    headers.push(`Bearer ${JSON.parse(body).token}`);
  }
  return headers;
}

function print(line: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(line + "\n"));
}

function openMemoryStore() {
  return openStore({
    directory: undefined,
    segmentSizeBytes: 16 * 1024 * 1024,
    clock: createTestClock(),
    newEventId: createTestIds(),
    logger: SILENT_LOGGER,
  });
}

/** Sends one request and checks what comes. */
async function check(
  app: SecuredApp,
  fuzz: FuzzRequest,
  number: number,
): Promise<number> {
  // What was begun by requests before this one is no doing of this one.
  if (fuzz.target.startsWith("/subscriptions")) await app.timers.pass(0);
  const before = (await app.store.readEnd()).end;
  const startedAt = performance.now();
  const { response, body } = await inTime(
    answerTo(app, fuzz),
    () => show(fuzz),
  );
  const elapsedMs = performance.now() - startedAt;
  const after = (await app.store.readEnd()).end;
  const { status, headers } = response;
  const what = `request ${number}, answered ${status}: ${show(fuzz)}`;

  if (elapsedMs >= ANSWER_MS_MAX) {
    const again = () => inTime(answerTo(app, fuzz), () => show(fuzz));
    const tookMs = await leastMs(again, ANSWER_MS_MAX);
    assert(tookMs < ANSWER_MS_MAX, `${tookMs} ms for ${what}`);
  }
  assert(status < 500 || status === 501 || status === 503, what + " " + body);
  assert(status < 400 || before === after, `the store changed by ${what}`);
  assert(
    fuzz.method !== "GET" && fuzz.method !== "HEAD" || before === after,
    `the store changed by ${what}`,
  );
  assert(headers.get("X-Content-Type-Options") === "nosniff", what);
  const location = headers.get("Location");
  assert(location === null || LOCATION.test(location), what);
  if (fuzz.method !== "HEAD" && status === 200) checkBody(headers, body, what);
  return status;
}

async function answerTo(app: SecuredApp, fuzz: FuzzRequest) {
  const response = await app.app(requestOf(fuzz), TEST_INFO);
  return { response, body: await bodyOf(response, fuzz) };
}

/** An answer that never comes must not hold the test for ever. */
async function inTime<T>(answer: Promise<T>, what: () => string): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(
      () => reject(new Error(`no answer to ${what()}`)),
      60 * ANSWER_MS_MAX,
    );
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Live feeds never end: their beginning is enough. */
async function bodyOf(response: Response, fuzz: FuzzRequest): Promise<string> {
  const type = response.headers.get("Content-Type") ?? "";
  if (!type.startsWith("text/event-stream") || fuzz.method === "HEAD") {
    return await response.text();
  }
  await response.body?.cancel();
  return "";
}

/** An address, or a path of this server. */
const LOCATION = /^(?:https?:\/\/[^\s<>"]+|\/(?!\/)[^\s<>"]*)$/;

/** A script that is none of the page's own. */
const FOREIGN_SCRIPT = /<script(?! type="module" src="[/\w]*\/web\/assets\/)/;

function checkBody(headers: Headers, body: string, what: string): void {
  const type = headers.get("Content-Type")?.split(";")[0] ?? "";
  if (body !== "" && /[/+]json$/.test(type)) {
    assert(isJson(body), `no JSON: ${body} by ${what}`);
  }
  // Some documents are JSON, whatever type was asked for.
  if (body !== "" && /[/+]xml$/.test(type) && !/^[[{]/.test(body)) {
    assert(parseXml(body).kind === "document", `no XML: ${body} by ${what}`);
    assert(hasNamespaces(body), `undeclared prefix: ${body} by ${what}`);
  }
  if (type === "text/html") assert(!FOREIGN_SCRIPT.test(body), what);
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Whether all prefixes of an XML document are declared. */
function hasNamespaces(xml: string): boolean {
  const parser = new SaxesParser({ xmlns: true });
  let isDeclared = true;
  parser.on("error", () => {
    isDeclared = false;
  });
  parser.write(xml).close();
  return isDeclared;
}

/** The constructor normalises addresses; a server hands them on as they came. */
function requestOf(fuzz: FuzzRequest): Request {
  const headers = new Headers();
  for (const [name, value] of fuzz.headers) {
    // Header values are bytes: a client would send UTF-8.
    const bytes = new TextEncoder().encode(value);
    headers.append(name, String.fromCharCode(...bytes));
  }
  const request = new Request(TEST_BASE_URL + "/", {
    method: fuzz.method,
    headers,
    ...(fuzz.body !== undefined && { body: fuzz.body }),
  });
  const url = TEST_BASE_URL + fuzz.target;
  Object.defineProperty(request, "url", { value: url });
  return request;
}

function show({ method, target, headers, body }: FuzzRequest): string {
  const text = body && new TextDecoder().decode(body.slice(0, 2000));
  return JSON.stringify({ method, target, headers, body: text });
}
