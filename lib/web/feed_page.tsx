/**
 * A stream, a list of the system or the whole log as a table of events, whose
 * rows open in place.
 *
 * @module
 */

import type { Feed } from "../formats/atom/feed.ts";
import { isSystemList } from "../model/lists.ts";
import {
  categoryOf,
  isMetastream,
  isSystemStream,
  originalOfMetastream,
} from "../model/stream_names.ts";
import {
  countOf,
  Empty,
  Field,
  Name,
  sizeText,
  Step,
  Time,
} from "./components.tsx";
import type { EventRow, NamedLink } from "./event_row.ts";
import type { Crumb, Page } from "./frame.tsx";
import type { Content, Html } from "./html.ts";
import { streamPath } from "./streams_page.tsx";

/** What the page shows. */
export interface FeedPageFacts {
  readonly prefix: string;
  readonly feed: Pick<Feed, "id" | "links" | "streamName">;
  /** As the page shows them: newest first, or oldest first. */
  readonly rows: readonly EventRow[];
  /** Events of the page besides. */
  readonly leftOutCount: number;
  /** Filters as they were typed. */
  readonly asked: {
    readonly filterType?: string | undefined;
    readonly filterStream?: string | undefined;
    readonly asOf?: string | undefined;
  };
  /** Query of the view without its order: empty, or `?` and parameters. */
  readonly viewQuery: string;
  readonly isOldestFirst: boolean;
  /** Whether the reader may download all of its events. */
  readonly mayExport: boolean;
  /** Whether the page goes on to the newest event, so that it can follow. */
  readonly isHead: boolean;
}

/** Makes the page. */
export function feedPage(facts: FeedPageFacts): Page {
  const { prefix, feed, rows, leftOutCount, viewQuery, isHead } = facts;
  const streamName = feed.streamName ?? "$all";
  const isWide = rows.some(({ event, label }) => event.text === label);
  return {
    title: streamName,
    section: feed.streamName === undefined ? "all" : "streams",
    ...(feed.streamName !== undefined &&
      { crumbs: crumbsOf(prefix, feed.streamName) }),
    ...(isHead && { scripts: ["follow.js"] as const }),
    body: (
      <>
        <div class="bar">
          <h1>
            <Name>{streamName}</Name>
          </h1>
          <Actions {...facts} />
        </div>
        <Filters {...facts} />
        <Paging facts={facts} label="Pages" />
        <div class={isWide ? "events wide" : "events"}>
          <div class="head" aria-hidden="true">
            <span>Event</span>
            <span class="cells">
              <span>Type</span>
              <span>Written</span>
              <span class="num">Size</span>
              <span>Data</span>
            </span>
          </div>
          <ol id="events" aria-label="Events">
            {groupsOf(rows).map((group) =>
              Array.isArray(group)
                ? <GoneRows rows={group} />
                : <Row row={group} />
            )}
          </ol>
        </div>
        {leftOutCount === 0 ? null : (
          <Empty>
            {countOf(leftOutCount, "older event")} of this page are not shown:
            {" "}
            <a href={`${feed.id}/head/backward/${rows.length}${viewQuery}`}>
              Show {rows.length} at a time
            </a>
          </Empty>
        )}
        {rows.length === 0
          ? <Empty>{emptyText(facts)}</Empty>
          : <Paging facts={facts} label="Pages, once more" />}
      </>
    ),
  };
}

/** The way to a stream: the list, and its category where it has one. */
export function crumbsOf(prefix: string, streamName: string): Crumb[] {
  const described = isMetastream(streamName)
    ? originalOfMetastream(streamName)
    : streamName;
  const lists = prefix + "/web/streams";
  const category = isSystemStream(described)
    ? undefined
    : categoryOf(described);
  return [
    { text: "Streams", href: lists },
    ...(category === undefined ? [] : [{
      text: category,
      href: `${lists}?prefix=${encodeURIComponent(category + "-")}`,
    }]),
    ...(described === streamName
      ? []
      : [{ text: described, href: prefix + streamPath(described) }]),
    { text: streamName },
  ];
}

function Actions({ prefix, feed, isHead, viewQuery }: FeedPageFacts): Html {
  const { streamName, id } = feed;
  // Nobody writes to the lists of the system.
  const isWritten = streamName !== undefined && !isSystemList(streamName);
  const metadata = feed.links.find(({ relation }) => relation === "metadata");
  const query = streamName === undefined
    ? ""
    : `?stream=${encodeURIComponent(streamName.toWellFormed())}`;
  return (
    <div class="actions push">
      {isHead
        ? (
          <span
            class="follow"
            data-feed={id + viewQuery}
            data-from={newestPlaceOf(feed)}
            data-stream={streamName}
            hidden
          >
            <span class="dim" id="follow-state" role="status"></span>
            <button type="button" id="follow-new" hidden></button>
            <button type="button" id="follow" aria-pressed="false">
              Follow live
            </button>
          </span>
        )
        : null}
      {isWritten
        ? <a class="button" href={`${prefix}/web/append${query}`}>Append</a>
        : null}
      {streamName === undefined || isMetastream(streamName)
        ? null
        : (
          <a class="button" href={metadata?.uri ?? id + "/metadata"}>
            Metadata
          </a>
        )}
      {isWritten
        ? <a class="button" href={`${prefix}/web/delete${query}`}>Delete…</a>
        : null}
    </div>
  );
}

/** Where the next event will stand, as the feed's own link says it. */
function newestPlaceOf({ links }: Pick<Feed, "links">): string {
  const newer = links.find(({ relation }) => relation === "previous")?.uri;
  return /\/(\w+)\/forward\/\d+/.exec(newer ?? "")?.[1] ?? "head";
}

