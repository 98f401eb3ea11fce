/**
 * URIs of streams and events (spec: http-api §6.2).
 *
 * @module
 */

import { formatEventNumber } from "../../model/event_number.ts";
import { quoteJson } from "../json/json_string.ts";
import { encodePathSegment } from "../../text/path_segment.ts";

/** A stream's name in the forms that rendering needs. */
export interface StreamRef {
  readonly name: string;
  /** Absolute URI. */
  readonly uri: string;
  /** Name and URI as they stand inside a JSON string. */
  readonly jsonName: string;
  readonly jsonUri: string;
}

/** Makes the forms of a stream's name. */
export function streamRef(baseUrl: string, name: string): StreamRef {
  const uri = `${baseUrl}/streams/${encodePathSegment(name)}`;
  return {
    name,
    uri,
    jsonName: quoteJson(name).slice(1, -1),
    jsonUri: quoteJson(uri).slice(1, -1),
  };
}

/** Names a persistent subscription. */
interface GroupName {
  readonly streamName: string;
  readonly groupName: string;
}

/** Absolute URI of a persistent subscription. */
export function subscriptionUri(baseUrl: string, group: GroupName): string {
  return `${baseUrl}/subscriptions/${encodePathSegment(group.streamName)}/${
    encodePathSegment(group.groupName)
  }`;
}

/** Makes each stream's forms once for a whole page. */
export class StreamRefs {
  readonly baseUrl: string;
  readonly #refs = new Map<string, StreamRef>();
  #last: StreamRef | undefined;

  /** @param baseUrl `http://host[:port][/prefix]`, no slash at its end. */
  constructor(baseUrl: string) {
    this.baseUrl = baseUrl;
  }

  of(name: string): StreamRef {
    if (this.#last !== undefined && this.#last.name === name) return this.#last;
    let ref = this.#refs.get(name);
    if (ref === undefined) {
      ref = streamRef(this.baseUrl, name);
      this.#refs.set(name, ref);
    }
    this.#last = ref;
    return ref;
  }
}

/** Absolute URI of an event. */
export function eventUri(stream: StreamRef, eventNumber: number): string {
  return `${stream.uri}/${formatEventNumber(eventNumber)}`;
}
