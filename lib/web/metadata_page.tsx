/**
 * Metadata of a stream: what it keeps and who may do what with it, in words, to
 * look at and to change.
 *
 * @module
 */

import { formatInt64 } from "../model/event_number.ts";
import type { Int64 } from "../model/event_number.ts";
import {
  type AccessControlList,
  isSoftDeleted,
  type StreamMetadata,
} from "../model/stream_metadata.ts";
import { isSystemStream, metastreamOf } from "../model/stream_names.ts";
import { ActionForm, Field, Name, Notice, Time } from "./components.tsx";
import { crumbsOf } from "./feed_page.tsx";
import type { Page } from "./frame.tsx";
import type { Html } from "./html.ts";
import { Payload } from "./json_tree.tsx";
import { streamPath } from "./streams_page.tsx";

/** Fields of the form by their names in the document. */
export const NUMBER_FIELDS = [
  ["$maxCount", "maxCount", "Keep at most so many events", "Empty: all"],
  [
    "$maxAge",
    "maxAgeSeconds",
    "Keep events for so many seconds",
    "86400 is a day. Empty: for good",
  ],
  [
    "$tb",
    "truncateBefore",
    "Hide events before this number",
    "Empty: none. Hidden events go with the next scavenge",
  ],
  [
    "$cacheControl",
    "cacheControlSeconds",
    "Let caches keep the newest page for so many seconds",
    "Empty: they ask each time",
  ],
] as const;

/** Rights by their names in the access list. */
export const RIGHT_FIELDS = [
  ["$r", "read", "read its events"],
  ["$w", "write", "append to it"],
  ["$d", "delete", "delete it"],
  ["$mr", "metadataRead", "read this page"],
  ["$mw", "metadataWrite", "change this page"],
] as const;

/** What the page shows. */
export interface MetadataPageFacts {
  readonly prefix: string;
  readonly csrf: string;
  readonly streamName: string;
  /** Number of the metadata's event that is shown; -1: there is none. */
  readonly version: number;
  readonly createdAtUs?: number;
  /** The document as it is stored. */
  readonly data: Uint8Array;
  readonly metadata: StreamMetadata;
  /** Members of the document that are no system's, as JSON. */
  readonly further: string;
  /** Why nothing was written. */
  readonly problem?: string | undefined;
  readonly isSaved?: boolean;
}

/** Makes the page. */
export function metadataPage(facts: MetadataPageFacts): Page {
  const { prefix, streamName, version, createdAtUs, data, metadata } = facts;
  const path = prefix + streamPath(streamName);
  return {
    title: `Metadata of ${streamName}`,
    section: "streams",
    crumbs: [
      ...crumbsOf(prefix, streamName).slice(0, -1),
      { text: streamName, href: path },
      { text: "Metadata" },
    ],
    scripts: ["json_field.js"],
    body: (
      <>
        <div class="bar">
          <h1>
            Metadata of <Name>{streamName}</Name>
          </h1>
          <div class="actions push">
            <a class="button" href={path}>Stream</a>
            <a
              class="button"
              href={prefix + streamPath(metastreamOf(streamName))}
            >
              Metastream
            </a>
          </div>
        </div>
        {facts.isSaved
          ? <Notice kind="good">The metadata is saved.</Notice>
          : null}
        {facts.problem === undefined
          ? null
          : <Notice kind="bad">{facts.problem}</Notice>}
        {version < 0
          ? <p class="dim">None was written for this stream: defaults hold.</p>
          : (
            <p class="dim">
              Version {version}
              {createdAtUs === undefined ? null : (
                <>
                  , written <Time us={createdAtUs} />
                </>
              )}
            </p>
          )}
        {isSoftDeleted(metadata)
          ? (
            <Notice kind="info">
              The stream is deleted: all of its events are hidden until the next
              is appended.
            </Notice>
          )
          : null}
        <Form {...facts} />
        <h2>As JSON</h2>
        <Payload bytes={data} />
      </>
    ),
  };
}

function Form(facts: MetadataPageFacts): Html {
  const { prefix, csrf, streamName, version, metadata, further } = facts;
  return (
    <ActionForm action={prefix + "/web/metadata"} csrf={csrf}>
      <input type="hidden" name="stream" value={streamName} />
      <input type="hidden" name="version" value={version} />
      <fieldset>
        <legend>What it keeps</legend>
        <div class="columns">
          {NUMBER_FIELDS.map(([name, member, label, help]) => (
            <Field label={label} help={help}>
              <input
                name={name}
                value={numberText(metadata[member])}
                inputmode="numeric"
                pattern="\d*"
              />
            </Field>
          ))}
        </div>
      </fieldset>
      <fieldset>
        <legend>Who may…</legend>
        <p class="dim">
          Users and groups, with commas between them. <code>$all</code>{" "}
          is everybody, <code>$admins</code> the administrators.
        </p>
        <div class="columns">
          {RIGHT_FIELDS.map(([name, member, label]) => (
            <Field label={`… ${label}`} help={defaultText(streamName)}>
              <input
                name={name}
                value={rolesText(metadata.acl, member)}
                spellcheck={false}
              />
            </Field>
          ))}
        </div>
      </fieldset>
      <Field label="Further members" help="A JSON object, or nothing">
        <textarea
          name="further"
          rows={4}
          spellcheck={false}
          data-json="object"
        >
          {further}
        </textarea>
      </Field>
      <div class="actions">
        <button type="submit" class="primary">Save</button>
      </div>
    </ActionForm>
  );
}

function numberText(value: Int64 | undefined): string {
  return value === undefined ? "" : formatInt64(value);
}

function rolesText(
  acl: AccessControlList | undefined,
  member: keyof AccessControlList,
): string {
  return acl?.[member]?.join(", ") ?? "";
}

function defaultText(streamName: string): string {
  return isSystemStream(streamName)
    ? "Empty: by default, administrators"
    : "Empty: by default, everybody";
}
