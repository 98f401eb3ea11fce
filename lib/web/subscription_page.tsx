/**
 * One persistent subscription: how it is, who consumes, what is parked, and
 * what can be done about it.
 *
 * @module
 */

import type { GroupInfo } from "../subscriptions/contract.ts";
import type { RequestedSettings } from "../subscriptions/settings.ts";
import type { ResolvedEvent } from "../model/feed.ts";
import { encodePathSegment } from "../text/path_segment.ts";
import { showDuration } from "../text/quantities.ts";
import { decodeUtf8Leniently } from "../text/utf8.ts";
import {
  ActionForm,
  ConfirmField,
  countOf,
  countText,
  Empty,
  Facts,
  Name,
  Notice,
  Table,
  Time,
} from "./components.tsx";
import type { Page } from "./frame.tsx";
import type { Html } from "./html.ts";
import { streamPath } from "./streams_page.tsx";
import { lagText, SettingsFields } from "./subscriptions_page.tsx";

/** Parked messages as their stream has them, or why they are not shown. */
export type ParkedFacts =
  | {
    readonly kind: "messages";
    readonly streamName: string;
    /** Newest first. */
    readonly events: readonly ResolvedEvent[];
  }
  | { readonly kind: "unauthorized" };

/** What the page shows. */
export interface SubscriptionPageFacts {
  readonly prefix: string;
  readonly csrf: string;
  readonly info: GroupInfo;
  readonly parked: ParkedFacts;
  /** What was typed into the form; default: the settings as they are. */
  readonly typed?: RequestedSettings | undefined;
  readonly notice?: {
    readonly kind: "good" | "bad";
    readonly text: string;
  } | undefined;
}

/** Makes the page. */
export function subscriptionPage(facts: SubscriptionPageFacts): Page {
  const { prefix, info, notice } = facts;
  const { streamName, groupName } = info.group;
  return {
    title: groupName,
    section: "subscriptions",
    crumbs: [
      { text: "Subscriptions", href: prefix + "/subscriptions" },
      {
        text: streamName,
        href: `${prefix}/subscriptions/${encodePathSegment(streamName)}`,
      },
      { text: groupName },
    ],
    body: (
      <>
        <div class="bar">
          <h1>
            <Name>{groupName}</Name>
          </h1>
          <span class="tag">{info.status}</span>
          <a class="push" href={prefix + streamPath(streamName)}>
            <Name>{`Stream ${streamName}`}</Name>
          </a>
        </div>
        {notice === undefined
          ? null
          : <Notice kind={notice.kind}>{notice.text}</Notice>}
        <Counts info={info} />
        <h2>Consumers</h2>
        <Consumers info={info} />
        <h2>Parked messages</h2>
        <Parked {...facts} />
        <h2>Settings</h2>
        <Settings {...facts} />
        <h2>Delete</h2>
        <Delete {...facts} />
      </>
    ),
  };
}

function Counts({ info }: { readonly info: GroupInfo }): Html {
  const { oldestInFlightMs } = info;
  return (
    <Facts
      rows={[
        ["Behind", lagText(info)],
        ["In flight", countText(info.totalInFlightMessages)],
        [
          "Oldest in flight",
          oldestInFlightMs === undefined
            ? "none"
            : showDuration(oldestInFlightMs),
        ],
        ["Parked", countText(info.parkedMessageCount)],
        ["To be retried", countText(info.retryBufferCount)],
        ["Read ahead", countText(info.readBufferCount)],
        ["Done up to", numberText(info.lastProcessedEventNumber)],
        ["Last known", numberText(info.lastKnownEventNumber)],
        ["Handed out", countText(info.totalItemsProcessed)],
        ["Messages a second", info.averageItemsPerSecond.toFixed(1)],
      ]}
    />
  );
}

function numberText(number: number): string {
  return number < 0 ? "nothing" : countText(number);
}

function Consumers({ info }: { readonly info: GroupInfo }): Html {
  if (info.connections.length === 0) {
    return (
      <Empty>
        No consumer is connected. Those that only ask now and then are not
        listed.
      </Empty>
    );
  }
  return (
    <Table
      label="Consumers"
      heads={[
        "From",
        "Login",
        "In flight",
        "Room for",
        "Handed out",
        "A second",
      ]}
    >
      {info.connections.map((consumer) => (
        <tr>
          <td>
            <Name>{consumer.from}</Name>
          </td>
          <td>
            <Name>{consumer.username}</Name>
          </td>
          <td class="num">{countText(consumer.inFlightMessages)}</td>
          <td class="num">{countText(consumer.availableSlots)}</td>
          <td class="num">{countText(consumer.totalItemsProcessed)}</td>
          <td class="num">{consumer.averageItemsPerSecond.toFixed(1)}</td>
        </tr>
      ))}
    </Table>
  );
}

