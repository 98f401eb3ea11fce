/**
 * Password hashes: scrypt at the cost that OWASP recommends for 16 MiB of
 * memory, as `salt`, `hash` and the parameters that made them.
 *
 * The original's hashes (PBKDF2-HMAC-SHA1, 1000 rounds; they name no
 * algorithm) verify too, and should be replaced by a new hash then.
 * Every verification costs one scrypt at today's cost, whether the password,
 * the login or the algorithm is right or not, so that time tells nothing.
 *
 * At most `LIMITS.passwordHashesMax` run side by side, off the main thread;
 * `LIMITS.passwordHashQueueMax` more may wait.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { isLongerThan } from "../text/utf8.ts";
import { pbkdf2, randomBytes, scrypt, timingSafeEqual } from "node:crypto";
import { QuipuError } from "../model/errors.ts";
import { LIMITS } from "../model/limits.ts";

/** A password as it is stored. */
export interface PasswordHash {
  /** Base64. */
  readonly salt: string;
  /** Base64. */
  readonly hash: string;
  /** `scrypt:N=…,r=…,p=…`; `undefined` for the original's hashes. */
  readonly algorithm: string | undefined;
}

/** The result of a comparison. `matchesOutdated`: right, but store a new hash. */
export type PasswordVerdict = "matches" | "matchesOutdated" | "differs";

/** The cost of a scrypt: `128 · N · r` bytes of memory, `N · r · p` of time. */
export interface ScryptCost {
  /** A power of two, 2 to 2^17. */
  readonly N: number;
  /** 1 to 16. */
  readonly r: number;
  /** 1 to 16. */
  readonly p: number;
}

/** About a quarter of a second of one core, and 16 MiB. */
export const RECOMMENDED_COST: ScryptCost = { N: 2 ** 14, r: 8, p: 5 };

const SALT_BYTES = 16;
const HASH_BYTES = 32;
/** Stored hashes of other lengths are not ours to compute. */
const HASH_BYTES_MAX = 64;
const LEGACY_ROUNDS = 1000;
const LEGACY_HASH_BYTES = 20;

/** Hashes and compares. */
export class PasswordHasher {
  readonly #slots = new Slots();
  readonly #cost: ScryptCost;
  readonly #algorithm: string;

  /** @param cost Only tests have a reason for another one. */
  constructor(cost: ScryptCost = RECOMMENDED_COST) {
    this.#cost = cost;
    this.#algorithm = `scrypt:N=${cost.N},r=${cost.r},p=${cost.p}`;
  }

  /** @throws {QuipuError} `tooManyLogins` when too many wait. */
  async hash(password: string): Promise<PasswordHash> {
    const salt = randomBytes(SALT_BYTES);
    const derived = await this.#slots.run(() =>
      deriveScrypt(password, { salt, cost: this.#cost, length: HASH_BYTES })
    );
    return {
      salt: salt.toString("base64"),
      hash: derived.toString("base64"),
      algorithm: this.#algorithm,
    };
  }

  /**
   * Compares in constant time.
   *
   * @param stored `undefined` when there is no such user: it differs.
   * @throws {QuipuError} `tooManyLogins` when too many wait.
   */
  verify(
    password: string,
    stored: PasswordHash | undefined,
  ): Promise<PasswordVerdict> {
    return this.#slots.run(() => this.#compare(password, stored));
  }

  async #compare(
    password: string,
    stored: PasswordHash | undefined,
  ): Promise<PasswordVerdict> {
    const wanted = stored && decodeHash(stored);
    const isTooLong = isLongerThan(LIMITS.passwordBytesMax, password);
    const candidate = isTooLong ? "" : password;
    if (wanted?.cost !== undefined) {
      const { salt, cost, hash } = wanted;
      const length = hash.length;
      const derived = await deriveScrypt(candidate, { salt, cost, length });
      if (!timingSafeEqual(derived, hash) || isTooLong) return "differs";
      const isOfToday = stored?.algorithm === this.#algorithm;
      return isOfToday ? "matches" : "matchesOutdated";
    }
    // No such user, or a cheap old hash: spend what a scrypt takes.
    const salt = wanted?.salt ?? randomBytes(SALT_BYTES);
    const cost = this.#cost;
    await deriveScrypt(candidate, { salt, cost, length: HASH_BYTES });
    const derived = await deriveLegacy(candidate, salt);
    const hash = wanted?.hash ?? randomBytes(LEGACY_HASH_BYTES);
    const isEqual = timingSafeEqual(derived, hash) && !isTooLong &&
      wanted !== undefined;
    return isEqual ? "matchesOutdated" : "differs";
  }
}

