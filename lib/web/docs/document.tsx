/**
 * Elements of documents as HTML. Nothing of a document is HTML already: comments
 * are left out.
 *
 * @module
 */

import type { Content, Html } from "../html.ts";
import { API, findDocument, START } from "./library.ts";
import type { ReadDocument, Token, Tokens } from "./markdown.ts";

/** What elements need to know of where they stand. */
interface Place {
  readonly prefix: string;
  readonly document: ReadDocument;
}

/** The elements of a document. */
export function Document({ prefix, document }: Place): Html {
  return <>{document.tokens.map((one) => block(one, { prefix, document }))}</>;
}

function block(token: Token, place: Place): Content {
  switch (token.type) {
    case "heading":
      return heading(token as Tokens.Heading, place);
    case "paragraph":
      return <p>{inline(token.tokens, place)}</p>;
    case "code":
      return (
        <pre class="sample">
          <code>{(token as Tokens.Code).text}</code>
        </pre>
      );
    case "list":
      return list(token as Tokens.List, place);
    case "table":
      return table(token as Tokens.Table, place);
    case "blockquote":
      return (
        <blockquote>
          {(token.tokens ?? []).map((one) => block(one, place))}
        </blockquote>
      );
    case "hr":
      return <hr />;
    case "text":
      return inline(token.tokens ?? [token], place);
    default:
      return null;
  }
}

function heading(token: Tokens.Heading, place: Place): Html {
  const id = place.document.anchors.get(token);
  const text = inline(token.tokens, place);
  switch (token.depth) {
    case 1:
      return <h1 id={id}>{text}</h1>;
    case 2:
      return (
        <h2 id={id}>
          {text} <Anchor id={id} />
        </h2>
      );
    default:
      return (
        <h3 id={id}>
          {text} <Anchor id={id} />
        </h3>
      );
  }
}

function Anchor({ id }: { readonly id: string | undefined }): Html {
  return (
    <a class="anchor" href={`#${id}`} aria-label="Link to this part">
      #
    </a>
  );
}

function list({ ordered, items }: Tokens.List, place: Place): Html {
  const rows = items.map((item) => (
    <li>{item.tokens.map((one) => block(one, place))}</li>
  ));
  return ordered ? <ol>{rows}</ol> : <ul>{rows}</ul>;
}

function table(token: Tokens.Table, place: Place): Html {
  const { header, rows } = token;
  const tables = place.document.tokens.filter(({ type }) => type === "table");
  // Regions are told from each other by their names.
  const label = `Table ${tables.indexOf(token) + 1}`;
  return (
    <div class="scroll" tabindex={0} role="region" aria-label={label}>
      <table>
        <thead>
          <tr>
            {header.map((cell) => (
              <th scope="col">{inline(cell.tokens, place)}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr>
              {row.map((cell) => <td>{inline(cell.tokens, place)}</td>)}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function inline(tokens: readonly Token[] | undefined, place: Place): Content {
  return (tokens ?? []).map((token) => phrase(token, place));
}

function phrase(token: Token, place: Place): Content {
  switch (token.type) {
    case "codespan":
      return <code>{(token as Tokens.Codespan).text}</code>;
    case "strong":
      return <strong>{inline(token.tokens, place)}</strong>;
    case "em":
      return <em>{inline(token.tokens, place)}</em>;
    case "br":
      return <br />;
    case "link":
      return link(token as Tokens.Link, place);
    case "html":
      return null;
    default:
      return "tokens" in token && token.tokens !== undefined
        ? inline(token.tokens, place)
        : "text" in token
        ? token.text
        : "";
  }
}

function link({ href, tokens }: Tokens.Link, place: Place): Content {
  const text = inline(tokens, place);
  const to = addressOf(href, place.prefix);
  return to === undefined ? text : <a href={to}>{text}</a>;
}

/** The server that documents speak of: this one. */
const OWN_SERVER = "http://127.0.0.1:2113/";

/** Where a link leads; undefined for files that are not served. */
function addressOf(href: string, prefix: string): string | undefined {
  if (href.startsWith("#")) return href;
  if (href.startsWith(OWN_SERVER)) {
    return `${prefix}/${href.slice(OWN_SERVER.length)}`;
  }
  const [, name, anchor = ""] = /^([\w-]+)\.md(#.*)?$/.exec(href) ?? [];
  if (name !== undefined) {
    // That page has anchors of its own.
    if (name === API) return documentPath(API, prefix);
    return findDocument(name) && documentPath(name, prefix) + anchor;
  }
  return /^https?:\/\//.test(href) ? href : undefined;
}

/** Path of a document's page. */
export function documentPath(name: string, prefix: string): string {
  return name === START ? `${prefix}/docs` : `${prefix}/docs/${name}`;
}
