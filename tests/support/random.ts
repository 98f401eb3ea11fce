/**
 * Chance that can be repeated: a seeded source of random numbers.
 *
 * @module
 */

/** Random numbers that follow from a seed. */
export interface Random {
  /** A whole number, `least` to `most`. */
  integer(least: number, most: number): number;
  /** True with the probability, 0 to 1. */
  chance(probability: number): boolean;
  /** One of the values, which are at least one. */
  pick<T>(values: readonly T[]): T;
  /** Bytes of any value. */
  bytes(length: number): Uint8Array<ArrayBuffer>;
}

/** Makes a source of random numbers (mulberry32). */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;

  function next(): number {
    state = (state + 0x6d2b_79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  function integer(least: number, most: number): number {
    return least + Math.floor(next() * (most - least + 1));
  }

  return {
    integer,
    chance: (probability) => next() < probability,
    pick(values) {
      const value = values[integer(0, values.length - 1)];
      if (value === undefined) throw new RangeError("Nothing to pick from");
      return value;
    },
    bytes(length) {
      return Uint8Array.from({ length }, () => integer(0, 255));
    },
  };
}

/**
 * Runs a body with a seed of its own: that of the variable `QUIPU_SEED`, or a
 * new one. When it fails, the message says how to repeat it.
 */
export async function withSeed(
  body: (random: Random, seed: number) => unknown,
  seed = newSeed(),
): Promise<void> {
  try {
    await body(createRandom(seed), seed);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`With QUIPU_SEED=${seed}: ${reason}`, { cause: error });
  }
}

/** The seed of the variable `QUIPU_SEED`; undefined when it is not set. */
export function wantedSeed(): number | undefined {
  const text = Deno.env.get("QUIPU_SEED");
  return text === undefined || text === "" ? undefined : Number(text);
}

/** `QUIPU_SEED`, or a seed that nobody knows. */
export function newSeed(): number {
  return wantedSeed() ?? crypto.getRandomValues(new Uint32Array(1))[0] ?? 1;
}
