/**
 * Names of streams and their meaning (spec: streams §1, projections §9).
 *
 * @module
 */

/** Whether the name belongs to the system: it starts with `$`. */
export function isSystemStream(streamName: string): boolean {
  return streamName.charCodeAt(0) === 0x24;
}

/** Whether the stream holds the metadata of another one: `$$name`. */
export function isMetastream(streamName: string): boolean {
  return streamName.charCodeAt(0) === 0x24 && streamName.charCodeAt(1) === 0x24;
}

/** Name of the stream that holds the metadata of `streamName`. */
export function metastreamOf(streamName: string): string {
  return "$$" + streamName;
}

/** Name of the stream that the metastream describes. */
export function originalOfMetastream(metastreamName: string): string {
  return metastreamName.slice(2);
}

/** The character that ends the category in a stream's name. */
export const CATEGORY_SEPARATOR = "-";

/** The stream itself, or the one that a metastream describes. */
export function describedStream(streamName: string): string {
  return isMetastream(streamName)
    ? originalOfMetastream(streamName)
    : streamName;
}

/**
 * Category of a stream: the name before its first `-`; undefined when there is
 * no `-` or nothing before it.
 */
export function categoryOf(streamName: string): string | undefined {
  const separatorIndex = streamName.indexOf(CATEGORY_SEPARATOR);
  return hasCategory(separatorIndex)
    ? streamName.slice(0, separatorIndex)
    : undefined;
}

/**
 * Whether a name has a category.
 *
 * @param separatorIndex Where its first separator stands, in characters or in
 * bytes of UTF-8; -1 for none.
 */
export function hasCategory(separatorIndex: number): boolean {
  return separatorIndex > 0;
}
