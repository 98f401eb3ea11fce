/**
 * Access tokens for live feeds, for clients that cannot send a header:
 *
 *   quipu-live.<base64url of the payload>.<HMAC-SHA256>
 *
 * Nothing is stored: the signature vouches for the rest, under a key that lives
 * as long as the process. A token has the scope `feeds` and opens feeds for `LIMITS.accessTokenMs`. What
 * it has opened goes on until its user changes, or the credentials end that it
 * was made by.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { UserChanges } from "./user_changes.ts";
import type { Clock } from "../model/clock.ts";
import { LIMITS } from "../model/limits.ts";
import type { Principal, TokenScope } from "../model/principal.ts";
import { decodeUtf8 } from "../text/utf8.ts";

const PREFIX = "quipu-live.";
const FEEDS_ALONE: ReadonlySet<TokenScope> = new Set(["feeds"]);

interface Payload {
  readonly login: string;
  readonly roles: readonly string[];
  /** When it opens nothing any more. */
  readonly expiresAtUs: number;
  /** When the credentials end that it was made by, if they do. */
  readonly credentialsExpireAtUs?: number;
  /** Epoch of `UserChanges` that the caller was verified in. */
  readonly epoch: number;
}

/** Makes and checks access tokens. */
export class AccessTokens {
  readonly #key = randomBytes(32);
  readonly #clock: Clock;
  readonly #changes: UserChanges;

  constructor(
    { clock, changes }: {
      readonly clock: Clock;
      readonly changes: UserChanges;
    },
  ) {
    this.#clock = clock;
    this.#changes = changes;
  }

  /** Makes a token of the caller, which lasts no longer than its credentials. */
  create(
    caller: Principal,
  ): { readonly accessToken: string; readonly expiresAtUs: number } {
    const endUs = this.#clock.nowUs() + LIMITS.accessTokenMs * 1000;
    const expiresAtUs = Math.min(endUs, caller.expiresAtUs ?? Infinity);
    const payload: Payload = {
      login: caller.login,
      roles: [...caller.roles],
      expiresAtUs,
      ...(caller.expiresAtUs === undefined
        ? {}
        : { credentialsExpireAtUs: caller.expiresAtUs }),
      epoch: this.#changes.epochOf(caller),
    };
    const encoded = Buffer.from(JSON.stringify(payload)).toString("base64url");
    const signature = this.#sign(encoded).toString("base64url");
    return { accessToken: `${PREFIX}${encoded}.${signature}`, expiresAtUs };
  }

  /**
   * Whose token it is; undefined when it is forged or has ended. The principal
   * outlives the token: it ends with the credentials behind it.
   */
  verify(accessToken: string): Principal | undefined {
    if (!accessToken.startsWith(PREFIX)) return undefined;
    const separatorIndex = accessToken.lastIndexOf(".");
    const encoded = accessToken.slice(PREFIX.length, separatorIndex);
    const signature = Buffer.from(
      accessToken.slice(separatorIndex + 1),
      "base64url",
    );
    const expected = this.#sign(encoded);
    const isSigned = signature.length === expected.length &&
      timingSafeEqual(signature, expected);
    if (!isSigned) return undefined;
    // Signed: this process wrote it.
    const payload: Payload = JSON.parse(
      decodeUtf8(Buffer.from(encoded, "base64url")),
    );
    const { login, roles, expiresAtUs, epoch } = payload;
    const { credentialsExpireAtUs } = payload;
    const hasEnded = expiresAtUs <= this.#clock.nowUs() ||
      this.#changes.hasChanged(login, epoch);
    if (hasEnded) return undefined;
    const principal: Principal = {
      login,
      roles: new Set(roles),
      isReadOnly: true,
      scopes: FEEDS_ALONE,
      ...(credentialsExpireAtUs === undefined
        ? {}
        : { expiresAtUs: credentialsExpireAtUs }),
    };
    this.#changes.mark(principal, epoch);
    return principal;
  }

  #sign(encoded: string): Buffer {
    return createHmac("sha256", this.#key).update(encoded).digest();
  }
}
