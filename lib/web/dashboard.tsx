/**
 * The start page: how the server is doing.
 *
 * @module
 */

import type { StoreFigures } from "../store/maintenance.ts";
import { countText, Facts } from "./components.tsx";
import type { Page } from "./frame.tsx";

/** What the page shows. */
export interface DashboardFacts {
  readonly prefix: string;
  readonly version: string;
  /** Where the log ends. */
  readonly end: number;
  readonly readOnlyReason: string | undefined;
  /** Undefined: the store tells none. */
  readonly figures: StoreFigures | undefined;
}

/** Makes the page. */
export function dashboardPage(facts: DashboardFacts): Page {
  const { version, end, readOnlyReason, figures } = facts;
  return {
    title: "Home",
    section: "home",
    body: (
      <>
        <h1>Quipu {version}</h1>
        <Facts
          rows={[
            ["State", readOnlyReason ?? "takes reads and writes"],
            ["End of the log", countText(end)],
            ...(figures === undefined ? [] : [
              ["Streams", countText(figures.streamCount)],
              ["Segments", countText(figures.segmentCount)],
            ] as const),
          ]}
        />
      </>
    ),
  };
}
