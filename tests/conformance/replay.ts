/**
 * Replays recorded scenarios: sends each step's request as it was sent, with
 * what earlier steps were answered put in, and hands back what came.
 *
 * @module
 */

import type { Answer } from "./compare.ts";
import { valueAt } from "./json_pointer.ts";
import {
  isAnswer,
  type RecordedAnswer,
  type RecordedRequest,
  type RecordedStep,
  type Scenario,
  type Wish,
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
const VALUE_OF_STEP = /\{json:(\d+):([^}]*)\}/g;

/** Time between two attempts of a request that waits for a wish. */
const ATTEMPT_MS = 150;
const WISH_TIMEOUT_MS = 10_000;

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
      answered: await sendUntil(target, request, step.request.until),
    });
  }
  return exchanges;
}

/** Sends a request until its answer is as wished, or the time is over. */
async function sendUntil(
  target: Target,
  request: WireRequest,
  wish: Wish | undefined,
): Promise<Answer> {
  let answer = await target.send(request);
  if (wish === undefined) return answer;
  const { timeoutMs = WISH_TIMEOUT_MS } = wish;
  for (
    let waitedMs = 0;
    waitedMs < timeoutMs && !fulfils(answer, wish);
    waitedMs += ATTEMPT_MS
  ) {
    await target.wait(ATTEMPT_MS);
    answer = await target.send(request);
  }
  return answer;
}

/** Whether an answer is as wished. */
export function fulfils(answer: Answer, wish: Wish): boolean {
  const { status, bodyIncludes = [], json = {} } = wish;
  if (status !== undefined && status !== answer.status) return false;
  const text = new TextDecoder().decode(answer.body);
  if (![bodyIncludes].flat().every((part) => text.includes(part))) return false;
  const wanted = Object.entries(json);
  if (wanted.length === 0) return true;
  const document = jsonOf(answer);
  return wanted.every(([pointer, value]) =>
    isSameJson(valueAt(document, pointer), value)
  );
}

function isSameJson(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

/** The JSON document that an answer holds; undefined if it holds none. */
function jsonOf(answer: Answer | undefined): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(answer?.body));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return undefined;
  }
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
  const path = recorded.path
    .replaceAll(
      LOCATION_OF_STEP,
      (_, index) =>
        pathOf(answers[Number(index)]?.headers.get("location") ?? ""),
    )
    .replaceAll(VALUE_OF_STEP, (_, index, pointer) => {
      const value = valueAt(jsonOf(answers[Number(index)]), pointer);
      return value === undefined ? "" : pathOf(String(value));
    });
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
