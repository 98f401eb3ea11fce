/**
 * Users in the store's own streams (spec: users §1, "Storage facts"):
 *
 *   $user-<login>                   $UserCreated, then $UserUpdated: the last counts
 *   $users                          one $User event for each creation
 *   $users-password-notifications   $PasswordChanged, kept for an hour
 *
 * A user exists while the last event of its stream is visible. What is no
 * user's event counts as no user: only administrators can write it.
 *
 * @module
 */

import type { KnownLogins } from "./known_logins.ts";
import { decodeUser, encodeUser, isFitLogin } from "./user_record.ts";
import type { UserEventType, UserFields } from "./user_record.ts";
import { streamOfUser } from "./user_streams.ts";
import type { ProposedEvent } from "../model/event.ts";
import type { AppendResult, EventStore } from "../store/event_store.ts";
import { LIMITS } from "../model/limits.ts";
import {
  firstVisibleNumber,
  isSoftDeleted,
  METADATA_EVENT_TYPE,
} from "../model/stream_metadata.ts";
import { metastreamOf } from "../model/stream_names.ts";
import { decodeUtf8Leniently } from "../text/utf8.ts";

/** A user as it is stored. */
export interface StoredUser extends UserFields {
  readonly login: string;
  /** Number of the event that says so. */
  readonly eventNumber: number;
  /** First event number of this user; earlier ones were another's. */
  readonly firstEventNumber: number;
  /** Time of that event. */
  readonly updatedAtUs: number;
}

/** A user's place in the store, taken or not. */
export interface UserSlot {
  /** Number of the stream's last event, -1 for none. */
  readonly head: number;
  /** Whether the stream has the users' access list. */
  readonly hasAccessList: boolean;
  /** `undefined` when there is no such user. */
  readonly user: StoredUser | undefined;
}

/** Reads and writes users. `createUserRepository` makes it. */
export interface UserRepository {
  readSlot(login: string): Promise<UserSlot>;
  /** `undefined` when there is no such user. */
  read(login: string): Promise<StoredUser | undefined>;
  /**
   * Every user that has a record, however it was written, by login in UTF-16
   * order; the first `LIMITS.usersMax`.
   */
  readAll(): Promise<readonly StoredUser[]>;
  /** Writes a user into a free slot, and into the list of users. */
  create(
    login: string,
    creation: { readonly slot: UserSlot; readonly fields: UserFields },
  ): Promise<AppendResult["kind"]>;
  /** Writes what the user is from now on, if it is still what was read. */
  update(
    user: StoredUser,
    changes: Partial<UserFields>,
  ): Promise<AppendResult["kind"]>;
  /** Deletes the user, if it is still what was read. */
  delete(user: StoredUser): Promise<"done" | "conflict" | "deleted">;
  /** Enters a user into the list of users when it is missing there. */
  ensureListed(login: string): Promise<void>;
  /** Tells other readers of the store that a password no longer holds. */
  notifyPasswordChanged(login: string): Promise<void>;
}

const LIST_STREAM = "$users";
const NOTIFICATION_STREAM = "$users-password-notifications";

const USER_METADATA = JSON.stringify({
  $acl: { $w: "$admins", $d: "$admins", $mw: "$admins" },
});
const NOTIFICATION_METADATA = JSON.stringify({ $maxAge: 3600 });

const FREE_SLOT: UserSlot = { head: -1, hasAccessList: false, user: undefined };

/** What writing to the store takes. */
export interface RepositoryOptions {
  readonly store: EventStore;
  readonly newEventId: () => string;
}

