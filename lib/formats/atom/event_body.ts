/**
 * One event in every type it is served as (spec: streams §6.2).
 *
 * @module
 */

import type { RecordedEvent } from "../../model/event.ts";
import type { EmbedLevel, ResolvedEvent } from "../../model/feed.ts";
import { jsonValueOf, renderDto, renderEntryJson } from "./feed_json.ts";
import { renderDtoXml, renderEntryXml, xmlValueOf } from "./feed_xml.ts";
import { StreamRefs } from "./links.ts";

/** Forms of an event; its page is in `lib/web`. */
export type EventForm =
  | "atomJson"
  | "atomXml"
  | "json"
  | "xml"
  | "eventJson"
  | "eventXml"
  | "bytes";

export interface RenderEventOptions {
  /** `http://host[:port][/prefix]`, no slash at its end. */
  readonly baseUrl: string;
  /** Levels from `rich` on add their fields to `atomJson`. */
  readonly embed: EmbedLevel;
}

/**
 * Writes an event. Of a resolved link the Atom forms show the link, all others
 * the target.
 */
export function renderEvent(
  event: ResolvedEvent,
  form: EventForm,
  options: RenderEventOptions,
): string | Uint8Array {
  const shown: RecordedEvent = event.target ?? event.original;
  const { isJson } = shown;
  switch (form) {
    case "atomJson":
      return renderEntryJson(event, new StreamRefs(options.baseUrl), {
        embed: options.embed,
        depth: 0,
        isDocument: true,
      });
    case "atomXml":
      return renderEntryXml(event, new StreamRefs(options.baseUrl));
    case "json":
      return jsonValueOf(shown.data, isJson, 0);
    case "xml":
      return xmlValueOf(shown.data, "data", { isJson, isRoot: true });
    case "eventJson":
      return renderDto(shown, new StreamRefs(options.baseUrl), 0);
    case "eventXml":
      return "<event>" + renderDtoXml(shown, false) + "</event>";
    case "bytes":
      return shown.data;
  }
}
