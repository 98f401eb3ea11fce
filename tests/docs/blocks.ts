/**
 * Every fenced block of the documents, and the test that runs it. What no test
 * can run is named here, with the reason.
 *
 * @module
 */

import { listPages } from "./pages.ts";

const ROOT = new URL("../../", import.meta.url);

/** The documents whose blocks must run. */
export const DOCUMENTS: readonly string[] = [
  "README.md",
  ...listPages().map((name) => `docs/${name}`),
];

/** @param path From the top of the project. */
export function readDocument(path: string): string {
  return Deno.readTextFileSync(new URL(path, ROOT));
}

/** A fenced block. */
export interface Block {
  /** Its document, from the top of the project. */
  readonly path: string;
  /** Empty: the block names none. */
  readonly language: string;
  readonly text: string;
}

/** The blocks of a document, in their order. */
export function blocksOf(path: string): Block[] {
  return [...readDocument(path).matchAll(/^```(.*)\n([^]*?)\n```$/gm)].map(
    ([, language = "", text = ""]) => ({ path, language, text }),
  );
}

/** Blocks that a test of their own runs or checks: those of a language. */
export const RUN_ELSEWHERE: readonly {
  readonly path: string;
  readonly language: string;
  readonly test: string;
}[] = [
  { path: "README.md", language: "sh", test: "install_test.ts" },
  { path: "docs/install.md", language: "sh", test: "install_test.ts" },
  { path: "docs/install.md", language: "text", test: "install_test.ts" },
  {
    path: "docs/subscriptions.md",
    language: "js",
    test: "browser_examples_test.ts",
  },
  {
    path: "docs/subscriptions.md",
    language: "html",
    test: "browser_examples_test.ts",
  },
  {
    path: "docs/conformance.md",
    language: "sh",
    test: "../conformance/kit_test.ts",
  },
  {
    path: "docs/conformance.md",
    language: "text",
    test: "../conformance/kit_test.ts",
  },
  { path: "docs/migrate.md", language: "sh", test: "migrate_page_test.ts" },
  { path: "docs/migrate.md", language: "text", test: "migrate_page_test.ts" },
  { path: "docs/tour.md", language: "html", test: "browser_examples_test.ts" },
  {
    path: "docs/browser-apps.md",
    language: "html",
    test: "browser_examples_test.ts",
  },
  { path: "docs/operate.md", language: "nginx", test: "proxies_test.ts" },
  { path: "docs/caching.md", language: "nginx", test: "proxies_test.ts" },
  // Made from the program.
  { path: "docs/commands.md", language: "text", test: "../tidy_test.ts" },
];

/** Blocks that no test runs: how each begins, and why. */
export const NOT_RUN: readonly {
  readonly path: string;
  readonly start: string;
  readonly reason: string;
}[] = [
  {
    path: "docs/install.md",
    start: "docker run",
    reason: "needs Docker; the workflow of a release runs the image",
  },
  {
    path: "docs/install.md",
    start: "docker compose",
    reason: "needs Docker; tests/packaging checks the files",
  },
  {
    path: "docs/install.md",
    start: "gh attestation",
    reason: "needs a published release",
  },
  {
    path: "docs/install.md",
    start: "sudo install",
    reason: "needs systemd; tests/packaging checks the unit",
  },
  {
    path: "docs/operate.md",
    start: "scrape_configs:",
    reason: "needs Prometheus",
  },
  {
    path: "docs/operate.md",
    start: "{\n  servers {",
    reason: "needs Caddy; its limits are compared with the server's",
  },
  {
    path: "docs/subscriptions.md",
    start: "POST /subscriptions/",
    reason: "is the line of a request, not a command",
  },
  {
    path: "docs/users.md",
    start: '{\n  "$acl"',
    reason: "is a document; docs/tenants.md writes such ones",
  },
  ...[
    "       clients",
    "createuser",
    "quipu serve",
    "cd packaging",
  ].map((start) => ({
    path: "docs/scale-out.md",
    start,
    reason: "needs several machines; tests/contract runs over PostgreSQL",
  })),
];
