/**
 * Writes into the documents what is made from the rows of the program.
 *
 * @module
 */

import { withGenerated } from "./generated_docs.ts";

const ROOT = new URL("../../", import.meta.url);

for (const path of ["README.md", ...documents()]) {
  const url = new URL(path, ROOT);
  const before = Deno.readTextFileSync(url);
  const after = withGenerated(before);
  if (after !== before) Deno.writeTextFileSync(url, after);
}
// Tables are laid out by the formatter.
new Deno.Command(Deno.execPath(), {
  args: ["fmt", "--quiet", "README.md", "docs"],
  cwd: ROOT,
}).outputSync();

function documents(): string[] {
  return [...Deno.readDirSync(new URL("docs", ROOT))]
    .map(({ name }) => `docs/${name}`).filter((name) => name.endsWith(".md"));
}
