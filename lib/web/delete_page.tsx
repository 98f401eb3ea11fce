/**
 * Deleting a stream, once its name was typed.
 *
 * @module
 */

import { ActionForm, ConfirmField, Name, Notice } from "./components.tsx";
import { crumbsOf } from "./feed_page.tsx";
import type { Page } from "./frame.tsx";
import type { Content, Html } from "./html.ts";
import { streamPath } from "./streams_page.tsx";

/** What the page shows. */
export interface DeletePageFacts {
  readonly prefix: string;
  readonly csrf: string;
  readonly streamName: string;
  /** Why nothing was deleted. */
  readonly problem?: string | undefined;
}

/** Makes the page. */
export function deletePage(facts: DeletePageFacts): Page {
  const { prefix, streamName, problem } = facts;
  const path = prefix + streamPath(streamName);
  return {
    title: `Delete ${streamName}`,
    section: "streams",
    crumbs: [
      ...crumbsOf(prefix, streamName).slice(0, -1),
      { text: streamName, href: path },
      { text: "Delete" },
    ],
    body: (
      <>
        <h1>
          Delete <Name>{streamName}</Name>
        </h1>
        {problem === undefined ? null : <Notice kind="bad">{problem}</Notice>}
        <p>
          To hide old events alone, set{" "}
          <a href={path + "/metadata"}>what the stream keeps</a>.
        </p>
        <Way facts={facts} mode="soft" title="Delete, and allow it again">
          Its events are hidden, and go with the next scavenge. Who appends to
          it begins it anew; numbers go on where they ended.
        </Way>
        <Way facts={facts} mode="hard" title="Delete for ever">
          Its events are hidden, and go with the next scavenge. Nothing can be
          appended to a stream of this name again. This cannot be undone.
        </Way>
      </>
    ),
  };
}

function Way(
  { facts, mode, title, children }: {
    readonly facts: DeletePageFacts;
    readonly mode: "soft" | "hard";
    readonly title: string;
    readonly children?: Content;
  },
): Html {
  const { prefix, csrf, streamName } = facts;
  return (
    <section>
      <h2>{title}</h2>
      <p>{children}</p>
      <ActionForm action={prefix + "/web/delete"} csrf={csrf}>
        <input type="hidden" name="stream" value={streamName} />
        <input type="hidden" name="mode" value={mode} />
        <ConfirmField label="Type the name of the stream to confirm" />
        <div class="actions">
          <button type="submit" class="danger">{title}</button>
        </div>
      </ActionForm>
    </section>
  );
}
