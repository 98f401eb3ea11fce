/**
 * The groups of this server, as the configuration names them: changes of it,
 * also by others, start and end them.
 *
 * @module
 */

import type { CommandOutcome } from "./contract.ts";
import type { GroupId } from "../model/subscription_group.ts";
import { CONFIG_STREAM, ConfigStream } from "./config_stream.ts";
import { GroupRecords, type GroupSetup } from "./group_records.ts";
import { GroupSlot, type SlotParts } from "./group_slot.ts";
import { storedMembersOf } from "./settings.ts";

/** Groups that are started side by side. */
const STARTS_MAX = 16;
/** Times that a change is tried again because of others' changes. */
const CONFLICTS_MAX = 20;

/** What becomes of a group: refused, set up so, or not there any more. */
export type GroupChange = CommandOutcome | GroupSetup | "none";

/** Every group there is. */
export class Groups {
  readonly #parts: SlotParts;
  readonly #config: ConfigStream;
  /** In the order of their creation. */
  readonly #slots = new Map<string, GroupSlot>();
  /** Streams that have or had groups since the start. */
  readonly #streamNames = new Set<string>();
  /** Number of the configuration's event that these are the groups of. */
  #version = -1;
  /** Changes, one after another. */
  #turns: Promise<unknown> = Promise.resolve();
  #isClosed = false;
  #endWatching: (() => void) | undefined;

  constructor(parts: SlotParts) {
    const { store, newId, context } = parts;
    this.#parts = parts;
    this.#config = new ConfigStream({ store, newId, clock: context.clock });
  }

  /** Reads which groups there are, and begins to start them. Throws as a read. */
  async open(): Promise<void> {
    // Watched first, then read: nothing is missed.
    this.#endWatching = this.#parts.store.watch(
      () => void this.#follow(),
      (streamName) => streamName === CONFIG_STREAM,
    );
    await this.#inTurn(() => this.#reload());
  }

  get count(): number {
    return this.#slots.size;
  }

  /** In the order of their creation. */
  get all(): readonly GroupSlot[] {
    return [...this.#slots.values()];
  }

  find(group: GroupId): GroupSlot | undefined {
    return this.#slots.get(keyOf(group));
  }

  ofStream(streamName: string): readonly GroupSlot[] {
    return this.all.filter(({ setup }) =>
      setup.group.streamName === streamName
    );
  }

  /** Whether a stream has or had a group since the start. */
  isOrWasSubscribed(streamName: string): boolean {
    return this.#streamNames.has(streamName);
  }

  /**
   * Changes one group, upon what others have changed meanwhile.
   *
   * @param updatedBy Login of who changes it.
   * @throws {QuipuError} As an append does.
   */
  change(
    group: GroupId,
    updatedBy: string,
    decide: (slot: GroupSlot | undefined) => Promise<GroupChange>,
  ): Promise<CommandOutcome> {
    return this.#inTurn(async () => {
      for (let attempt = 0; attempt < CONFLICTS_MAX; attempt++) {
        const decided = await decide(this.find(group));
        if (typeof decided === "object" && "result" in decided) return decided;
        const setup = decided === "none" ? undefined : decided;
        const version = await this.#config.write({
          version: this.#version,
          groups: this.#setupsWith(group, setup),
        }, updatedBy);
        if (version !== undefined) {
          this.#version = version;
          const before = this.find(group)?.setup;
          // What a group of this name left, if a crash kept it, is not of it.
          if (before === undefined && setup !== undefined) {
            await this.#deleteRecords(setup);
          }
          await this.#apply(group, setup);
          if (before !== undefined && setup === undefined) {
            await this.#deleteRecords(before);
          }
          return { result: "Success", reason: "" };
        }
        await this.#reload();
      }
      const reason = "Too many groups are changed, try again later";
      return { result: "Fail", reason };
    });
  }

  /** Ends all groups; what they have done is written down. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#endWatching?.();
    await this.#inTurn(async () => {
      const slots = this.all;
      this.#slots.clear();
      const ends = slots.map((slot) =>
        slot.end({ reason: "stopping", flush: true })
      );
      for (const end of await Promise.allSettled(ends)) {
        if (end.status === "rejected") this.#complain(end.reason);
      }
    });
  }

  /** Gives up what is kept of a group that does not run. */
  async #deleteRecords(setup: GroupSetup): Promise<void> {
    await new GroupRecords(this.#parts, setup).delete();
  }

  /** All setups, with that of one group replaced, added or left out. */
  #setupsWith(group: GroupId, setup: GroupSetup | undefined): GroupSetup[] {
    const setups = new Map(
      [...this.#slots].map(([key, slot]) => [key, slot.setup]),
    );
    if (setup === undefined) setups.delete(keyOf(group));
    else setups.set(keyOf(group), setup);
    return [...setups.values()];
  }

  /** Brings one group to what its setup says. */
  async #apply(group: GroupId, setup: GroupSetup | undefined): Promise<void> {
    const key = keyOf(group);
    const slot = this.#slots.get(key);
    if (setup === undefined) {
      this.#slots.delete(key);
      await slot?.end({ reason: "deleted", flush: false });
    } else if (slot === undefined) await this.#create(setup).start();
    else await slot.update(setup);
  }

  /** Takes over what the configuration says by now. */
  async #reload(): Promise<void> {
    const { version, groups } = await this.#config.read();
    this.#version = version;
    const setups = new Map(groups.map((setup) => [keyOf(setup.group), setup]));
    for (const [key, { setup }] of [...this.#slots]) {
      if (!setups.has(key)) await this.#apply(setup.group, undefined);
    }
    const created: GroupSlot[] = [];
    for (const [key, setup] of setups) {
      const slot = this.#slots.get(key);
      if (slot === undefined) created.push(this.#create(setup));
      else if (textOf(slot.setup) !== textOf(setup)) await slot.update(setup);
    }
    // Not waited for: there may be thousands, and who asks for one starts it.
    void startAll(created);
  }

  #create(setup: GroupSetup): GroupSlot {
    const slot = new GroupSlot(setup, this.#parts);
    this.#slots.set(keyOf(setup.group), slot);
    this.#streamNames.add(setup.group.streamName);
    return slot;
  }

  /** Somebody wrote the configuration, perhaps this server. */
  async #follow(): Promise<void> {
    try {
      await this.#inTurn(async () => {
        const { head } = await this.#parts.store.readState(CONFIG_STREAM);
        if (head !== this.#version && !this.#isClosed) await this.#reload();
      });
    } catch (error) {
      this.#complain(error);
    }
  }

  #complain(error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    this.#parts.logger.warn("subscriptions.failed", { reason });
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turns.then(work);
    this.#turns = turn.catch(() => {});
    return turn;
  }
}

/** Starts groups, some at a time. */
async function startAll(slots: readonly GroupSlot[]): Promise<void> {
  const waiting = [...slots];
  const startNext = async () => {
    for (;;) {
      const slot = waiting.shift();
      if (slot === undefined) return;
      await slot.start();
    }
  };
  await Promise.all(Array.from({ length: STARTS_MAX }, startNext));
}

/** Tells groups apart: names may hold any text. */
function keyOf({ streamName, groupName }: GroupId): string {
  return `${streamName.length} ${streamName}${groupName}`;
}

function textOf({ settings, startAfter }: GroupSetup): string {
  const start = settings.startFrom < 0 ? startAfter : 0;
  return JSON.stringify([storedMembersOf(settings), start]);
}
