/**
 * The lists of the store by name, and where each one ends: streams, categories
 * (`$ce-…`), streams of categories (`$category-…`), event types (`$et-…`) and
 * `$streams`. A list has a small number, its id, by which typed arrays hold
 * what is known of it; ids mean nothing outside the running process.
 *
 * Invariants: `visibleNext <= decidedNext`; the ordinals below `visibleNext`
 * are committed; those from there on are decided by the writer and in flight.
 *
 * @module
 */

import { invariant } from "../../lib/model/errors.ts";
import {
  type ListKind,
  listOfStream,
  membershipsOf,
} from "../../lib/model/lists.ts";
import {
  isMetastream,
  originalOfMetastream,
} from "../../lib/model/stream_names.ts";
import { encodeUtf8Into } from "../../lib/text/utf8.ts";
import { readName } from "../log/bytes.ts";
import { hashName } from "../log/event_id_hash.ts";

/** Id of no list. */
export const NO_LIST = 0;
/** Id of `$streams`. */
export const STREAMS_LIST = 1;
/** Number of no segment. */
export const NO_SEGMENT = 0xffff_ffff;

/** Kinds in the order of their codes in files. */
export const LIST_KINDS: readonly ListKind[] = [
  "stream",
  "category",
  "eventType",
  "streams",
  "categoryStreams",
];

/**
 * Memory of a list besides its name: its places in the columns and in the table
 * of its kind, which are larger than what stands in them.
 */
export const NAME_OVERHEAD_BYTES = 96;

/** The stream has a tombstone. */
export const LIST_TOMBSTONED = 1;

