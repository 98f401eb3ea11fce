/**
 * One projection: how it is, its state and result, its query and log, and what
 * can be done with it.
 *
 * @module
 */

import type {
  LogLine,
  ProjectionCommand,
  ProjectionConfig,
  ProjectionStatistics,
  QueryView,
  SourcePosition,
  StateView,
  View,
} from "../projections/contract.ts";
import { streamPath } from "./streams_page.tsx";
import {
  ActionForm,
  ConfirmField,
  countText,
  Empty,
  Facts,
  Field,
  Name,
  Notice,
  prettyJson,
  Table,
  Time,
} from "./components.tsx";
import { DEBUG_PATH } from "./debug_page.tsx";
import type { Page } from "./frame.tsx";
import type { Content, Html } from "./html.ts";
import {
  behindText,
  progressText,
  projectionPath,
  ProjectionState,
  QueryField,
} from "./projections_page.tsx";

/** What the page shows. */
export interface ProjectionPageFacts {
  readonly prefix: string;
  readonly csrf: string;
  readonly statistics: ProjectionStatistics;
  /** Of the partition that was asked for. */
  readonly partition: string;
  readonly state: View<StateView>;
  readonly result: View<StateView>;
  readonly query: View<QueryView>;
  readonly config: View<ProjectionConfig>;
  readonly log: View<readonly LogLine[]>;
  readonly notice?: {
    readonly kind: "good" | "bad";
    readonly text: string;
  } | undefined;
  /** What was typed into the query; default: the query as it is. */
  readonly typed?: string | undefined;
  /** Address of the editor's script; undefined: it was not built. */
  readonly editor: string | undefined;
}

/** Makes the page. */
export function projectionPage(facts: ProjectionPageFacts): Page {
  const { prefix, statistics, notice } = facts;
  const { name, stateReason } = statistics;
  return {
    title: name,
    section: "projections",
    crumbs: [
      { text: "Projections", href: prefix + "/web/projections" },
      { text: name },
    ],
    scripts: ["refresh.js", "query.js", "live_state.js"],
    body: (
      <>
        {notice === undefined
          ? null
          : <Notice kind={notice.kind}>{notice.text}</Notice>}
        <div id="figures" data-refresh="2000">
          <div class="bar">
            <h1>
              <Name>{name}</Name>
            </h1>
            <ProjectionState statistics={statistics} />
            <span class="dim">{statistics.mode}</span>
          </div>
          {stateReason === "" ? null : (
            <pre class="notice bad" role="alert">
              <Name>{stateReason}</Name>
            </pre>
          )}
          <Figures {...facts} />
        </div>
        <Commands {...facts} />
        <h2>State and result</h2>
        <States {...facts} />
        <h2>Query</h2>
        <Query {...facts} />
        <h2>Log</h2>
        <Log log={facts.log} />
        <h2>Settings</h2>
        <Settings {...facts} />
        <h2>Delete</h2>
        <Delete {...facts} />
      </>
    ),
  };
}

function Figures({ prefix, statistics }: ProjectionPageFacts): Html {
  const { resultStreamName, runAs, epoch, version } = statistics;
  const rows: (readonly [string, Content])[] = [
    ["Progress", progressText(statistics)],
    ["Behind", behindText(statistics)],
    ["Events a second", countText(Math.round(statistics.eventsPerSecond))],
    ["Processed", countText(statistics.eventsProcessedAfterRestart)],
    ["Read ahead", countText(statistics.bufferedEvents)],
    ["Partitions at hand", countText(statistics.partitionsCached)],
    ["Position", <Name>{placeText(statistics.position)}</Name>],
    ["Checkpoint", <Name>{placeText(statistics.lastCheckpoint)}</Name>],
    ["Version", `${version}, epoch ${epoch}`],
  ];
  if (runAs !== undefined) {
    rows.push(["With the rights of", <Name>{runAs}</Name>]);
  }
  if (resultStreamName !== undefined) {
    rows.push([
      "Results",
      <a href={prefix + streamPath(resultStreamName)}>
        <Name>{resultStreamName}</Name>
      </a>,
    ]);
  }
  return <Facts rows={rows} />;
}

function placeText(place: SourcePosition | "completed" | undefined): string {
  if (place === undefined) return "none";
  if (place === "completed") return "completed";
  const ofStreams = (place.streams ?? []).map(([name, at]) => `${at}@${name}`);
  return [
    ...(place.log === undefined ? [] : [String(place.log.commit)]),
    ...ofStreams,
  ].join(", ") || "none";
}

/** Path that the forms are sent to, with the prefix. */
function formPath(
  { prefix, statistics }: ProjectionPageFacts,
  of: string,
): string {
  const { name } = statistics;
  return `${prefix}/web${projectionPath(name)}/${of}`;
}

const COMMANDS: readonly (readonly [
  ProjectionCommand,
  label: string,
  what: string,
])[] = [
  ["enable", "Enable", "Starts it, from where it stands"],
  ["disable", "Disable", "Stops it, with a checkpoint"],
  [
    "reset",
    "Reset",
    "Begins again with a fresh state; what it has written is hidden",
  ],
  ["abort", "Abort", "Stops it at once, without a checkpoint"],
];

