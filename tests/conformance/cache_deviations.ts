/**
 * Where the headers for caches are other than recorded, on purpose.
 *
 * @module
 */

import type { DeviatingExchange, Deviation } from "./deviations.ts";
import type { Answer } from "./compare.ts";
import { type Difference, difference } from "./difference.ts";
import type { RecordedAnswer } from "./recording.ts";
import type { Exchange } from "./replay.ts";

/** A number of its own and a digest may follow what was recorded. */
const FURTHER_PARTS = /^;\d+(?:;[\w-]{16})?$/;

/** Part of `DEVIATIONS`. */
export const CACHE_DEVIATIONS: readonly Deviation[] = [
  {
    title: "ETag and Vary distinguish all variants of an answer",
    reason: "An ETag that stays the same while metadata, rights or a delete " +
      "change a page, or that is the same for links that are followed and " +
      "links that are not, makes caches show the wrong page",
    demandedBy: "RFC 9110 §8.8.1, §12.5.5",
    judge(exchange) {
      const { recorded, differences } = exchange;
      const isCacheable = recorded.status === 200 &&
        recorded.headers["Vary"] !== undefined;
      return isCacheable
        ? withoutAdditions(exchange, recorded, differences)
        : undefined;
    },
  },
  {
    title: "Pages for browsers are kept by no cache",
    reason: "They name who is logged in, and have forms that are sent with " +
      "that login",
    demandedBy: "RFC 9111 §5.2.2.7",
    judge(exchange) {
      const { answered: { headers }, recorded, differences } = exchange;
      const isPage = headers.get("content-type")?.startsWith("text/html");
      if (isPage !== true || recorded.status !== 200) return undefined;
      return [
        ...mustBe("etag", undefined, headers.get("etag")),
        ...mustBe(
          "cache-control",
          "max-age=0, no-cache, must-revalidate, private",
          headers.get("cache-control"),
        ),
        ...differences.filter(({ where }) =>
          where !== "header etag" && where !== "header cache-control"
        ),
      ];
    },
  },
  {
    title: "304 carries ETag, Cache-Control and Vary of the 200",
    reason:
      "HTTP asks it of every server, so that caches can renew what they " +
      "have; a 304 has no body, and thus no type",
    demandedBy: "RFC 9110 §15.4.5",
    judge(exchange) {
      const { answered, recorded, differences } = exchange;
      if (recorded.status !== 304) return undefined;
      const { headers } = answered;
      return [
        ...mustBe("status", 304, answered.status),
        ...mustBe("content-type", undefined, headers.get("content-type")),
        ...mustBe("vary", "Accept", headers.get("vary")),
        ...mustBe(
          "cache-control",
          "max-age=0, no-cache, must-revalidate",
          headers.get("cache-control"),
        ),
        ...mustBe(
          "etag",
          exchange.step.request.ifNoneMatchFromStep === undefined
            ? undefined
            : etagOfStep(exchange),
          headers.get("etag"),
        ),
        ...differences.filter(({ where }) =>
          !["etag", "vary", "cache-control", "content-type"].some((name) =>
            where === `header ${name}`
          )
        ),
      ];
    },
  },
];

/** Differences but those that the first of the deviations allows. */
export function withoutAdditions(
  { answered, step }: Exchange,
  recorded: RecordedAnswer,
  differences: readonly Difference[],
): Difference[] {
  const etag = recorded.headers["ETag"];
  const isShapeOnly = step.shapeOnly === true;
  return differences.filter(({ where }) => {
    switch (where) {
      case "header etag":
        return !hasFurtherParts(
          answered.headers.get("etag"),
          etag,
          isShapeOnly,
        );
      case "body.eTag":
        return !hasFurtherParts(`"${eTagOf(answered)}"`, etag, isShapeOnly);
      case "header vary":
        return answered.headers.get("vary") !==
          `${recorded.headers["Vary"]}, ES-ResolveLinkTos`;
      default:
        return true;
    }
  });
}

/** Whether an ETag is the recorded one with further parts. */
function hasFurtherParts(
  answered: string | undefined,
  recorded: string | undefined,
  isShapeOnly: boolean,
): boolean {
  // The number is another one where other scenarios wrote before.
  const shape = (etag: string | undefined) =>
    etag?.slice(1, -1).replace(isShapeOnly ? /^\d+/ : "", "");
  const wanted = shape(recorded);
  const got = shape(answered);
  return wanted !== undefined && got !== undefined &&
    got.startsWith(wanted) && FURTHER_PARTS.test(got.slice(wanted.length));
}

/** Of a feed in JSON. */
function eTagOf({ body }: Answer): unknown {
  return JSON.parse(new TextDecoder().decode(body)).eTag;
}

/** The ETag that the request named, as an earlier step got it. */
function etagOfStep(
  { scenario, step }: DeviatingExchange,
): string | undefined {
  const from = scenario.steps[step.request.ifNoneMatchFromStep ?? -1];
  return from !== undefined && "headers" in from.response
    ? from.response.headers["ETag"]
    : undefined;
}

function mustBe(where: string, wanted: unknown, got: unknown): Difference[] {
  return wanted === got ? [] : [difference(where, wanted, got)];
}
