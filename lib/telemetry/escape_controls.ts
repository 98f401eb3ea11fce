/**
 * Makes text safe for one line of a terminal or a log.
 *
 * @module
 */

// Control and format characters (escape codes, bidirectional overrides,
// zero-width ones) and the line separators that are not control characters.
const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;
const UNSAFE_ONCE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;

/** Whether the text has a character that could change or forge a line. */
export function hasControls(text: string): boolean {
  return UNSAFE_ONCE.test(text);
}

/**
 * Replaces each control, format, line-separating or unpaired surrogate
 * character by its `\uXXXX` escapes.
 */
export function escapeControls(text: string): string {
  return text.replace(UNSAFE, (character) => {
    let escaped = "";
    for (let i = 0; i < character.length; i++) {
      const unit = character.charCodeAt(i).toString(16).padStart(4, "0");
      escaped += "\\u" + unit;
    }
    return escaped;
  });
}
