/**
 * Bearer tokens as events. The stream `$tokens-<login>` holds `$TokenCreated`
 * and `$TokenRevoked`; the last event lists every token that the user has, and
 * the stream keeps only that one. Of a token's secret only the SHA-256 hash is
 * stored: the secret is random enough that nothing slower is needed.
 *
 * @module
 */

import type { TokenInfo } from "./contract.ts";
import type { RepositoryOptions } from "./user_repository.ts";
import { parseObject } from "./user_record.ts";
import {
  isSoftDeleted,
  METADATA_EVENT_TYPE,
} from "../model/stream_metadata.ts";
import { metastreamOf } from "../model/stream_names.ts";
import type {
  AppendResult,
  EventStore,
  StreamState,
} from "../store/event_store.ts";
import type { ExpectedVersion } from "../model/expected_version.ts";

/** A token as it is stored. */
export interface StoredToken extends TokenInfo {
  /** SHA-256 of the secret, base64. */
  readonly hash: string;
  /** Number of the user's last event when the token was made. */
  readonly userEventNumber: number;
}

/** A user's tokens as they were read. */
export interface StoredTokens {
  readonly login: string;
  /** Number of the stream's last event, -1 for none. */
  readonly head: number;
  readonly tokens: readonly StoredToken[];
}

/** The prefix of tokens' streams. */
export const TOKEN_STREAM_PREFIX = "$tokens-";

/** Type of the event that adds a token to those that are there. */
export const TOKEN_CREATED_TYPE = "$TokenCreated";

const METADATA = JSON.stringify({ $maxCount: 1 });

/** Reads and writes the tokens of a store. */
export class TokenRepository {
  readonly #store: EventStore;
  readonly #newEventId: () => string;

  constructor({ store, newEventId }: RepositoryOptions) {
    this.#store = store;
    this.#newEventId = newEventId;
  }

  async read(login: string): Promise<StoredTokens> {
    const streamName = TOKEN_STREAM_PREFIX + login;
    const state = await this.#store.readState(streamName);
    const { head } = state;
    const entry = isAbsent(state)
      ? undefined
      : await this.#store.readEvent(streamName, head);
    const tokens = entry && parseObject(entry.event.data)?.tokens;
    return {
      login,
      head,
      tokens: Array.isArray(tokens) ? tokens.filter(isStoredToken) : [],
    };
  }

  /**
   * Writes the tokens that the user has from now on.
   *
   * @returns Whether they still were what was read.
   */
  async write(
    { login, head }: StoredTokens,
    { eventType, tokens }: {
      readonly eventType: typeof TOKEN_CREATED_TYPE | "$TokenRevoked";
      readonly tokens: readonly StoredToken[];
    },
  ): Promise<boolean> {
    const streamName = TOKEN_STREAM_PREFIX + login;
    const { metadata } = await this.#store.readState(streamName);
    if (metadata.maxCount === undefined) {
      await this.#append(metastreamOf(streamName), {
        expectedVersion: "any",
        eventType: METADATA_EVENT_TYPE,
        data: METADATA,
      });
    }
    const kind = await this.#append(streamName, {
      expectedVersion: head < 0 ? "noStream" : head,
      eventType,
      data: JSON.stringify({ loginName: login, tokens }),
    });
    return kind === "appended";
  }

  /** Ends every token of the user. */
  async clear(login: string): Promise<void> {
    const streamName = TOKEN_STREAM_PREFIX + login;
    if (isAbsent(await this.#store.readState(streamName))) return;
    await this.#store.deleteStream({
      streamName,
      expectedVersion: "any",
      mode: "soft",
    });
  }

  async #append(
    streamName: string,
    { expectedVersion, eventType, data }: {
      readonly expectedVersion: ExpectedVersion;
      readonly eventType: string;
      readonly data: string;
    },
  ): Promise<AppendResult["kind"]> {
    const eventId = this.#newEventId();
    const events = [{ eventId, eventType, isJson: true, data, metadata: "" }];
    const append = { streamName, expectedVersion, events };
    return (await this.#store.append(append)).kind;
  }
}

function isAbsent({ head, isTombstoned, metadata }: StreamState): boolean {
  return head < 0 || isTombstoned || isSoftDeleted(metadata);
}

function isStoredToken(value: unknown): value is StoredToken {
  if (typeof value !== "object" || value === null) return false;
  const token: Partial<Record<keyof StoredToken, unknown>> = value;
  return typeof token.tokenId === "string" && typeof token.hash === "string" &&
    (token.label === undefined || typeof token.label === "string") &&
    typeof token.isReadOnly === "boolean" &&
    // A scope of a later version matches no route.
    (token.scopes === undefined ||
      Array.isArray(token.scopes) && token.scopes.every(isText)) &&
    (token.isSession === undefined || typeof token.isSession === "boolean") &&
    typeof token.createdAtUs === "number" &&
    typeof token.expiresAtUs === "number" &&
    typeof token.userEventNumber === "number";
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}
