/**
 * What a server keeps besides events: users, persistent subscriptions and
 * projections, asked for at the source and made at the destination. Whatever is
 * there already stays, but for the settings and the place of a subscription.
 *
 * @module
 */

import { ClientError } from "../client/errors.ts";
import type { Projections } from "../client/projections.ts";
import type { Subscriptions } from "../client/subscriptions.ts";
import type { Transport } from "../client/transport.ts";
import type { Users } from "../client/users.ts";
import { encodePathSegment } from "../text/path_segment.ts";

/** The interfaces of one server. */
export interface ServerSettings {
  readonly transport: Transport;
  readonly users: Users;
  readonly subscriptions: Subscriptions;
  readonly projections: Projections;
}

/** What was made. */
export interface SettingsReport {
  /** Users that were made, with the passwords that they have now. */
  readonly users: readonly { login: string; password: string }[];
  readonly subscriptionCount: number;
  readonly projectionCount: number;
  /** What could not be done, or is to be known, in words. */
  readonly notes: readonly string[];
}

/** Copies all of it; what one of them is refused for is noted. */
export async function copySettings(
  source: ServerSettings,
  destination: ServerSettings,
  newPassword: () => string,
): Promise<SettingsReport> {
  const notes: string[] = [];
  const users = await noting(
    notes,
    "users",
    [],
    () => copyUsers({ source, destination, notes, newPassword }),
  );
  const subscriptionCount = await noting(
    notes,
    "subscriptions",
    0,
    () => copySubscriptions(source, destination, notes),
  );
  const projectionCount = await noting(
    notes,
    "projections",
    0,
    () => copyProjections(source, destination, notes),
  );
  return { users, subscriptionCount, projectionCount, notes };
}

async function noting<Result>(
  notes: string[],
  what: string,
  otherwise: Result,
  copy: () => Promise<Result>,
): Promise<Result> {
  try {
    return await copy();
  } catch (error) {
    if (!(error instanceof ClientError) || error.code === "aborted") {
      throw error;
    }
    notes.push(`No ${what} were copied: ${error.message}`);
    return otherwise;
  }
}

async function copyUsers(
  { source, destination, notes, newPassword }: {
    readonly source: ServerSettings;
    readonly destination: ServerSettings;
    readonly notes: string[];
    readonly newPassword: () => string;
  },
): Promise<{ login: string; password: string }[]> {
  const there = new Set(
    (await destination.users.list()).map(({ login }) => login),
  );
  const made: { login: string; password: string }[] = [];
  for (const user of await source.users.list()) {
    const { login, fullName, groups, isDisabled } = user;
    if (there.has(login)) continue;
    const password = newPassword();
    try {
      await destination.users.add({ login, fullName, groups, password });
      made.push({ login, password });
      if (isDisabled) await destination.users.disable(login);
    } catch (error) {
      note(notes, `User ${JSON.stringify(login)}`, error);
    }
  }
  return made;
}

async function copySubscriptions(
  source: ServerSettings,
  destination: ServerSettings,
  notes: string[],
): Promise<number> {
  let count = 0;
  for (const summary of await source.subscriptions.list()) {
    const group = {
      streamName: String(summary["eventStreamId"]),
      groupName: String(summary["groupName"]),
    };
    const named = `Subscription ${JSON.stringify(group.groupName)} of ` +
      JSON.stringify(group.streamName);
    try {
      const info = await source.subscriptions.info(group);
      const { preferRoundRobin: _, ...config } = Object(info["config"]);
      const done = await readCheckpoint(source.transport, group);
      const settings = done === undefined
        ? config
        : { ...config, startFrom: done + 1 };
      await destination.subscriptions.create(group, settings)
        .catch((error: unknown) => {
          if (codeOf(error) !== "alreadyExists") throw error;
          return destination.subscriptions.update(group, settings);
        });
      count++;
    } catch (error) {
      note(notes, named, error);
    }
  }
  return count;
}

/** Number of the last event that a group is done with; undefined: none is. */
async function readCheckpoint(
  transport: Transport,
  { streamName, groupName }: { streamName: string; groupName: string },
): Promise<number | undefined> {
  const name = `$persistentsubscription-${streamName}::${groupName}-checkpoint`;
  try {
    const { text } = await transport.send({
      path: `/streams/${encodePathSegment(name)}/head`,
      headers: { Accept: "application/json" },
    });
    const done = Number(text);
    return text !== "" && Number.isSafeInteger(done) ? done : undefined;
  } catch (error) {
    if (codeOf(error) === "notFound" || codeOf(error) === "deleted") {
      return undefined;
    }
    throw error;
  }
}

async function copyProjections(
  source: ServerSettings,
  destination: ServerSettings,
  notes: string[],
): Promise<number> {
  let count = 0;
  for (const { name, mode } of await source.projections.list()) {
    const isStandard = typeof name !== "string" || name.startsWith("$");
    if (isStandard || mode === "Transient") continue;
    try {
      const query = await source.projections.query(name);
      const config = await readConfig(source.transport, name);
      const { emitEnabled, trackEmittedStreams } = config;
      await destination.projections.create({
        name,
        query,
        mode: mode === "OneTime" ? "onetime" : "continuous",
        checkpoints: mode === "OneTime" ? true : undefined,
        emit: emitEnabled === true,
        trackEmittedStreams: trackEmittedStreams === true,
        isEnabled: false,
      });
      count++;
    } catch (error) {
      if (codeOf(error) === "alreadyExists") continue;
      note(notes, `Projection ${JSON.stringify(name)}`, error);
    }
  }
  return count;
}

async function readConfig(
  transport: Transport,
  name: string,
): Promise<Readonly<Record<string, unknown>>> {
  const { text } = await transport.send({
    path: `/projection/${encodePathSegment(name)}/config`,
    headers: { Accept: "application/json" },
  });
  return Object(JSON.parse(text));
}

function codeOf(error: unknown): string | undefined {
  return error instanceof ClientError ? error.code : undefined;
}

function note(notes: string[], what: string, error: unknown): void {
  if (!(error instanceof ClientError) || error.code === "aborted") throw error;
  notes.push(`${what} was not copied: ${error.message}`);
}
