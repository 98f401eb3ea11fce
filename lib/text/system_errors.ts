/**
 * Texts for errors of the operating system, with advice.
 *
 * @module
 */

/** By the system's code. */
const WORDS: Readonly<Record<string, string>> = {
  ENOSPC: "no space left on the device; make room and try again",
  EDQUOT: "the disk quota is used up; make room and try again",
  EFBIG: "the file would be larger than it may be; raise the limit (ulimit -f)",
  EACCES: "permission denied; run as the owner of the file, or change its " +
    "rights",
  EPERM: "not permitted; run as the owner of the file, or change its rights",
  EROFS: "the file system is read-only; mount it for writing, or name another",
  EIO: "the device fails (input/output error); look after the disk, and copy " +
    "what it still gives",
  EMFILE: "too many files are open; raise the limit (ulimit -n)",
  ENFILE: "too many files are open on this machine; raise its limit",
  NOTCAPABLE: "the runtime does not allow access to it; choose another place",
};

/** Codes by the numbers, those of Linux, that messages of the runtime name. */
const NUMBERS: Readonly<Record<string, string>> = {
  1: "EPERM",
  5: "EIO",
  13: "EACCES",
  20: "ENOTDIR",
  23: "ENFILE",
  24: "EMFILE",
  27: "EFBIG",
  28: "ENOSPC",
  30: "EROFS",
  122: "EDQUOT",
};

/** The code of an error of the system; undefined for any other error. */
export function systemCodeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  // Not the system but the runtime refuses parts of /dev, /proc and /sys.
  if (error.name === "NotCapable") return "NOTCAPABLE";
  const isCoded = "code" in error && typeof error.code === "string" &&
    /^E[A-Z0-9]+$/.test(error.code);
  if (isCoded) return String(error.code);
  const number = /\(os error (\d{1,3})\)/.exec(error.message)?.[1];
  return number === undefined ? undefined : NUMBERS[number];
}

/** The file that the system refused, where its error names one. */
export function refusedPathOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  if ("path" in error && typeof error.path === "string") return error.path;
  return /: \w+ '(.+)'$/.exec(error.message)?.[1];
}

/**
 * Why the system refused something, and what helps; undefined when that is not
 * a matter of room, rights or the device.
 */
export function explainSystemError(error: unknown): string | undefined {
  const code = systemCodeOf(error);
  return code !== undefined && Object.hasOwn(WORDS, code)
    ? WORDS[code]
    : undefined;
}

/** The same, or what else is wrong with a path, or what the error itself says. */
export function systemReasonOf(error: unknown): string {
  if (systemCodeOf(error) === "ENOTDIR") {
    return "it is not a directory, or its parent is not one";
  }
  if (error instanceof Deno.errors.NotFound) return "there is no such file";
  return explainSystemError(error) ??
    (error instanceof Error ? error.message : String(error));
}
