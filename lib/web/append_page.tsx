/**
 * Appending an event by a form.
 *
 * @module
 */

import { ActionForm, Field, Notice } from "./components.tsx";
import type { Page } from "./frame.tsx";
import { streamPath } from "./streams_page.tsx";

/** The fields as they were sent, or as they begin. */
export interface AppendFields {
  readonly stream: string;
  readonly eventType: string;
  readonly eventId: string;
  readonly data: string;
  readonly metadata: string;
  /** `any`, `noStream`, `streamExists` or `version`. */
  readonly expected: string;
  readonly version: string;
}

/** What the page shows. */
export interface AppendPageFacts {
  readonly prefix: string;
  readonly csrf: string;
  readonly fields: AppendFields;
  /** Why nothing was written. */
  readonly problem?: string | undefined;
}

const EXPECTATIONS = [
  ["any", "whatever is there"],
  ["noStream", "no stream yet"],
  ["streamExists", "a stream that exists"],
  ["version", "the event number below as the last one"],
] as const;

/** Makes the page. */
export function appendPage(facts: AppendPageFacts): Page {
  const { prefix, csrf, problem } = facts;
  const { stream, eventType, eventId, data, metadata, expected, version } =
    facts.fields;
  return {
    title: "Append an event",
    section: "streams",
    crumbs: [
      { text: "Streams", href: prefix + "/web/streams" },
      ...(stream === ""
        ? []
        : [{ text: stream, href: prefix + streamPath(stream) }]),
      { text: "Append" },
    ],
    scripts: ["json_field.js"],
    body: (
      <>
        <h1>Append an event</h1>
        <ActionForm action={prefix + "/web/append"} csrf={csrf}>
          {problem === undefined ? null : <Notice kind="bad">{problem}</Notice>}
          <div class="columns">
            <Field label="Stream">
              <input
                name="stream"
                value={stream}
                required
                spellcheck={false}
                data-names={prefix + "/web/names"}
                list="names"
                autocomplete="off"
              />
            </Field>
            <Field label="Event type">
              <input
                name="type"
                value={eventType}
                required
                spellcheck={false}
              />
            </Field>
          </div>
          <Field label="Data" help="JSON">
            <textarea name="data" rows={12} spellcheck={false} data-json="any">
              {data}
            </textarea>
          </Field>
          <Field label="Metadata" help="A JSON object, or nothing">
            <textarea
              name="metadata"
              rows={4}
              spellcheck={false}
              data-json="object"
            >
              {metadata}
            </textarea>
          </Field>
          <div class="columns">
            <Field label="Expect">
              <select name="expected">
                {EXPECTATIONS.map(([value, text]) => (
                  <option value={value} selected={value === expected}>
                    {text}
                  </option>
                ))}
              </select>
            </Field>
            <Field label="Last event number" help="For the last choice beside">
              <input
                name="version"
                value={version}
                inputmode="numeric"
                pattern="\d*"
              />
            </Field>
          </div>
          <Field
            label="Event id"
            help="An event that is sent again with its id is not written twice"
          >
            <input
              name="id"
              value={eventId}
              class="mono"
              required
              spellcheck={false}
            />
          </Field>
          <div class="actions">
            <button type="submit" class="primary">Append</button>
          </div>
        </ActionForm>
      </>
    ),
  };
}