/** Makes the repository of a store's users. */
export function createUserRepository(
  { store, newEventId, logins }: RepositoryOptions & {
    readonly logins: Pick<KnownLogins, "sorted">;
  },
): UserRepository {
  async function readSlot(login: string): Promise<UserSlot> {
    if (!isFitLogin(login)) return FREE_SLOT;
    const streamName = streamOfUser(login);
    const state = await store.readState(streamName);
    const { head, metadata } = state;
    const hasAccessList = metadata.acl !== undefined;
    const free: UserSlot = { head, hasAccessList, user: undefined };
    const firstEventNumber = firstVisibleNumber(metadata, head);
    const isAbsent = head < firstEventNumber || state.isTombstoned ||
      isSoftDeleted(metadata);
    if (isAbsent) return free;
    const entry = await store.readEvent(streamName, head);
    const fields = entry && decodeUser(entry.event);
    if (entry === undefined || fields === undefined) return free;
    const user: StoredUser = {
      ...fields,
      login,
      eventNumber: head,
      firstEventNumber,
      updatedAtUs: entry.event.createdAtUs,
    };
    return { head, hasAccessList, user };
  }

  async function readListedLogins(): Promise<Set<string>> {
    const { head, metadata } = await store.readState(LIST_STREAM);
    const logins = new Set<string>();
    let from: number = firstVisibleNumber(metadata, head);
    while (from <= head) {
      const { entries, continueFrom } = await store.readStream({
        streamName: LIST_STREAM,
        from,
        count: LIMITS.pageEventsMax,
        direction: "forward",
        withBodies: true,
      });
      for (const { event } of entries) {
        if (event.eventType === "$User") {
          logins.add(decodeUtf8Leniently(event.data));
        }
      }
      from = continueFrom ?? from + LIMITS.pageEventsMax;
    }
    return logins;
  }

  async function appendTo(
    streamName: string,
    event: Omit<ProposedEvent, "eventId" | "metadata">,
    expectedVersion: number | "any" | "noStream" = "any",
  ): Promise<AppendResult["kind"]> {
    const events = [{ ...event, eventId: newEventId(), metadata: "" }];
    return (await store.append({ streamName, expectedVersion, events })).kind;
  }

  function appendUser(
    login: string,
    { eventType, fields, head }: {
      readonly eventType: UserEventType;
      readonly fields: UserFields;
      readonly head: number;
    },
  ): Promise<AppendResult["kind"]> {
    const data = encodeUser(login, fields);
    const expectedVersion = head < 0 ? "noStream" : head;
    return appendTo(
      streamOfUser(login),
      { eventType, isJson: true, data },
      expectedVersion,
    );
  }

  async function appendMetadata(
    streamName: string,
    data: string,
  ): Promise<void> {
    const eventType = METADATA_EVENT_TYPE;
    await appendTo(metastreamOf(streamName), { eventType, isJson: true, data });
  }

  async function list(login: string): Promise<void> {
    await appendTo(LIST_STREAM, {
      eventType: "$User",
      isJson: false,
      data: login,
    });
  }

  return {
    readSlot,

    async read(login) {
      return (await readSlot(login)).user;
    },

    async readAll() {
      const users: StoredUser[] = [];
      for (const login of await logins.sorted()) {
        if (users.length === LIMITS.usersMax) break;
        const { user } = await readSlot(login);
        if (user !== undefined) users.push(user);
      }
      return users;
    },

    async create(login, { slot, fields }) {
      // The access list comes first: a user must never be without it.
      if (!slot.hasAccessList) {
        await appendMetadata(streamOfUser(login), USER_METADATA);
      }
      const kind = await appendUser(login, {
        eventType: "$UserCreated",
        fields,
        head: slot.head,
      });
      if (kind === "appended") await list(login);
      return kind;
    },

    update(user, changes) {
      return appendUser(user.login, {
        eventType: "$UserUpdated",
        fields: { ...user, ...changes },
        head: user.eventNumber,
      });
    },

    async delete(user) {
      const { kind } = await store.deleteStream({
        streamName: streamOfUser(user.login),
        expectedVersion: user.eventNumber,
        mode: "soft",
      });
      return kind;
    },

    async ensureListed(login) {
      const logins = await readListedLogins();
      if (!logins.has(login)) await list(login);
    },

    async notifyPasswordChanged(login) {
      const { metadataNumber } = await store.readState(NOTIFICATION_STREAM);
      if (metadataNumber < 0) {
        await appendMetadata(NOTIFICATION_STREAM, NOTIFICATION_METADATA);
      }
      await appendTo(NOTIFICATION_STREAM, {
        eventType: "$PasswordChanged",
        isJson: true,
        data: JSON.stringify({ loginName: login }, null, 2),
      });
    },
  };
}
