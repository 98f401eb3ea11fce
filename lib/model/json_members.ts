/**
 * Members of a JSON object as they are written: parsing loses how numbers are
 * written, and a reviver that would tell takes microseconds for each value.
 *
 * @module
 */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/**
 * Takes an object apart. The time is that of one look at each character.
 *
 * @param text One JSON object: text that `JSON.parse` makes an object of.
 * @returns The members' values by name, as they are written but without white
 * space between tokens. Of equal names the last counts, where the first stood.
 */
export function readJsonMembers(text: string): Map<string, string> {
  const members = new Map<string, string>();
  let name: string | undefined;
  let value = "";
  /** Start of what belongs to the value and was not added to it yet. */
  let from = 0;
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case QUOTE: {
        const end = endOfString(text, at);
        if (name === undefined) {
          name = String(JSON.parse(text.slice(at, end + 1)));
          from = text.indexOf(":", end) + 1;
          at = from - 1;
        } else at = end;
        break;
      }
      case 0x20:
      case 0x09:
      case 0x0a:
      case 0x0d:
        if (name !== undefined) value += text.slice(from, at);
        from = at + 1;
        break;
      case 0x5b: // [
      case 0x7b: // {
        depth++;
        break;
      case 0x2c: // ,
        if (depth > 1) break;
        endMember(at);
        break;
      case 0x5d: // ]
      case 0x7d: // }
        depth--;
        if (depth === 0) endMember(at);
    }
  }
  return members;

  function endMember(end: number): void {
    if (name !== undefined) members.set(name, value + text.slice(from, end));
    name = undefined;
    value = "";
    from = end + 1;
  }
}

/** Place of the quote that ends the string that begins at `start`. */
function endOfString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) return at;
    if (code === BACKSLASH) at++;
  }
  return text.length;
}
