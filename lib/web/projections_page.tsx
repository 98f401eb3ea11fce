/**
 * The list of projections, and the form that makes one.
 *
 * @module
 */

import type {
  ProjectionMode,
  ProjectionStatistics,
} from "../projections/contract.ts";
import { encodePathSegment } from "../text/path_segment.ts";
import { showDuration } from "../text/quantities.ts";
import {
  ActionForm,
  countOf,
  countText,
  Empty,
  Field,
  Name,
  Notice,
  Table,
} from "./components.tsx";
import type { Page } from "./frame.tsx";
import type { Html } from "./html.ts";

/** What was typed into the form that makes one. */
export interface NewProjection {
  readonly name: string;
  readonly mode: ProjectionMode;
  readonly query: string;
  readonly emits: boolean;
  readonly tracksEmitted: boolean;
  readonly hasCheckpoints: boolean;
  readonly problem?: string | undefined;
}

/** What is shown of a projection in a list. */
export interface ListedProjection extends
  Pick<
    ProjectionStatistics,
    | "name"
    | "status"
    | "progress"
    | "lagEvents"
    | "lagMs"
    | "eventsPerSecond"
    | "eventsProcessedAfterRestart"
    | "partitionsCached"
  > {
  readonly mode: string;
}

/** What the page shows. */
export interface ProjectionsPageFacts {
  readonly prefix: string;
  readonly csrf: string;
  readonly projections: readonly ListedProjection[];
  readonly form: NewProjection;
  /** Address of the editor's script; undefined: it was not built. */
  readonly editor: string | undefined;
}

/** A form that nothing was typed into. */
export const EMPTY_PROJECTION: NewProjection = {
  name: "",
  mode: "Transient",
  query: `fromAll().when({
  $init: () => ({ count: 0 }),
  $any: (state, event) => {
    state.count++;
  },
});
`,
  emits: false,
  tracksEmitted: false,
  hasCheckpoints: false,
};

/** Path of a projection's page, behind the prefix. */
export function projectionPath(name: string): string {
  return `/projection/${encodePathSegment(name)}`;
}

/** Makes the page. */
export function projectionsPage(facts: ProjectionsPageFacts): Page {
  const { projections, form } = facts;
  return {
    title: "Projections",
    section: "projections",
    scripts: ["refresh.js", "query.js"],
    body: (
      <>
        <h1>Projections</h1>
        <div id="projections" data-refresh="2000">
          {projections.length === 0
            ? <Empty>None.</Empty>
            : <Projections {...facts} />}
        </div>
        <details class="more" open={form.problem !== undefined}>
          <summary>New projection</summary>
          <New {...facts} />
        </details>
      </>
    ),
  };
}

function Projections({ prefix, projections }: ProjectionsPageFacts): Html {
  return (
    <Table
      label="Projections"
      heads={[
        "Name",
        "State",
        "Mode",
        { number: "Progress" },
        { number: "Behind" },
        { number: "Events/s" },
        { number: "Processed" },
        { number: "Partitions" },
      ]}
    >
      {projections.map((one) => (
        <tr>
          <td class="wide">
            <a href={prefix + projectionPath(one.name)}>
              <Name>{one.name}</Name>
            </a>
          </td>
          <td>
            <ProjectionState statistics={one} />
          </td>
          <td>{one.mode}</td>
          <td class="num">{progressText(one)}</td>
          <td class="num">{behindText(one)}</td>
          <td class="num">{countText(Math.round(one.eventsPerSecond))}</td>
          <td class="num">{countText(one.eventsProcessedAfterRestart)}</td>
          <td class="num">{countText(one.partitionsCached)}</td>
        </tr>
      ))}
    </Table>
  );
}

/** The status as a tag: a fault shows. */
export function ProjectionState(
  { statistics: { status } }: {
    readonly statistics: Pick<ListedProjection, "status">;
  },
): Html {
  const kind = /^(Faulted|Aborted)/.test(status)
    ? "bad"
    : /^(Running|Completed)/.test(status)
    ? "good"
    : "";
  return <span class={`tag ${kind}`}>{status}</span>;
}

/** How much of its sources it has seen. */
export function progressText(
  { progress }: Pick<ListedProjection, "progress">,
): string {
  return progress < 0 ? "–" : `${Math.floor(progress * 10) / 10} %`;
}

/** How far it is behind its sources. */
export function behindText(
  { lagEvents, lagMs }: Pick<ListedProjection, "lagEvents" | "lagMs">,
): string {
  if (lagEvents === 0 || (lagEvents === undefined && lagMs === 0)) return "–";
  const time = showDuration(lagMs);
  return lagEvents === undefined
    ? time
    : `${countOf(lagEvents, "event")}, ${time}`;
}

const MODES: readonly (readonly [ProjectionMode, text: string])[] = [
  ["Transient", "Query: runs once over what is there, and is forgotten"],
  ["OneTime", "One time: runs once, and is kept"],
  ["Continuous", "Continuous: goes on with each event"],
];

function New({ prefix, csrf, form, editor }: ProjectionsPageFacts): Html {
  const box = (name: string, label: string, isOn: boolean) => (
    <label class="field row">
      <input type="checkbox" name={name} value="true" checked={isOn} />
      <span>{label}</span>
    </label>
  );
  return (
    <ActionForm
      action={prefix + "/web/projections"}
      csrf={csrf}
      class="form broad"
    >
      {form.problem === undefined
        ? null
        : <Notice kind="bad">{form.problem}</Notice>}
      <QueryField query={form.query} editor={editor} />
      <div class="columns">
        <Field label="How it runs">
          <select name="mode">
            {MODES.map(([mode, text]) => (
              <option value={mode} selected={mode === form.mode}>{text}</option>
            ))}
          </select>
        </Field>
        <Field label="Name" help="A query may do without">
          <input
            name="name"
            value={form.name}
            spellcheck={false}
            autocomplete="off"
          />
        </Field>
      </div>
      {box("emits", "It may write events (not a query)", form.emits)}
      {box(
        "tracksEmitted",
        "Remember the streams that it writes to, to delete them with it",
        form.tracksEmitted,
      )}
      {box(
        "hasCheckpoints",
        "A one-time projection keeps checkpoints",
        form.hasCheckpoints,
      )}
      <div class="actions">
        <button type="submit" class="primary">Run</button>
        <button type="submit" formaction={prefix + "/web/projections/debug"}>
          Debug it
        </button>
      </div>
    </ActionForm>
  );
}

/** The text of a query; a script makes an editor of it where there is one. */
export function QueryField(
  { query, editor }: {
    readonly query: string;
    readonly editor: string | undefined;
  },
): Html {
  return (
    <Field label="Query">
      <textarea
        name="query"
        rows={14}
        spellcheck={false}
        required
        data-editor={editor}
      >
        {query}
      </textarea>
    </Field>
  );
}
