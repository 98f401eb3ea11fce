/**
 * The frame of every page: what stands around its content, and the policy that
 * browsers hold it to.
 *
 * @module
 */

import { type AssetName, assetPath } from "./assets.ts";
import { ActionForm, Name } from "./components.tsx";
import { type Content, type Html, htmlDocument } from "./html.ts";

/** Places that the header leads to. */
export type Section =
  | "home"
  | "streams"
  | "all"
  | "subscriptions"
  | "projections"
  | "users"
  | "maintenance"
  | "docs"
  | "api";

const SECTIONS: readonly (readonly [Section, path: string, name: string])[] = [
  ["home", "/web/index.html", "Home"],
  ["streams", "/web/streams", "Streams"],
  ["all", "/streams/$all", "$all"],
  ["subscriptions", "/subscriptions", "Subscriptions"],
  ["projections", "/web/projections", "Projections"],
  ["users", "/users/", "Users"],
  ["maintenance", "/web/maintenance", "Maintenance"],
  ["docs", "/docs", "Docs"],
  ["api", "/docs/api", "API"],
];

/** A step on the way to a page. */
export interface Crumb {
  readonly text: string;
  /** Path with its prefix; undefined: the page itself. */
  readonly href?: string | undefined;
}

/** A page without its frame. */
export interface Page {
  /** What it is called, in the window's title and, by default, as heading. */
  readonly title: string;
  /** Default: none is marked. */
  readonly section?: Section | undefined;
  /** From the section down; default: none. */
  readonly crumbs?: readonly Crumb[];
  /** Scripts besides that of all pages. */
  readonly scripts?: readonly AssetName[];
  readonly body: Content;
}

/** What the frame says of the request. */
export interface Frame {
  /** What paths begin with: empty, or `/prefix`, without a slash at its end. */
  readonly prefix: string;
  /** Who is logged in; undefined: nobody. */
  readonly login: string | undefined;
  /** Whether the login is a session of these pages, which can be ended. */
  readonly isSession: boolean;
  /** Proves that a form comes from a page of this server. */
  readonly csrf: string;
  /** Whether the page is the answer to a form that was sent. */
  readonly isForm: boolean;
  /**
   * Path and query of the page, without the prefix: to come back to. After a
   * form those of the page that the form was on.
   */
  readonly path: string;
}

/** `Content-Security-Policy` of pages: nothing but what this server has. */
export const PAGE_SECURITY_POLICY = "default-src 'none'; style-src 'self'; " +
  "script-src 'self'; img-src 'self'; connect-src 'self'; " +
  "form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/** Writes a page in its frame. */
export function renderPage(page: Page, frame: Frame): string {
  const { title, scripts = [], body } = page;
  const { prefix } = frame;
  return htmlDocument(
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta
          name="viewport"
          content="width=device-width, initial-scale=1"
        />
        <meta name="color-scheme" content="light dark" />
        <title>{`${title} · Quipu`}</title>
        <link rel="icon" href={prefix + assetPath("icon.svg")} />
        <link rel="stylesheet" href={prefix + assetPath("style.css")} />
        {(["page.js", ...scripts] as const).map((name) => (
          <script type="module" src={prefix + assetPath(name)}></script>
        ))}
      </head>
      <body>
        <a class="skip" href="#content">To the content</a>
        <Header page={page} frame={frame} />
        <main id="content" tabindex={-1}>
          {page.crumbs === undefined ? null : <Crumbs crumbs={page.crumbs} />}
          {body}
        </main>
      </body>
    </html>,
  );
}

interface HeaderParts {
  readonly page: Page;
  readonly frame: Frame;
}

function Header({ page, frame }: HeaderParts): Html {
  const { prefix } = frame;
  return (
    <header class="top">
      <a class="brand" href={prefix + "/web/index.html"}>
        <img
          src={prefix + assetPath("icon.svg")}
          alt=""
          width="20"
          height="20"
        />
        Quipu
      </a>
      <nav aria-label="Main">
        {SECTIONS.map(([section, path, name]) => (
          <a
            href={prefix + path}
            aria-current={page.section === section ? "page" : undefined}
          >
            {name}
          </a>
        ))}
      </nav>
      <form
        class="go"
        action={prefix + "/web/go"}
        role="search"
        aria-label="Go to"
      >
        <input
          name="to"
          type="search"
          list="names"
          placeholder="Go to stream or event"
          aria-label="Go to stream or event"
          autocomplete="off"
          spellcheck={false}
          data-names={prefix + "/web/names"}
        />
        <datalist id="names"></datalist>
      </form>
      <Login frame={frame} />
    </header>
  );
}

function Login({ frame }: { readonly frame: Frame }): Html {
  const { prefix, login, isSession, csrf, path } = frame;
  if (login === undefined) {
    const back = encodeURIComponent(path.toWellFormed());
    return (
      <div class="login">
        <a href={`${prefix}/web/login?return=${back}`}>Log in</a>
      </div>
    );
  }
  return (
    <div class="login">
      <a href={prefix + "/users/$current"}>
        <Name>{login}</Name>
      </a>
      {isSession
        ? (
          <ActionForm
            action={prefix + "/web/logout"}
            csrf={csrf}
            class="inline"
          >
            <button type="submit" class="plain">Log out</button>
          </ActionForm>
        )
        : null}
    </div>
  );
}

function Crumbs({ crumbs }: { readonly crumbs: readonly Crumb[] }): Html {
  return (
    <nav class="crumbs" aria-label="Breadcrumbs">
      <ol>
        {crumbs.map(({ text, href }) => (
          <li>
            {href === undefined
              ? (
                <span aria-current="page">
                  <Name>{text}</Name>
                </span>
              )
              : (
                <a href={href}>
                  <Name>{text}</Name>
                </a>
              )}
          </li>
        ))}
      </ol>
    </nav>
  );
}
