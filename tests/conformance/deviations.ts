/**
 * Where Quipu answers otherwise than recorded, on purpose. Each deviation says
 * which steps it concerns *and* what the answer must be instead, so that it
 * excuses nothing else. One that no step needs any more fails the tests.
 *
 * @module
 */

import { CACHE_DEVIATIONS, withoutAdditions } from "./cache_deviations.ts";
import { compareAnswer } from "./compare.ts";
import { type Difference, difference } from "./difference.ts";
import {
  isAnswer,
  readArea,
  type RecordedAnswer,
  type RecordedRequest,
  type RecordedStep,
} from "./recording.ts";
import { type Exchange, readdressed } from "./replay.ts";
import type { ServerMade } from "./server_made.ts";
import { PROJECTION_DEVIATIONS } from "./projection_deviations.ts";
import { SUBSCRIPTION_DEVIATIONS } from "./subscription_deviations.ts";
import { USER_DEVIATIONS } from "./user_deviations.ts";

/** A step that is not as recorded. */
export interface DeviatingExchange extends Exchange {
  readonly recorded: RecordedAnswer;
  readonly made: ServerMade;
  readonly differences: readonly Difference[];
}

/** One intended difference. */
export interface Deviation {
  /** In the words of `docs/differences.md`, where users read of it. */
  readonly title: string;
  /** Why we do otherwise. */
  readonly reason: string;
  /** The standard of the web, or the addition to the original, that demands it. */
  readonly demandedBy?: string;
  /**
   * What is wrong with the answer, measured by what is intended; undefined if
   * the deviation does not concern this step.
   */
  readonly judge: (
    exchange: DeviatingExchange,
  ) => readonly Difference[] | undefined;
}

const ATOM_JSON = "application/vnd.eventstore.atom+json";

