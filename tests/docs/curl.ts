/**
 * As much of `curl` as the README shows, so that its commands run where no curl
 * is installed. It prints what curl prints.
 *
 * @module
 */

import {
  exchange,
  type RawAnswer,
  RawConnection,
} from "../support/raw_http.ts";

/** What the arguments ask for. */
interface CurlRequest {
  readonly url: string;
  readonly method: string;
  readonly headers: readonly string[];
  readonly body: string | undefined;
  readonly showsHeaders: boolean;
  readonly followsRedirects: boolean;
  /** Time after which what has come by then is all; undefined: no end. */
  readonly timeMaxMs: number | undefined;
}

/** Where curl runs. */
export interface CurlSurroundings {
  readonly readFile: (name: string) => string;
  /** Where requests go instead, by origin: `http://…`. */
  readonly originOf: (origin: string) => string;
  /**
   * Whether a request with `--max-time` need not go on, with that output. It
   * goes on for longer than it says until then, so that no test depends on how
   * fast a machine is.
   */
  readonly isEnough?: (output: string) => boolean;
}

/** Time for an answer that is waited for. */
const ENOUGH_MS_MAX = 60_000;

/**
 * Runs a curl command.
 *
 * @param words Its words, `curl` the first of them.
 * @returns What it prints.
 * @throws {TypeError} If it has an option that is not known here.
 */
export async function runCurl(
  words: readonly string[],
  surroundings: CurlSurroundings,
): Promise<string> {
  let request = parseArguments(words, surroundings.readFile);
  let output = "";
  for (;;) {
    const answer = await send(request, surroundings, output);
    if (request.showsHeaders) output += answer.head + "\n\n";
    const location = answer.header("Location");
    const isRedirect = answer.status >= 300 && answer.status < 400;
    if (!isRedirect || !request.followsRedirects || location === undefined) {
      return output + answer.body;
    }
    request = { ...request, url: new URL(location, request.url).href };
  }
}

function parseArguments(
  words: readonly string[],
  readFile: (name: string) => string,
): CurlRequest {
  let url = "";
  let method: string | undefined;
  let body: string | undefined;
  let showsHeaders = false;
  let followsRedirects = false;
  let timeMaxMs: number | undefined;
  const headers: string[] = [];

  const rest = words.slice(1);
  const next = () => {
    const word = rest.shift();
    if (word === undefined) throw new TypeError("An argument is missing");
    return word;
  };
  const bodyOf = (word: string) =>
    word.startsWith("@") ? readFile(word.slice(1)) : word;
  while (rest.length > 0) {
    const word = next();
    if (word === "-i") showsHeaders = true;
    else if (word === "-L") followsRedirects = true;
    else if (word === "-N") continue;
    else if (word === "--max-time") timeMaxMs = Number(next()) * 1000;
    else if (word === "-X") method = next();
    else if (word === "-H") headers.push(next());
    else if (word === "-u") {
      headers.push(`Authorization: Basic ${btoa(next())}`);
    } else if (word === "--data-binary") body = bodyOf(next());
    // Of a file, curl's -d sends no line ends.
    else if (word === "-d") body = bodyOf(next()).replace(/[\r\n]/g, "");
    else if (word.startsWith("-")) throw new TypeError(`Unknown: ${word}`);
    else url = word;
  }
  method ??= body === undefined ? "GET" : "POST";
  return {
    url,
    method,
    headers,
    body,
    showsHeaders,
    followsRedirects,
    timeMaxMs,
  };
}

function send(
  request: CurlRequest,
  { originOf, isEnough }: CurlSurroundings,
  before: string,
): Promise<RawAnswer> {
  const { pathname, search, origin } = new URL(request.url);
  const actualOrigin = originOf(origin);
  const { method, body } = request;
  const given = new Set(
    request.headers.map((header) => header.split(":")[0]?.toLowerCase()),
  );
  const defaults: [string, string | number | undefined][] = [
    ["Host", new URL(actualOrigin).host],
    ["User-Agent", "curl/8"],
    ["Accept", "*/*"],
    ["Connection", "close"],
    ["Content-Length", body && new TextEncoder().encode(body).length],
    ["Content-Type", body && "application/x-www-form-urlencoded"],
  ];
  const headers = [...request.headers];
  for (const [name, value] of defaults) {
    if (value !== undefined && !given.has(name.toLowerCase())) {
      headers.push(`${name}: ${value}`);
    }
  }
  const head = `${method} ${pathname}${search} HTTP/1.1\r\n` +
    headers.join("\r\n") + "\r\n\r\n";
  const text = head + (body ?? "");
  if (request.timeMaxMs !== undefined) {
    return exchangeWithin(actualOrigin, text, {
      timeMaxMs: isEnough === undefined ? request.timeMaxMs : ENOUGH_MS_MAX,
      ...isEnough && { isEnough: (body) => isEnough(before + body) },
    });
  }
  return exchange(actualOrigin, text, { isToHead: method === "HEAD" });
}

async function exchangeWithin(
  origin: string,
  request: string,
  { timeMaxMs, isEnough }: {
    readonly timeMaxMs: number;
    readonly isEnough?: (body: string) => boolean;
  },
): Promise<RawAnswer> {
  using connection = await RawConnection.open(origin);
  await connection.write(request);
  const timer = setTimeout(() => connection.end(), timeMaxMs);
  try {
    return await connection.readAnswer({
      isCutOff: true,
      ...isEnough && { isEnough },
    });
  } finally {
    clearTimeout(timer);
  }
}
