/**
 * Checked blocks of index files in memory: those that are asked for again and
 * again, and the last few that were read.
 *
 * A block is kept when it is read for the second time within a while. Who goes
 * through a store at random, each list once, neither drives out what others
 * ask for again and again nor makes memory that is garbage when it has grown
 * old, which is the dearest to collect.
 *
 * @module
 */

/** Bytes of a block with its checksum. */
export const BLOCK_BYTES = 4096;
/** Bytes of content in a block. */
export const BLOCK_CONTENT_BYTES = BLOCK_BYTES - 4;

/**
 * Blocks that were read last. One look at a list takes fewer, so what it was
 * given stays as it is until it is done.
 */
const RECENT_COUNT = 32;
/** Places that say which recent block may have a key. */
const RECENT_PLACES = 1024;
/** Blocks that are remembered as read, at least. */
const SEEN_COUNT_MIN = 1024;
const SLAB_BYTES = 16 * BLOCK_BYTES;
/** Key of no block. */
const NO_KEY = -1;

/** Memory for one block. */
export interface BlockMemory {
  /** All of the block. */
  readonly block: Uint8Array<ArrayBuffer>;
  /** Without its checksum. */
  readonly content: Uint8Array<ArrayBuffer>;
  /** Its place, if it is used again for others; undefined: it is not. */
  readonly recentAt: number | undefined;
}

/**
 * Blocks by key, of which about `bytesMax` are kept. Two generations: a block
 * that was not asked for while a whole generation filled is dropped.
 */
export class BlockCache {
  readonly #blocksMax: number;
  #young = new Map<number, Uint8Array>();
  #old = new Map<number, Uint8Array>();
  #slab = new Uint8Array(0);
  #slabUsed = SLAB_BYTES;

  /** The last blocks that were read, in memory that is used again. */
  readonly #recent: readonly BlockMemory[];
  readonly #recentKeys = new Float64Array(RECENT_COUNT).fill(NO_KEY);
  readonly #recentPlaces = new Uint8Array(RECENT_PLACES);
  #nextRecent = 0;
  /**
   * One more than the keys of blocks that were read lately, each at its place;
   * 0 for none: of an idle server's table no page is ever touched.
   */
  readonly #seen: Float64Array;

  /** How often it had what was asked for, and how often not. */
  hits = 0;
  misses = 0;

  constructor(bytesMax: number) {
    this.#blocksMax = Math.max(1, Math.floor(bytesMax / BLOCK_BYTES / 2));
    const seenCount = Math.max(SEEN_COUNT_MIN, this.#blocksMax * 4);
    this.#seen = new Float64Array(2 ** Math.ceil(Math.log2(seenCount)));
    const memory = new ArrayBuffer(RECENT_COUNT * BLOCK_BYTES);
    this.#recent = Array.from({ length: RECENT_COUNT }, (_, at) => ({
      block: new Uint8Array(memory, at * BLOCK_BYTES, BLOCK_BYTES),
      content: new Uint8Array(memory, at * BLOCK_BYTES, BLOCK_CONTENT_BYTES),
      recentAt: at,
    }));
  }

  /**
   * Content of a block, if it is in memory: a view that holds until
   * {@link RECENT_COUNT} others were read.
   *
   * @param key Which block: 0 or more.
   */
  get(key: number): Uint8Array | undefined {
    const recentAt = this.#recentPlaces[mixed(key) % RECENT_PLACES] ?? 0;
    if (this.#recentKeys[recentAt] === key) {
      this.hits++;
      return this.#recent[recentAt]?.content;
    }
    const young = this.#young.get(key);
    if (young !== undefined) {
      this.hits++;
      return young;
    }
    const old = this.#old.get(key);
    if (old === undefined) {
      this.misses++;
      return undefined;
    }
    this.hits++;
    // Else one block that is asked for often would keep those beside it.
    const { content } = this.#allocate();
    content.set(old);
    this.#keep(key, content);
    return content;
  }

  /** Memory to read a block into that is not there. */
  memoryFor(key: number): BlockMemory {
    const place = mixed(key) & (this.#seen.length - 1);
    if (this.#seen[place] === key + 1) return this.#allocate();
    this.#seen[place] = key + 1;
    const at = this.#nextRecent;
    this.#nextRecent = (at + 1) % RECENT_COUNT;
    this.#recentKeys[at] = NO_KEY;
    return this.#recent[at] ?? this.#allocate();
  }

  /** Enters a block that was read, and is whole. */
  enter(key: number, { content, recentAt }: BlockMemory): void {
    if (recentAt === undefined) return this.#keep(key, content);
    this.#recentKeys[recentAt] = key;
    this.#recentPlaces[mixed(key) % RECENT_PLACES] = recentAt;
  }

  /**
   * Blocks are cut from larger arrays: an array for each takes as long to make
   * as it takes to read the block.
   */
  #allocate(): BlockMemory {
    if (this.#slabUsed === SLAB_BYTES) {
      this.#slab = new Uint8Array(SLAB_BYTES);
      this.#slabUsed = 0;
    }
    const start = this.#slabUsed;
    this.#slabUsed += BLOCK_BYTES;
    return {
      block: this.#slab.subarray(start, start + BLOCK_BYTES),
      content: this.#slab.subarray(start, start + BLOCK_CONTENT_BYTES),
      recentAt: undefined,
    };
  }

  #keep(key: number, content: Uint8Array): void {
    if (this.#young.size >= this.#blocksMax) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(key, content);
  }
}

/** A cache as readers see it. */
export type Blocks = Pick<BlockCache, "get" | "memoryFor" | "enter">;

/** A number below 2³² that spreads keys which follow one another. */
function mixed(key: number): number {
  // Keys have more than 32 bits: what is above counts too.
  const folded = (key >>> 0) ^ Math.imul(key / 2 ** 22, 0x9e37_79b1);
  const product = Math.imul(folded ^ (folded >>> 15), 0x2c1b_3c6d);
  return (product ^ (product >>> 13)) >>> 0;
}