/** Path that the forms of a group are sent to, with the prefix. */
function formPath({ prefix, info }: SubscriptionPageFacts, of: string): string {
  const { streamName, groupName } = info.group;
  return `${prefix}/web/subscriptions/${encodePathSegment(streamName)}/${
    encodePathSegment(groupName)
  }/${of}`;
}

function Parked(facts: SubscriptionPageFacts): Html {
  const { csrf, info, parked } = facts;
  if (parked.kind === "unauthorized") {
    return (
      <Empty>
        {countOf(info.parkedMessageCount, "message")}{" "}
        parked. Log in as an administrator to see them.
      </Empty>
    );
  }
  if (parked.events.length === 0) {
    return (
      <Empty>
        None. A message is parked when a consumer asks for it, or when it was
        retried too often.
      </Empty>
    );
  }
  const form = "discard";
  return (
    <>
      <form method="post" action={formPath(facts, "discard")} id={form}>
        <input type="hidden" name="csrf" value={csrf} />
        <Table
          label="Parked messages"
          heads={["Choose", "Event", "Type", "Parked", "Data"]}
        >
          {parked.events.map((event) => (
            <ParkedRow prefix={facts.prefix} event={event} />
          ))}
        </Table>
      </form>
      <div class="actions parked">
        <button type="submit" form={form} class="danger">
          Discard what is ticked
        </button>
        <ActionForm
          action={formPath(facts, "replay")}
          csrf={csrf}
          class="inline"
        >
          <button type="submit" class="primary">
            Replay all {countText(info.parkedMessageCount)}
          </button>
        </ActionForm>
        <a href={facts.prefix + streamPath(parked.streamName)}>
          All of them as a stream
        </a>
      </div>
    </>
  );
}

/** Characters of data that a row shows. */
const PREVIEW_LENGTH = 120;

function ParkedRow(
  { prefix, event }: {
    readonly prefix: string;
    readonly event: ResolvedEvent;
  },
): Html {
  const { original, link, target } = event;
  const at = link ?? original;
  const name = `${at.eventNumber}@${at.streamName}`;
  const preview = target === undefined
    ? undefined
    : decodeUtf8Leniently(target.data.subarray(0, PREVIEW_LENGTH * 4))
      .slice(0, PREVIEW_LENGTH);
  return (
    <tr>
      <td>
        <input
          type="checkbox"
          name="id"
          value={original.eventId}
          aria-label={`Discard ${name.toWellFormed()}`}
        />
      </td>
      <td>
        <a href={`${prefix}${streamPath(at.streamName)}/${at.eventNumber}`}>
          <Name>{name}</Name>
        </a>
      </td>
      <td>
        <Name>{target?.eventType ?? "gone"}</Name>
      </td>
      <td>
        <Time us={original.createdAtUs} />
      </td>
      <td class="wide mono">
        {preview === undefined ? null : <Name>{preview}</Name>}
      </td>
    </tr>
  );
}

function Settings(facts: SubscriptionPageFacts): Html {
  const { csrf, info, typed } = facts;
  return (
    <details class="more" open={typed !== undefined}>
      <summary>Change</summary>
      <ActionForm action={formPath(facts, "settings")} csrf={csrf}>
        <SettingsFields settings={typed ?? info.settings} />
        <p class="dim">
          The group starts anew after its checkpoint; what is in flight is
          delivered again. A number that is 0 gets its default.
        </p>
        <div class="actions">
          <button type="submit" class="primary">Save settings</button>
        </div>
      </ActionForm>
    </details>
  );
}

function Delete(facts: SubscriptionPageFacts): Html {
  const { csrf, info } = facts;
  return (
    <details class="more">
      <summary>Delete this subscription</summary>
      <ActionForm action={formPath(facts, "delete")} csrf={csrf}>
        <p>
          Its position and its{" "}
          {countOf(info.parkedMessageCount, "parked message")}{" "}
          are gone for good; the events themselves stay.
        </p>
        <ConfirmField label="Type the name of the group to confirm" />
        <div class="actions">
          <button type="submit" class="danger">Delete</button>
        </div>
      </ActionForm>
    </details>
  );
}
