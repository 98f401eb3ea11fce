/**
 * Pages and their forms as a browser asks for them and sends them.
 *
 * @module
 */

import { TEST_BASE_URL, type TestAnswer, type TestApp } from "./test_app.ts";

/** What a browser accepts. */
export const PAGE = "text/html,*/*;q=0.8";
const OWN = { Origin: TEST_BASE_URL, Accept: PAGE };
const FORM = "application/x-www-form-urlencoded";

/** The mark of the forms on a page. */
export function markIn({ body }: TestAnswer): string {
  return /name="csrf" value="([^"]+)"/.exec(body)?.[1] ?? "";
}

/** A page without the marks of its forms, which are every server's own. */
export function withoutMarks(body: string): string {
  return body.replaceAll(/name="csrf" value="[^"]*"/g, "");
}

/** Sends a form as a browser does. */
export function postForm(
  app: TestApp,
  path: string,
  fields: Readonly<Record<string, string>>,
  headers: Readonly<Record<string, string>> = {},
): Promise<TestAnswer> {
  return app.send(path, {
    headers: { ...OWN, "Content-Type": FORM, ...headers },
    body: String(new URLSearchParams(fields)),
  });
}
