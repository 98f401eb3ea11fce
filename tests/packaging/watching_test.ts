/**
 * What the compose example watches: every metric of the dashboard is one that
 * the server has.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import dashboard from "../../packaging/compose/grafana-quipu.json" with {
  type: "json",
};
import { startServer } from "../support/program.ts";

const ADMIN = { Authorization: `Basic ${btoa("admin:changeit")}` };

/** Words of an expression of PromQL that are no metrics. */
const PROMQL = /^(?:sum|by|rate|le|histogram_quantile|__rate_interval)$/;

function metricsOf(expression: string): string[] {
  const plain = expression.replace(/\{[^}]*\}|\bby \([^)]*\)/g, "");
  return (plain.match(/[a-z_]{3,}/g) ?? []).filter((word) =>
    !PROMQL.test(word)
  );
}

/** Names and label sets of the samples of a server that has a subscription. */
async function readSamples(): Promise<string[]> {
  const directory = await Deno.makeTempDir();
  try {
    await using server = await startServer([`--db=${directory}`]);
    const { url } = server;
    const created = await fetch(`${url}/subscriptions/orders/group`, {
      method: "PUT",
      headers: { "Content-Type": "application/json", ...ADMIN },
      body: "{}",
    });
    await created.body?.cancel();
    assertEquals(created.status, 201);
    const answer = await fetch(`${url}/metrics`, { headers: ADMIN });
    return (await answer.text()).split("\n").filter((line) =>
      !line.startsWith("#")
    );
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("the server has every metric and label of the dashboard", async () => {
  const samples = await readSamples();
  const names = new Set(samples.map((line) => line.split(/[{ ]/)[0]));
  const targets = dashboard.panels.flatMap(({ targets }) => targets);
  assert(targets.length > 20);
  const variable = dashboard.templating.list[0]?.query.query ?? "";
  const wanted = [
    ...targets.flatMap(({ expr }) => metricsOf(expr)),
    /^label_values\((\w+), instance\)$/.exec(variable)?.[1] ?? variable,
  ];
  const unknown = wanted.filter((name) => !names.has(name));
  assertEquals(unknown, []);
  // Labels that it groups or names by, beside those that Prometheus adds.
  for (const { expr, legendFormat } of targets) {
    const labels = [
      ...[...expr.matchAll(/\bby \((\w+)\)/g)].map(([, label]) => label),
      ...[...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label]) => label),
    ];
    for (const label of labels) {
      const has = samples.some((line) =>
        metricsOf(expr).some((name) => line.startsWith(`${name}{`)) &&
        line.includes(`${label}="`)
      );
      assert(has, `${expr}: no label ${label}`);
    }
  }
});
