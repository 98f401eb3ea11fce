/**
 * The editor of queries: CodeMirror over the field of a form, which keeps the
 * text. `deno task editor` bundles it for browsers; the server sends what that
 * made, if it is there. No module of the server imports it.
 *
 * @module
 */

/// <reference lib="dom" />

import { javascript } from "@codemirror/lang-javascript";
import { HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import { tags } from "@lezer/highlight";
import { basicSetup, EditorView } from "codemirror";

/** It takes colours and letters from the page around it. */
const LOOK = EditorView.theme({
  "&": {
    backgroundColor: "var(--back)",
    color: "var(--text)",
    border: "1px solid var(--line)",
    borderRadius: "5px",
    fontSize: "12.5px",
  },
  "&.cm-focused": { outline: "2px solid var(--accent)" },
  ".cm-content, .cm-gutters": { fontFamily: "var(--mono)" },
  ".cm-content": { minHeight: "14em", caretColor: "var(--text)" },
  ".cm-gutters": {
    backgroundColor: "var(--panel)",
    color: "var(--dim)",
    borderRight: "1px solid var(--line)",
  },
  ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "var(--hover)" },
  "&.cm-focused .cm-selectionBackground, .cm-selectionBackground": {
    backgroundColor: "color-mix(in srgb, var(--accent) 30%, var(--back))",
  },
  ".cm-cursor": { borderLeftColor: "var(--text)" },
});

/** The colours that JSON has on other pages. */
const COLOURS = HighlightStyle.define([
  { tag: [tags.string, tags.regexp], color: "var(--string)" },
  { tag: tags.number, color: "var(--number)" },
  { tag: [tags.keyword, tags.bool, tags.null], color: "var(--word)" },
  { tag: [tags.propertyName, tags.definition(tags.name)], color: "var(--key)" },
  { tag: tags.comment, color: "var(--dim)" },
]);

/**
 * Puts an editor in the place of a field. It lives in a shadow tree, where its
 * styles need no permission of the page's security policy.
 */
export function editField(field: HTMLTextAreaElement): void {
  const host = document.createElement("div");
  const root = host.attachShadow({ mode: "open" });
  field.after(host);
  field.hidden = true;
  field.required = false;
  new EditorView({
    doc: field.value,
    root,
    parent: root,
    extensions: [
      basicSetup,
      javascript(),
      LOOK,
      syntaxHighlighting(COLOURS),
      EditorView.lineWrapping,
      EditorView.editable.of(!field.readOnly),
      EditorView.contentAttributes.of({ "aria-label": "Query" }),
      EditorView.updateListener.of(({ docChanged, state }) => {
        if (docChanged) field.value = state.doc.toString();
      }),
    ],
  });
}
