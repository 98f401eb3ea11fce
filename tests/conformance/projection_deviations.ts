/**
 * Where projections are other than recorded, on purpose.
 *
 * @module
 */

import { withoutAdditions } from "./cache_deviations.ts";
import { compareAnswer } from "./compare.ts";
import type { DeviatingExchange, Deviation } from "./deviations.ts";
import { type Difference, difference } from "./difference.ts";
import { isAnswer, type RecordedAnswer } from "./recording.ts";
import { readdressed } from "./replay.ts";

/** Part of `DEVIATIONS`. */
export const PROJECTION_DEVIATIONS: readonly Deviation[] = [
  {
    title: "Reading projections needs a login",
    reason: "Queries, states and results are nobody's business outside; 5.0 " +
      "does the same",
    judge(exchange) {
      const { step, recorded, answered } = exchange;
      const { method, path, headers } = step.request;
      const isRead = method === "GET" && /^\/projections?\//.test(path);
      if (!isRead || recorded.status !== 200) return undefined;
      if (headers["Authorization"]?.startsWith("Basic ")) return undefined;
      return [
        ...mustBe("status", 401, answered.status),
        ...mustBe(
          "challenge",
          'Basic realm="ES"',
          answered.headers.get("www-authenticate"),
        ),
        ...exchange.differences.filter(({ where }) =>
          where.startsWith("header access-control-")
        ),
      ];
    },
  },
  {
    title: "The published password of `admin` counts on this machine alone",
    reason: "Everybody knows it; behind a proxy that names another host, a " +
      "client may be anywhere",
    judge(exchange) {
      const { step, recorded, answered } = exchange;
      const { path, headers } = step.request;
      if (!path.startsWith("/projection/") || recorded.status !== 200) {
        return undefined;
      }
      if (headers["X-Forwarded-Host"] === undefined) return undefined;
      return mustBe("status", 401, answered.status);
    },
  },
  {
    title: "Links lead back",
    reason:
      "The original put a name with a slash into Location as it is, and " +
      "answered 404 there",
    judge(exchange) {
      const { recorded, differences, answered } = exchange;
      const name = /\/projection\/(.*\/.*)$/
        .exec(recorded.headers["Location"] ?? "")?.[1];
      if (name === undefined) return undefined;
      return [
        ...mustBe(
          "header location",
          recorded.headers["Location"]
            ?.replace(name, name.replaceAll("/", "%252F")),
          answered.headers.get("location"),
        ),
        ...differences.filter(({ where }) => where !== "header location"),
      ];
    },
  },
  {
    title: "A configuration keeps what a request leaves out",
    reason: "The original set it to false or 0, with which some projections " +
      "stood still",
    judge(exchange) {
      const kept = keptConfigOf(exchange);
      if (kept === undefined) return undefined;
      const { body = "" } = exchange.recorded;
      const wanted = exchange.step.request.path.endsWith("/config")
        ? withMembers(body, kept)
        : withData(body, kept);
      return wanted === undefined ? undefined : compareWith(exchange, wanted);
    },
  },
  {
    title: "Statistics are as of now",
    reason: "The original refreshes them every 300 ms, so they could lag " +
      "behind the state that it had shown before",
    judge(exchange) {
      const { step, recorded, differences } = exchange;
      const { method, path } = step.request;
      const shown = lastPositionOf(exchange);
      const isStatistics = method === "GET" &&
        /^\/projection\/[^/]+$/.test(path) && recorded.status === 200;
      if (!isStatistics || shown === undefined) return undefined;
      const { position } = documentOf(exchange);
      return [
        ...mustBe("body.position", shown, position),
        ...differences.filter(({ where }) =>
          where !== "body.position" &&
          where !== "body.eventsProcessedAfterRestart"
        ),
      ];
    },
  },
  {
    title: "A completed one-time projection can be run again",
    reason: "With checkpoints, the original faulted on its own one",
    judge(exchange) {
      const { scenario, stepIndex, differences, answered } = exchange;
      const isAfterDefect = scenario.steps.slice(stepIndex).some((later) =>
        later.defect === true && /A concurrency violation/.test(bodyOf(later))
      );
      if (!isAfterDefect) return undefined;
      // It has come to its end, so there is no position.
      return [
        ...mustBe(
          "es-position",
          undefined,
          answered.headers.get("es-position"),
        ),
        ...differences.filter(({ where }) => where !== "header es-position"),
      ];
    },
  },
  {
    title: "A throw in partitionBy stops the projection at that event",
    reason: "The original asked for partitions ahead, stood still before all " +
      "of them, and hung when asked for a state",
    judge(exchange) {
      const { scenario, differences } = exchange;
      const isThrown = scenario.name === "partition: a function that throws";
      if (!isThrown) return undefined;
      const { position, lastCheckpoint, eventsProcessedAfterRestart } =
        documentOf(exchange);
      return [
        ...mustBe("position", "pj109-1: 0", position),
        ...mustBe("lastCheckpoint", "pj109-1: 0", lastCheckpoint),
        ...mustBe("events", 1, eventsProcessedAfterRestart),
        ...differences.filter(({ where }) =>
          !/^body\.(position|lastCheckpoint|eventsProcessedAfterRestart)$/
            .test(where)
        ),
      ];
    },
  },
  {
    title: "A delete that is not hard keeps all metadata",
    reason: "The original replaced it, and with it the access list; a " +
      "projection that wrote to such a stream made a new one",
    judge(exchange) {
      const { answered, recorded, differences } = exchange;
      const text = new TextDecoder().decode(answered.body);
      if (/^\d+@\$\$/.test(documentOf(exchange).title ?? "")) {
        const [tb] = /"\$tb": ?\d+/.exec(recorded.body ?? "") ?? [];
        const [acl] = /"\$acl": ?\{\}/.exec(recorded.body ?? "") ?? [];
        if (tb === undefined || acl === undefined) return undefined;
        const { $tb, ...others } = documentOf(exchange).content?.data ?? {};
        return [
          ...mustBe("$tb", tb.replace(/\D/g, ""), String($tb)),
          ...mustBe("others", '{"$acl":{}}', JSON.stringify(others)),
          ...differences.filter(({ where }) =>
            !/^(header etag|body\.(title|id|links\[\d\]\.uri|content\..*))$/
              .test(where)
          ),
        ];
      }
      const own = metadataWritten(exchange);
      if (own === undefined || !/\$tb/.test(recorded.body ?? "")) {
        return undefined;
      }
      return [
        ...mustBe("kept", true, text.includes(own)),
        ...withoutAdditions(exchange, recorded, differences).filter(
          ({ where }) => !/^body\.entries\[\d+\]\.data$/.test(where),
        ),
      ];
    },
  },
];