function Filters(facts: FeedPageFacts): Html {
  const { feed, asked, isOldestFirst } = facts;
  const { filterType, filterStream, asOf } = asked;
  const isActive = [filterType, filterStream, asOf].some(Boolean);
  return (
    <details class="filters" open={isActive}>
      <summary>Filter and go to a time</summary>
      <form class="form" action={feed.id}>
        <input
          type="hidden"
          name="order"
          value={isOldestFirst ? "oldest" : ""}
        />
        <div class="columns">
          <Field label="Event type" help="A * at its end stands for any end">
            <input name="filter-type" value={filterType} spellcheck={false} />
          </Field>
          <Field label="Stream" help="A * at its end stands for any end">
            <input
              name="filter-stream"
              value={filterStream}
              spellcheck={false}
            />
          </Field>
          <Field
            label="Begin at"
            help="A number, 2026-01-31 or 2026-01-31T12:00:00Z"
          >
            <input name="from" spellcheck={false} />
          </Field>
          <Field label="As of" help="Shows the stream as it was at that time">
            <input name="asOf" value={asOf} spellcheck={false} />
          </Field>
        </div>
        <div class="actions">
          <button type="submit" class="primary">Show</button>
          {isActive ? <a href={feed.id}>No filter</a> : null}
          {facts.mayExport ? <Download {...facts} /> : null}
        </div>
      </form>
    </details>
  );
}

function Download({ prefix, feed }: FeedPageFacts): Html {
  const query = feed.streamName === undefined
    ? ""
    : `?stream=${encodeURIComponent(feed.streamName.toWellFormed())}`;
  return (
    <a href={`${prefix}/admin/export${query}`} download>
      Download as NDJSON
    </a>
  );
}

function Paging(
  { facts, label }: { readonly facts: FeedPageFacts; readonly label: string },
): Html {
  const { feed, viewQuery, isOldestFirst } = facts;
  const uriOf = (wanted: string) =>
    feed.links.find(({ relation }) => relation === wanted)?.uri;
  const links = [
    ["Newest", uriOf("first")],
    ["Newer", uriOf("previous")],
    ["Older", uriOf("next")],
    ["Oldest", uriOf("last")],
  ] as const;
  const oldest = `${feed.id}${
    feed.streamName === undefined ? `/${"0".repeat(32)}` : "/0"
  }/forward/20${viewQuery}${viewQuery === "" ? "?" : "&"}order=oldest`;
  return (
    <nav class="bar paging" aria-label={label}>
      {links.map(([text, href]) => <Step text={text} href={href} />)}
      <span class="tabs push">
        <a
          href={feed.id + viewQuery}
          aria-current={isOldestFirst ? undefined : "true"}
        >
          Newest first
        </a>
        <a href={oldest} aria-current={isOldestFirst ? "true" : undefined}>
          Oldest first
        </a>
      </span>
    </nav>
  );
}

function Row({ row }: { readonly row: EventRow }): Html {
  const { event, label, data } = row;
  return (
    <li>
      <a class="n" href={event.href}>
        <Name>{label}</Name>
      </a>
      {data === undefined
        ? (
          <div class="cells">
            <Cells row={row} />
          </div>
        )
        : (
          <details>
            <summary class="cells">
              <Cells row={row} />
            </summary>
            <Opened row={row} />
          </details>
        )}
    </li>
  );
}

function Cells({ row }: { readonly row: EventRow }): Html {
  const { eventType, createdAtUs, sizeBytes, preview, target } = row;
  return (
    <>
      <span class="type">
        <Name>{eventType}</Name>
      </span>
      <Time us={createdAtUs} />
      <span class="num dim">{sizeText(sizeBytes)}</span>
      <code>{target === undefined ? preview : `→ ${target.text}`}</code>
    </>
  );
}

function Opened({ row }: { readonly row: EventRow }): Html {
  const { event, stream, target, data, metadata, isDataCut, eventId } = row;
  return (
    <div class="opened">
      <p class="dim">
        <Link link={event} /> of <Link link={stream} />, id{" "}
        <span class="mono">{eventId}</span>
        {target === undefined ? null : (
          <>
            , a link to <Link link={target} />
          </>
        )}
      </p>
      <pre>{data === "" ? "Empty" : data}</pre>
      {metadata === undefined ? null : (
        <>
          <p class="dim">Metadata</p>
          <pre>{metadata}</pre>
        </>
      )}
      {isDataCut ? <a href={event.href}>Show all</a> : null}
    </div>
  );
}

function Link({ link }: { readonly link: NamedLink }): Html {
  return (
    <a href={link.href}>
      <Name>{link.text}</Name>
    </a>
  );
}

/** Links whose events are gone, in one row. */
function GoneRows({ rows }: { readonly rows: readonly EventRow[] }): Html {
  return (
    <li class="gone">
      <details>
        <summary>
          {countOf(rows.length, "link")} to{" "}
          {rows.length === 1 ? "an event that is gone" : "events that are gone"}
        </summary>
        <ul>
          {rows.map(({ event, eventType }) => (
            <li>
              <Link link={event} />{" "}
              <span class="dim">
                <Name>{eventType}</Name>
              </span>
            </li>
          ))}
        </ul>
      </details>
    </li>
  );
}

function groupsOf(
  rows: readonly EventRow[],
): readonly (EventRow | EventRow[])[] {
  const groups: (EventRow | EventRow[])[] = [];
  for (const row of rows) {
    const last = groups.at(-1);
    if (!row.isGone) groups.push(row);
    else if (Array.isArray(last)) last.push(row);
    else groups.push([row]);
  }
  return groups;
}

function emptyText({ viewQuery }: FeedPageFacts): Content {
  return viewQuery === ""
    ? "No events here."
    : "No events here that the filter lets pass.";
}
