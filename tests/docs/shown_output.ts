/**
 * Documents that show commands, programs and their output: blocks of commands
 * (`sh`) and of TypeScript (`ts`), each of which one of output (`text`) may
 * follow, in which a `…` stands for whatever is left out.
 *
 * @module
 */

/** Commands or a program, and what is shown of their output. */
export interface ShownStep {
  readonly heading: string;
  readonly language: "sh" | "ts";
  readonly script: string;
  readonly output: string | undefined;
}

/** The steps of a page, each with the heading that it stands below. */
export function readShownSteps(page: string): ShownStep[] {
  const steps: ShownStep[] = [];
  for (const part of page.replace(/^# /, "").split(/^## /m)) {
    const heading = part.slice(0, part.indexOf("\n"));
    const blocks = part.matchAll(
      /^```(sh|ts)\n([^]*?)\n```$(?:\n+```text\n([^]*?)\n```$)?/gm,
    );
    for (const [, language, script = "", output] of blocks) {
      const isShell = language === "sh";
      steps.push({ heading, language: isShell ? "sh" : "ts", script, output });
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
