/**
 * Documents that show commands and their output: blocks of commands (`sh`),
 * each of which one of output (`text`) may follow, in which a `…` stands for
 * whatever is left out.
 *
 * @module
 */

/** Commands, and what is shown of their output. */
export interface ShownStep {
  readonly heading: string;
  readonly script: string;
  readonly output: string | undefined;
}

/** The steps below each heading of a text; what stands before the first is left out. */
export function readShownSteps(text: string, mark: "##" | "###"): ShownStep[] {
  const steps: ShownStep[] = [];
  for (const part of text.split(new RegExp(`^${mark} `, "m")).slice(1)) {
    const heading = part.slice(0, part.indexOf("\n"));
    const blocks = part.matchAll(
      /^```sh\n([^]*?)\n```$(?:\n+```text\n([^]*?)\n```$)?/gm,
    );
    for (const [, script = "", output] of blocks) {
      steps.push({ heading, script, output });
    }
  }
  return steps;
}

const UUID = /\b[\da-f]{8}-(?:[\da-f]{4}-){3}[\da-f]{12}\b/gi;

/** The ids that a text names itself: they are the same every time. */
export function idsIn(text: string): ReadonlySet<string> {
  return new Set(text.match(UUID));
}

/** Puts words in place of what is another one every time. */
export function settle(text: string, fixedIds: ReadonlySet<string>): string {
  return text
    .replace(/\/incoming\/[\da-f-]{36}/g, "/incoming/<new id>")
    .replace(UUID, (id) => fixedIds.has(id) ? id : "<id>")
    .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|\+00:00)/g, "<time>")
    .trim();
}

/** Whether a text is what is shown of it, `…` standing for anything. */
export function matches(shown: string, actual: string): boolean {
  const parts = shown.trim().split("…").map((part) =>
    part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")
  );
  return new RegExp(`^${parts.join("[^]*?")}$`).test(actual.trim());
}

/** Says what is wrong. */
export function describeDifference(shown: string, actual: string): string {
  return `What is shown is\n\n${shown}\n\nbut what comes is\n\n${actual}\n`;
}
