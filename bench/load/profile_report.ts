/**
 * Reads a CPU profile (`--profile` of the load bench, `deno run --cpu-prof`)
 * and prints where the time went: by file, and by function.
 *
 * Run: `deno run --allow-read bench/load/profile_report.ts FILE [functions]`
 *
 * Self time is what a function took itself; total is with all that it called.
 * Idle time and the time of the profiler's own thread are left out of shares.
 *
 * @module
 */

import { PROJECT_ROOT } from "./project_root.ts";

const FUNCTIONS_SHOWN = 45;
const FILES_SHOWN = 30;

interface ProfileNode {
  readonly id: number;
  readonly callFrame: {
    readonly functionName: string;
    readonly url: string;
    /** 0-based. */
    readonly lineNumber: number;
  };
  readonly children?: readonly number[];
}

interface CpuProfile {
  readonly nodes: readonly ProfileNode[];
  /** Id of the node that each sample met. */
  readonly samples: readonly number[];
  /** µs since the sample before. */
  readonly timeDeltas: readonly number[];
}

/** Time of one function or file, µs. */
export interface ProfileLine {
  readonly name: string;
  selfUs: number;
  totalUs: number;
}

export interface ProfileSummary {
  /** Time in which something ran. */
  readonly busyUs: number;
  readonly wallUs: number;
  readonly files: readonly ProfileLine[];
  readonly functions: readonly ProfileLine[];
}

/** Adds up a profile; lists are ordered by self time. */
export function summarizeProfile(profile: CpuProfile): ProfileSummary {
  const selfOf = selfTimes(profile);
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  const files = new Map<string, ProfileLine>();
  const functions = new Map<string, ProfileLine>();
  let busyUs = 0;
  let wallUs = 0;
  for (const delta of profile.timeDeltas) wallUs += delta;

  /** @returns Total time of the node. */
  function visit(
    node: ProfileNode,
    above: { readonly files: Set<string>; readonly functions: Set<string> },
  ): number {
    const file = fileOf(node);
    const name = `${node.callFrame.functionName || "(anonymous)"} ${file}` +
      (file.startsWith("(") ? "" : `:${node.callFrame.lineNumber + 1}`);
    const isIdle = node.callFrame.functionName === "(idle)";
    const selfUs = isIdle ? 0 : selfOf.get(node.id) ?? 0;
    busyUs += selfUs;
    // A recursive function's time is counted where it is outermost only.
    const isOuterFile = !above.files.has(file);
    const isOuterFunction = !above.functions.has(name);
    if (isOuterFile) above.files.add(file);
    if (isOuterFunction) above.functions.add(name);
    let totalUs = selfUs;
    for (const id of node.children ?? []) {
      const child = nodes.get(id);
      if (child !== undefined) totalUs += visit(child, above);
    }
    add(files, { name: file, selfUs, totalUs: isOuterFile ? totalUs : 0 });
    add(functions, { name, selfUs, totalUs: isOuterFunction ? totalUs : 0 });
    if (isOuterFile) above.files.delete(file);
    if (isOuterFunction) above.functions.delete(name);
    return totalUs;
  }

  const [root] = profile.nodes;
  if (root !== undefined) {
    visit(root, { files: new Set(), functions: new Set() });
  }
  const ordered = (lines: Map<string, ProfileLine>) =>
    [...lines.values()].sort((a, b) => b.selfUs - a.selfUs);
  return {
    busyUs,
    wallUs,
    files: ordered(files),
    functions: ordered(functions),
  };
}

function selfTimes(profile: CpuProfile): Map<number, number> {
  const times = new Map<number, number>();
  profile.samples.forEach((id, i) => {
    times.set(id, (times.get(id) ?? 0) + (profile.timeDeltas[i] ?? 0));
  });
  return times;
}

function fileOf({ callFrame }: ProfileNode): string {
  if (callFrame.url === "") return "(engine)";
  return callFrame.url.replace(`file://${PROJECT_ROOT}`, "");
}

function add(lines: Map<string, ProfileLine>, line: ProfileLine): void {
  const known = lines.get(line.name);
  if (known === undefined) {
    lines.set(line.name, line);
  } else {
    known.selfUs += line.selfUs;
    known.totalUs += line.totalUs;
  }
}

function linesText(
  lines: readonly ProfileLine[],
  { busyUs, shown }: { readonly busyUs: number; readonly shown: number },
): string {
  const percent = (us: number) => (100 * us / busyUs).toFixed(1).padStart(6);
  return lines.slice(0, shown).map((line) =>
    `${percent(line.selfUs)} ${percent(line.totalUs)}  ${line.name}\n`
  ).join("");
}

if (import.meta.main) {
  const [file = "", count] = Deno.args;
  const summary = summarizeProfile(JSON.parse(await Deno.readTextFile(file)));
  const { busyUs, wallUs } = summary;
  const text = `busy ${(busyUs / 1e6).toFixed(2)} s of ` +
    `${(wallUs / 1e6).toFixed(2)} s\n\n` +
    `self %  total %\n` +
    linesText(summary.files, { busyUs, shown: FILES_SHOWN }) + "\n" +
    linesText(summary.functions, {
      busyUs,
      shown: Number(count ?? FUNCTIONS_SHOWN),
    });
  Deno.stdout.writeSync(new TextEncoder().encode(text));
}
