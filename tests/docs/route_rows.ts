/**
 * The routes of the interface as tables, from the rows that serve them.
 *
 * @module
 */

import { ACCESS } from "../../lib/http/route.ts";
import { ROUTES } from "../../lib/http/routes/table.ts";
import { tableOf } from "./markdown_table.ts";

/** Groups that are for browsers, or only lead elsewhere. */
const LEFT_OUT = new Set(["Pages", "Redirects"]);

/** The routes, a section for each group. */
export function routesText(): string {
  const groups = Map.groupBy(
    ROUTES.filter(({ tag }) => !LEFT_OUT.has(tag)),
    ({ tag }) => tag,
  );
  return [...groups].map(([tag, routes]) => {
    const rows = new Map(
      routes.toReversed().map(({ method, template, summary, access }) => [
        `\`${method} ${template.replace("{*", "{")}\``,
        [summary, whoMay(ACCESS[access].text)],
      ]),
    );
    return `\n## ${tag}\n\n` + tableOf([
      ["Request", "Does", "For"],
      ...[...rows].reverse().map(([request, cells]) => [request, ...cells]),
    ]);
  }).join("") + "\n";
}

/** "Requires membership in $admins." in a word or two. */
function whoMay(text: string): string {
  return text.replace(/^Requires (?:membership in |a )?/, "")
    .replace("Open to everyone", "everyone")
    .replace(/^the right that.*access list.*/, "access list")
    .replace(/^the right to write \$settings.*/, "writers of `$settings`")
    .replace(/(?<!`)\$\w+/g, "`$&`")
    .replace(/\.$/, "");
}