interface DecodedHash {
  readonly salt: Buffer;
  readonly hash: Buffer;
  /** `undefined`: the original's algorithm. */
  readonly cost: ScryptCost | undefined;
}

/** Undefined when nothing can match it: unknown algorithm, wrong lengths. */
function decodeHash(stored: PasswordHash): DecodedHash | undefined {
  const salt = Buffer.from(stored.salt, "base64");
  const hash = Buffer.from(stored.hash, "base64");
  if (salt.length === 0) return undefined;
  if (stored.algorithm === undefined) {
    const isLegacy = hash.length === LEGACY_HASH_BYTES;
    return isLegacy ? { salt, hash, cost: undefined } : undefined;
  }
  const cost = parseCost(stored.algorithm);
  const isUsable = cost !== undefined && hash.length >= LEGACY_HASH_BYTES &&
    hash.length <= HASH_BYTES_MAX;
  return isUsable ? { salt, hash, cost } : undefined;
}

/** Refuses costs that would stop the server: a writer of users may try. */
function parseCost(algorithm: string): ScryptCost | undefined {
  const match = /^scrypt:N=(\d{1,6}),r=(\d{1,2}),p=(\d{1,2})$/.exec(algorithm);
  if (match === null) return undefined;
  const N = Number(match[1]), r = Number(match[2]), p = Number(match[3]);
  const isPowerOfTwo = N >= 2 && (N & (N - 1)) === 0;
  const isBounded = N <= 2 ** 17 && r >= 1 && r <= 16 && p >= 1 && p <= 16 &&
    N * r <= 2 ** 20 && N * r * p <= 2 ** 21;
  return isPowerOfTwo && isBounded ? { N, r, p } : undefined;
}

async function deriveScrypt(
  password: string,
  { salt, cost, length }: {
    readonly salt: Buffer;
    readonly cost: ScryptCost;
    readonly length: number;
  },
): Promise<Buffer> {
  const { N, r, p } = cost;
  const maxmem = 256 * N * r + 1024 * 1024;
  return await derivedBy((done) =>
    scrypt(password, salt, length, { N, r, p, maxmem }, done)
  );
}

async function deriveLegacy(password: string, salt: Buffer): Promise<Buffer> {
  const [rounds, length] = [LEGACY_ROUNDS, LEGACY_HASH_BYTES];
  return await derivedBy((done) =>
    pbkdf2(password, salt, rounds, length, "sha1", done)
  );
}

function derivedBy(
  derive: (done: (error: Error | null, derived: Buffer) => void) => void,
): Promise<Buffer> {
  return new Promise((resolve, reject) =>
    derive((error, derived) => error ? reject(error) : resolve(derived))
  );
}

/** Lets a few run, a few more wait, and refuses the rest. */
class Slots {
  #free: number = LIMITS.passwordHashesMax;
  readonly #waiting: (() => void)[] = [];

  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--;
    else await this.#wait();
    try {
      return await work();
    } finally {
      // A free slot goes to the next in line without being counted as free.
      const next = this.#waiting.shift();
      if (next === undefined) this.#free++;
      else next();
    }
  }

  #wait(): Promise<void> {
    if (this.#waiting.length >= LIMITS.passwordHashQueueMax) {
      throw new QuipuError(
        "tooManyLogins",
        "Too many passwords wait to be checked: try again later",
      );
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}
