/**
 * The start page: how the server is doing, now and in the last five minutes.
 *
 * @module
 */

import type { DeviceSpace } from "../model/process_usage.ts";
import { showDuration } from "../text/quantities.ts";
import type { ActivityRate, Quantiles } from "../telemetry/activity_history.ts";
import {
  countOf,
  countText,
  Facts,
  Name,
  Notice,
  sizeText,
} from "./components.tsx";
import type { Page } from "./frame.tsx";
import type { Content, Html } from "./html.ts";

/** What the page shows. */
export interface DashboardFacts {
  readonly prefix: string;
  readonly version: string;
  readonly uptimeSeconds: number;
  /** Why requests should not be sent here, and what to look after. */
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
  /** Second by second, the oldest first. */
  readonly rates: readonly ActivityRate[];
  readonly appends: Quantiles;
  readonly reads: Quantiles;
  /** Bytes of the log; undefined: positions are no bytes. */
  readonly logBytes: number | undefined;
  readonly device: DeviceSpace | undefined;
  readonly memoryBytes: number;
  readonly streamCount: number | undefined;
  readonly segmentCount: number | undefined;
  readonly feedCount: number;
  readonly longPollCount: number;
  readonly inFlightCount: number;
  /** Undefined: this server has none. */
  readonly groups: {
    readonly count: number;
    readonly lagEvents: number;
    readonly parkedCount: number;
  } | undefined;
  /** Undefined: this server has none. */
  readonly projections: {
    readonly running: number;
    readonly stopped: number;
    readonly faulted: readonly string[];
    readonly lagEvents: number;
  } | undefined;
  /** What anybody may do to streams without an access list. */
  readonly anonymous: { readonly reads: boolean; readonly writes: boolean };
  readonly areMetricsPublic: boolean;
  /** What links of this server begin with. */
  readonly baseUrl: string;
}

/** Makes the page. */
export function dashboardPage(facts: DashboardFacts): Page {
  const { prefix, version, problems, warnings } = facts;
  return {
    title: "Home",
    section: "home",
    scripts: ["refresh.js"],
    body: (
      <div id="dashboard" data-refresh="2000">
        <h1>
          Quipu <span class="status">{version}</span>
        </h1>
        {problems.map((text) => <Notice kind="bad">{text}</Notice>)}
        {warnings.map((text) => <Notice kind="info">{text}</Notice>)}
        <div class="cards">
          <Card title="State">
            <p class="big">{problems.length === 0 ? "Ready" : "Not ready"}</p>
            <p class="dim">
              up for {showDuration(1000 * facts.uptimeSeconds)},{" "}
              {countOf(facts.inFlightCount, "request")} under way
            </p>
          </Card>
          <Rate title="Events a second" rates={facts.rates} kind="events" />
          <Rate title="Requests a second" rates={facts.rates} kind="requests" />
          <Latency title="Appends" of={facts.appends} />
          <Latency title="Reads" of={facts.reads} />
          <Disk facts={facts} />
          <Streams facts={facts} />
          <Feeds facts={facts} />
          <Subscriptions facts={facts} />
          <Projections facts={facts} />
        </div>
        <h2>What is open to whom</h2>
        <Facts rows={exposureOf(facts)} />
        <h2>For programs</h2>
        <p>
          <a href={prefix + "/docs/api"}>The interface</a>,{" "}
          <a href={prefix + "/health/ready?format=text"}>health</a>,{" "}
          <a href={prefix + "/stats?format=json"}>statistics</a>,{" "}
          <a href={prefix + "/metrics"}>metrics for Prometheus</a>
        </p>
      </div>
    ),
  };
}

function Card(
  { title, children }: {
    readonly title: string;
    readonly children?: Content;
  },
): Html {
  return (
    <section class="card">
      <h2>{title}</h2>
      {children}
    </section>
  );
}

const PLOT_WIDTH = 300;
const PLOT_HEIGHT = 48;

