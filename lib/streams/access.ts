/**
 * Who may do what with a stream (spec: streams §10).
 *
 * A right comes from the first that names it: the stream's own `$acl`, the
 * defaults in the stream `$settings`, what holds without either.
 *
 * @module
 */

import type { RecordedEvent } from "../model/event.ts";
import type { EventStore, StreamState } from "../model/event_store.ts";
import { isSystemList } from "../model/lists.ts";
import { ROLE_ADMINS, ROLE_ALL } from "../model/principal.ts";
import {
  type AccessControlList,
  decodeAccessControlList,
  isSoftDeleted,
} from "../model/stream_metadata.ts";
import {
  isMetastream,
  isSystemStream,
  originalOfMetastream,
} from "../model/stream_names.ts";
import type { Caller } from "./outcomes.ts";

/** What a caller wants to do with a stream itself. */
export type StreamAction = "read" | "write" | "delete";

/** What a reader may see; `public` says that everybody may. */
export type ReadAccess = "denied" | "private" | "public";

/** Stream whose last event holds the default access lists. */
export const SETTINGS_STREAM = "$settings";

/** Name under which the whole log is read. */
export const ALL_STREAM = "$all";

type RoleList = readonly string[];

interface DefaultAcls {
  readonly ofUserStreams: AccessControlList;
  readonly ofSystemStreams: AccessControlList;
}

const EVERYBODY: RoleList = [ROLE_ALL];
const ADMINS: RoleList = [ROLE_ADMINS];
const NO_DEFAULTS: DefaultAcls = { ofUserStreams: {}, ofSystemStreams: {} };

/** System lists are read by everybody until somebody says otherwise. */
const SYSTEM_LIST_ACL: AccessControlList = {
  read: EVERYBODY,
  metadataRead: EVERYBODY,
};

const ON_METASTREAM = {
  read: "metadataRead",
  write: "metadataWrite",
} as const;

/** Decides on rights by what the store holds. */
export class StreamAccess {
  readonly #store: EventStore;
  #settings: StreamState | undefined;
  #defaults = NO_DEFAULTS;

  constructor(store: EventStore) {
    this.#store = store;
  }

  /**
   * What the caller may see of a stream.
   *
   * @param state What the store says of that very stream.
   */
  async readAccess(
    caller: Caller,
    streamName: string,
    state: StreamState,
  ): Promise<ReadAccess> {
    const roles = await this.#rolesFor("read", streamName, state);
    if (roles === undefined) return "denied";
    if (roles.includes(ROLE_ALL)) return "public";
    return holdsRole(caller, roles) ? "private" : "denied";
  }

  /**
   * Whether the caller may write or delete a stream.
   *
   * @param state What the store says of that very stream.
   */
  async mayChange(
    caller: Caller,
    action: "write" | "delete",
    streamName: string,
    state: StreamState,
  ): Promise<boolean> {
    if (caller?.isReadOnly) return false;
    const roles = await this.#rolesFor(action, streamName, state);
    if (roles === undefined) return false;
    return roles.includes(ROLE_ALL) || holdsRole(caller, roles);
  }

  /** Roles that may; undefined when nobody may, not even admins. */
  async #rolesFor(
    action: StreamAction,
    streamName: string,
    state: StreamState,
  ): Promise<RoleList | undefined> {
    if (!isSystemStream(streamName)) {
      return state.metadata.acl?.[action] ??
        (await this.#readDefaults()).ofUserStreams[action] ?? EVERYBODY;
    }
    if (isMetastream(streamName)) {
      if (action === "delete") return undefined;
      const described = originalOfMetastream(streamName);
      const describedState = await this.#store.readState(described);
      const right = ON_METASTREAM[action];
      return await this.#entryOf(right, described, describedState);
    }
    if (streamName === ALL_STREAM && action !== "read") return undefined;
    return await this.#entryOf(action, streamName, state);
  }

  async #entryOf(
    right: keyof AccessControlList,
    streamName: string,
    state: StreamState,
  ): Promise<RoleList> {
    const own = state.metadata.acl?.[right];
    if (own !== undefined) return own;
    if (state.metadataNumber < 0 && isSystemList(streamName)) {
      const ofList = SYSTEM_LIST_ACL[right];
      if (ofList !== undefined) return ofList;
    }
    const { ofUserStreams, ofSystemStreams } = await this.#readDefaults();
    return isSystemStream(streamName)
      ? ofSystemStreams[right] ?? ADMINS
      : ofUserStreams[right] ?? EVERYBODY;
  }

  /** The defaults are decoded again only when `$settings` has changed. */
  async #readDefaults(): Promise<DefaultAcls> {
    const settings = await this.#store.readState(SETTINGS_STREAM);
    const known = this.#settings;
    const isKnown = known !== undefined && known.head === settings.head &&
      known.metadataNumber === settings.metadataNumber &&
      known.isTombstoned === settings.isTombstoned;
    if (isKnown) return this.#defaults;
    const isHidden = settings.head < 0 || settings.isTombstoned ||
      isSoftDeleted(settings.metadata);
    const last = isHidden
      ? undefined
      : await this.#store.readEvent(SETTINGS_STREAM, settings.head);
    this.#defaults = last === undefined
      ? NO_DEFAULTS
      : decodeDefaults(last.event);
    this.#settings = settings;
    return this.#defaults;
  }
}

function holdsRole(caller: Caller, roles: RoleList): boolean {
  if (caller === undefined) return false;
  return caller.roles.has(ROLE_ADMINS) ||
    roles.some((role) => caller.roles.has(role));
}

const UTF8 = new TextDecoder();

/** One entry of a wrong shape makes all of the settings count as empty. */
function decodeDefaults(event: RecordedEvent): DefaultAcls {
  let document: unknown;
  try {
    document = JSON.parse(UTF8.decode(event.data));
  } catch {
    return NO_DEFAULTS;
  }
  if (typeof document !== "object" || document === null) return NO_DEFAULTS;
  const settings: { $userStreamAcl?: unknown; $systemStreamAcl?: unknown } =
    document;
  const ofUserStreams = decodeAccessControlList(settings.$userStreamAcl ?? {});
  const ofSystemStreams = decodeAccessControlList(
    settings.$systemStreamAcl ?? {},
  );
  if (ofUserStreams === undefined || ofSystemStreams === undefined) {
    return NO_DEFAULTS;
  }
  return { ofUserStreams, ofSystemStreams };
}
