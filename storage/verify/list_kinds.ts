/**
 * Codes of the kinds of lists, as in files.
 *
 * @module
 */

export const STREAM = 0;
export const CATEGORY = 1;
export const EVENT_TYPE = 2;
export const STREAMS = 3;
export const CATEGORY_STREAMS = 4;
