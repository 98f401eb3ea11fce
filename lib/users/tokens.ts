/**
 * Bearer tokens, an addition to the original's API. A user's tokens are made,
 * listed and revoked by the user, logged in by password with full rights, or
 * by an administrator; a token never makes another one.
 *
 * A token is worth what its user is worth at that moment: the user's groups,
 * nothing while the user is disabled, and nothing for a later user of the same
 * login.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import type { AccessTokens } from "./access_tokens.ts";
import type {
  AccessTokenOutcome,
  NewToken,
  TokenCreateOutcome,
  TokenInfo,
  TokenListOutcome,
  UserOutcome,
} from "./contract.ts";
import {
  type StoredToken,
  type StoredTokens,
  TOKEN_CREATED_TYPE,
  type TokenRepository,
} from "./token_repository.ts";
import {
  type ClaimedToken,
  decodeBearerToken,
  TOKEN_PREFIX,
} from "./credentials.ts";
import {
  principalOf,
  type StoredUser,
  type UserRepository,
} from "./user_repository.ts";
import { logAudit, type Requester } from "../model/audit.ts";
import type { Clock } from "../model/clock.ts";
import { QuipuError } from "../model/errors.ts";
import { LIMITS } from "../model/limits.ts";
import type { Logger } from "../model/logger.ts";
import {
  isUnnarrowed,
  type Principal,
  ROLE_ADMINS,
  TOKEN_SCOPES,
  type TokenScope,
} from "../model/principal.ts";

/** The parts of the service. */
export interface TokenServiceOptions {
  readonly users: UserRepository;
  readonly tokens: TokenRepository;
  readonly accessTokens: AccessTokens;
  readonly clock: Clock;
  readonly logger: Logger;
}

const SECRET_BYTES = 32;
const TOKEN_ID_BYTES = 12;
const ATTEMPTS_MAX = 5;

/** Finds out whose token it is; undefined when it is nobody's or has ended. */
export async function verifyToken(
  { login, secret }: ClaimedToken,
  stores: TokenStores,
): Promise<Principal | undefined> {
  const found = await readValid(login, stores);
  if (found === undefined || found.user.isDisabled) return undefined;
  const hash = Buffer.from(hashOf(secret), "base64");
  const token = found.valid.find((candidate) => {
    const candidateHash = Buffer.from(candidate.hash, "base64");
    return candidateHash.length === hash.length &&
      timingSafeEqual(candidateHash, hash);
  });
  if (token === undefined) return undefined;
  const { isReadOnly, scopes, expiresAtUs, isSession } = token;
  return {
    ...principalOf(found.user),
    isReadOnly,
    expiresAtUs,
    ...(scopes && { scopes: new Set(scopes) }),
    ...(isSession && { isSession }),
  };
}

/** Where users and tokens are, and when it is. */
type TokenStores = Pick<TokenServiceOptions, "users" | "tokens" | "clock">;

/**
 * The tokens of a user that hold at this moment: those that have not ended, and
 * are not of an earlier user of that login.
 *
 * @returns Undefined when there is no such user.
 */
async function readValid(
  login: string,
  { users, tokens, clock }: TokenStores,
): Promise<
  | undefined
  | {
    readonly user: StoredUser;
    readonly nowUs: number;
    readonly stored: StoredTokens;
    readonly valid: readonly StoredToken[];
  }
> {
  const user = await users.read(login);
  if (user === undefined) return undefined;
  const nowUs = clock.nowUs();
  const stored = await tokens.read(login);
  const valid = stored.tokens.filter((token) =>
    token.expiresAtUs > nowUs && token.userEventNumber >= user.firstEventNumber
  );
  return { user, nowUs, stored, valid };
}

/** The service of tokens. */
export class TokenService {
  readonly #options: TokenServiceOptions;

  constructor(options: TokenServiceOptions) {
    this.#options = options;
  }

