/**
 * The interface for programs, every operation of it.
 *
 * @module
 */

import { Facts } from "./components.tsx";
import type { Page } from "./frame.tsx";
import type { Html } from "./html.ts";

/** Names with what they mean, under a title. */
export interface ApiGroup {
  readonly title: string;
  /** Whether a form for the request asks for them. */
  readonly isAsked: boolean;
  readonly rows: readonly (readonly [name: string, text: string])[];
}

/** An operation in words. */
export interface ApiOperation {
  readonly id: string;
  readonly method: string;
  readonly path: string;
  readonly summary: string;
  readonly description: string;
  readonly groups: readonly ApiGroup[];
}

/** What the page shows. */
export interface ApiPageFacts {
  readonly prefix: string;
  readonly title: string;
  readonly description: string;
  readonly tags: readonly {
    readonly name: string;
    readonly operations: readonly ApiOperation[];
  }[];
}

/** Makes the page. */
export function apiPage(facts: ApiPageFacts): Page {
  const { prefix, title, description, tags } = facts;
  const openApi = prefix + "/openapi.json";
  return {
    title: "API",
    section: "api",
    scripts: ["api.js"],
    body: (
      <>
        <div class="bar">
          <h1>{title}</h1>
          <a class="button push" href={openApi}>OpenAPI</a>
        </div>
        <p>{description}</p>
        <p id="try-hint" hidden>
          Open a request to send it from here, with your present login.
        </p>
        <nav class="tabs" aria-label="Parts">
          {tags.map(({ name }) => <a href={`#${anchorOf(name)}`}>{name}</a>)}
        </nav>
        <div id="api" data-prefix={prefix} data-openapi={openApi}>
          {tags.map(({ name, operations }) => (
            <section>
              <h2 id={anchorOf(name)}>{name}</h2>
              {operations.map((one) => <Operation operation={one} />)}
            </section>
          ))}
        </div>
      </>
    ),
  };
}

function Operation({ operation }: { readonly operation: ApiOperation }): Html {
  const { id, method, path, summary, description, groups } = operation;
  return (
    <details class="operation" id={id}>
      <summary>
        <span class={`method ${method}`}>{method}</span>
        <code>{path}</code>
        <span class="dim">{summary}</span>
      </summary>
      <p>{description}</p>
      {groups.map(({ title, rows, isAsked }) => (
        <div data-asked={isAsked ? "" : undefined}>
          <h3>{title}</h3>
          <Facts
            rows={rows.map(([name, text]) =>
              [name, text] as const
            )}
          />
        </div>
      ))}
    </details>
  );
}

function anchorOf(name: string): string {
  return "tag-" + name.toLowerCase().replace(/[^a-z0-9]+/g, "-");
}
