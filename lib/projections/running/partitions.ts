/**
 * States of a projection by partition. Without partitions there is one, whose
 * name is empty, and the shared state of a bi-state projection besides.
 *
 *   engine ⊆ memory ⊆ memory and checkpoints
 *
 * A state that changed stays in memory until a checkpoint has it; the others
 * are dropped when there are too many, and read again when they are asked for.
 *
 * @module
 */

import type { SourcePosition } from "../contract.ts";
import type {
  ProjectionDefinition,
  RestoredState,
} from "../engine/messages.ts";
import type {
  Checkpoint,
  Checkpoints,
  PartitionCheckpoint,
  PartitionTexts,
} from "./checkpoints.ts";
import { covers, type EventPlace, type SourcePlan } from "./positions.ts";
import type { QueryResults } from "./query_results.ts";
import { RunFault } from "./run_fault.ts";

/** Bounds of what is kept. */
export interface PartitionLimits {
  readonly projectionPartitionsLiveMax: number;
  readonly projectionPartitionsCachedMax: number;
  readonly projectionStatesLengthMax: number;
}

/** Everything needed to keep states. */
export interface PartitionsParts {
  readonly limits: PartitionLimits;
  /** Undefined: nothing is kept beyond memory. */
  readonly checkpoints: Checkpoints | undefined;
  /** Position of the root's last checkpoint. */
  readonly root: SourcePosition | undefined;
  readonly isBiState: boolean;
  readonly isPartitioned: boolean;
  /** Told which partitions are dropped. */
  readonly onDropped: (partitions: readonly string[]) => void;
}

/** A partition in memory. */
interface Partition extends PartitionTexts {
  /** Behind the last event that it took. */
  position: SourcePosition;
  state: string;
  result: string;
  isDirty: boolean;
  /** Whether it has no stream of checkpoints yet. */
  isNew: boolean;
  /** What its stream is to keep besides. */
  before: PartitionCheckpoint | undefined;
}

/** Checkpoints of partitions that are written at the same time. */
const WRITES_MAX = 256;

/** The states of one run. */
export class Partitions {
  readonly #parts: PartitionsParts;
  /** In the order of their use. */
  readonly #known = new Map<string, Partition>();
  #length = 0;
  readonly #dirty = new Set<string>();
  /** Those whose states the engine holds, in the order of their use. */
  readonly #held = new Set<string>();
  #root: SourcePosition | undefined;

  constructor(parts: PartitionsParts) {
    this.#parts = parts;
    this.#root = parts.root;
  }

  get cachedCount(): number {
    return this.#known.size;
  }

  /** Bytes of the texts at hand, roughly. */
  get memoryBytes(): number {
    return 2 * this.#length;
  }

  get dirtyCount(): number {
    return this.#dirty.size;
  }

  /** Result of a loaded partition; undefined: it has taken no event. */
  peekResult(partition: string): string | undefined {
    return this.#known.get(partition)?.result;
  }

