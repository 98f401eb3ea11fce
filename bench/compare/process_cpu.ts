/**
 * CPU time of processes, as Linux tells it in `/proc`.
 *
 * @module
 */

const MS_PER_TICK = 10;

/** CPU time of one process so far, in ms; undefined if not known. */
export function cpuMsOf(pid: number): number | undefined {
  const ticks = ticksOf(pid);
  return ticks && ticks.own * MS_PER_TICK;
}

/**
 * CPU time of a process, of the children that it has now, and of those that
 * have ended and been waited for, in ms; undefined if not known.
 */
export function cpuMsOfTree(pid: number): number | undefined {
  const parent = ticksOf(pid);
  if (parent === undefined) return undefined;
  let sum = parent.own + parent.ended;
  for (const child of childrenOf(pid)) {
    const ticks = ticksOf(child);
    sum += ticks === undefined ? 0 : ticks.own + ticks.ended;
  }
  return sum * MS_PER_TICK;
}

interface Ticks {
  readonly own: number;
  /** Of children that have ended. */
  readonly ended: number;
}

function ticksOf(pid: number): Ticks | undefined {
  // After the name, which may hold anything but ends with the last ")", the
  // 12th to 15th fields are user and system time, then those of the children.
  const fields = procFile(pid, "stat")?.replace(/^.*\) /s, "").split(" ")
    .map(Number);
  if (fields === undefined) return undefined;
  const [user = 0, system = 0, endedUser = 0, endedSystem = 0] = fields
    .slice(11, 15);
  return { own: user + system, ended: endedUser + endedSystem };
}

function childrenOf(pid: number): number[] {
  return (procFile(pid, `task/${pid}/children`) ?? "").split(" ")
    .filter((word) => word !== "").map(Number);
}

function procFile(pid: number, name: string): string | undefined {
  try {
    return Deno.readTextFileSync(`/proc/${pid}/${name}`);
  } catch {
    return undefined;
  }
}