/** Every intended difference. */
export const DEVIATIONS: readonly Deviation[] = [
  {
    title: "HEAD works like GET",
    reason: "HTTP asks it of every server; the original answered 405",
    demandedBy: "RFC 9110 §9.1",
    judge(exchange) {
      const { step, answered } = exchange;
      if (step.request.method !== "HEAD") return undefined;
      const { path } = step.request;
      return [
        ...mustBe(
          "status",
          path === "/projections" ? 302 : 200,
          answered.status,
        ),
        ...mustBe("body length", 0, answered.body.length),
        ...mustBe(
          "vary",
          varyOf(path),
          answered.headers.get("vary"),
        ),
        // HEAD is no method of its own: the list of methods stays.
        ...exchange.differences.filter(({ where }) =>
          where === "header access-control-allow-methods"
        ),
      ];
    },
  },
  {
    title: "Asked for with any type, a feed is atom+json",
    reason: "Clients that take anything, as curl does, want the events; the " +
      "original answered 406 with a document that describes the stream, or " +
      "labelled the feed as such a document",
    judge(exchange) {
      const { step, recorded } = exchange;
      const accept = step.request.headers["Accept"] ?? "*/*";
      const type = recorded.headers["Content-Type"] ?? "";
      if (accept !== "*/*") return undefined;
      if (!type.includes("streamdesc+json")) return undefined;
      const twin = { ...step.request.headers, Accept: ATOM_JSON };
      return compareWithTwin(exchange, twin) ?? judgeFeed(exchange);
    },
  },
  {
    title: "A resource has a page for browsers at its own address",
    reason: "People look at what a program reads, at the same address; the " +
      "original answered 406 and had its pages elsewhere",
    demandedBy: "pages for browsers",
    judge({ step, recorded, answered }) {
      const accept = step.request.headers["Accept"];
      if (accept !== "text/html" || recorded.status !== 406) return undefined;
      const type = answered.headers.get("content-type");
      return [
        ...mustBe("status", 200, answered.status),
        ...mustBe("content-type", "text/html; charset=utf-8", type),
      ];
    },
  },
  {
    title: "Blanks in Accept and Content-Type mean nothing",
    reason: "Clients of Java and Spring send lists with a blank after each " +
      "comma; the original answered 406, and wrote nothing",
    demandedBy: "RFC 9110 §5.6.1",
    judge(exchange) {
      const { step, recorded } = exchange;
      const accept = step.request.headers["Accept"] ?? "";
      if (recorded.status !== 406 || !/, /.test(accept)) return undefined;
      // The ranges that the original read are of types that nothing has.
      const [, ...others] = accept.split(", ");
      const twin = { ...step.request.headers, Accept: others.join(",") };
      return compareWithTwin(exchange, twin) ?? judgeAnyType(exchange);
    },
  },
  {
    title: "ES-ResolveLinkTo counts as ES-ResolveLinkTos",
    reason: "Published documents name the header both ways; the original " +
      "passed over one of them",
    judge(exchange) {
      const { "ES-ResolveLinkTo": asked, ...headers } =
        exchange.step.request.headers;
      if (asked === undefined) return undefined;
      return compareWithTwin(exchange, {
        ...headers,
        "ES-ResolveLinkTos": asked,
      });
    },
  },
  {
    title: "Arrays, numbers and booleans are kept as data of events",
    reason: "The original took them and stored nothing: what a client had " +
      "been told was written was lost",
    judge(exchange) {
      const kept = eventsPosted(exchange)
        .map(({ data }) => data)
        .filter(isLostByOriginal);
      if (kept.length === 0) return undefined;
      const text = bodyTextOf(exchange).replaceAll(/\s|\\n|\\/g, "");
      const isXml = exchange.recorded.headers["Content-Type"]?.includes("xml");
      const lacking = kept.filter((value) =>
        !isXml && !text.includes(JSON.stringify(value))
      );
      return [
        ...lacking.map((value) =>
          difference("body", JSON.stringify(value), "not kept")
        ),
        ...exchange.differences.filter(({ where }) =>
          !/^body( members|\/atom:entry children)?$|data\b|isJson$|isMetaData$|entries\[\d+\] members$/
            .test(where)
        ),
      ];
    },
  },
  {
    title: "Nobody writes to $ce-, $et-, $category- and $streams",
    reason: "They are made from the other streams and always exist; in the " +
      "original they were streams that a projection wrote, and a client that " +
      "wrote there broke it",
    judge({ step, answered, recorded }) {
      if (step.request.method !== "POST" || recorded.status !== 201) {
        return undefined;
      }
      if (
        !/^\/streams\/%24(ce-|et-|category-|streams$)/.test(step.request.path)
      ) {
        return undefined;
      }
      return mustBe("status", 400, answered.status);
    },
  },
  {
    title: "An append that reopens a deleted stream shows at once",
    reason:
      "An append is visible whole or not at all; the original wrote the " +
      "event and what makes it visible one after the other, and a read could " +
      "come between",
    judge(exchange) {
      const { step, recorded, scenario, stepIndex } = exchange;
      const before = scenario.steps[stepIndex - 1];
      if (recorded.status !== 404 || step.request.method !== "GET") {
        return undefined;
      }
      if (
        before?.request.method !== "POST" ||
        before.request.path !== step.request.path ||
        !isAnswer(before.response) || before.response.status !== 201
      ) return undefined;
      const { status, headers } = exchange.answered;
      const location = before.response.headers["Location"] ?? "";
      const number = /\d+$/.exec(location)?.[0];
      return [
        ...mustBe("status", 200, status),
        ...mustBe("etag", etagSince(Number(number)), headers.get("etag")),
        ...mustBe(
          "entry",
          true,
          bodyTextOf(exchange).includes(`"title": "${number}@`),
        ),
      ];
    },
  },
  {
    title: "Metadata with nested system members is readable as XML",
    reason: "The original could not write a member like `$acl` as XML: it " +
      "answered 200 with nothing in it, or hung",
    judge(exchange) {
      const { recorded, step } = exchange;
      if (recorded.body !== "" || !step.request.path.endsWith("/metadata")) {
        return undefined;
      }
      if (recorded.headers["ETag"] === undefined) return undefined;
      return [
        ...mustBe(
          "content",
          true,
          bodyTextOf(exchange).includes("<eventType>$metadata</eventType>"),
        ),
        ...exchange.differences.filter(({ where }) => where !== "body"),
      ];
    },
  },
  {
    title: "Links lead back",
    reason: "Links to a stream whose name holds a slash, or what reads as an " +
      "escape, led elsewhere: the original decodes a path twice, and escaped " +
      "it once",
    judge({ step, recorded, answered, authority, made }) {
      if (!step.request.path.includes("%252F")) return undefined;
      const wanted: RecordedAnswer = JSON.parse(
        JSON.stringify(recorded).replaceAll("%2F", "%252F"),
      );
      return compareAnswer(readdressed(wanted, authority), answered, {
        isShapeOnly: step.shapeOnly === true,
        made,
      });
    },
  },
  ...SUBSCRIPTION_DEVIATIONS,
  ...PROJECTION_DEVIATIONS,
  ...CACHE_DEVIATIONS,
  ...USER_DEVIATIONS,
];

