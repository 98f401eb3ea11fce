/**
 * The list of streams: by name, by last write, by category and by type.
 *
 * @module
 */

import { encodePathSegment } from "../text/path_segment.ts";
import { countText, Empty, Name, Table, Time } from "./components.tsx";
import type { Page } from "./frame.tsx";
import type { Content, Html } from "./html.ts";

/** By what streams are listed. */
export type StreamOrder = "name" | "recent" | "category" | "type";

/** What the page shows. */
export interface StreamsPageFacts {
  readonly prefix: string;
  readonly order: StreamOrder;
  /** What the names begin with. */
  readonly typed: string;
  readonly streams: readonly {
    readonly name: string;
    readonly streamName: string;
    readonly head: number;
    readonly lastAtUs: number | undefined;
  }[];
  /** Name to go on after; undefined: there are no more. */
  readonly next: string | undefined;
  /** Whether the page does not begin with the first name. */
  readonly isContinued: boolean;
}

const ORDERS: readonly (readonly [StreamOrder, text: string])[] = [
  ["name", "By name"],
  ["recent", "Last written"],
  ["category", "Categories"],
  ["type", "Event types"],
];

const WORDS = {
  name: "Stream",
  recent: "Stream",
  category: "Category",
  type: "Event type",
} as const;

/** Path of a stream, behind the prefix. */
export function streamPath(streamName: string): string {
  return `/streams/${encodePathSegment(streamName)}`;
}

/** Makes the page. */
export function streamsPage(facts: StreamsPageFacts): Page {
  const { prefix, order, typed, streams, next, isContinued } = facts;
  const address = prefix + "/web/streams";
  return {
    title: "Streams",
    section: "streams",
    body: (
      <>
        <div class="bar">
          <h1>Streams</h1>
          <a class="button push" href={prefix + "/web/append"}>Append</a>
        </div>
        <div class="bar">
          <nav class="tabs" aria-label="Order">
            {ORDERS.map(([name, text]) => (
              <a
                href={`${address}?by=${name}`}
                aria-current={name === order ? "page" : undefined}
              >
                {text}
              </a>
            ))}
          </nav>
          {order === "recent" ? null : (
            <form
              class="inline push"
              action={address}
              role="search"
              aria-label="Names"
            >
              <input type="hidden" name="by" value={order} />
              <input
                type="search"
                name="prefix"
                value={typed}
                placeholder="Begins with"
                aria-label={`${WORDS[order]} begins with`}
                spellcheck={false}
              />
              <button type="submit">Show</button>
            </form>
          )}
        </div>
        {streams.length === 0
          ? <Empty>{emptyText(facts)}</Empty>
          : <List {...facts} />}
        <div class="bar">
          {isContinued
            ? <a href={addressOf(facts, undefined)}>From the beginning</a>
            : null}
          {next === undefined
            ? null
            : <a class="button" href={addressOf(facts, next)}>Next</a>}
        </div>
      </>
    ),
  };
}

function List({ prefix, order, streams }: StreamsPageFacts): Html {
  return (
    <Table
      label="Streams"
      heads={[WORDS[order], { number: "Events" }, "Last written"]}
    >
      {streams.map(({ name, streamName, head, lastAtUs }) => (
        <tr>
          <td class="wide">
            <a href={prefix + streamPath(streamName)}>
              <Name>{name}</Name>
            </a>
          </td>
          <td class="num">{countText(head + 1)}</td>
          <td>{lastAtUs === undefined ? null : <Time us={lastAtUs} />}</td>
        </tr>
      ))}
    </Table>
  );
}

function addressOf(
  { prefix, order, typed }: StreamsPageFacts,
  after: string | undefined,
): string {
  const query = new URLSearchParams({ by: order });
  if (typed !== "") query.set("prefix", typed);
  if (after !== undefined) query.set("after", after);
  return `${prefix}/web/streams?${query}`;
}

function emptyText({ order, typed, next }: StreamsPageFacts): Content {
  if (next !== undefined) {
    return "None that you may read among the first names. There are more.";
  }
  if (typed !== "") {
    return (
      <>
        No names that you may read begin with <Name>{typed}</Name>.
      </>
    );
  }
  return order === "name" || order === "recent"
    ? "No streams yet that you may read. Append an event to begin one."
    : "None that you may read. Lists of the system are for administrators, " +
      "unless an access list says otherwise.";
}
