/**
 * Who may do what with a stream (spec: streams §10).
 *
 * A right comes from the first that names it: the stream's own `$acl`, the
 * defaults in the stream `$settings`, what holds without either.
 *
 * @module
 */

import type { RecordedEvent } from "../model/event.ts";
import type { EventStore, StreamState } from "../store/event_store.ts";
import { isSystemList } from "../model/lists.ts";
import { isUnnarrowed, ROLE_ADMINS, ROLE_ALL } from "../model/principal.ts";
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
import { decodeJsonText } from "../text/utf8.ts";

/** An action on a stream itself. */
export type StreamAction = "read" | "write" | "delete";

/** A reader's access; `public`: everybody may read. */
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
/** Not even admins; an access list that is empty is another one. */
const NOBODY: RoleList = [];
const NO_DEFAULTS: DefaultAcls = { ofUserStreams: {}, ofSystemStreams: {} };

const ON_METASTREAM = {
  read: "metadataRead",
  write: "metadataWrite",
} as const;

/**
 * The state by which a feed that waits for its first event is judged: as if it
 * were there already, since the feed shows nothing before.
 */
export function stateOnceBegun(state: StreamState): StreamState {
  return state.head >= 0 ? state : { ...state, head: 0 };
}

/** Actions allowed without a login on a stream without an access list. */
export async function readAnonymousRights(
  store: EventStore,
  newStreamName: string,
): Promise<{ readonly reads: boolean; readonly writes: boolean }> {
  const access = new StreamAccess(store);
  const state = await store.readState(newStreamName);
  const read = await access.readAccess(undefined, newStreamName, state);
  const writes = await access.mayChange(
    undefined,
    "write",
    newStreamName,
    state,
  );
  return { reads: read !== "denied", writes };
}

/** Decides on rights by what the store holds. */
export class StreamAccess {
  readonly #store: EventStore;
  #settings: StreamState | undefined;
  #defaults = NO_DEFAULTS;

  constructor(store: EventStore) {
    this.#store = store;
  }

  /**
   * The caller's access to a stream.
   *
   * @param state What the store says of that very stream.
   */
  async readAccess(
    caller: Caller,
    streamName: string,
    state: StreamState,
  ): Promise<ReadAccess> {
    return this.peekReadAccess(caller, streamName, state) ??
      readAccessOf(caller, await this.#readRoles("read", streamName, state));
  }

  /** As `readAccess`, if that is known without waiting. */
  peekReadAccess(
    caller: Caller,
    streamName: string,
    state: StreamState,
  ): ReadAccess | undefined {
    const roles = this.#peekRoles("read", streamName, state);
    return roles === undefined ? undefined : readAccessOf(caller, roles);
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
    return this.peekMayChange(caller, action, streamName, state) ??
      holdsOne(caller, await this.#readRoles(action, streamName, state));
  }

  /** As `mayChange`, if that is known without waiting. */
  peekMayChange(
    caller: Caller,
    action: "write" | "delete",
    streamName: string,
    state: StreamState,
  ): boolean | undefined {
    if (caller !== undefined && !isUnnarrowed(caller)) {
      const isAllowed = action === "write" && !caller.isReadOnly &&
        caller.scopes?.has("append") && !isSystemStream(streamName);
      if (!isAllowed) return false;
    }
    const roles = this.#peekRoles(action, streamName, state);
    return roles === undefined ? undefined : holdsOne(caller, roles);
  }

  async #readRoles(
    action: StreamAction,
    streamName: string,
    state: StreamState,
  ): Promise<RoleList> {
    const deciding = isMetastream(streamName)
      ? await this.#store.readState(originalOfMetastream(streamName))
      : state;
    const defaults = await this.#readDefaults();
    return rolesOf(action, streamName, { state: deciding, defaults });
  }

  /** As `#readRoles`, if nothing has to be waited for. */
  #peekRoles(
    action: StreamAction,
    streamName: string,
    state: StreamState,
  ): RoleList | undefined {
    const deciding = isMetastream(streamName)
      ? this.#store.local?.peekState(originalOfMetastream(streamName))
      : state;
    if (deciding === undefined) return undefined;
    const defaults = this.#peekDefaults();
    return defaults &&
      rolesOf(action, streamName, { state: deciding, defaults });
  }

  /** The defaults are decoded again only when `$settings` has changed. */
  async #readDefaults(): Promise<DefaultAcls> {
    const settings = await this.#store.readState(SETTINGS_STREAM);
    if (this.#isKnown(settings)) return this.#defaults;
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

  /** The defaults, if `$settings` is as it was when they were decoded. */
  #peekDefaults(): DefaultAcls | undefined {
    const settings = this.#store.local?.peekState(SETTINGS_STREAM);
    return settings !== undefined && this.#isKnown(settings)
      ? this.#defaults
      : undefined;
  }

  #isKnown(settings: StreamState): boolean {
    const known = this.#settings;
    return known !== undefined && known.head === settings.head &&
      known.metadataNumber === settings.metadataNumber &&
      known.isTombstoned === settings.isTombstoned;
  }
}

