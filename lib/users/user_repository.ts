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

import {
  decodeUser,
  encodeUser,
  streamOfUser,
  USER_STREAM_PREFIX,
  type UserEventType,
  type UserFields,
} from "./user_record.ts";
import { isFitLogin } from "./user_rules.ts";
import type { ProposedEvent } from "../model/event.ts";
import type { AppendResult, EventStore } from "../store/event_store.ts";
import { LIMITS } from "../model/limits.ts";
import {
  firstVisibleNumber,
  isSoftDeleted,
  METADATA_EVENT_TYPE,
} from "../model/stream_metadata.ts";
import type { Principal } from "../model/principal.ts";
import { isSystemStream, metastreamOf } from "../model/stream_names.ts";
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

/**
 * A stored user as the principal of its requests. Roles are the user's groups
 * and the login itself (spec: users §1.2).
 */
export function principalOf({ login, groups }: StoredUser): Principal {
  const roles = new Set(groups);
  roles.add(login);
  return { login, roles, isReadOnly: false };
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

const LIST_STREAM = "$users";
const NOTIFICATION_STREAM = "$users-password-notifications";

const USER_METADATA = JSON.stringify({
  $acl: { $w: "$admins", $d: "$admins", $mw: "$admins" },
});
const NOTIFICATION_METADATA = JSON.stringify({ $maxAge: 3600 });

const FREE_SLOT: UserSlot = { head: -1, hasAccessList: false, user: undefined };

/** The parts that writing to the store needs. */
export interface RepositoryOptions {
  readonly store: EventStore;
  readonly newEventId: () => string;
}

/** Reads and writes the users of a store. */
export class UserRepository {
  readonly #store: EventStore;
  readonly #newEventId: () => string;
  readonly #logins: KnownLogins;

  constructor({ store, newEventId }: RepositoryOptions) {
    this.#store = store;
    this.#newEventId = newEventId;
    this.#logins = new KnownLogins(store);
  }

  /** Ends the watching of the store. */
  close(): void {
    this.#logins.close();
  }

  async readSlot(login: string): Promise<UserSlot> {
    if (!isFitLogin(login)) return FREE_SLOT;
    const streamName = streamOfUser(login);
    const state = await this.#store.readState(streamName);
    const { head, metadata } = state;
    const hasAccessList = metadata.acl !== undefined;
    const free: UserSlot = { head, hasAccessList, user: undefined };
    const firstEventNumber = firstVisibleNumber(metadata, head);
    const isAbsent = head < firstEventNumber || state.isTombstoned ||
      isSoftDeleted(metadata);
    if (isAbsent) return free;
    const entry = await this.#store.readEvent(streamName, head);
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

  /** `undefined` when there is no such user. */
  async read(login: string): Promise<StoredUser | undefined> {
    return (await this.readSlot(login)).user;
  }

  /**
   * Every user that has a record, however it was written, by login in UTF-16
   * order; the first `LIMITS.usersMax`.
   */
  async readAll(): Promise<readonly StoredUser[]> {
    const users: StoredUser[] = [];
    for (const login of await this.#logins.sorted()) {
      if (users.length === LIMITS.usersMax) break;
      const user = await this.read(login);
      if (user !== undefined) users.push(user);
    }
    return users;
  }

  /** Writes a user into a free slot, and into the list of users. */
  async create(
    login: string,
    { slot, fields }: { readonly slot: UserSlot; readonly fields: UserFields },
  ): Promise<AppendResult["kind"]> {
    // The access list comes first: a user must never be without it.
    if (!slot.hasAccessList) {
      await this.#appendMetadata(streamOfUser(login), USER_METADATA);
    }
    const kind = await this.#appendUser(login, {
      eventType: "$UserCreated",
      fields,
      head: slot.head,
    });
    if (kind === "appended") await this.#list(login);
    return kind;
  }

  /** Writes what the user is from now on, if it is still what was read. */
  update(
    user: StoredUser,
    changes: Partial<UserFields>,
  ): Promise<AppendResult["kind"]> {
    return this.#appendUser(user.login, {
      eventType: "$UserUpdated",
      fields: { ...user, ...changes },
      head: user.eventNumber,
    });
  }

  /** Deletes the user, if it is still what was read. */
  async delete(user: StoredUser): Promise<"done" | "conflict" | "deleted"> {
    const { kind } = await this.#store.deleteStream({
      streamName: streamOfUser(user.login),
      expectedVersion: user.eventNumber,
      mode: "soft",
    });
    return kind;
  }

  /** Enters a user into the list of users when it is missing there. */
  async ensureListed(login: string): Promise<void> {
    const logins = await this.#readListedLogins();
    if (!logins.has(login)) await this.#list(login);
  }

  /** Tells other readers of the store that a password no longer holds. */
  async notifyPasswordChanged(login: string): Promise<void> {
    const { metadataNumber } = await this.#store.readState(NOTIFICATION_STREAM);
    if (metadataNumber < 0) {
      await this.#appendMetadata(NOTIFICATION_STREAM, NOTIFICATION_METADATA);
    }
    await this.#append(NOTIFICATION_STREAM, {
      eventType: "$PasswordChanged",
      isJson: true,
      data: JSON.stringify({ loginName: login }, null, 2),
    });
  }

  async #readListedLogins(): Promise<Set<string>> {
    const { head, metadata } = await this.#store.readState(LIST_STREAM);
    const logins = new Set<string>();
    let from: number = firstVisibleNumber(metadata, head);
    while (from <= head) {
      const { entries, continueFrom } = await this.#store.readStream({
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

  #appendUser(
    login: string,
    { eventType, fields, head }: {
      readonly eventType: UserEventType;
      readonly fields: UserFields;
      readonly head: number;
    },
  ): Promise<AppendResult["kind"]> {
    const data = encodeUser(login, fields);
    const expectedVersion = head < 0 ? "noStream" : head;
    const event = { eventType, isJson: true, data };
    return this.#append(streamOfUser(login), event, expectedVersion);
  }

  async #appendMetadata(streamName: string, data: string): Promise<void> {
    const event = { eventType: METADATA_EVENT_TYPE, isJson: true, data };
    await this.#append(metastreamOf(streamName), event);
  }

  async #list(login: string): Promise<void> {
    const event = { eventType: "$User", isJson: false, data: login };
    await this.#append(LIST_STREAM, event);
  }

  async #append(
    streamName: string,
    event: Omit<ProposedEvent, "eventId" | "metadata">,
    expectedVersion: number | "any" | "noStream" = "any",
  ): Promise<AppendResult["kind"]> {
    const events = [{ ...event, eventId: this.#newEventId(), metadata: "" }];
    const append = { streamName, expectedVersion, events };
    return (await this.#store.append(append)).kind;
  }
}

/**
 * Every login that the store may hold a user of: the streams `$user-<login>`,
 * however they were written. The streams are looked for once, when somebody
 * first asks, and watched from then on.
 */
class KnownLogins {
  readonly #store: Pick<EventStore, "barrier" | "listNames" | "watch">;
  #logins: Promise<Set<string>> | undefined;
  #stopWatching = () => {};

  constructor(store: Pick<EventStore, "barrier" | "listNames" | "watch">) {
    this.#store = store;
  }

  /**
   * All of them, in UTF-16 order; deleted users are among them.
   *
   * @throws {QuipuError} As `EventStore.listNames` does.
   */
  async sorted(): Promise<readonly string[]> {
    try {
      // Watched commits may come late: a name that was just given counts.
      await this.#store.barrier?.();
      return [...await (this.#logins ??= this.#find())].sort();
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Ends the watching. */
  close(): void {
    this.#stopWatching();
    this.#logins = undefined;
  }

  async #find(): Promise<Set<string>> {
    const logins = new Set<string>();
    const add = (streamName: string) => {
      if (!streamName.startsWith(USER_STREAM_PREFIX)) return;
      logins.add(streamName.slice(USER_STREAM_PREFIX.length));
    };
    this.#stopWatching = this.#store.watch(
      (hints) => hints.forEach(({ streamName }) => add(streamName)),
      isSystemStream,
    );
    const limit = LIMITS.listedNamesMax;
    const request = { prefix: USER_STREAM_PREFIX, limit };
    let names = await this.#store.listNames("streams", request);
    while (names.length > 0) {
      names.forEach(add);
      if (names.length < limit) break;
      const after = names.at(-1) ?? "";
      names = await this.#store.listNames("streams", { ...request, after });
    }
    return logins;
  }
}