  async create(
    requester: Requester,
    newToken: NewToken,
  ): Promise<TokenCreateOutcome> {
    const { login, label } = newToken;
    const mayCreate = mayManageTokens(requester, login) &&
      requester.caller?.isSession !== true;
    if (!mayCreate) return { kind: "unauthorized" };
    const scopes = decodeScopes(newToken);
    // Versions before scopes know this member alone: to them, too, the token
    // allows no more than reading.
    const isReadOnly = newToken.isReadOnly ||
      scopes !== undefined && !scopes.includes("append");
    const lifetimeSeconds = newToken.lifetimeSeconds ??
      LIMITS.tokenSecondsDefault;
    refuseUnfitToken({ lifetimeSeconds, label });
    return await this.#add(requester, login, {
      label,
      isReadOnly,
      scopes,
      lifetimeSeconds,
    });
  }

  /**
   * Opens a session of the caller, who has just shown its password: a token
   * that allows what the user may do, and to look after its tokens.
   */
  async openSession(requester: Requester): Promise<TokenCreateOutcome> {
    const { caller } = requester;
    if (
      caller === undefined || !isUnnarrowed(caller) ||
      caller.expiresAtUs !== undefined
    ) return { kind: "unauthorized" };
    return await this.#add(requester, caller.login, {
      label: undefined,
      isReadOnly: false,
      scopes: undefined,
      lifetimeSeconds: LIMITS.sessionSeconds,
      isSession: true,
    });
  }

  /** Ends the session that a secret is of, if there is one. */
  async closeSession(requester: Requester, secret: string): Promise<void> {
    const claimed = decodeBearerToken(`Bearer ${secret}`);
    if (claimed === undefined) return;
    const found = await readValid(claimed.login, this.#options);
    const hash = hashOf(claimed.secret);
    const token = found?.valid.find((one) => one.hash === hash);
    if (token === undefined) return;
    const { login } = claimed;
    await this.revoke(requester, { login, tokenId: token.tokenId });
  }

  async #add(
    requester: Requester,
    login: string,
    { lifetimeSeconds, ...made }:
      & Pick<StoredToken, "label" | "isReadOnly" | "scopes" | "isSession">
      & { readonly lifetimeSeconds: number },
  ): Promise<TokenCreateOutcome> {
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      const found = await readValid(login, this.#options);
      if (found === undefined) return { kind: "notFound" };
      const { user, nowUs, stored, valid } = found;
      const kept = withRoomFor(made, valid);
      if (kept === undefined) return { kind: "conflict" };
      const secret = randomBytes(SECRET_BYTES).toString("base64url");
      const token: StoredToken = {
        ...made,
        tokenId: randomBytes(TOKEN_ID_BYTES).toString("base64url"),
        createdAtUs: nowUs,
        expiresAtUs: nowUs + lifetimeSeconds * 1_000_000,
        hash: hashOf(secret),
        userEventNumber: user.eventNumber,
      };
      const isWritten = await this.#options.tokens.write(stored, {
        eventType: TOKEN_CREATED_TYPE,
        tokens: [...kept, token],
      });
      if (!isWritten) continue;
      this.#log("token.created", requester, { login, ...token });
      const encodedLogin = Buffer.from(login).toString("base64url");
      return {
        kind: "created",
        secret: `${TOKEN_PREFIX}${encodedLogin}.${secret}`,
        token: visiblePartOf(token),
      };
    }
    return { kind: "tryAgain" };
  }

  async list(requester: Requester, login: string): Promise<TokenListOutcome> {
    if (!mayManageTokens(requester, login)) return { kind: "unauthorized" };
    const found = await readValid(login, this.#options);
    return found === undefined
      ? { kind: "notFound" }
      : { kind: "tokens", tokens: found.valid.map(visiblePartOf) };
  }

  async revoke(
    requester: Requester,
    { login, tokenId }: { readonly login: string; readonly tokenId: string },
  ): Promise<UserOutcome> {
    if (!mayManageTokens(requester, login)) return { kind: "unauthorized" };
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      const found = await readValid(login, this.#options);
      if (found === undefined) return { kind: "notFound" };
      const { stored, valid } = found;
      const revoked = valid.find((token) => token.tokenId === tokenId);
      if (revoked === undefined) return { kind: "notFound" };
      const isWritten = await this.#options.tokens.write(stored, {
        eventType: "$TokenRevoked",
        tokens: valid.filter((token) => token !== revoked),
      });
      if (!isWritten) continue;
      this.#log("token.revoked", requester, { login, ...revoked });
      return { kind: "success" };
    }
    return { kind: "tryAgain" };
  }

  /** A short-lived token of the caller for opening live feeds; not stored. */
  createAccessToken({ caller }: Requester): AccessTokenOutcome {
    if (caller === undefined) return { kind: "unauthorized" };
    return { kind: "created", ...this.#options.accessTokens.create(caller) };
  }

  #log(
    event: string,
    requester: Requester,
    { login, tokenId, isReadOnly, scopes }:
      & Pick<TokenInfo, "tokenId" | "isReadOnly" | "scopes">
      & { readonly login: string },
  ): void {
    const fields = {
      login,
      tokenId,
      isReadOnly,
      ...(scopes && { scopes: scopes.join(" ") }),
    };
    logAudit(this.#options.logger, { event, requester, fields });
  }
}

