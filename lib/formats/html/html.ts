/**
 * What all HTML pages share: the frame, the style and the policy that goes
 * with it. Pages have no scripts; everything that comes from events is escaped.
 *
 * @module
 */

import { escapeXmlAttribute, escapeXmlText } from "../xml/xml_text.ts";

const STYLE =
  `:root{color-scheme:light dark;--line:#8884;--soft:#8882;--dim:#666;--link:#0b62c4}
@media (prefers-color-scheme:dark){:root{--dim:#9a9a9a;--link:#7ab8ff}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:64rem;padding:1.5rem 1rem 4rem;font:16px/1.5 system-ui,sans-serif}
a{color:var(--link);text-decoration:none}
a:hover,a:focus{text-decoration:underline}
h1{font-size:1.4rem;margin:.25rem 0 1rem;overflow-wrap:anywhere}
h2{font-size:1rem;margin:1.25rem 0 .25rem}
nav{display:flex;flex-wrap:wrap;gap:.5rem;margin:1rem 0}
nav a,nav span{border:1px solid var(--line);border-radius:.4rem;padding:.15rem .7rem}
nav span{color:var(--dim)}
article{border:1px solid var(--line);border-radius:.5rem;margin:.75rem 0;overflow:hidden}
article>header{display:flex;flex-wrap:wrap;gap:.25rem 1rem;align-items:baseline;padding:.5rem .75rem;background:var(--soft)}
article>header>:last-child{margin-left:auto}
article p{margin:.5rem .75rem}
pre{margin:0;padding:.6rem .75rem;overflow:auto;max-height:32rem;font:13px/1.45 ui-monospace,monospace;white-space:pre-wrap;overflow-wrap:anywhere}
section>pre{border:1px solid var(--line);border-radius:.5rem;max-height:none}
details{border-top:1px solid var(--line)}
summary{padding:.3rem .75rem;cursor:pointer;color:var(--dim)}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.25rem 1rem;margin:0}
dt,time,.dim{color:var(--dim)}
dd{margin:0;overflow-wrap:anywhere}
strong{overflow-wrap:anywhere}
`;

/**
 * `Content-Security-Policy` of HTML pages: nothing but their one style, named
 * by its hash.
 */
export const HTML_CONTENT_SECURITY_POLICY =
  "default-src 'none'; style-src 'sha256-kLn09yAutmXVSH61u7FNsMs+ZH1wwwYhfADYjY4/jAI='; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** Writes what stands before a page's content. */
export function htmlHead(title: string): string {
  return '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n' +
    '<meta name="viewport" content="width=device-width,initial-scale=1">\n' +
    `<title>${escapeXmlText(title)}</title>\n<style>${STYLE}</style>\n` +
    "</head>\n<body>\n<main>\n";
}

/** Ends a page. */
export const HTML_TAIL = "</main>\n</body>\n</html>\n";

/** Writes a link; without an address, its text alone. */
export function htmlLink(text: string, uri: string | undefined): string {
  return uri === undefined
    ? `<span>${htmlText(text)}</span>`
    : `<a href="${escapeXmlAttribute(uri)}">${htmlText(text)}</a>`;
}

/**
 * Writes text from outside: escaped, and kept from turning its surroundings
 * around.
 */
export function htmlText(text: string): string {
  return `<bdi>${escapeXmlText(text)}</bdi>`;
}

/** Writes a point in time. */
export function htmlTime(updated: string): string {
  return `<time datetime="${updated}">${
    updated.replace("T", " ").replace("Z", " UTC")
  }</time>`;
}