type Members = Readonly<Record<string, unknown>>;

/** For stores that scavenge: the model store does not. */
export const SCAVENGE_DEVIATION: Deviation = {
  title: "A scavenge takes the entries of its events from these lists",
  reason: "The lists are derived from the events; in the original, links to " +
    "events that were gone stayed",
  judge({ step, scenario, answered, differences }) {
    const isList = step.request.path.startsWith("/streams/$ce-");
    if (scenario.name !== "source: scavenged" || !isList) return undefined;
    const { entries } = JSON.parse(new TextDecoder().decode(answered.body));
    return [
      ...mustBe("entries", 3, entries.length),
      ...differences.filter(({ where }) =>
        !/^(header (etag|vary)|body\.(eTag|updated|entries length))$/.test(
          where,
        )
      ),
    ];
  },
};

interface Document {
  readonly title?: string;
  readonly position?: string;
  readonly lastCheckpoint?: string;
  readonly eventsProcessedAfterRestart?: number;
  readonly content?: { readonly data?: Readonly<Record<string, unknown>> };
}

function documentOf({ answered }: DeviatingExchange): Document {
  try {
    return JSON.parse(new TextDecoder().decode(answered.body));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return {};
  }
}

function bodyOf(
  { response }: DeviatingExchange["scenario"]["steps"][number],
): string {
  return isAnswer(response) ? response.body ?? "" : "";
}

const CONFIG_DEFAULTS: Members = {
  checkpointHandledThreshold: 4000,
  checkpointUnhandledBytesThreshold: 10_000_000,
  pendingEventsThreshold: 5000,
  maxWriteBatchLength: 500,
};

/** Members of a configuration, in their order. */
const CONFIG_MEMBERS = [
  "emitEnabled",
  "trackEmittedStreams",
  "checkpointAfterMs",
  ...Object.keys(CONFIG_DEFAULTS),
  "maxAllowedWritesInFlight",
];

/**
 * The configuration of the projection that a step is about, as requests before
 * it made it: what each left out stayed. Undefined: none changed it.
 */
