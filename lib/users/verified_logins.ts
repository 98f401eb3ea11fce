/**
 * Credentials that were found to be right, so that they need not be checked
 * again: the text of a header → its principal.
 *
 * The header is not kept, only its digest under a key that lives as long as
 * the process. At most `LIMITS.verifiedLoginsMax` are remembered, and
 * `LIMITS.verifiedLoginsPerUserMax` of one login; the least recently used go
 * first.
 *
 * @module
 */

import { LRUCache } from "lru-cache";
import { sipHash128, type SipWords } from "./siphash.ts";
import { LIMITS } from "../model/limits.ts";
import type { Principal } from "../model/principal.ts";

/** A login that is remembered. */
export interface VerifiedLogin {
  readonly principal: Principal;
  /** Whether the password is the published default one. */
  readonly usesDefaultPassword: boolean;
}

interface Entry {
  readonly verified: VerifiedLogin;
  /** The words of the digest, of which `key` holds 53 bits. */
  readonly words: SipWords;
  /** Counts uses of all entries. */
  lastUse: number;
}

/** A bounded memory of right credentials. */
export class VerifiedLogins {
  readonly #key: SipWords = crypto.getRandomValues(new Uint32Array(4));
  readonly #digest: SipWords = new Uint32Array(4);
  readonly #entries = new LRUCache<number, Entry>({
    maxSize: LIMITS.verifiedLoginsMax,
    sizeCalculation: () => 1,
    dispose: ({ verified }, key) =>
      this.#forgotten(verified.principal.login, key),
  });
  #uses = 0;
  readonly #keysOfLogin = new Map<string, Set<number>>();

  /** The login that is remembered for the header. */
  find(authorization: string): VerifiedLogin | undefined {
    const entry = this.#entries.get(this.#keyOf(authorization));
    if (entry === undefined) return undefined;
    const { words } = entry;
    const digest = this.#digest;
    const isSame = words[1] === digest[1] && words[2] === digest[2] &&
      words[3] === digest[3];
    if (!isSame) return undefined;
    entry.lastUse = ++this.#uses;
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
    const words = this.#digest.slice();
    this.#entries.set(key, { verified, words, lastUse: ++this.#uses });
    const keys = this.#keysOfLogin.get(login) ?? new Set();
    this.#keysOfLogin.set(login, keys.add(key));
    if (keys.size > LIMITS.verifiedLoginsPerUserMax) this.#forgetOneOf(keys);
  }

  /** Forgets everything about a login. */
  forget(login: string): void {
    const keys = this.#keysOfLogin.get(login) ?? [];
    for (const key of [...keys]) this.#entries.delete(key);
  }

  /** Forgets everything. */
  clear(): void {
    this.#entries.clear();
  }

  /** Fills `#digest`, and makes a number of its first 53 bits. */
  #keyOf(authorization: string): number {
    const digest = this.#digest;
    sipHash128(authorization, { key: this.#key, digest });
    return (digest[0] ?? 0) + ((digest[1] ?? 0) & 0x1fffff) * 2 ** 32;
  }

  /** Forgets the least recently used of a login's headers. */
  #forgetOneOf(keys: Iterable<number>): void {
    const [oldest] = [...keys].sort((one, other) =>
      this.#lastUseOf(one) - this.#lastUseOf(other)
    );
    if (oldest !== undefined) this.#entries.delete(oldest);
  }

  #lastUseOf(key: number): number {
    return this.#entries.peek(key)?.lastUse ?? 0;
  }

  /** An entry is no longer kept, whatever the reason. */
  #forgotten(login: string, key: number): void {
    const keys = this.#keysOfLogin.get(login);
    keys?.delete(key);
    if (keys?.size === 0) this.#keysOfLogin.delete(login);
  }
}