/**
 * Roles that have a right; none: nobody has it, not even admins.
 *
 * @param by What decides: the state of the stream, or of the one that a
 * metastream describes, and the defaults.
 */
function rolesOf(
  action: StreamAction,
  streamName: string,
  by: { readonly state: StreamState; readonly defaults: DefaultAcls },
): RoleList {
  if (!isSystemStream(streamName)) {
    return by.state.metadata.acl?.[action] ??
      by.defaults.ofUserStreams[action] ?? EVERYBODY;
  }
  if (isMetastream(streamName)) {
    const described = originalOfMetastream(streamName);
    // Metadata has no metadata: `$$$$x` is nobody's, as there.
    if (action === "delete" || isMetastream(described)) return NOBODY;
    return entryOf(ON_METASTREAM[action], described, by);
  }
  if (streamName === ALL_STREAM && action !== "read") return NOBODY;
  return entryOf(action, streamName, by);
}

function entryOf(
  right: keyof AccessControlList,
  streamName: string,
  { state, defaults }: {
    readonly state: StreamState;
    readonly defaults: DefaultAcls;
  },
): RoleList {
  const own = state.metadata.acl?.[right];
  if (own !== undefined) return own;
  if (isReadAsUserStream(right, streamName, state)) {
    return defaults.ofUserStreams[right] ?? EVERYBODY;
  }
  return isSystemStream(streamName)
    ? defaults.ofSystemStreams[right] ?? ADMINS
    : defaults.ofUserStreams[right] ?? EVERYBODY;
}

/**
 * Whether a right is that of ordinary streams though the name is of the system:
 * to read a system list, since it shows each reader only what they may read
 * anyway. One that holds nothing is like any system stream that is not there.
 */
function isReadAsUserStream(
  right: keyof AccessControlList,
  streamName: string,
  { metadata, head }: StreamState,
): boolean {
  return (right === "read" || right === "metadataRead") &&
    metadata.acl === undefined && head >= 0 && isSystemList(streamName);
}

/** Whether the caller is among those that may. */
function holdsOne(caller: Caller, roles: RoleList): boolean {
  return roles !== NOBODY &&
    (roles.includes(ROLE_ALL) || holdsRole(caller, roles));
}

function readAccessOf(caller: Caller, roles: RoleList): ReadAccess {
  if (roles === NOBODY) return "denied";
  if (roles.includes(ROLE_ALL)) return "public";
  return holdsRole(caller, roles) ? "private" : "denied";
}

/** Whether no access list keeps the caller from reading: `$admins`. */
export function readsEverything(caller: Caller): boolean {
  return caller !== undefined && caller.roles.has(ROLE_ADMINS);
}

function holdsRole(caller: Caller, roles: RoleList): boolean {
  if (caller === undefined) return false;
  return readsEverything(caller) ||
    roles.some((role) => caller.roles.has(role));
}

/** One entry of a wrong shape makes all of the settings count as empty. */
function decodeDefaults(event: RecordedEvent): DefaultAcls {
  let document: unknown;
  try {
    document = JSON.parse(decodeJsonText(event.data));
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

/** The state that rights are decided by. */
interface RightsContext {
  readonly store: EventStore;
  readonly access: StreamAccess;
}

/**
 * Which streams one reader may read, for one page or one wait: what was decided
 * once holds until it is over, so that a page is not judged by two rules.
 */
export class Readability {
  readonly #context: RightsContext;
  readonly #caller: Caller;
  readonly #readsEverything: boolean;
  readonly #known = new Map<string, boolean>();
  #isPublic: boolean;

  /** @param access What the reader may see of what the page is read from. */
  constructor(context: RightsContext, caller: Caller, access: ReadAccess) {
    this.#context = context;
    this.#caller = caller;
    this.#readsEverything = readsEverything(caller);
    this.#isPublic = access === "public";
  }

  /** Whether everybody may read that, and every stream asked for so far. */
  get isPublic(): boolean {
    return this.#isPublic;
  }

  /** Whether the reader may read a stream or a system list. */
  async mayRead(streamName: string): Promise<boolean> {
    const known = this.peek(streamName);
    if (known !== undefined) return known;
    const { store, access } = this.#context;
    const state = await store.readState(streamName);
    return this.#learn(
      streamName,
      await access.readAccess(this.#caller, streamName, state),
    );
  }

  /** As `mayRead`, if that is known without waiting. */
  peek(streamName: string): boolean | undefined {
    // Nothing is left to find out.
    if (this.#readsEverything && !this.#isPublic) return true;
    const known = this.#known.get(streamName);
    if (known !== undefined) return known;
    const { store, access } = this.#context;
    const state = store.local?.peekState(streamName);
    const granted = state &&
      access.peekReadAccess(this.#caller, streamName, state);
    return granted && this.#learn(streamName, granted);
  }

  #learn(streamName: string, granted: ReadAccess): boolean {
    if (granted !== "public") this.#isPublic = false;
    const mayRead = granted !== "denied";
    this.#known.set(streamName, mayRead);
    return mayRead;
  }
}
