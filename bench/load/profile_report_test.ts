import { assertEquals } from "@std/assert";
import { summarizeProfile } from "./profile_report.ts";

function frame(functionName: string, url: string) {
  return { functionName, url, lineNumber: 9 };
}

Deno.test("summarizeProfile adds up self and total time without idle time", () => {
  const summary = summarizeProfile({
    nodes: [
      { id: 1, callFrame: frame("(root)", ""), children: [2, 5] },
      { id: 2, callFrame: frame("outer", "file:///a.ts"), children: [3] },
      { id: 3, callFrame: frame("inner", "file:///b.ts"), children: [4] },
      { id: 4, callFrame: frame("outer", "file:///a.ts") },
      { id: 5, callFrame: frame("(idle)", "") },
    ],
    samples: [2, 3, 4, 5],
    timeDeltas: [10, 20, 30, 1000],
  });
  assertEquals(summary.busyUs, 60);
  assertEquals(summary.wallUs, 1060);
  assertEquals(summary.functions.slice(0, 2), [
    { name: "outer file:///a.ts:10", selfUs: 40, totalUs: 60 },
    { name: "inner file:///b.ts:10", selfUs: 20, totalUs: 50 },
  ]);
  assertEquals(summary.files[0], {
    name: "file:///a.ts",
    selfUs: 40,
    totalUs: 60,
  });
});