function keptConfigOf(
  { scenario, stepIndex, step }: DeviatingExchange,
): Members | undefined {
  const name = /^\/(?:projection\/|streams\/\$projections-)([^/?]+)/
    .exec(step.request.path)?.[1];
  if (name === undefined) return undefined;
  let config: Members = CONFIG_DEFAULTS;
  let isChanged = false;
  for (const { request, response } of scenario.steps.slice(0, stepIndex)) {
    const { method, path, body = "" } = request;
    if (
      method === "POST" && new RegExp(`[?&]name=${name}&emit=yes`).test(path)
    ) {
      config = { ...config, emitEnabled: true };
    }
    const isDone = isAnswer(response) && response.status === 200;
    if (path !== `/projection/${name}/config` || method !== "PUT" || !isDone) {
      continue;
    }
    isChanged = true;
    for (const [sent, value] of Object.entries(JSON.parse(body))) {
      const member = CONFIG_MEMBERS.find((one) =>
        one.toLowerCase() === sent.toLowerCase()
      );
      if (member === undefined) continue;
      config = {
        ...config,
        [member]: typeof value === "string" ? Number(value) : value,
      };
    }
  }
  return isChanged ? config : undefined;
}

/** A recorded configuration, with these members. */
function withMembers(body: string, config: Members): string | undefined {
  if (!body.startsWith("{")) return undefined;
  const { msgTypeId } = JSON.parse(body);
  const members = CONFIG_MEMBERS.map((name) => [name, config[name]])
    .filter(([, value]) => value);
  return JSON.stringify({ msgTypeId, ...Object.fromEntries(members) });
}

/** A recorded page of which the event is a stored configuration. */
function withData(body: string, config: Members): string | undefined {
  const page = JSON.parse(body || "{}");
  const [entry] = page.entries ?? [];
  if (entry?.eventType !== "$ProjectionUpdated") return undefined;
  const data = JSON.parse(entry.data);
  const rest = Object.entries(data).filter(([name]) =>
    !CONFIG_MEMBERS.includes(name)
  );
  const before = rest.findIndex(([name]) => name === "sourceDefinition") + 1;
  const after = rest.findIndex(([name]) => name === "runAs") + 1;
  const stored = [
    ...rest.slice(0, before),
    ["emitEnabled", config["emitEnabled"] ?? false],
    ...rest.slice(before, before + 1),
    ["trackEmittedStreams", config["trackEmittedStreams"] ?? false],
    ...rest.slice(before + 1, after),
    ["checkpointHandledThreshold", config["checkpointHandledThreshold"]],
    ["checkpointAfterMs", config["checkpointAfterMs"] || undefined],
    [
      "checkpointUnhandledBytesThreshold",
      config["checkpointUnhandledBytesThreshold"],
    ],
    ["pendingEventsThreshold", config["pendingEventsThreshold"]],
    ["maxWriteBatchLength", config["maxWriteBatchLength"]],
    ...rest.slice(after),
  ];
  entry.data = JSON.stringify(Object.fromEntries(stored), null, 2);
  return JSON.stringify(page);
}

function compareWith(
  { recorded, authority, answered, made, step }: DeviatingExchange,
  body: string,
): Difference[] {
  const wanted: RecordedAnswer = readdressed({ ...recorded, body }, authority);
  const { ignore } = step;
  return compareAnswer(wanted, answered, { isShapeOnly: false, made, ignore });
}

/** The position of one stream that the scenario had shown before the step. */
function lastPositionOf(
  { scenario, stepIndex, step }: DeviatingExchange,
): string | undefined {
  const path = step.request.path;
  const shown = scenario.steps.slice(0, stepIndex).findLast(({ request }) =>
    request.path.startsWith(`${path}/state`)
  );
  if (shown === undefined || !isAnswer(shown.response)) return undefined;
  const header = shown.response.headers["ES-Position"] ?? "{}";
  const [place, ...others] = Object.entries(JSON.parse(header).$s ?? {});
  return place === undefined || others.length > 0
    ? undefined
    : `${place[0]}: ${place[1]}`;
}

/** A member of metadata that the scenario wrote, as pages show it. */
function metadataWritten(
  { scenario, stepIndex }: DeviatingExchange,
): string | undefined {
  const written = scenario.steps.slice(0, stepIndex).find(({ request }) =>
    request.method === "POST" && request.path.endsWith("/metadata")
  );
  const [event] = JSON.parse(written?.request.body ?? "[]");
  const [member] = Object.entries(event?.data ?? {});
  return member && `\\"${member[0]}\\": ${JSON.stringify(member[1])}`;
}

function mustBe(where: string, wanted: unknown, got: unknown): Difference[] {
  return wanted === got ? [] : [difference(where, wanted, got)];
}
