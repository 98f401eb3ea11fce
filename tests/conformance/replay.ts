/**
 * Replays recorded scenarios: sends each step's request as it was sent, with
 * what earlier steps were answered put in, and hands back what came.
 *
 * @module
 */

import type { Answer } from "./compare.ts";
import {
  isAnswer,
  type RecordedAnswer,
  type RecordedRequest,
  type RecordedStep,
  type Scenario,
  withAuthority,
} from "./recording.ts";
import type { Target, WireRequest } from "./target.ts";

/** One step, replayed. */
export interface Exchange {
  readonly scenario: Scenario;
  readonly stepIndex: number;
  readonly step: RecordedStep;
  /** Host and port under test. */
  readonly authority: string;
  /** With the address under test; undefined where none was recorded. */
  readonly recorded: RecordedAnswer | undefined;
  readonly answered: Answer;
}

const LOCATION_OF_STEP = /\{loc:(\d+)\}/g;

/** Sends all steps of a scenario, one after the other. */
export async function replayScenario(
  target: Target,
  scenario: Scenario,
): Promise<Exchange[]> {
  const exchanges: Exchange[] = [];
  for (const [stepIndex, step] of scenario.steps.entries()) {
    const answers = exchanges.map((exchange) => exchange.answered);
    if (step.request.waitMs !== undefined) {
      await target.wait(step.request.waitMs);
    }
    const request = wireRequestOf(step.request, answers, target.authority);
    exchanges.push({
      scenario,
      stepIndex,
      step,
      authority: target.authority,
      recorded: isAnswer(step.response)
        ? readdressed(step.response, target.authority)
        : undefined,
      answered: await target.send(request),
    });
  }
  return exchanges;
}

/**
 * Builds what goes out for a step from the answers to those before it. What an
 * earlier answer lacks stays out: the step is then answered otherwise than
 * recorded, and the replay goes on.
 */
export function wireRequestOf(
  recorded: RecordedRequest,
  answers: readonly Answer[],
  authority: string,
): WireRequest {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(recorded.headers)) {
    headers[name] = withAuthority(value, authority);
  }
  if (recorded.ifNoneMatchFromStep !== undefined) {
    const etag = answers[recorded.ifNoneMatchFromStep]?.headers.get("etag");
    if (etag !== undefined) headers["If-None-Match"] = etag;
  }
  const body = recorded.body === undefined
    ? undefined
    : new TextEncoder().encode(withAuthority(recorded.body, authority));
  if (body !== undefined || recorded.method !== "GET") {
    headers["Content-Length"] = String(body?.length ?? 0);
  }
  const path = recorded.path.replaceAll(
    LOCATION_OF_STEP,
    (_, index) => pathOf(answers[Number(index)]?.headers.get("location") ?? ""),
  );
  return { method: recorded.method, path, headers, body };
}

function pathOf(location: string): string {
  return location.replace(/^https?:\/\/[^/]*/, "");
}

/** Puts the address under test where the recorded server's stands. */
export function readdressed(
  answer: RecordedAnswer,
  authority: string,
): RecordedAnswer {
  return JSON.parse(withAuthority(JSON.stringify(answer), authority));
}