function Rate(
  { title, rates, kind }: {
    readonly title: string;
    readonly rates: readonly ActivityRate[];
    readonly kind: keyof ActivityRate;
  },
): Html {
  const values = rates.map((rate) => rate[kind]);
  const now = values.at(-1);
  const most = Math.max(0, ...values);
  return (
    <Card title={title}>
      <p class="big">{now === undefined ? "—" : rateText(now)}</p>
      <svg
        class="plot"
        viewBox={`0 0 ${PLOT_WIDTH} ${PLOT_HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`${title} in the last five minutes, at most ${
          rateText(most)
        }`}
      >
        <path class="area" d={plotPath(values, most) + plotEnd(values)} />
        <path class="line" d={plotPath(values, most)} />
      </svg>
      <p class="dim">at most {rateText(most)} in five minutes</p>
    </Card>
  );
}

/** Values from the left to the right edge, which is now. */
function plotPath(values: readonly number[], most: number): string {
  const points = values.map((value, at) => {
    const x = PLOT_WIDTH - values.length + at + 1;
    const height = most === 0 ? 0 : value / most;
    return `${x} ${((1 - height) * (PLOT_HEIGHT - 2) + 1).toFixed(1)}`;
  });
  return points.length === 0 ? "M0 47" : `M${points.join("L")}`;
}

/** Closes the path along the bottom. */
function plotEnd(values: readonly number[]): string {
  return values.length === 0
    ? ""
    : `L${PLOT_WIDTH} ${PLOT_HEIGHT}L${
      PLOT_WIDTH - values.length + 1
    } ${PLOT_HEIGHT}Z`;
}

function rateText(value: number): string {
  return value > 0 && value < 10
    ? value.toFixed(1)
    : countText(Math.round(value));
}

function Latency(
  { title, of: { count, p50, p99 } }: {
    readonly title: string;
    readonly of: Quantiles;
  },
): Html {
  return (
    <Card title={`${title}, answered within`}>
      <p class="big">{p50 === undefined ? "—" : secondsText(p50)}</p>
      <p class="dim">
        {p99 === undefined
          ? "none in five minutes"
          : `half of ${countText(count)}; 99 in 100 within ${secondsText(p99)}`}
      </p>
    </Card>
  );
}

/** A bound of the histogram. */
function secondsText(seconds: number): string {
  if (seconds === Infinity) return "more than 10 s";
  return seconds < 1 ? `${seconds * 1000} ms` : `${seconds} s`;
}

function Disk({ facts }: { readonly facts: DashboardFacts }): Html {
  const { logBytes, device, memoryBytes, segmentCount } = facts;
  const used = device && 1 - device.freeBytes / device.totalBytes;
  return (
    <Card title="Log">
      <p class="big">{logBytes === undefined ? "—" : sizeText(logBytes)}</p>
      {device === undefined || used === undefined ? null : (
        <>
          <meter
            min="0"
            max="1"
            high={0.85}
            optimum={0}
            value={used.toFixed(3)}
            aria-label="Used of the device"
          >
          </meter>
          <p class="dim">
            {sizeText(device.freeBytes)} of {sizeText(device.totalBytes)} free
          </p>
        </>
      )}
      <p class="dim">
        {segmentCount === undefined ? "" : countOf(segmentCount, "segment")}
        {segmentCount === undefined ? "" : ", "}
        {sizeText(memoryBytes)} of memory
      </p>
    </Card>
  );
}

function Streams({ facts }: { readonly facts: DashboardFacts }): Html {
  const { prefix, streamCount } = facts;
  return (
    <Card title="Streams">
      <p class="big">
        <a href={prefix + "/web/streams?by=recent"}>
          {streamCount === undefined ? "Show" : countText(streamCount)}
        </a>
      </p>
      <p class="dim">with those of the system</p>
    </Card>
  );
}

function Feeds({ facts }: { readonly facts: DashboardFacts }): Html {
  return (
    <Card title="Feeds open">
      <p class="big">{countText(facts.feedCount)}</p>
      <p class="dim">and {countOf(facts.longPollCount, "long poll")}</p>
    </Card>
  );
}

function Subscriptions({ facts }: { readonly facts: DashboardFacts }): Html {
  const { prefix, groups } = facts;
  return (
    <Card title="Subscriptions">
      {groups === undefined ? <p class="dim">Not on this server</p> : (
        <>
          <p class="big">
            <a href={prefix + "/subscriptions"}>{countText(groups.count)}</a>
          </p>
          <p class="dim">
            {countOf(groups.lagEvents, "event")} behind,{" "}
            {countText(groups.parkedCount)} parked
          </p>
        </>
      )}
    </Card>
  );
}

function Projections({ facts }: { readonly facts: DashboardFacts }): Html {
  const { prefix, projections } = facts;
  if (projections === undefined) {
    return (
      <Card title="Projections">
        <p class="dim">Not on this server</p>
      </Card>
    );
  }
  const { running, stopped, faulted, lagEvents } = projections;
  return (
    <Card title="Projections running">
      <p class="big">
        <a href={prefix + "/web/projections"}>{countText(running)}</a>
      </p>
      <p class="dim">
        {countOf(lagEvents, "event")} behind, {countText(stopped)} stopped
      </p>
      {faulted.length === 0 ? null : (
        <p class="problem">
          Faulted: <Name>{faulted.join(", ")}</Name>
        </p>
      )}
    </Card>
  );
}

function exposureOf(
  { anonymous, areMetricsPublic, baseUrl }: DashboardFacts,
): readonly (readonly [string, Content])[] {
  const streams = "of streams without an access list";
  return [
    ["Address", <Name>{baseUrl}</Name>],
    [
      "Reading without a login",
      anonymous.reads ? `events ${streams}` : "nothing by default",
    ],
    [
      "Appending without a login",
      anonymous.writes
        ? "to streams without an access list"
        : "nowhere by default",
    ],
    [
      "Metrics",
      areMetricsPublic ? "everybody" : "administrators, $ops, $monitors",
    ],
    ["Whole log, settings, users", "administrators"],
  ];
}
