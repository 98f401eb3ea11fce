/**
 * The interface as a page to read: everything that the OpenAPI document says,
 * without scripts.
 *
 * @module
 */

import { HTML_TAIL, htmlHead, htmlText } from "../../formats/html.ts";
import { escapeXmlAttribute } from "../../formats/xml/xml_text.ts";
import {
  type OpenApiDocument,
  type Operation,
  type Parameter,
  responseAt,
} from "./document.ts";

/** Writes the page. */
export function renderApiPage(document: OpenApiDocument): string {
  const { info, tags, paths } = document;
  const operations = Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({
      path,
      method: method.toUpperCase(),
      operation,
    }))
  );
  let body = htmlHead(`${info.title} ${info.version}`) +
    `<h1>${htmlText(info.title)}</h1>\n<p>${htmlText(info.description)}</p>\n` +
    "<nav>" +
    tags.map(({ name }) => `<a href="#${anchorOf(name)}">${htmlText(name)}</a>`)
      .join("") +
    "</nav>\n";
  for (const { name } of tags) {
    body += `<h2 id="${anchorOf(name)}">${htmlText(name)}</h2>\n`;
    for (const { path, method, operation } of operations) {
      if (operation.tags.includes(name)) {
        body += renderOperation(`${method} ${path}`, operation, document);
      }
    }
  }
  return body + HTML_TAIL;
}

function renderOperation(
  name: string,
  operation: Operation,
  document: OpenApiDocument,
): string {
  const { operationId, summary, description, parameters, requestBody } =
    operation;
  const bodyTypes = Object.keys(requestBody?.content ?? {}).join(", ");
  return `<article id="${escapeXmlAttribute(operationId)}"><header><strong>` +
    `${htmlText(name)}</strong><span>${htmlText(summary)}</span></header>\n` +
    `<p>${htmlText(description)}</p>\n` +
    renderGroup(
      "Parameters",
      parameters.map((one) => [labelOf(one), one.description]),
    ) +
    renderGroup(
      "Body",
      requestBody === undefined ? [] : [[bodyTypes, requestBody.description]],
    ) +
    renderGroup(
      "Answers",
      Object.entries(operation.responses).map(([status, found]) => {
        const response = responseAt(document, found);
        const types = Object.keys(response.content ?? {}).join(", ");
        return [
          status,
          types === "" || types === "text/plain"
            ? response.description
            : `${response.description} (${types})`,
        ];
      }),
    ) +
    "</article>\n";
}

function labelOf({ name, in: place }: Parameter): string {
  return place === "path" ? `{${name}}` : place === "query" ? `?${name}` : name;
}

function renderGroup(
  title: string,
  rows: readonly (readonly [name: string, text: string])[],
): string {
  if (rows.length === 0) return "";
  return `<details><summary>${title}</summary><dl>` +
    rows.map(([name, text]) =>
      `<dt>${htmlText(name)}</dt><dd>${htmlText(text)}</dd>`
    ).join("\n") + "</dl></details>\n";
}

function anchorOf(name: string): string {
  return "tag-" + name.toLowerCase().replace(/[^a-z0-9]+/g, "-");
}
