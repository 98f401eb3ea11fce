/**
 * The list of persistent subscriptions, and the form that makes one.
 *
 * @module
 */

import type { GroupInfo } from "../subscriptions/contract.ts";
import {
  infoMembersOf,
  type RequestedSettings,
} from "../subscriptions/settings.ts";
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
import type { Content, Html } from "./html.ts";
import type { GroupId } from "../model/subscription_group.ts";

/** What the page shows. */
export interface SubscriptionsPageFacts {
  readonly prefix: string;
  readonly csrf: string;
  readonly groups: readonly GroupInfo[];
  /** The stream whose groups they are; undefined: all of them. */
  readonly streamName: string | undefined;
  /** What was typed into the form, and what is wrong with it. */
  readonly form: {
    readonly stream: string;
    readonly group: string;
    readonly settings: RequestedSettings;
    readonly problem?: string | undefined;
  };
}

/** Path of a group's page, behind the prefix. */
export function groupPath({ streamName, groupName }: GroupId): string {
  return `/subscriptions/${encodePathSegment(streamName)}/${
    encodePathSegment(groupName)
  }/info`;
}

/** Makes the page. */
export function subscriptionsPage(facts: SubscriptionsPageFacts): Page {
  const { prefix, groups, streamName, form } = facts;
  return {
    title: streamName === undefined
      ? "Subscriptions"
      : `Subscriptions of ${streamName}`,
    section: "subscriptions",
    ...(streamName !== undefined && {
      crumbs: [
        { text: "Subscriptions", href: prefix + "/subscriptions" },
        { text: streamName },
      ],
    }),
    body: (
      <>
        <h1>
          {streamName === undefined ? "Subscriptions" : (
            <>
              Subscriptions of <Name>{streamName}</Name>
            </>
          )}
        </h1>
        {groups.length === 0
          ? (
            <Empty>
              None yet. A persistent subscription hands the events of a stream
              to consumers that acknowledge them; the server remembers how far
              they came.
            </Empty>
          )
          : <Groups prefix={prefix} groups={groups} />}
        <details class="more" open={form.problem !== undefined}>
          <summary>New subscription</summary>
          <NewGroup {...facts} />
        </details>
      </>
    ),
  };
}

function Groups(
  { prefix, groups }: {
    readonly prefix: string;
    readonly groups: readonly GroupInfo[];
  },
): Html {
  return (
    <Table
      label="Subscriptions"
      heads={[
        "Stream",
        "Group",
        "State",
        { number: "Behind" },
        { number: "In flight" },
        { number: "Parked" },
        { number: "Consumers" },
        { number: "Messages/s" },
      ]}
    >
      {groups.map((info) => (
        <tr>
          <td class="wide">
            <Name>{info.group.streamName}</Name>
          </td>
          <td>
            <a href={prefix + groupPath(info.group)}>
              <Name>{info.group.groupName}</Name>
            </a>
          </td>
          <td>{info.status}</td>
          <td class="num">{lagText(info)}</td>
          <td class="num">{countText(info.totalInFlightMessages)}</td>
          <td class="num">{countText(info.parkedMessageCount)}</td>
          <td class="num">{countText(info.connections.length)}</td>
          <td class="num">{info.averageItemsPerSecond.toFixed(1)}</td>
        </tr>
      ))}
    </Table>
  );
}

/** How far a group is behind its source, in events and in time. */
export function lagText({ lagEvents, lagMs }: GroupInfo): string {
  if (lagEvents === 0) return "up to date";
  const time = showDuration(lagMs);
  return lagEvents === undefined
    ? lagMs === 0 ? "up to date" : time
    : `${countOf(lagEvents, "event")}, ${time}`;
}

function NewGroup({ prefix, csrf, form }: SubscriptionsPageFacts): Html {
  const { stream, group, settings, problem } = form;
  return (
    <ActionForm action={prefix + "/web/subscriptions"} csrf={csrf}>
      {problem === undefined ? null : <Notice kind="bad">{problem}</Notice>}
      <div class="columns">
        <Field label="Stream" help="It need not exist yet; $all is everything">
          <input name="stream" value={stream} required spellcheck={false} />
        </Field>
        <Field label="Group" help="Consumers name it">
          <input name="group" value={group} required spellcheck={false} />
        </Field>
      </div>
      <SettingsFields settings={settings} />
      <div class="actions">
        <button type="submit" class="primary">Make subscription</button>
      </div>
    </ActionForm>
  );
}

interface SettingField {
  readonly name: string;
  readonly label: string;
  readonly help?: string;
}

const NUMBERS: readonly SettingField[] = [
  {
    name: "startFrom",
    label: "Start with event",
    help: "0: the first; -1: what is written from now on",
  },
  { name: "messageTimeoutMilliseconds", label: "Time to acknowledge, ms" },
  { name: "maxRetryCount", label: "Retries before it is parked" },
  { name: "maxSubscriberCount", label: "Consumers at most" },
];

const FINE_NUMBERS: readonly SettingField[] = [
  { name: "readBatchSize", label: "Events read at once" },
  { name: "bufferSize", label: "Events read ahead" },
  { name: "liveBufferSize", label: "New events kept ready" },
  { name: "checkPointAfterMilliseconds", label: "Checkpoint after, ms" },
  { name: "minCheckPointCount", label: "Checkpoint after events, at least" },
  { name: "maxCheckPointCount", label: "Checkpoint after events, at most" },
];

const STRATEGIES: readonly (readonly [value: string, text: string])[] = [
  ["RoundRobin", "one after the other"],
  ["DispatchToSingle", "all to one while it keeps up"],
  ["Pinned", "each stream always to the same"],
];

/** Fields for all settings of a group. */
export function SettingsFields(
  { settings }: { readonly settings: RequestedSettings },
): Html {
  const values = new Map<string, string | number | boolean>(
    infoMembersOf(settings),
  );
  const numbers = (fields: readonly SettingField[]): Content =>
    fields.map(({ name, label, help }) => (
      <Field label={label} help={help}>
        <input
          name={name}
          type="number"
          value={String(values.get(name))}
          required
        />
      </Field>
    ));
  const box = (name: string, label: string): Html => (
    <label class="field row">
      <input
        type="checkbox"
        name={name}
        value="true"
        checked={values.get(name) === true}
      />
      <span>{label}</span>
    </label>
  );
  const text = (name: string, label: string, help: string): Html => (
    <Field label={label} help={help}>
      <input
        name={name}
        value={String(values.get(name) ?? "")}
        spellcheck={false}
      />
    </Field>
  );
  return (
    <>
      <div class="columns">
        {numbers(NUMBERS)}
        <Field label="Among consumers">
          <select name="namedConsumerStrategy">
            {STRATEGIES.map(([value, words]) => (
              <option
                value={value}
                selected={values.get("namedConsumerStrategy") === value}
              >
                {words}
              </option>
            ))}
          </select>
        </Field>
      </div>
      {box("resolveLinktos", "Deliver the events that links point at")}
      {box("extraStatistics", "Measure more than is needed")}
      <details class="more">
        <summary>Filter and buffers</summary>
        <div class="columns">
          {text("filterType", "Only these types", "Order*,Payment*")}
          {text("filterStream", "Only these streams", "order-*")}
          {numbers(FINE_NUMBERS)}
        </div>
      </details>
    </>
  );
}
