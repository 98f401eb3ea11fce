/**
 * A store in a directory of its own that tests take apart: opened, closed,
 * damaged, opened again.
 *
 * @module
 */

import { join } from "@std/path";
import type { EventStore } from "../../lib/store/event_store.ts";
import type { MaintainedStore } from "../../lib/store/event_store.ts";
import type { LogFields, Logger } from "../../lib/model/logger.ts";
import { openStore } from "../../storage/mod.ts";
import { anEvent, createTestClock } from "./events.ts";

/** A store that tells how it was opened. */
export interface OpenedStore extends AsyncDisposable {
  readonly store: MaintainedStore;
  /** What it was found to be: `CLEAN`, `TORN_TAIL`, … */
  readonly verdict: string;
  /** Names of the warnings that opening it gave. */
  readonly warnings: readonly string[];
}

/** A directory with a store. Disposing of it deletes it. */
export class StoreDirectory implements AsyncDisposable {
  readonly path: string;
  readonly #clock = createTestClock();
  #lastEvent = 0;

  constructor(path: string) {
    this.path = path;
  }

  /**
   * Opens the store, by default with segments of a few records.
   *
   * @param activeBytesMin As `openStore()` takes it.
   */
  async open(
    segmentSizeBytes = 2048,
    activeBytesMin?: number,
  ): Promise<OpenedStore> {
    this.#clock.advanceMs(1);
    const logger = createListeningLogger();
    const store = await openStore({
      directory: this.path,
      segmentSizeBytes,
      ...(activeBytesMin === undefined ? {} : { activeBytesMin }),
      clock: this.#clock,
      newEventId: () => crypto.randomUUID(),
      logger,
    });
    return {
      store,
      verdict: String(logger.fieldsOf("store.opened")?.verdict),
      warnings: logger.warnings,
      [Symbol.asyncDispose]: () => store.close(),
    };
  }

  /** Opens, appends so many events one after the other, and closes. */
  async append(count: number, segmentSizeBytes = 2048): Promise<void> {
    await using opened = await this.open(segmentSizeBytes);
    for (let index = 0; index < count; index++) {
      await this.appendOne(opened.store);
    }
  }

  /** Appends the next event: to one of three streams, numbered through. */
  async appendOne(store: EventStore): Promise<void> {
    const number = ++this.#lastEvent;
    this.#clock.advanceMs(1);
    await store.append({
      streamName: `cart-${number % 3}`,
      expectedVersion: "any",
      events: [anEvent(number)],
    });
  }

  /** Opens the store and tells the numbers of all events, in their order. */
  async readNumbers(): Promise<number[]> {
    await using opened = await this.open();
    return await numbersOf(opened.store);
  }

  pathOf(...names: string[]): string {
    return join(this.path, ...names);
  }

  /** Names of the segments' files with the extension, oldest first. */
  namesOf(extension: "seg" | "idx"): string[] {
    return namesIn(this.pathOf("segments"))
      .filter((name) => name.endsWith(`.${extension}`));
  }

  /** Path of a segment's file; a negative index counts from the newest. */
  segmentPath(index: number, extension: "seg" | "idx" = "seg"): string {
    const name = this.namesOf(extension).at(index);
    if (name === undefined) throw new RangeError(`No segment ${index}`);
    return this.pathOf("segments", name);
  }

  /** Names of what recovery laid aside. */
  lostNames(): string[] {
    return namesIn(this.pathOf("lost"));
  }

  /** Copies the catalog, which must be closed, out of the directory or back. */
  copyCatalog(): { restore(): void } {
    const bytes = Deno.readFileSync(this.pathOf("catalog.kv"));
    return {
      restore: () => {
        this.removeCatalog();
        Deno.writeFileSync(this.pathOf("catalog.kv"), bytes);
      },
    };
  }

  removeCatalog(): void {
    for (const name of namesIn(this.path)) {
      if (name.startsWith("catalog.kv")) Deno.removeSync(this.pathOf(name));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }
}

/** Makes an empty directory. */
export async function createStoreDirectory(): Promise<StoreDirectory> {
  return new StoreDirectory(
    await Deno.makeTempDir({ prefix: "quipu-store-" }),
  );
}

/**
 * Numbers of all events of a store written by `StoreDirectory.append`; 0 for
 * one without data.
 */
export async function numbersOf(store: EventStore): Promise<number[]> {
  const numbers: number[] = [];
  for (let from = 0, isAtEnd = false; !isAtEnd;) {
    const page = await store.readAll({
      from,
      count: 100,
      direction: "forward",
      withBodies: true,
    });
    for (const { data } of page.events) {
      const text = new TextDecoder().decode(data);
      numbers.push(text === "" ? 0 : JSON.parse(text).n);
    }
    from = page.next;
    isAtEnd = page.isAtEnd;
  }
  return numbers;
}

/** 1, 2, … up to `last`. */
export function upTo(last: number): number[] {
  return Array.from({ length: last }, (_, index) => index + 1);
}

/** Changes bytes of a file. */
export function changeFile(
  path: string,
  change: (bytes: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer>,
): void {
  Deno.writeFileSync(path, change(Deno.readFileSync(path)));
}

/** Flips one bit of the byte at an offset; a negative one counts from the end. */
export function flipBit(path: string, offset: number): void {
  changeFile(path, (bytes) => {
    const at = offset < 0 ? bytes.length + offset : offset;
    bytes[at] = (bytes[at] ?? 0) ^ 0x10;
    return bytes;
  });
}

function namesIn(path: string): string[] {
  try {
    return [...Deno.readDirSync(path)].map(({ name }) => name).sort();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

interface ListeningLogger extends Logger {
  readonly warnings: string[];
  fieldsOf(event: string): LogFields | undefined;
}

function createListeningLogger(): ListeningLogger {
  const fields = new Map<string, LogFields | undefined>();
  const warnings: string[] = [];
  return {
    warnings,
    fieldsOf: (event) => fields.get(event),
    debug() {},
    audit() {},
    info: (event, given) => void fields.set(event, given),
    warn: (event) => void warnings.push(event),
    error: (event) => void warnings.push(event),
  };
}
