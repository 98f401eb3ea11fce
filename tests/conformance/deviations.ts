/**
 * Where Quipu answers otherwise than recorded, on purpose. Each deviation says
 * which steps it concerns *and* what the answer must be instead, so that it
 * excuses nothing else. One that no step needs any more fails the tests.
 *
 * @module
 */

import { compareAnswer } from "./compare.ts";
import { type Difference, difference } from "./difference.ts";
import type { RecordedAnswer } from "./recording.ts";
import type { Exchange } from "./replay.ts";
import type { ServerMade } from "./server_made.ts";

/** A step that is not as recorded. */
export interface DeviatingExchange extends Exchange {
  readonly recorded: RecordedAnswer;
  readonly made: ServerMade;
  readonly differences: readonly Difference[];
}

/** One intended difference. */
export interface Deviation {
  readonly title: string;
  /** Why we do otherwise. */
  readonly reason: string;
  /** Where users read of it. */
  readonly documentedIn: string;
  /**
   * What is wrong with the answer, measured by what is intended; undefined if
   * the deviation does not concern this step.
   */
  readonly judge: (
    exchange: DeviatingExchange,
  ) => readonly Difference[] | undefined;
}

/** Every intended difference. */
export const DEVIATIONS: readonly Deviation[] = [
  {
    title: "HEAD works like GET",
    reason: "HTTP asks every server for it; the original answered 405",
    documentedIn: "README.md, Differences from Event Store",
    judge({ step, answered }) {
      if (step.request.method !== "HEAD") return undefined;
      return [
        ...mustBe("status", 200, answered.status),
        ...mustBe("body length", 0, answered.body.length),
      ];
    },
  },
  {
    title: "A stream asked for with any type is its feed",
    reason:
      "Clients that take anything, as curl does, want the events; the original " +
      "answered 406 with a document that describes the stream",
    documentedIn: "README.md, Differences from Event Store",
    judge({ step, recorded, answered }) {
      const accept = step.request.headers["Accept"];
      if (recorded.status !== 406) return undefined;
      if (accept !== undefined && !accept.includes("*/*")) return undefined;
      if (!isDescription(recorded)) return undefined;
      const type = "application/vnd.eventstore.atom+json; charset=utf-8";
      return [
        ...mustBe("status", 200, answered.status),
        ...mustBe("type", type, answered.headers.get("content-type")),
      ];
    },
  },
  {
    title: "ES-ResolveLinkTo counts as ES-ResolveLinkTos",
    reason:
      "Published documents name the header both ways; the original ignored " +
      "one of them",
    documentedIn: "README.md, Differences from Event Store",
    judge(exchange) {
      const { step, scenario } = exchange;
      const asked = step.request.headers["ES-ResolveLinkTo"];
      if (asked === undefined) return undefined;
      const twin = scenario.steps.find(({ request, response }) =>
        request.path === step.request.path && "status" in response &&
        request.headers["ES-ResolveLinkTos"] === asked
      );
      if (twin === undefined || !("status" in twin.response)) return undefined;
      return compareWith(exchange, twin.response);
    },
  },
];

function isDescription(recorded: RecordedAnswer): boolean {
  return recorded.headers["Content-Type"]?.includes("streamdesc+json") === true;
}

function mustBe(where: string, wanted: unknown, got: unknown): Difference[] {
  return wanted === got ? [] : [difference(where, wanted, got)];
}

function compareWith(
  { answered, made }: DeviatingExchange,
  wanted: RecordedAnswer,
): Difference[] {
  return compareAnswer(wanted, answered, { isShapeOnly: false, made });
}
