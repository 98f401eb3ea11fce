/**
 * Where persistent subscriptions are other than recorded, on purpose.
 *
 * @module
 */

import { compareAnswer } from "./compare.ts";
import { withoutAdditions } from "./cache_deviations.ts";
import type { DeviatingExchange, Deviation } from "./deviations.ts";
import { type Difference, difference } from "./difference.ts";
import { isAnswer, type RecordedAnswer } from "./recording.ts";
import { readdressed } from "./replay.ts";

/** Part of `DEVIATIONS`. */
export const SUBSCRIPTION_DEVIATIONS: readonly Deviation[] = [
  {
    title: "`$all` may have persistent subscriptions",
    reason: "Consumers that share the whole log are wanted as often as those " +
      "of a stream; the original answered 500",
    judge(exchange) {
      const { step, answered } = exchange;
      const { method, path } = step.request;
      if (!/^\/subscriptions\/(\$|%24)all\//.test(path)) return undefined;
      const wanted = { PUT: 201, POST: 200, DELETE: 200 }[method];
      return [
        ...mustBe("status", wanted, answered.status),
        ...mustBe("result", "Success", documentOf(exchange).result),
      ];
    },
  },
  {
    title: "If the consumer may not read the target of a link, it gets the " +
      "link itself",
    reason: "The original handed the target's data to anybody who may read " +
      "the stream that links to it",
    judge(exchange) {
      const { body = "" } = exchange.recorded;
      if (!body.startsWith("{")) return undefined;
      const recorded = entriesOf(JSON.parse(body));
      const answered = entriesOf(documentOf(exchange));
      const isClosed = recorded.some(({ streamId, positionStreamId }) =>
        streamId !== positionStreamId && isClosedIn(exchange, streamId)
      );
      if (!isClosed) return undefined;
      const followed = answered.filter(({ streamId }) =>
        isClosedIn(exchange, streamId)
      );
      return [
        ...mustBe("followed links", 0, followed.length),
        ...answered.flatMap((entry, index) => [
          ...mustBe("type", "$>", entry.eventType),
          ...mustBe("data", undefined, entry.data),
          ...mustBe(
            "place",
            recorded[index]?.positionEventNumber,
            entry.eventNumber,
          ),
        ]),
        ...exchange.differences.filter(({ where }) =>
          !/^body\.entries\[\d+\]/.test(where)
        ),
      ];
    },
  },
  {
    title: "A group reads on whenever it has room",
    reason: "The original read on after an ack or nack alone, so that a " +
      "consumer who took everything and answered later stood still",
    judge(exchange) {
      const { recorded } = exchange;
      const path = exchange.step.request.path;
      const isEmpty = /^\/subscriptions\/[^/]+\/[^/]+\/\d+/.test(path) &&
        recorded.body !== undefined && recorded.body.startsWith("{") &&
        entriesOf(JSON.parse(recorded.body)).length === 0;
      if (!isEmpty) return undefined;
      // Oldest first: what follows all that was handed out before.
      const first = 1 + Math.max(...numbersBefore(exchange));
      const numbers = entriesOf(documentOf(exchange)).map(numberOf).reverse();
      return [
        ...mustBe("entries", true, numbers.length > 0),
        ...numbers.flatMap((number, index) =>
          mustBe("number", first + index, number)
        ),
        ...exchange.differences.filter(({ where }) =>
          !/^body\.(updated|links|entries)/.test(where)
        ),
      ];
    },
  },
  {
    title: "A colon in a name is always escaped",
    reason: "The original left it as it is beside letters beyond ASCII alone",
    judge(exchange) {
      const { answered, authority, made, recorded } = exchange;
      const beside = /(%24persistentsubscription[^"]*%[C-F][^"]*?)::(?=%)/g;
      const body = recorded.body?.replaceAll(beside, "$1%3A%3A");
      if (body === undefined || body === recorded.body) return undefined;
      const wanted: RecordedAnswer = readdressed(
        { ...recorded, body },
        authority,
      );
      const differences = compareAnswer(wanted, answered, {
        isShapeOnly: false,
        made,
      });
      return withoutAdditions(exchange, wanted, differences);
    },
  },
];

interface Entry {
  readonly title: string;
  readonly eventType?: string;
  readonly eventNumber?: number;
  readonly data?: string;
  readonly streamId?: string;
  readonly positionStreamId?: string;
  readonly positionEventNumber?: number;
}

function documentOf({ answered }: DeviatingExchange) {
  try {
    return JSON.parse(new TextDecoder().decode(answered.body));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return {};
  }
}

function entriesOf(document: { entries?: unknown } | null): readonly Entry[] {
  return Array.isArray(document?.entries) ? document.entries : [];
}

function numberOf({ title }: Entry): number {
  return Number.parseInt(title);
}

/** Numbers of the messages that the scenario was handed before this step. */
function numbersBefore(
  { scenario, stepIndex }: DeviatingExchange,
): readonly number[] {
  return scenario.steps.slice(0, stepIndex).flatMap(({ response }) => {
    const body = isAnswer(response) ? response.body ?? "" : "";
    return body.startsWith('{"title":"Messages for')
      ? entriesOf(JSON.parse(body)).map(numberOf)
      : [];
  });
}

/** Whether the scenario took the right to read a stream from others. */
function isClosedIn(
  { scenario }: DeviatingExchange,
  streamName: string | undefined,
): boolean {
  return scenario.steps.some(({ request }) =>
    request.path === `/streams/${streamName}/metadata` &&
    request.body?.includes('"$r":"$admins"')
  );
}

function mustBe(where: string, wanted: unknown, got: unknown): Difference[] {
  return wanted === got ? [] : [difference(where, wanted, got)];
}
