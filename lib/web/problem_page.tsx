/**
 * Refusals as pages: what went wrong, in words, and how to go on.
 *
 * @module
 */

import { Notice } from "./components.tsx";
import type { Frame, Page } from "./frame.tsx";
import type { Content } from "./html.ts";
import { LoginForm } from "./login_form.tsx";

const TITLES: Readonly<Record<number, string>> = {
  400: "That cannot be",
  401: "Not allowed",
  403: "Forbidden",
  404: "Not found",
  410: "Deleted",
  413: "Too large",
  503: "Not now",
  507: "The disk is full",
};

/** The page of a refusal. */
export function problemPage(
  { status, text }: { readonly status: number; readonly text: string },
  frame: Frame,
): Page {
  const title = TITLES[status] ??
    (status >= 500 ? "Something failed" : "Refused");
  return {
    title,
    body: (
      <>
        <h1>
          <span class="status">{status}</span> {title}
        </h1>
        <Notice kind="bad">
          <bdi>{text.toWellFormed()}</bdi>
        </Notice>
        {wayOn(status, frame)}
      </>
    ),
  };
}

function wayOn(status: number, frame: Frame): Content {
  const { prefix, login, path, isForm } = frame;
  const home = <a href={prefix + "/web/index.html"}>Home</a>;
  const streams = <a href={prefix + "/web/streams"}>Streams</a>;
  const again = <a href={prefix + path}>Try again</a>;
  if (status === 401) {
    return (
      <>
        <p>
          {login === undefined
            ? "Log in with a user that has the right to see it."
            : "The present login does not have the right. Log in as another:"}
        </p>
        <LoginForm {...frame} login={undefined} />
      </>
    );
  }
  if (status === 404) {
    return (
      <p>
        There is nothing at this address; it may have been deleted or never
        written. Go on to {streams} or {home}.
      </p>
    );
  }
  if (status === 503 || status === 429) {
    return (
      <p>
        {isForm ? "Go back and send it again" : again}, or see {home}{" "}
        for how the server is doing.
        {status === 503 && !isForm
          ? " This page tries again by itself every few seconds."
          : null}
      </p>
    );
  }
  return <p>Go back and change it, or go on to {streams} or {home}.</p>;
}
