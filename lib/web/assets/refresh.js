/**
 * Keeps a part of a page up to date: an element with an id and `data-refresh`,
 * the milliseconds between two looks. The page is asked for again and the part
 * is taken out of it; without scripts, loading the page again does the same.
 *
 * @module
 */

import { showLocalTimes } from "./page.js";

/** Failures in a row after which it looks no more. */
const FAILURES_MAX = 5;

async function refresh(part) {
  let failures = 0;
  while (part.dataset.refresh !== undefined && failures < FAILURES_MAX) {
    await new Promise((resolve) => setTimeout(resolve, part.dataset.refresh));
    // Nobody looks, or somebody is choosing something in it.
    if (document.hidden || part.contains(document.activeElement)) continue;
    try {
      const response = await fetch(location.href, {
        headers: { Accept: "text/html" },
      });
      if (!response.ok) throw new Error(response.statusText);
      const page = new DOMParser().parseFromString(
        await response.text(),
        "text/html",
      );
      const next = page.getElementById(part.id);
      if (next === null) return;
      showLocalTimes(next);
      part.replaceWith(next);
      part = next;
      failures = 0;
    } catch {
      failures++;
    }
  }
}

for (const part of document.querySelectorAll("[data-refresh]")) refresh(part);
