/**
 * One event: what it holds, and its neighbours.
 *
 * @module
 */

import { eventUri, StreamRefs } from "../formats/atom/links.ts";
import {
  formatEventNumber,
  TOMBSTONE_EVENT_NUMBER,
} from "../model/event_number.ts";
import type { LinkTarget, ResolvedEvent } from "../model/feed.ts";
import { parseLink } from "../model/links.ts";
import { decodeJsonText } from "../text/utf8.ts";
import { Facts, Name, sizeText, Step, Time } from "./components.tsx";
import { crumbsOf } from "./feed_page.tsx";
import type { Page } from "./frame.tsx";
import type { Content, Html } from "./html.ts";
import { Payload } from "./json_tree.tsx";

/** What the page shows. */
export interface EventPageFacts {
  readonly prefix: string;
  /** What absolute addresses begin with. */
  readonly baseUrl: string;
  readonly event: ResolvedEvent;
  /** Stream of the events with the same `$correlationId`, where there is one. */
  readonly correlated?: string | undefined;
}

/** Makes the page: of a resolved link, of its target. */
export function eventPage(facts: EventPageFacts): Page {
  const { prefix, event } = facts;
  const shown = event.target ?? event.original;
  const { streamName, eventNumber } = shown;
  const title = `${formatEventNumber(eventNumber)}@${streamName}`;
  const refs = new StreamRefs(prefix);
  const stream = refs.of(streamName);
  const uri = eventUri(stream, eventNumber);
  const isTombstone = eventNumber >= TOMBSTONE_EVENT_NUMBER;
  const way = crumbsOf(prefix, streamName).slice(0, -1);
  return {
    title,
    section: "streams",
    crumbs: [
      ...way,
      { text: streamName, href: stream.uri },
      { text: formatEventNumber(eventNumber) },
    ],
    body: (
      <>
        <div class="bar">
          <h1>
            <Name>{title}</Name>
          </h1>
          <nav class="actions push" aria-label="Neighbours">
            <Step
              text="Older event"
              href={isTombstone || eventNumber === 0
                ? undefined
                : eventUri(stream, eventNumber - 1)}
            />
            <Step
              text="Newer event"
              href={isTombstone ? undefined : eventUri(stream, eventNumber + 1)}
            />
            <a class="button" href={stream.uri}>Stream</a>
          </nav>
        </div>
        <Facts rows={factsOf(facts)} />
        <h2>Data</h2>
        <Payload bytes={shown.data} rawHref={uri + "?format=raw"} />
        <h2>Metadata</h2>
        <Payload
          bytes={shown.metadata}
          rawHref={uri + "?format=atomxj&embed=body"}
        />
        <h2>Elsewhere</h2>
        <p class="tabs">
          <a href={uri + "?format=raw"} download>Raw data</a>
          <a href={uri + "?format=json"}>JSON</a>
          <a href={uri + "?format=xml"}>XML</a>
          <a href={uri + "?format=atom"}>Atom</a>
        </p>
        <Snippets uri={facts.baseUrl + uri.slice(prefix.length)} />
      </>
    ),
  };
}

function factsOf(
  { prefix, event, correlated }: EventPageFacts,
): readonly (readonly [string, Content])[] {
  const { original, target } = event;
  const shown = target ?? original;
  const refs = new StreamRefs(prefix);
  const { $correlationId, $causationId } = idsIn(shown.metadata);
  const points = parseLinkOf(event);
  const through = target === undefined ? undefined : original;
  const rows: (readonly [string, Content] | undefined)[] = [
    ["Type", <Name>{shown.eventType}</Name>],
    ["Id", <span class="mono">{shown.eventId}</span>],
    ["Written", <Time us={shown.createdAtUs} />],
    ["Size", sizeText(shown.data.length + shown.metadata.length)],
    ["Counts as JSON", shown.isJson ? "yes" : "no"],
    points && ["Links to", <StreamEvent refs={refs} at={points} />],
    through && ["Shown through", <StreamEvent refs={refs} at={through} />],
    $correlationId === undefined ? undefined : [
      "Correlation",
      correlated === undefined
        ? <Name>{$correlationId}</Name>
        : (
          <a href={refs.of(correlated).uri}>
            <Name>{$correlationId}</Name>
          </a>
        ),
    ],
    $causationId === undefined
      ? undefined
      : ["Cause", <Name>{$causationId}</Name>],
  ];
  return rows.filter((row) => row !== undefined);
}

/** Where a link points whose event is gone, or that was not followed. */
function parseLinkOf({ original, link, target }: ResolvedEvent) {
  if (target !== undefined) return undefined;
  return link ??
    (original.eventType === "$>" ? parseLink(original.data) : undefined);
}

/** Metadata that is longer is not looked into. */
const READ_BYTES_MAX = 64 * 1024;
const ID_LENGTH_MAX = 200;

/** `$correlationId` and `$causationId` of metadata, where they are texts. */
export function idsIn(metadata: Uint8Array): {
  readonly $correlationId?: string | undefined;
  readonly $causationId?: string | undefined;
} {
  if (metadata.length === 0 || metadata.length > READ_BYTES_MAX) return {};
  let value: unknown;
  try {
    value = JSON.parse(decodeJsonText(metadata));
  } catch {
    return {};
  }
  if (typeof value !== "object" || value === null) return {};
  const idOf = (name: string) => {
    const id: unknown = Object.entries(value).find(([one]) => one === name)
      ?.[1];
    return typeof id === "string" && id !== "" && id.length <= ID_LENGTH_MAX
      ? id
      : undefined;
  };
  return {
    $correlationId: idOf("$correlationId"),
    $causationId: idOf("$causationId"),
  };
}

function StreamEvent(
  { refs, at: { streamName, eventNumber } }: {
    readonly refs: StreamRefs;
    readonly at: LinkTarget;
  },
): Html {
  return (
    <a href={eventUri(refs.of(streamName), eventNumber)}>
      <Name>{`${formatEventNumber(eventNumber)}@${streamName}`}</Name>
    </a>
  );
}

/** The same read, for a terminal and for a program. */
function Snippets({ uri }: { readonly uri: string }): Html {
  return (
    <>
      <Snippet
        id="as-curl"
        title="With curl"
        text={`curl -H "Accept: application/json" "${uri}"`}
      />
      <Snippet
        id="as-javascript"
        title="In JavaScript"
        text={`const response = await fetch(${JSON.stringify(uri)}, {\n` +
          `  headers: { Accept: "application/json" },\n});\n` +
          `const data = await response.json();`}
      />
    </>
  );
}

function Snippet(
  { id, title, text }: {
    readonly id: string;
    readonly title: string;
    readonly text: string;
  },
): Html {
  return (
    <details class="snippet">
      <summary>{title}</summary>
      <pre id={id}>{text}</pre>
      <button type="button" data-copy={id} hidden>Copy</button>
    </details>
  );
}