  /** As the root's checkpoint has it. */
  restore(
    partition: string,
    texts: PartitionTexts,
    position: SourcePosition,
  ): void {
    this.#put(partition, {
      ...texts,
      position,
      isDirty: false,
      isNew: true,
      before: undefined,
    });
  }

  /** Has partitions in memory, as far as they have states. */
  async load(partitions: Iterable<string>): Promise<void> {
    const missing = new Set<string>();
    const { checkpoints } = this.#parts;
    if (checkpoints === undefined) return;
    for (const name of partitions) {
      if (this.#known.has(name) || checkpoints.peekIsMissing(name)) continue;
      missing.add(name);
    }
    if (missing.size === 0) return;
    await inTurns([...missing], async (name) => {
      const found = await this.#read(name);
      if (found === undefined) return;
      this.#put(name, {
        state: found.state,
        result: found.result,
        position: found.position,
        isDirty: false,
        isNew: false,
        before: found.isAheadHidden ? found : undefined,
      });
    });
  }

  /** States of loaded partitions that the engine does not hold; it will. */
  hand(partitions: Iterable<string>): readonly RestoredState[] {
    const handed: RestoredState[] = [];
    for (const name of partitions) {
      const known = this.#known.get(name);
      if (known === undefined || this.#held.has(name)) continue;
      handed.push({ partition: name, state: known.state });
    }
    return handed;
  }

  /** Whether a loaded partition took an event before the last crash. */
  covers(partition: string, plan: SourcePlan, at: EventPlace): boolean {
    const known = this.#known.get(partition);
    return known !== undefined && covers(known.position, plan, at);
  }

  /** What an engine has made of a partition. */
  update(
    partition: string,
    { state, result }: PartitionTexts,
    position: SourcePosition,
  ): void {
    const known = this.#known.get(partition);
    this.#dirty.add(partition);
    this.#held.delete(partition);
    this.#held.add(partition);
    this.#put(partition, {
      state,
      result,
      position,
      isDirty: true,
      isNew: known?.isNew ?? true,
      before: known?.before,
    });
  }

  /** State and result; of a partition in memory or with a checkpoint. */
  async read(partition: string): Promise<PartitionTexts | undefined> {
    return this.#known.get(partition) ?? await this.#read(partition);
  }

  /** Whether a partition that was loaded, as far as it was there, has a state. */
  has(partition: string): boolean {
    return this.#known.has(partition);
  }

  /**
   * Results of a query, of partitions in the order in which they came; of one
   * without partitions, the only one, undefined if nothing came.
   *
   * @param names All partitions; undefined: those in memory are all.
   */
  results(names?: readonly string[]): QueryResults {
    const all = names ??
      (this.#parts.isPartitioned ? [...this.#known.keys()] : [""]);
    return {
      count: all.length,
      read: (from, count) =>
        Promise.all(
          all.slice(from, from + count).map(async (name) =>
            [name, (await this.read(name))?.result] as const
          ),
        ),
    };
  }

  /** Writes a checkpoint of each partition that changed. */
  async writeDirty(): Promise<void> {
    const { checkpoints } = this.#parts;
    if (checkpoints === undefined) return;
    const names = [...this.#dirty];
    await inTurns(names, async (name) => {
      const known = this.#known.get(name);
      if (known === undefined) return;
      const { state, result, position, isNew, before } = known;
      await checkpoints.writePartition(name, { state, result, position }, {
        isNew,
        before,
      });
      known.isNew = false;
      known.before = undefined;
    });
  }

  /** A checkpoint of the root covers everything by now. */
  wroteRoot(position: SourcePosition): void {
    this.#root = position;
    for (const name of this.#dirty) {
      const known = this.#known.get(name);
      if (known !== undefined) known.isDirty = false;
    }
    this.#dirty.clear();
  }

  /** Whether states must be written before more can be taken. */
  get isFull(): boolean {
    return this.#isOver && this.#parts.checkpoints !== undefined;
  }

  /**
   * Drops what is too much.
   *
   * @throws {RunFault} If nothing can be dropped.
   */
  trim(): void {
    this.#letGo();
    if (!this.#isOver) return;
    const { checkpoints, limits } = this.#parts;
    if (checkpoints === undefined) {
      throw new RunFault(
        "The states of its partitions are longer than " +
          `${limits.projectionStatesLengthMax} characters, or it has more ` +
          `than ${limits.projectionPartitionsCachedMax}, and it keeps no ` +
          "checkpoints",
      );
    }
    const dropped: string[] = [];
    for (const [name, known] of this.#known) {
      if (!this.#isOver) break;
      if (known.isDirty) continue;
      this.#known.delete(name);
      this.#length -= lengthOf(name, known);
      if (this.#held.delete(name)) dropped.push(name);
    }
    if (dropped.length > 0) this.#parts.onDropped(dropped);
  }

  /** Has the engine drop the states that it has not used for longest. */
  #letGo(): void {
    const { projectionPartitionsLiveMax } = this.#parts.limits;
    const dropped: string[] = [];
    for (const name of this.#held) {
      if (this.#held.size <= projectionPartitionsLiveMax) break;
      this.#held.delete(name);
      dropped.push(name);
    }
    if (dropped.length > 0) this.#parts.onDropped(dropped);
  }

  get #isOver(): boolean {
    const { projectionPartitionsCachedMax, projectionStatesLengthMax } =
      this.#parts.limits;
    return this.#known.size > projectionPartitionsCachedMax ||
      this.#length > projectionStatesLengthMax;
  }

  async #read(partition: string): Promise<PartitionCheckpoint | undefined> {
    const { checkpoints, isBiState } = this.#parts;
    const root = this.#root;
    if (isBiState && root === undefined) return undefined;
    return await checkpoints?.readPartition(
      partition,
      isBiState ? root : undefined,
    );
  }

  #put(name: string, partition: Partition): void {
    const former = this.#known.get(name);
    if (former !== undefined) {
      // Of a query all stay, in the order in which they came.
      if (this.#parts.checkpoints !== undefined) this.#known.delete(name);
      this.#length -= lengthOf(name, former);
    }
    this.#known.set(name, partition);
    this.#length += lengthOf(name, partition);
  }
}

/** How events are parted: by their source streams, or by the query. */
export type PartitionKind = "none" | "stream" | "custom";

/** How a definition parts its events. */
export function partitionKindOf(
  { byStream, byCustomPartitions }: ProjectionDefinition,
): PartitionKind {
  if (byCustomPartitions === true) return "custom";
  return byStream === true ? "stream" : "none";
}

/**
 * The states that a checkpoint has, and the shared one of a bi-state
 * projection, as JSON.
 *
 * @param root Undefined: there is none.
 */
export function openPartitions(
  definition: ProjectionDefinition,
  root: Checkpoint | undefined,
  { checkpoints, ...parts }: Pick<
    PartitionsParts,
    "limits" | "checkpoints" | "onDropped"
  >,
): {
  readonly partitions: Partitions;
  readonly sharedState: string | undefined;
} {
  const isPartitioned = partitionKindOf(definition) !== "none";
  const isBiState = definition.options.isBiState === true;
  const partitions = new Partitions({
    ...parts,
    checkpoints: isPartitioned ? checkpoints : undefined,
    root: root?.position,
    isBiState,
    isPartitioned,
  });
  const texts = [...root?.texts ?? []];
  const sharedState = isBiState ? texts.shift() : undefined;
  const [state, result = state] = texts;
  const hasState = root !== undefined && !isPartitioned &&
    state !== undefined && result !== undefined;
  if (hasState) partitions.restore("", { state, result }, root.position);
  return { partitions, sharedState };
}

function lengthOf(name: string, { state, result }: PartitionTexts): number {
  const both = state.length + (result === state ? 0 : result.length);
  return 2 * name.length + both;
}

/** Does something for each, at most so many at the same time. */
async function inTurns<T>(
  items: readonly T[],
  call: (item: T) => Promise<void>,
): Promise<void> {
  let next = 0;
  const work = async () => {
    for (let item = items[next++]; item !== undefined; item = items[next++]) {
      await call(item);
    }
  };
  const workers = Math.min(WRITES_MAX, items.length);
  await Promise.all(Array.from({ length: workers }, work));
}