function Commands(facts: ProjectionPageFacts): Html {
  const isRunning = facts.statistics.status.startsWith("Running");
  const offered = COMMANDS.filter(([command]) =>
    command !== (isRunning ? "enable" : "abort")
  );
  return (
    <div class="actions">
      {offered.map(([command, label, what]) => (
        <ActionForm
          action={formPath(facts, `command/${command}`)}
          csrf={facts.csrf}
          class="inline"
        >
          <button type="submit" title={what}>{label}</button>
        </ActionForm>
      ))}
    </div>
  );
}

function States(facts: ProjectionPageFacts): Html {
  const { prefix, statistics, partition } = facts;
  const path = prefix + projectionPath(statistics.name);
  const query = partition === ""
    ? ""
    : `?partition=${encodeURIComponent(partition.toWellFormed())}`;
  return (
    <>
      <form class="inline" action={path} role="search">
        <input
          name="partition"
          value={partition}
          placeholder="Partition"
          aria-label="Partition"
          spellcheck={false}
        />
        <button type="submit">Show</button>
      </form>
      <div class="columns states">
        <State
          title="State"
          view={facts.state}
          live={`${path}/state${query}`}
        />
        <State
          title="Result"
          view={facts.result}
          live={`${path}/result${query}`}
        />
      </div>
    </>
  );
}

function State(
  { title, view, live }: {
    readonly title: string;
    readonly view: View<StateView>;
    readonly live: string;
  },
): Html {
  return (
    <section>
      <h3>{title}</h3>
      {view.kind === "found"
        ? (
          <pre class="state" tabindex={0} aria-label={title} data-live={live}>
            {view.view.text === "" ? "none" : prettyJson(view.view.text)}
          </pre>
        )
        : <Unauthorized />}
    </section>
  );
}

function Unauthorized(): Html {
  return (
    <Empty>
      For the login that made it, administrators, and readers of its result
      stream.
    </Empty>
  );
}

function Query(facts: ProjectionPageFacts): Html {
  const { csrf, query, typed, editor } = facts;
  if (query.kind !== "found") return <Unauthorized />;
  return (
    <ActionForm
      action={formPath(facts, "query")}
      csrf={csrf}
      class="form broad"
    >
      <QueryField query={typed ?? query.view.query} editor={editor} />
      <label class="field row">
        <input
          type="checkbox"
          name="emits"
          value="true"
          checked={query.view.emitEnabled}
        />
        <span>It may write events</span>
      </label>
      <div class="actions">
        <button type="submit" class="primary">Save query</button>
        <button type="submit" formaction={facts.prefix + DEBUG_PATH}>
          Debug it
        </button>
        <span class="dim">It goes on where it stands, with its state.</span>
      </div>
    </ActionForm>
  );
}

function Log({ log }: { readonly log: View<readonly LogLine[]> }): Html {
  if (log.kind !== "found") return <Unauthorized />;
  if (log.view.length === 0) {
    return <Empty>What the query logs with log() stands here.</Empty>;
  }
  return (
    <div id="log" data-refresh="2000">
      <Table label="Log" heads={["Time", "Event", "Line"]}>
        {log.view.slice(-LINES_SHOWN).reverse().map((line) => (
          <tr>
            <td>
              <Time us={line.atMs * 1000} />
            </td>
            <td>
              <Name>{line.event}</Name>
            </td>
            <td class="wide mono">
              <Name>{line.text}</Name>
            </td>
          </tr>
        ))}
      </Table>
    </div>
  );
}

/** Lines of the log that the page shows, the newest first. */
const LINES_SHOWN = 100;

const NUMBERS: readonly (readonly [keyof ProjectionConfig, label: string])[] = [
  ["checkpointHandledThreshold", "Checkpoint after events handled"],
  ["checkpointUnhandledBytesThreshold", "Checkpoint after bytes passed over"],
  ["checkpointAfterMs", "Least time between checkpoints, ms"],
  ["pendingEventsThreshold", "Events read ahead"],
  ["maxWriteBatchLength", "Events written at once"],
  ["maxAllowedWritesInFlight", "Writes under way, 0: any number"],
];

function Settings(facts: ProjectionPageFacts): Html {
  const { csrf, config } = facts;
  if (config.kind !== "found") return <Unauthorized />;
  return (
    <details class="more">
      <summary>Change, while it is stopped</summary>
      <ActionForm action={formPath(facts, "config")} csrf={csrf}>
        <div class="columns">
          {NUMBERS.map(([name, label]) => (
            <Field label={label}>
              <input
                type="number"
                min="0"
                name={name}
                value={String(config.view[name])}
                required
              />
            </Field>
          ))}
        </div>
        <div class="actions">
          <button type="submit" class="primary">Save settings</button>
        </div>
      </ActionForm>
    </details>
  );
}

function Delete(facts: ProjectionPageFacts): Html {
  return (
    <details class="more">
      <summary>Delete this projection</summary>
      <ActionForm action={formPath(facts, "delete")} csrf={facts.csrf}>
        <p>
          It must be stopped. Its query and state are gone; the events that it
          has read stay. Its streams stay, too, but for these:
        </p>
        <label class="field row">
          <input type="checkbox" name="checkpoints" value="true" />
          <span>its checkpoints</span>
        </label>
        <label class="field row">
          <input type="checkbox" name="emitted" value="true" />
          <span>the streams that it wrote to, if it remembered them</span>
        </label>
        <ConfirmField label="Type its name to confirm" />
        <div class="actions">
          <button type="submit" class="danger">Delete</button>
        </div>
      </ActionForm>
    </details>
  );
}
