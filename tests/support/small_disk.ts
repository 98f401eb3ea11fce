/**
 * A small file system in memory: really full, or really read-only. Needs the
 * right to mount.
 *
 * @module
 */

export interface SmallDisk extends AsyncDisposable {
  readonly path: string;
  /** From now on nothing can be written to it. */
  makeReadOnly(): Promise<void>;
}

/** Mounts one; undefined where that is not allowed. */
export async function mountSmallDisk(
  sizeMib: number,
): Promise<SmallDisk | undefined> {
  if (Deno.build.os !== "linux") return undefined;
  const path = await Deno.makeTempDir({ prefix: "quipu-small-" });
  const options = `size=${sizeMib}m`;
  if (!await run("mount", ["-t", "tmpfs", "-o", options, "tmpfs", path])) {
    await Deno.remove(path);
    return undefined;
  }
  return {
    path,
    async makeReadOnly() {
      if (await run("mount", ["-o", "remount,ro", path])) return;
      throw new Error(`Cannot make ${path} read-only`);
    },
    async [Symbol.asyncDispose]() {
      await run("umount", [path]);
      await Deno.remove(path);
    },
  };
}

async function run(command: string, args: string[]): Promise<boolean> {
  try {
    const { success } = await new Deno.Command(command, {
      args,
      stdout: "null",
      stderr: "null",
    }).output();
    return success;
  } catch {
    return false;
  }
}
