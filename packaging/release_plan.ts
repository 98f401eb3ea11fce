/**
 * What a release consists of, and the steps that make it, as data:
 * `release.ts` takes them, tests and `--dry-run` look at them.
 *
 * @module
 */

import { COMPILE_COMMAND, VERSION } from "./project.ts";

/** A system that a binary is built for. */
export interface Target {
  /** Operating system and processor, as in the name of the file. */
  readonly system: string;
  /** As `deno compile --target` names it. */
  readonly triple: string;
  /** Name of the binary in a release. */
  readonly file: string;
}

/** All systems that have a binary. */
export const TARGETS: readonly Target[] = [
  targetOf("linux-x64", "x86_64-unknown-linux-gnu"),
  targetOf("linux-arm64", "aarch64-unknown-linux-gnu"),
  targetOf("macos-x64", "x86_64-apple-darwin"),
  targetOf("macos-arm64", "aarch64-apple-darwin"),
  targetOf("windows-x64", "x86_64-pc-windows-msvc", ".exe"),
];

function targetOf(system: string, triple: string, suffix = ""): Target {
  return { system, triple, file: `quipu-${system}${suffix}` };
}

/** Files of a release that are the same for all systems. */
export const FILES = {
  npm: `quipu-npm-${VERSION}.tgz`,
  bom: `quipu-${VERSION}.cdx.json`,
  notices: "THIRD_PARTY_NOTICES.txt",
  installer: "install.sh",
  conformance: `quipu-conformance-${VERSION}.js`,
  checksums: "SHA256SUMS",
} as const;

/** Bundles the conformance kit with everything that was recorded. */
export const CONFORMANCE_COMMAND: readonly string[] = [
  "deno",
  "bundle",
  "--lock=tests/deno.lock",
  "--frozen",
  "tests/conformance/main.ts",
];

/** One step, with the file that it leaves in the directory of the release. */
export type ReleaseStep =
  | {
    readonly kind: "compile";
    readonly file: string;
    readonly command: readonly string[];
  }
  | {
    readonly kind:
      | "npm"
      | "bom"
      | "notices"
      | "installer"
      | "conformance"
      | "checksums";
    readonly file: string;
  };

/** Which part of a release is made. */
export interface ReleaseRequest {
  /** Systems to compile for. */
  readonly targets: readonly Target[];
  /** Whether everything but the binaries is made. */
  readonly withFiles: boolean;
  /** Where files go. */
  readonly directory: string;
}

/**
 * The steps, in order. The checksums come last: they are of every file that
 * then lies in the directory, so of binaries, too, that were built elsewhere
 * and copied to it.
 */
export function planRelease(
  { targets, withFiles, directory }: ReleaseRequest,
): ReleaseStep[] {
  const steps: ReleaseStep[] = targets.map((target) => ({
    kind: "compile",
    file: target.file,
    command: compileCommand(target, directory),
  }));
  if (withFiles) {
    for (const [kind, file] of Object.entries(FILES)) {
      steps.push({ kind: kind as keyof typeof FILES, file });
    }
  }
  return steps;
}

/** `deno task compile`, for another system and to another place. */
function compileCommand(target: Target, directory: string): string[] {
  const at = COMPILE_COMMAND.indexOf("--output");
  return COMPILE_COMMAND.toSpliced(
    at,
    2,
    "--target",
    target.triple,
    "--output",
    `${directory}/${target.file}`,
  );
}
