/**
 * A query, stepped over events of its sources: what each one did, and what it
 * would have written.
 *
 * @module
 */

import type { DebugStep, DebugView } from "../projections/contract.ts";
import type {
  EmittedEvent,
  EngineFault,
} from "../projections/engine/messages.ts";
import {
  ActionForm,
  Empty,
  Field,
  Name,
  Notice,
  prettyJson,
  Table,
} from "./components.tsx";
import type { Page } from "./frame.tsx";
import type { Content, Html } from "./html.ts";
import { QueryField } from "./projections_page.tsx";
import { streamPath } from "./streams_page.tsx";

/** Path of the page and its form, behind the prefix. */
export const DEBUG_PATH = "/web/projections/debug";

/** What the page shows. */
export interface DebugPageFacts {
  readonly prefix: string;
  readonly csrf: string;
  readonly query: string;
  readonly count: number;
  /** Address of the editor's script; undefined: it was not built. */
  readonly editor: string | undefined;
  /** Undefined: nothing was stepped yet. */
  readonly view: DebugView | undefined;
  /** What the next step begins with, as the form sends it back. */
  readonly next: {
    readonly position: string;
    readonly states: string;
    readonly sharedState: string;
  } | undefined;
  readonly problem?: string | undefined;
}

/** Makes the page. */
export function debugPage(facts: DebugPageFacts): Page {
  const { prefix, csrf, query, count, editor, view, next, problem } = facts;
  return {
    title: "Debug a query",
    section: "projections",
    crumbs: [
      { text: "Projections", href: prefix + "/web/projections" },
      { text: "Debug" },
    ],
    scripts: ["query.js"],
    body: (
      <>
        <h1>Debug a query</h1>
        <p>
          It is run over the events that there are, with your rights. Nothing is
          written.
        </p>
        {problem === undefined ? null : <Notice kind="bad">{problem}</Notice>}
        <ActionForm
          action={prefix + DEBUG_PATH}
          csrf={csrf}
          class="form broad"
        >
          <QueryField query={query} editor={editor} />
          {next === undefined ? null : (
            <>
              <input type="hidden" name="position" value={next.position} />
              <input type="hidden" name="states" value={next.states} />
              <input
                type="hidden"
                name="sharedState"
                value={next.sharedState}
              />
            </>
          )}
          <div class="actions">
            <Field label="Events">
              <select name="count">
                {[1, 10, 100].map((one) => (
                  <option value={String(one)} selected={one === count}>
                    {one}
                  </option>
                ))}
              </select>
            </Field>
            <button type="submit" name="from" value="start">
              {next === undefined ? "Run" : "From the start"}
            </button>
            {next === undefined ? null : (
              <button
                type="submit"
                name="from"
                value="next"
                class="primary"
              >
                Go on
              </button>
            )}
          </div>
        </ActionForm>
        {view === undefined ? null : <Steps prefix={prefix} view={view} />}
      </>
    ),
  };
}

function Steps(
  { prefix, view }: { readonly prefix: string; readonly view: DebugView },
): Html {
  const { steps, fault, logs } = view;
  return (
    <>
      {steps.length === 0 && fault !== undefined
        ? <Fault fault={fault} />
        : null}
      <Logs logs={logs} />
      {steps.length === 0 && fault === undefined
        ? <Empty>No more events that it takes.</Empty>
        : null}
      {steps.map((step) => <Step prefix={prefix} step={step} />)}
    </>
  );
}

function Step(
  { prefix, step }: { readonly prefix: string; readonly step: DebugStep },
): Html {
  const { event, partition, state, sharedState, result, emitted } = step;
  const path = prefix + streamPath(event.streamName);
  return (
    <section class="step">
      <div class="bar">
        <h2>
          <a href={`${path}/${event.eventNumber}`}>
            <Name>{`${event.eventNumber}@${event.streamName}`}</Name>
          </a>
        </h2>
        <Name>{event.eventType}</Name>
        {partition === null
          ? <span class="tag">skipped: of no partition</span>
          : partition === ""
          ? null
          : (
            <span class="tag">
              <Name>{partition}</Name>
            </span>
          )}
      </div>
      {step.fault === undefined ? null : <Fault fault={step.fault} />}
      <div class="columns states">
        {shown("State before", step.stateBefore ?? "none, it is new")}
        {state === undefined ? null : shown("State after", state)}
        {sharedState === undefined ? null : shown("Shared state", sharedState)}
        {result === undefined || result === state
          ? null
          : shown("Result", result)}
      </div>
      {emitted.length === 0 ? null : <Emitted emitted={emitted} />}
      <Logs logs={step.logs} />
    </section>
  );
}

function shown(title: string, text: string): Content {
  return (
    <div>
      <h3>{title}</h3>
      <pre class="state" tabindex={0} aria-label={title}>
        {prettyJson(text)}
      </pre>
    </div>
  );
}

function Emitted(
  { emitted }: { readonly emitted: readonly EmittedEvent[] },
): Html {
  return (
    <Table label="Would write" heads={["Would write to", "Type", "Data"]}>
      {emitted.map(({ streamName, eventType, data }) => (
        <tr>
          <td>
            <Name>{streamName}</Name>
          </td>
          <td>
            <Name>{eventType}</Name>
          </td>
          <td class="wide mono">
            <Name>{data ?? ""}</Name>
          </td>
        </tr>
      ))}
    </Table>
  );
}

function Fault({ fault }: { readonly fault: EngineFault }): Html {
  return (
    <pre class="notice bad" role="alert">
      <Name>
        {fault.line > 0 ? `Line ${fault.line}: ${fault.text}` : fault.text}
      </Name>
    </pre>
  );
}

function Logs({ logs }: { readonly logs: readonly string[] }): Html {
  return (
    <>
      {logs.map((line) => (
        <pre class="log">
          <Name>{line}</Name>
        </pre>
      ))}
    </>
  );
}
