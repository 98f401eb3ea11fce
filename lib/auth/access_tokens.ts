/**
 * Access tokens for live feeds, for clients that cannot send a header:
 *
 *   quipu-live.<base64url of {login, roles, expiresAtUs, epoch}>.<HMAC-SHA256>
 *
 * Nothing is stored: the signature vouches for the rest, under a key that lives
 * as long as the process. A token allows reading for `LIMITS.accessTokenMs`,
 * and ends at once when its user changes.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { UserChanges } from "./user_changes.ts";
import type { Clock } from "../model/clock.ts";
import { LIMITS } from "../model/limits.ts";
import type { Principal } from "../model/principal.ts";

const PREFIX = "quipu-live.";

interface Payload {
  readonly login: string;
  readonly roles: readonly string[];
  readonly expiresAtUs: number;
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
      epoch: this.#changes.epochOf(caller),
    };
    const encoded = Buffer.from(JSON.stringify(payload)).toString("base64url");
    const signature = this.#sign(encoded).toString("base64url");
    return { accessToken: `${PREFIX}${encoded}.${signature}`, expiresAtUs };
  }

  /** Whose token it is; undefined when it is forged or has ended. */
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
    const { login, roles, expiresAtUs, epoch }: Payload = JSON.parse(
      Buffer.from(encoded, "base64url").toString("utf8"),
    );
    const hasEnded = expiresAtUs <= this.#clock.nowUs() ||
      this.#changes.hasChanged(login, epoch);
    if (hasEnded) return undefined;
    const principal: Principal = {
      login,
      roles: new Set(roles),
      isReadOnly: true,
      expiresAtUs,
    };
    this.#changes.mark(principal, epoch);
    return principal;
  }

  #sign(encoded: string): Buffer {
    return createHmac("sha256", this.#key).update(encoded).digest();
  }
}
