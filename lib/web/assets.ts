/**
 * Style sheet, scripts and icon of the pages. They are part of the program, so
 * that the binary needs no other file. Their names hold a hash of what they
 * are: a browser may keep them for good, and gets new ones with a new version.
 *
 * @module
 */

import { createHash } from "node:crypto";
import api from "./assets/api.js" with { type: "text" };
import follow from "./assets/follow.js" with { type: "text" };
import icon from "./assets/icon.svg" with { type: "text" };
import liveState from "./assets/live_state.js" with { type: "text" };
import jsonField from "./assets/json_field.js" with { type: "text" };
import page from "./assets/page.js" with { type: "text" };
import query from "./assets/query.js" with { type: "text" };
import refresh from "./assets/refresh.js" with { type: "text" };
import style from "./assets/style.css" with { type: "text" };

/** An asset stands behind those that it imports. */
const SOURCES = {
  "style.css": { type: "text/css", text: style },
  "page.js": { type: "text/javascript", text: page },
  "refresh.js": { type: "text/javascript", text: refresh },
  "query.js": { type: "text/javascript", text: query },
  "live_state.js": { type: "text/javascript", text: liveState },
  "follow.js": { type: "text/javascript", text: follow },
  "api.js": { type: "text/javascript", text: api },
  "json_field.js": { type: "text/javascript", text: jsonField },
  "icon.svg": { type: "image/svg+xml", text: icon },
} as const;

/** Name of an asset as its file is called. */
export type AssetName = keyof typeof SOURCES;

/** An asset as it is sent. */
export interface Asset {
  /** Media type, with its charset. */
  readonly contentType: string;
  readonly text: string;
  /** Value of `ETag`. */
  readonly etag: string;
}

const DIGEST_LENGTH = 12;

const names = new Map<string, string>();
const assets = new Map<string, Asset>();

for (const [name, { type, text: source }] of Object.entries(SOURCES)) {
  const text = withHashedImports(source);
  const digest = createHash("sha256").update(text).digest("hex")
    .slice(0, DIGEST_LENGTH);
  const hashedName = name.replace(/(?=\.\w+$)/, `.${digest}`);
  names.set(name, hashedName);
  assets.set(hashedName, {
    contentType: `${type}; charset=utf-8`,
    text,
    etag: `"${digest}"`,
  });
}

/** Scripts import those above them in the table: by their names as sent. */
function withHashedImports(source: string): string {
  return source.replace(
    /(?<=^import .* from "\.\/)[\w.]+(?=";$)/gm,
    (name) => names.get(name) ?? name,
  );
}

/** Path of an asset, behind the prefix. */
export function assetPath(name: AssetName): string {
  return `/web/assets/${names.get(name)}`;
}

/** The asset with a name as `assetPath` makes it; undefined: there is none. */
export function findAsset(hashedName: string): Asset | undefined {
  return assets.get(hashedName);
}