/**
 * The tokens that stay beside a new one, of which sessions make room by
 * themselves; undefined: there are too many.
 */
function withRoomFor(
  { isSession }: Pick<StoredToken, "isSession">,
  valid: readonly StoredToken[],
): readonly StoredToken[] | undefined {
  const alike = valid.filter((token) => token.isSession === isSession);
  if (isSession === undefined) {
    return alike.length >= LIMITS.userTokensMax ? undefined : valid;
  }
  const ended = alike.slice(
    0,
    Math.max(0, alike.length + 1 - LIMITS.userSessionsMax),
  );
  return valid.filter((token) => !ended.includes(token));
}

/**
 * Nobody prolongs a token by itself: whoever comes with one makes none. A
 * session may list and revoke.
 */
function mayManageTokens({ caller }: Requester, login: string): boolean {
  return caller !== undefined && isUnnarrowed(caller) &&
    (caller.expiresAtUs === undefined || caller.isSession === true) &&
    (caller.login === login || caller.roles.has(ROLE_ADMINS));
}

function hashOf(secret: string): string {
  return createHash("sha256").update(secret).digest("base64");
}

function visiblePartOf(token: StoredToken): TokenInfo {
  const { tokenId, label, isReadOnly, scopes, createdAtUs, expiresAtUs } =
    token;
  const { isSession } = token;
  const times = { createdAtUs, expiresAtUs };
  return { tokenId, label, isReadOnly, scopes, ...times, isSession };
}

/** @throws {QuipuError} `invalidRequest` for scopes that no token can have. */
function decodeScopes(
  { scopes, isReadOnly }: NewToken,
): readonly TokenScope[] | undefined {
  if (scopes === undefined) return undefined;
  const known = TOKEN_SCOPES.filter((scope) => scopes.includes(scope));
  if (known.length === 0 || known.length !== scopes.length) {
    throw new QuipuError(
      "invalidRequest",
      `Cannot create the token: scopes must be one or more of ` +
        `${TOKEN_SCOPES.join(", ")}, each at most once`,
    );
  }
  if (isReadOnly && known.includes("append")) {
    throw new QuipuError(
      "invalidRequest",
      'Cannot create the token: a read-only token cannot have the scope "append"',
    );
  }
  return known;
}

function refuseUnfitToken(
  { lifetimeSeconds, label = "" }: {
    readonly lifetimeSeconds: number;
    readonly label: string | undefined;
  },
): void {
  const isFitLifetime = Number.isSafeInteger(lifetimeSeconds) &&
    lifetimeSeconds >= 1 && lifetimeSeconds <= LIMITS.tokenSecondsMax;
  if (!isFitLifetime) {
    throw new QuipuError(
      "invalidRequest",
      `Cannot create the token: it lasts 1 to ${LIMITS.tokenSecondsMax} seconds`,
    );
  }
  if (label.length > LIMITS.userNameBytesMax) {
    throw new QuipuError(
      "invalidRequest",
      `Cannot create the token: its label has at most ` +
        `${LIMITS.userNameBytesMax} characters`,
    );
  }
}
