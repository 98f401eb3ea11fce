/**
 * A page of the documents: the document, the list of all, and the search.
 *
 * @module
 */

import { countOf, Empty, Name } from "./components.tsx";
import { Document, documentPath } from "./docs/document.tsx";
import { type FoundPlace, navigation, START } from "./docs/library.ts";
import { plainText, type ReadDocument, type Tokens } from "./docs/markdown.ts";
import type { Page } from "./frame.tsx";
import type { Html } from "./html.ts";

/** What the page shows. */
export interface DocsPageFacts {
  readonly prefix: string;
  /** Name of the document. */
  readonly name: string;
  readonly document: ReadDocument;
}

/** Makes the page of a document. */
export function docsPage(facts: DocsPageFacts): Page {
  const { prefix, name, document } = facts;
  return {
    title: name === START ? "Documents" : document.title,
    section: "docs",
    body: (
      <div class="docs">
        <Navigation {...facts} />
        <article>
          <Document prefix={prefix} document={document} />
        </article>
      </div>
    ),
  };
}

/** Makes the page of a search. */
export function docsSearchPage(
  { prefix, query, places }: {
    readonly prefix: string;
    readonly query: string;
    readonly places: readonly FoundPlace[];
  },
): Page {
  return {
    title: "Search",
    section: "docs",
    body: (
      <div class="docs">
        <Navigation prefix={prefix} query={query} />
        <article>
          <h1>
            {countOf(places.length, "place")} with <Name>{query}</Name>
          </h1>
          {places.length === 0
            ? <Empty>Nothing has all of these words. Try fewer.</Empty>
            : null}
          {places.map((place) => <Found prefix={prefix} place={place} />)}
        </article>
      </div>
    ),
  };
}

function Found(
  { prefix, place }: { readonly prefix: string; readonly place: FoundPlace },
): Html {
  const { name, anchor, titles, before, word, after } = place;
  const path = documentPath(name, prefix);
  return (
    <section class="found">
      <h2>
        <a href={anchor === "" ? path : `${path}#${anchor}`}>
          {titles.join(" › ")}
        </a>
      </h2>
      <p>
        {before}
        {word === "" ? null : <mark>{word}</mark>}
        {after}
      </p>
    </section>
  );
}

function Navigation(
  { prefix, name, document, query = "" }: {
    readonly prefix: string;
    readonly name?: string;
    readonly document?: ReadDocument;
    readonly query?: string;
  },
): Html {
  return (
    <aside>
      <form action={prefix + "/docs"} role="search" aria-label="Documents">
        <input
          name="q"
          type="search"
          value={query}
          placeholder="Search the documents"
          aria-label="Search the documents"
          spellcheck={false}
        />
      </form>
      <nav aria-label="Documents">
        <a
          href={prefix + "/docs"}
          aria-current={name === START ? "page" : undefined}
        >
          Start
        </a>
        {navigation().map(({ title, pages }) => (
          <>
            <h2>{title}</h2>
            <ul>
              {pages.map((page) => (
                <li>
                  <a
                    href={documentPath(page.name, prefix)}
                    aria-current={page.name === name ? "page" : undefined}
                  >
                    {page.title}
                  </a>
                  {page.name === name && document !== undefined
                    ? <Contents document={document} />
                    : null}
                </li>
              ))}
            </ul>
          </>
        ))}
      </nav>
    </aside>
  );
}

/** Headings of the page that is open. */
function Contents({ document }: { readonly document: ReadDocument }): Html {
  const { tokens, anchors } = document;
  return (
    <ul>
      {tokens.filter((one) =>
        one.type === "heading" && (one as Tokens.Heading).depth === 2
      ).map((one) => (
        <li>
          <a href={`#${anchors.get(one)}`}>{plainText([one])}</a>
        </li>
      ))}
    </ul>
  );
}
