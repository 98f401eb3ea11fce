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

/** Reads and writes tokens. `createTokenRepository` makes it. */
export interface TokenRepository {
  read(login: string): Promise<StoredTokens>;
  /**
   * Writes the tokens that the user has from now on.
   *
   * @returns Whether they still were what was read.
   */
  write(
    read: StoredTokens,
    change: {
      readonly eventType: typeof TOKEN_CREATED_TYPE | "$TokenRevoked";
      readonly tokens: readonly StoredToken[];
    },
  ): Promise<boolean>;
  /** Ends every token of the user. */
  clear(login: string): Promise<void>;
}

/** What the names of tokens' streams begin with. */
export const TOKEN_STREAM_PREFIX = "$tokens-";

/** Type of the event that adds a token to those that are there. */
export const TOKEN_CREATED_TYPE = "$TokenCreated";

const METADATA = JSON.stringify({ $maxCount: 1 });

/** Makes the repository of a store's tokens. */
export function createTokenRepository(
  { store, newEventId }: RepositoryOptions,
): TokenRepository {
  return {
    async read(login) {
      const streamName = TOKEN_STREAM_PREFIX + login;
      const state = await store.readState(streamName);
      const { head } = state;
      const isAbsent = head < 0 || state.isTombstoned ||
        isSoftDeleted(state.metadata);
      const entry = isAbsent
        ? undefined
        : await store.readEvent(streamName, head);
      const tokens = entry && parseObject(entry.event.data)?.tokens;
      return {
        login,
        head,
        tokens: Array.isArray(tokens) ? tokens.filter(isStoredToken) : [],
      };
    },

    async write({ login, head }, { eventType, tokens }) {
      const streamName = TOKEN_STREAM_PREFIX + login;
      const { metadata } = await store.readState(streamName);
      if (metadata.maxCount === undefined) {
        await store.append({
          streamName: metastreamOf(streamName),
          expectedVersion: "any",
          events: [{
            eventId: newEventId(),
            eventType: METADATA_EVENT_TYPE,
            isJson: true,
            data: METADATA,
            metadata: "",
          }],
        });
      }
      const { kind } = await store.append({
        streamName,
        expectedVersion: head < 0 ? "noStream" : head,
        events: [{
          eventId: newEventId(),
          eventType,
          isJson: true,
          data: JSON.stringify({ loginName: login, tokens }),
          metadata: "",
        }],
      });
      return kind === "appended";
    },

    async clear(login) {
      const streamName = TOKEN_STREAM_PREFIX + login;
      const { head, isTombstoned, metadata } = await store.readState(
        streamName,
      );
      if (head < 0 || isTombstoned || isSoftDeleted(metadata)) return;
      await store.deleteStream({
        streamName,
        expectedVersion: "any",
        mode: "soft",
      });
    },
  };
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
    typeof token.createdAtUs === "number" &&
    typeof token.expiresAtUs === "number" &&
    typeof token.userEventNumber === "number";
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}