/** Neither documents about subscriptions nor redirects say that. */
function varyOf(path: string): string | undefined {
  return path.startsWith("/subscriptions") || path === "/projections"
    ? undefined
    : "Accept";
}

/** What a range of any type but the lowest quality is answered with. */
function judgeAnyType(exchange: DeviatingExchange): Difference[] {
  const { answered, step } = exchange;
  if (answered.status === 404) return [];
  const isEntry = /^\/streams\/[^/]+\/(\d+|metadata)$/.test(
    step.request.path,
  );
  return [
    ...mustBe("status", 200, answered.status),
    ...mustBe(
      "type",
      isEntry
        ? "application/atom+xml"
        : "application/vnd.eventstore.streamdesc+json",
      typeOf(exchange),
    ),
  ];
}

/** A feed, or none of a stream that is not there. */
function judgeFeed(exchange: DeviatingExchange): Difference[] {
  const { status, headers } = exchange.answered;
  if (status === 404) return [];
  const text = bodyTextOf(exchange);
  return [
    ...mustBe("status", 200, status),
    ...mustBe("type", ATOM_JSON, typeOf(exchange)),
    ...mustBe("vary", "Accept", headers.get("vary")),
    ...mustBe("feed", true, text.startsWith('{\n  "title": "Event stream')),
  ];
}

/** Of a stream that has one event since it was deleted. */
function etagSince(number: number): string {
  // A stream that had none before hides none.
  return `"${number};248368668${number === 0 ? "" : `;${number}`}"`;
}

function mustBe(where: string, wanted: unknown, got: unknown): Difference[] {
  return wanted === got ? [] : [difference(where, wanted, got)];
}

function typeOf({ answered }: DeviatingExchange): string | undefined {
  return answered.headers.get("content-type")?.split(";")[0];
}

function bodyTextOf({ answered }: DeviatingExchange): string {
  return new TextDecoder().decode(answered.body);
}

/**
 * Compares with what was recorded, in this area, for the same request with
 * other headers.
 */
function compareWithTwin(
  exchange: DeviatingExchange,
  headers: RecordedRequest["headers"],
): Difference[] | undefined {
  const { answered, authority, made, scenario, step } = exchange;
  const wanted = JSON.stringify(Object.entries(headers).sort());
  const twin = readArea(scenario.area)
    .flatMap(({ steps }) => steps)
    .find(({ request }) =>
      request.path === step.request.path &&
      request.method === step.request.method &&
      JSON.stringify(Object.entries(request.headers).sort()) === wanted
    );
  if (twin === undefined || !isAnswer(twin.response)) return undefined;
  const recorded = readdressed(twin.response, authority);
  const isShapeOnly = twin.shapeOnly === true;
  const differences = compareAnswer(recorded, answered, { isShapeOnly, made });
  return withoutAdditions(exchange, recorded, differences);
}

interface PostedEvent {
  readonly data?: unknown;
}

/** Events that earlier steps of the scenario sent as JSON arrays. */
function eventsPosted(
  { scenario, stepIndex }: DeviatingExchange,
): PostedEvent[] {
  return scenario.steps.slice(0, stepIndex).flatMap(postedIn);
}

function postedIn({ request }: RecordedStep): PostedEvent[] {
  if (!request.headers["Content-Type"]?.includes("events+json")) return [];
  try {
    const events: unknown = JSON.parse(request.body ?? "");
    return Array.isArray(events) ? events : [];
  } catch {
    return [];
  }
}

function isLostByOriginal(value: unknown): boolean {
  return Array.isArray(value) || typeof value === "number" ||
    typeof value === "boolean";
}