export class ListDirectory {
  readonly #tables: Record<ListKind, NameTable> = {
    stream: new NameTable(),
    category: new NameTable(),
    eventType: new NameTable(),
    streams: new NameTable(),
    categoryStreams: new NameTable(),
  };
  /** Names by id; index 0 is no list. */
  names = new NameBytes();
  #capacity = 1024;

  /** Hash of the name, by id. */
  hashes = new Uint32Array(this.#capacity);
  /** Code of the kind, by id. */
  kinds = new Uint8Array(this.#capacity);
  /** Ordinal that the next entry visible to readers will have. */
  visibleNext = new Float64Array(this.#capacity);
  /** Ordinal that the writer gives out next. */
  decidedNext = new Float64Array(this.#capacity);
  /** `LIST_…` bits that readers see. */
  visibleFlags = new Uint8Array(this.#capacity);
  /** `LIST_…` bits that the writer sees. */
  decidedFlags = new Uint8Array(this.#capacity);
  /** Number of the newest sealed segment with entries of the list. */
  lastSegment = new Uint32Array(this.#capacity);
  /** Where in that segment's index file the list's slice is. */
  lastSlice = new Uint32Array(this.#capacity);
  /** For a stream: the list of its metastream, once it has one. */
  metastream = new Uint32Array(this.#capacity);
  /** For a stream: the list of its category; `NO_LIST` if it is in none. */
  category = new Uint32Array(this.#capacity);
  /** For a stream: 1 if its events are entered in system lists. */
  isSource = new Uint8Array(this.#capacity);

  constructor() {
    this.names.add("");
    this.#create("streams", "");
  }

  /** Number of ids given out, `NO_LIST` included. */
  get size(): number {
    return this.names.count;
  }

  /** Memory that the lists' names, and what is known of each, take. */
  get namesBytes(): number {
    return this.names.byteLength + NAME_OVERHEAD_BYTES * this.names.count;
  }

  get streamCount(): number {
    return this.#tables.stream.size;
  }

  nameOf(id: number): string {
    return this.names.nameOf(id);
  }

  kindOf(id: number): ListKind {
    return LIST_KINDS[this.kinds[id] ?? 0] ?? "stream";
  }

  /** Id of a list, `NO_LIST` if there is none. */
  find(kind: ListKind, name: string): number {
    return kind === "streams"
      ? STREAMS_LIST
      : this.#tables[kind].find(name, hashName(name), this);
  }

  /** Id of the list that a stream name is served from, `NO_LIST` if none. */
  findStream(streamName: string): number {
    if (streamName.charCodeAt(0) !== 0x24) {
      return this.find("stream", streamName);
    }
    const { kind, name } = listOfStream(streamName);
    return this.find(kind, name);
  }

  /** Id of a list, made if there is none. */
  findOrCreate(kind: ListKind, name: string): number {
    const found = this.find(kind, name);
    return found === NO_LIST ? this.#create(kind, name) : found;
  }

  /** Number of the last event that readers see in a list, -1 for none. */
  headOf(id: number): number {
    return (this.visibleNext[id] ?? 0) - 1;
  }

  /** Takes back what was decided and never committed. */
  rollBack(): void {
    this.decidedNext.set(this.visibleNext);
    this.decidedFlags.set(this.visibleFlags);
  }

  /**
   * Takes lists as they were when they were written down. The directory must
   * be as it was made; columns must have room for `names.count` lists or more.
   */
  adopt(loaded: LoadedLists): void {
    invariant(this.size === STREAMS_LIST + 1, "Nothing was entered before");
    const { next, flags, names, hashes, kinds } = loaded;
    const capacity = kinds.length;
    this.names = names;
    this.hashes = hashes;
    this.kinds = kinds;
    this.visibleNext = next;
    this.decidedNext = next.slice();
    this.visibleFlags = flags;
    this.decidedFlags = flags.slice();
    this.lastSegment = loaded.lastSegment;
    this.lastSlice = loaded.lastSlice;
    this.metastream = loaded.metastream;
    this.category = loaded.category;
    this.isSource = loaded.isSource;
    this.#capacity = capacity;
    const counts = LIST_KINDS.map(() => 0);
    for (let id = STREAMS_LIST; id < names.count; id++) {
      const kind = kinds[id] ?? 0;
      counts[kind] = (counts[kind] ?? 0) + 1;
    }
    const tables = LIST_KINDS.map((kind, code) => {
      const table = new NameTable();
      table.reserve(counts[code] ?? 0, this);
      return this.#tables[kind] = table;
    });
    for (let id = STREAMS_LIST; id < names.count; id++) {
      tables[kinds[id] ?? 0]?.add(id, this);
    }
  }

  #create(kind: ListKind, name: string): number {
    const id = this.names.count;
    if (id >= this.#capacity) this.#grow();
    this.names.add(name);
    this.hashes[id] = hashName(name);
    this.#tables[kind].add(id, this);
    this.kinds[id] = LIST_KINDS.indexOf(kind);
    this.lastSegment[id] = NO_SEGMENT;
    if (kind === "stream") this.#relate(id, name);
    return id;
  }

  /** Finds out once per stream which other lists its events concern. */
  #relate(id: number, streamName: string): void {
    const memberships = membershipsOf({
      streamName,
      eventType: "",
      eventNumber: 0,
    });
    this.isSource[id] = memberships.isInStreams ? 1 : 0;
    if (memberships.category !== undefined) {
      const category = this.findOrCreate("category", memberships.category);
      this.category[id] = category;
    }
    // A metastream brings its stream with it, so a stream that is made later
    // than its metastream is not to be looked for.
    if (isMetastream(streamName)) {
      const described = originalOfMetastream(streamName);
      const original = this.findOrCreate("stream", described);
      this.metastream[original] = id;
    }
  }

  #grow(): void {
    this.#capacity = Math.ceil(this.#capacity * 1.5);
    const capacity = this.#capacity;
    this.hashes = grown(this.hashes, new Uint32Array(capacity));
    this.kinds = grown(this.kinds, new Uint8Array(capacity));
    this.visibleNext = grown(this.visibleNext, new Float64Array(capacity));
    this.decidedNext = grown(this.decidedNext, new Float64Array(capacity));
    this.visibleFlags = grown(this.visibleFlags, new Uint8Array(capacity));
    this.decidedFlags = grown(this.decidedFlags, new Uint8Array(capacity));
    this.lastSegment = grown(this.lastSegment, new Uint32Array(capacity));
    this.lastSlice = grown(this.lastSlice, new Uint32Array(capacity));
    this.metastream = grown(this.metastream, new Uint32Array(capacity));
    this.category = grown(this.category, new Uint32Array(capacity));
    this.isSource = grown(this.isSource, new Uint8Array(capacity));
  }
}

/** The columns of lists, by id, as stored in a file. */
export interface LoadedLists {
  readonly names: NameBytes;
  readonly hashes: Uint32Array<ArrayBuffer>;
  readonly kinds: Uint8Array<ArrayBuffer>;
  /** Ordinal after the last entry. */
  readonly next: Float64Array<ArrayBuffer>;
  readonly flags: Uint8Array<ArrayBuffer>;
  readonly lastSegment: Uint32Array<ArrayBuffer>;
  readonly lastSlice: Uint32Array<ArrayBuffer>;
  readonly metastream: Uint32Array<ArrayBuffer>;
  readonly category: Uint32Array<ArrayBuffer>;
  readonly isSource: Uint8Array<ArrayBuffer>;
}

type TypedArray = Uint8Array | Uint32Array | Float64Array;

function grown<T extends TypedArray>(from: T, to: T): T {
  to.set(from);
  return to;
}

/** Names by id, and the hash of each. */
interface NamesById {
  readonly names: NameBytes;
  readonly hashes: Uint32Array;
}

class NameTable {
  /** Ids; 0 for an empty slot. */
  #slots = new Uint32Array(64);
  size = 0;

  /** Id of a name; 0 if there is none. */
  find(name: string, hash: number, known: NamesById): number {
    const slots = this.#slots;
    const { hashes, names } = known;
    const mask = slots.length - 1;
    for (let slot = hash & mask;; slot = (slot + 1) & mask) {
      const id = slots[slot] ?? 0;
      if (id === 0) return 0;
      if (hashes[id] === hash && names.isName(id, name)) return id;
    }
  }

  /** Enters an id, 1 or more, whose name and hash are known already. */
  add(id: number, known: NamesById): void {
    // Half of the slots stay empty, so that searches are short.
    if (this.size * 2 >= this.#slots.length) {
      this.#grow(this.#slots.length * 2, known);
    }
    link(this.#slots, id, known.hashes);
    this.size++;
  }

  /** Makes room for so many names in all. */
  reserve(count: number, known: NamesById): void {
    const slotCount = 2 ** Math.ceil(Math.log2(Math.max(1, count) * 2));
    if (slotCount > this.#slots.length) this.#grow(slotCount, known);
  }

  #grow(slotCount: number, { hashes }: NamesById): void {
    const ids = this.#slots;
    const slots = new Uint32Array(slotCount);
    for (let index = 0; index < ids.length; index++) {
      const id = ids[index] ?? 0;
      if (id !== 0) link(slots, id, hashes);
    }
    this.#slots = slots;
  }
}

function link(slots: Uint32Array, id: number, hashes: Uint32Array): void {
  const mask = slots.length - 1;
  let slot = (hashes[id] ?? 0) & mask;
  while (slots[slot] !== 0) slot = (slot + 1) & mask;
  slots[slot] = id;
}

/** Offsets are 32 bits wide. */
const BYTES_MAX = 2 ** 32 - 1;

/** Names whose ids count up from 0. */
export class NameBytes {
  /** Number of names. */
  count: number;
  #bytes: Uint8Array;
  /** Where each name begins; the one after the last: where it ends. */
  #starts: Uint32Array;

  /**
   * @param loaded Names that are there already: the offset of each one's
   * start, and the offset after the last one, of `count` names in all.
   */
  constructor(
    loaded: {
      readonly count: number;
      readonly bytes: Uint8Array;
      readonly starts: Uint32Array;
    } = {
      count: 0,
      bytes: new Uint8Array(16 * 1024),
      starts: new Uint32Array(1024),
    },
  ) {
    this.count = loaded.count;
    this.#bytes = loaded.bytes;
    this.#starts = loaded.starts;
  }

  /** Bytes of all names. */
  get byteLength(): number {
    return this.#starts[this.count] ?? 0;
  }

  /** Adds a name, which must be well-formed; returns its id. */
  add(name: string): number {
    const id = this.count;
    if (id + 2 > this.#starts.length) this.#growStarts();
    const start = this.#starts[id] ?? 0;
    const lengthMax = name.length * 3;
    if (start + lengthMax > this.#bytes.length) {
      this.#growBytes(start + lengthMax);
    }
    this.#starts[id + 1] = start + this.#write(name, start);
    this.count = id + 1;
    return id;
  }

  /** The name with that id; empty when there is none. */
  nameOf(id: number): string {
    return id < this.count
      ? readName(
        this.#bytes,
        this.#starts[id] ?? 0,
        this.#starts[id + 1] ?? 0,
      )
      : "";
  }

  /** Its UTF-8 bytes: a view that holds until the next `add()`. */
  bytesOf(id: number): Uint8Array {
    return this.#bytes.subarray(this.#starts[id], this.#starts[id + 1]);
  }

  /** Whether the id has that name. */
  isName(id: number, name: string): boolean {
    const start = this.#starts[id] ?? 0;
    const byteLength = (this.#starts[id + 1] ?? 0) - start;
    const { length } = name;
    // Outside of ASCII there are more bytes than UTF-16 units.
    if (byteLength !== length) {
      return byteLength > length && this.nameOf(id) === name;
    }
    const bytes = this.#bytes;
    for (let index = 0; index < length; index++) {
      const code = name.charCodeAt(index);
      if (code !== bytes[start + index] || code >= 0x80) return false;
    }
    return true;
  }

  /** Whether the id's name has these UTF-8 bytes. */
  hasBytes(id: number, name: Uint8Array): boolean {
    const start = this.#starts[id] ?? 0;
    const { length } = name;
    if ((this.#starts[id + 1] ?? 0) - start !== length) return false;
    const bytes = this.#bytes;
    for (let index = 0; index < length; index++) {
      if (name[index] !== bytes[start + index]) return false;
    }
    return true;
  }

  /** Whether the id's name begins with these UTF-8 bytes. */
  startsWith(id: number, prefix: Uint8Array): boolean {
    const start = this.#starts[id] ?? 0;
    if ((this.#starts[id + 1] ?? 0) - start < prefix.length) return false;
    const bytes = this.#bytes;
    for (let index = 0; index < prefix.length; index++) {
      if (prefix[index] !== bytes[start + index]) return false;
    }
    return true;
  }

  /** Less than 0, 0 or more as the id's name comes before, is or follows these bytes. */
  compare(id: number, other: Uint8Array): number {
    return this.#compare(id, other, 0, other.length);
  }

  /** As `compare`, with the name of another id. */
  compareIds(id: number, other: number): number {
    const start = this.#starts[other] ?? 0;
    const end = this.#starts[other + 1] ?? 0;
    return this.#compare(id, this.#bytes, start, end);
  }

  #compare(
    id: number,
    other: Uint8Array,
    otherStart: number,
    otherEnd: number,
  ): number {
    const start = this.#starts[id] ?? 0;
    const length = (this.#starts[id + 1] ?? 0) - start;
    const bytes = this.#bytes;
    const otherLength = otherEnd - otherStart;
    const shared = Math.min(length, otherLength);
    for (let index = 0; index < shared; index++) {
      const difference = (bytes[start + index] ?? 0) -
        (other[otherStart + index] ?? 0);
      if (difference !== 0) return difference;
    }
    return length - otherLength;
  }

  /** Bytes of names from an offset on, as they stand one after the other. */
  bytesAt(offset: number, length: number): Uint8Array {
    return this.#bytes.subarray(offset, offset + length);
  }

  /** Starts of names, from an id on. */
  startsFrom(id: number, length: number): Uint32Array {
    return this.#starts.subarray(id, id + length);
  }

  #write(name: string, start: number): number {
    const bytes = this.#bytes;
    const { length } = name;
    for (let index = 0; index < length; index++) {
      const code = name.charCodeAt(index);
      if (code >= 0x80) {
        return encodeUtf8Into(name, bytes.subarray(start));
      }
      bytes[start + index] = code;
    }
    return length;
  }

  #growStarts(): void {
    const grown = new Uint32Array(Math.ceil(this.#starts.length * 1.5));
    grown.set(this.#starts);
    this.#starts = grown;
  }

  #growBytes(needed: number): void {
    invariant(needed <= BYTES_MAX, "All names together fit in 4 GiB");
    const grown = new Uint8Array(
      Math.min(
        BYTES_MAX,
        Math.max(needed, Math.ceil(this.#bytes.length * 1.5)),
      ),
    );
    grown.set(this.#bytes);
    this.#bytes = grown;
  }
}
