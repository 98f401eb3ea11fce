/**
 * The pages whose commands and programs run, block by block.
 *
 * @module
 */

import { assert } from "@std/assert";
import type { GuideOptions } from "./guide.ts";
import { readShownSteps, type ShownStep } from "./shown_output.ts";

const ROOT = new URL("../../", import.meta.url);

/** A page, and how it is run. */
export interface Guide extends GuideOptions {
  /** From the top of the project. */
  readonly path: string;
  /** Of which only the section with this heading is run; all of it else. */
  readonly section?: string;
  /** Whether each section has a directory and a server of its own. */
  readonly isBySection?: boolean;
  /** How many blocks it has at least. */
  readonly stepsMin: number;
}

/** Every page of that kind. */
export const GUIDES: readonly Guide[] = [
  { path: "README.md", section: "A tour in a minute", stepsMin: 5 },
  { path: "docs/tour.md", stepsMin: 20 },
  { path: "docs/start.md", stepsMin: 5 },
  { path: "docs/client.md", stepsMin: 2 },
  { path: "docs/embed.md", stepsMin: 3 },
  { path: "docs/command_line.md", isInShell: true, stepsMin: 5 },
  { path: "docs/subscriptions.md", stepsMin: 8 },
  { path: "docs/projections.md", stepsMin: 9 },
  { path: "docs/outbox.md", stepsMin: 4 },
  { path: "docs/read-models.md", stepsMin: 5 },
  { path: "docs/process-managers.md", stepsMin: 4 },
  { path: "docs/personal-data.md", stepsMin: 6 },
  { path: "docs/tenants.md", stepsMin: 6 },
  { path: "docs/caching.md", stepsMin: 3 },
  { path: "docs/browser-apps.md", stepsMin: 4 },
  { path: "docs/operate.md", isBySection: true, stepsMin: 30 },
];

/** The steps of a guide. */
export function stepsOf({ path, section, stepsMin }: Guide): ShownStep[] {
  const steps = readShownSteps(Deno.readTextFileSync(new URL(path, ROOT)))
    .filter(({ heading }) => section === undefined || heading === section);
  assert(steps.length >= stepsMin, `${path} has its blocks`);
  return steps;
}
