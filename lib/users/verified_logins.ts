/**
 * Credentials that were found to be right, so that they need not be checked
 * again: the text of a header → its principal.
 *
 * The header is not kept, only its digest under a key that lives as long as
 * the process. At most `LIMITS.verifiedLoginsMax` are remembered, and
 * `LIMITS.verifiedLoginsPerUserMax` of one login; those not used for longest
 * go first (a clock with one bit of use: a hit moves nothing).
 *
 * @module
 */

import { sipHash128, type SipWords } from "./siphash.ts";
import { LIMITS } from "../model/limits.ts";
import type { Principal } from "../model/principal.ts";

/** What is remembered of a header. */
export interface VerifiedLogin {
  readonly principal: Principal;
  /** Whether the password is the published default one. */
  readonly usesDefaultPassword: boolean;
}

interface Entry {
  readonly verified: VerifiedLogin;
  /** The words of the digest, of which `key` holds 53 bits. */
  readonly words: SipWords;
  isUsed: boolean;
}

/** A bounded memory of right credentials. */
export class VerifiedLogins {
  readonly #key: SipWords = crypto.getRandomValues(new Uint32Array(4));
  readonly #digest: SipWords = new Uint32Array(4);
  readonly #entries = new Map<number, Entry>();
  readonly #keysOfLogin = new Map<string, Set<number>>();

  /** What is remembered of the header; undefined when nothing is. */
  find(authorization: string): VerifiedLogin | undefined {
    const entry = this.#entries.get(this.#keyOf(authorization));
    if (entry === undefined) return undefined;
    const { words } = entry;
    const digest = this.#digest;
    const isSame = words[1] === digest[1] && words[2] === digest[2] &&
      words[3] === digest[3];
    if (!isSame) return undefined;
    entry.isUsed = true;
    return entry.verified;
  }

  /** A name for the header that says nothing about it, while it is checked. */
  nameOf(authorization: string): string {
    this.#keyOf(authorization);
    return this.#digest.join();
  }

  /** Remembers that the header is right. */
  remember(authorization: string, verified: VerifiedLogin): void {
    const { login } = verified.principal;
    const key = this.#keyOf(authorization);
    this.#forgetKey(key);
    let keys = this.#keysOfLogin.get(login);
    if (keys !== undefined && keys.size >= LIMITS.verifiedLoginsPerUserMax) {
      this.#forgetOneOf(keys);
      keys = this.#keysOfLogin.get(login);
    }
    if (this.#entries.size >= LIMITS.verifiedLoginsMax) {
      this.#forgetOneOf(this.#entries.keys());
      keys = this.#keysOfLogin.get(login);
    }
    if (keys === undefined) this.#keysOfLogin.set(login, keys = new Set());
    keys.add(key);
    const words = this.#digest.slice();
    this.#entries.set(key, { verified, words, isUsed: false });
  }

  /** Forgets everything about a login. */
  forget(login: string): void {
    const keys = this.#keysOfLogin.get(login);
    if (keys === undefined) return;
    for (const key of keys) this.#entries.delete(key);
    this.#keysOfLogin.delete(login);
  }

  /** Forgets everything. */
  clear(): void {
    this.#entries.clear();
    this.#keysOfLogin.clear();
  }

  /** Fills `#digest`, and makes a number of its first 53 bits. */
  #keyOf(authorization: string): number {
    const digest = this.#digest;
    sipHash128(authorization, { key: this.#key, digest });
    return (digest[0] ?? 0) + ((digest[1] ?? 0) & 0x1fffff) * 2 ** 32;
  }

  /** Forgets the first that was not used since this looked at it last. */
  #forgetOneOf(keys: Iterable<number>): void {
    let oldest: number | undefined;
    for (const key of [...keys]) {
      oldest ??= key;
      const entry = this.#entries.get(key);
      if (entry?.isUsed) {
        entry.isUsed = false;
        continue;
      }
      this.#forgetKey(key);
      return;
    }
    if (oldest !== undefined) this.#forgetKey(oldest);
  }

  #forgetKey(key: number): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    const { login } = entry.verified.principal;
    const keys = this.#keysOfLogin.get(login);
    keys?.delete(key);
    if (keys?.size === 0) this.#keysOfLogin.delete(login);
  }
}
