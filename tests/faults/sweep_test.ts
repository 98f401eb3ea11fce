/**
 * Every fault at every call of the workload, once and from there on: see
 * `sweep.ts`.
 *
 * @module
 */

import { assertGreater } from "@std/assert";
import { openStoreOn } from "../../storage/mod.ts";
import type { Fault } from "./machine.ts";
import {
  failAt,
  type FaultSpan,
  listCalls,
  mayFail,
  noFigures,
} from "./sweep.ts";

const FAULTS: readonly Fault[] = ["EIO", "EIO, but done", "ENOSPC", "EMFILE"];
const SPANS: readonly FaultSpan[] = ["once", "from there on"];

for (const fault of FAULTS) {
  for (const span of SPANS) {
    Deno.test(`${fault} at every call, ${span}, loses nothing and is got over`, async () => {
      const figures = noFigures();
      for (const { index, kind, name } of await listCalls(openStoreOn)) {
        if (!mayFail(kind, fault)) continue;
        try {
          await failAt(openStoreOn, index, { fault, span, figures });
        } catch (error) {
          const what = `call ${index}, ${kind} ${name}`;
          throw new Error(`At ${what}: ${error}`, { cause: error });
        }
      }
      assertGreater(figures.faults, 50);
      assertGreater(figures.answered, 500);
    });
  }
}
