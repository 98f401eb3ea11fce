/**
 * Requests by route and status, and how long they took. Routes are known
 * beforehand and statuses are few, so each request is two additions to arrays
 * that are there already; no text from outside becomes a label.
 *
 * @module
 */

import { Histogram, SECONDS_BOUNDS } from "./histogram.ts";
import { labelsText, type MetricFamily, type Sample } from "./metric.ts";

/** A route as its label says it. */
export interface CountedRoute {
  readonly method: string;
  readonly template: string;
}

const STATUS_MIN = 100;
const STATUS_COUNT = 500;

/** The label for requests without a route. */
const NO_ROUTE: CountedRoute = { method: "", template: "none" };

export class RequestMetrics {
  readonly #routes: readonly CountedRoute[];
  readonly #indexes = new Map<CountedRoute, number>();
  /** By route, then by status. */
  readonly #counts: Float64Array[];
  readonly #durations: Histogram[];
  /** Requests answered so far. */
  total = 0;

  /** @param routes Each told by its identity. */
  constructor(routes: readonly CountedRoute[]) {
    this.#routes = [...routes, NO_ROUTE];
    this.#routes.forEach((route, index) => this.#indexes.set(route, index));
    // A busy server would run 32 bits over in days.
    this.#counts = this.#routes.map(() => new Float64Array(STATUS_COUNT));
    this.#durations = this.#routes.map(() => new Histogram(SECONDS_BOUNDS));
  }

  /**
   * Notes an answer.
   *
   * @param route Undefined when the request led to none.
   * @param durationMs Time that it took, that of being held left out.
   */
  note(
    route: CountedRoute | undefined,
    status: number,
    durationMs: number,
  ): void {
    const index = this.#indexes.get(route ?? NO_ROUTE) ?? 0;
    const counts = this.#counts[index];
    const at = status - STATUS_MIN;
    if (counts !== undefined) counts[at] = (counts[at] ?? 0) + 1;
    this.#durations[index]?.note(durationMs / 1000);
    this.total++;
  }

  /** All of them; routes that were never asked for are left out. */
  families(): MetricFamily[] {
    const counts: Sample[] = [];
    const durations: Sample[] = [];
    this.#routes.forEach((route, index) => {
      const duration = this.#durations[index];
      if (duration === undefined || duration.count === 0) return;
      const { method, template } = route;
      this.#counts[index]?.forEach((value, at) => {
        if (value === 0) return;
        const status = String(STATUS_MIN + at);
        const labels = labelsText({ method, route: template, status });
        counts.push({ suffix: "", labels, value });
      });
      const labels = labelsText({ method, route: template }).slice(1, -1);
      durations.push(...duration.samples(labels));
    });
    return [
      {
        name: "quipu_http_requests_total",
        help: "Requests by route and status.",
        type: "counter",
        samples: counts,
      },
      {
        name: "quipu_http_request_duration_seconds",
        help: "Time from the head of a request to its answer, " +
          "time held as a long poll left out.",
        type: "histogram",
        samples: durations,
      },
    ];
  }

  /** Counts of some routes by the `SECONDS_BOUNDS` of their durations. */
  durationCountsOf(isOf: (route: CountedRoute) => boolean): Float64Array {
    const counts = new Float64Array(SECONDS_BOUNDS.length + 1);
    this.#routes.forEach((route, index) => {
      if (!isOf(route)) return;
      this.#durations[index]?.counts.forEach((count, at) => {
        counts[at] = (counts[at] ?? 0) + count;
      });
    });
    return counts;
  }

  /** How long all requests took together, in milliseconds. */
  get totalMs(): number {
    return this.#durations.reduce((sum, one) => sum + one.sum, 0) * 1000;
  }
}
