/**
 * JSON as a tree to fold and unfold, coloured. What is seen of it is the text
 * itself: numbers keep their digits, members their order and their number.
 *
 * @module
 */

import { indentedObject, textOfBytes } from "../formats/atom/feed_json.ts";
import { sizeText } from "./components.tsx";
import type { Content, Html } from "./html.ts";

/** A larger text is shown as it is, and its beginning alone. */
const TREE_LENGTH_MAX = 128 * 1024;
const TREE_TOKENS_MAX = 12_000;
/** Deeper than people read; less than the renderer can follow. */
const TREE_DEPTH_MAX = 60;
const SHOWN_LENGTH_MAX = 128 * 1024;

const TOKEN =
  /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|true|false|null|[{}[\],:]|\s+|[^]/g;

/** Data or metadata of an event: a tree where it is a JSON object. */
export function Payload(
  { bytes, rawHref }: {
    readonly bytes: Uint8Array;
    /** Where all of it is; undefined: nowhere. */
    readonly rawHref?: string | undefined;
  },
): Html {
  if (bytes.length === 0) return <p class="dim">Empty</p>;
  if (bytes.length > TREE_LENGTH_MAX) {
    return <Beginning {...{ bytes, rawHref }} />;
  }
  const text = textOfBytes(bytes);
  const pretty = indentedObject(text);
  const tree = pretty === undefined ? undefined : treeOf(pretty);
  return <pre class="payload">{tree ?? pretty ?? text.toWellFormed()}</pre>;
}

function Beginning(
  { bytes, rawHref }: {
    readonly bytes: Uint8Array;
    readonly rawHref?: string | undefined;
  },
): Html {
  const text = textOfBytes(bytes.subarray(0, SHOWN_LENGTH_MAX));
  return (
    <>
      <p class="dim">
        The first {sizeText(SHOWN_LENGTH_MAX)} of {sizeText(bytes.length)}.{" "}
        {rawHref === undefined ? null : <a href={rawHref}>All of it</a>}
      </p>
      <pre class="payload">{text.toWellFormed()}</pre>
    </>
  );
}

/** The tree of a JSON text; undefined where it would be too large, or is none. */
function treeOf(text: string): Content | undefined {
  const tokens = (text.match(TOKEN) ?? []).filter((token) =>
    token.trim() !== ""
  );
  if (tokens.length > TREE_TOKENS_MAX) return undefined;
  return new TreeMaker(tokens).value(0);
}

/** Makes a tree of tokens, each as it stands in the text. */
class TreeMaker {
  readonly #tokens: readonly string[];
  #next = 0;

  constructor(tokens: readonly string[]) {
    this.#tokens = tokens;
  }

  /** Undefined where the text goes another way than JSON does. */
  value(depth: number, before: Content = null): Content | undefined {
    const token = this.#take();
    if (token === "{" || token === "[") {
      return depth >= TREE_DEPTH_MAX
        ? undefined
        : this.#container(token, depth, before);
    }
    const kind = kindOf(token);
    if (kind === undefined) return undefined;
    return (
      <>
        {before}
        <span class={kind}>{token}</span>
        {this.#comma()}
      </>
    );
  }

  #container(
    open: "{" | "[",
    depth: number,
    before: Content,
  ): Content | undefined {
    const close = open === "{" ? "}" : "]";
    const members: Content[] = [];
    while (this.#tokens[this.#next] !== close) {
      const member = open === "{"
        ? this.#member(depth + 1)
        : this.value(depth + 1);
      if (member === undefined) return undefined;
      members.push(<span class="m">{member}</span>);
    }
    this.#next++;
    const end = (
      <>
        {close}
        {this.#comma()}
      </>
    );
    if (members.length === 0) return <>{before}{open}{end}</>;
    const count = `${members.length} ${open === "{" ? "member" : "item"}` +
      `${members.length === 1 ? "" : "s"} ${close}`;
    return (
      <details open>
        <summary data-rest={count}>{before}{open}</summary>
        {members}
        <span>{end}</span>
      </details>
    );
  }

  #member(depth: number): Content | undefined {
    const key = this.#take();
    if (!key.startsWith('"') || this.#take() !== ":") return undefined;
    const before = (
      <>
        <span class="k">{key}</span>:{" "}
      </>
    );
    return this.value(depth, before);
  }

  #comma(): string {
    if (this.#tokens[this.#next] !== ",") return "";
    this.#next++;
    return ",";
  }

  #take(): string {
    return this.#tokens[this.#next++] ?? "";
  }
}

function kindOf(token: string): string | undefined {
  if (token.startsWith('"')) return token.length > 1 ? "s" : undefined;
  if (/^[-\d]/.test(token)) return "d";
  return /^[tfn]\w/.test(token) ? "w" : undefined;
}
