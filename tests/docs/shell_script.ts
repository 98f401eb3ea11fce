/**
 * As much of a shell as documents need that show commands: words with quotes,
 * comments, lines that go on after a backslash, and
 *
 *   cat > FILE <<'END'
 *
 * Anything else is refused rather than understood otherwise than a shell would.
 *
 * @module
 */

/** One statement of a script. */
export type ShellStatement =
  | { readonly kind: "command"; readonly words: readonly string[] }
  | { readonly kind: "file"; readonly name: string; readonly text: string };

/** @throws {SyntaxError} On whatever is beyond the shell described above. */
export function parseScript(script: string): ShellStatement[] {
  const statements: ShellStatement[] = [];
  const lines = script.replaceAll("\\\n", " ").split("\n");
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] ?? "";
    const file = /^cat > ([\w.-]+) <<'(\w+)'$/.exec(line);
    if (file !== null) {
      const [, name = "", end = ""] = file;
      const length = lines.slice(at + 1).indexOf(end);
      if (length < 0) throw new SyntaxError(`Missing end of text: ${end}`);
      const text = lines.slice(at + 1, at + 1 + length);
      statements.push({ kind: "file", name, text: text.join("\n") + "\n" });
      at += length + 1;
      continue;
    }
    const words = splitWords(line);
    if (words.length > 0) statements.push({ kind: "command", words });
  }
  return statements;
}

const WORD =
  /\s*(?:(#.*)|((?:'[^']*'|"[^"$`\\]*"|[^\s'"$`\\|&;<>()*?#!{}[\]~]|[!#](?=\S))+))/y;

function splitWords(line: string): string[] {
  const words: string[] = [];
  WORD.lastIndex = 0;
  const end = line.trimEnd().length;
  while (WORD.lastIndex < end) {
    const start = WORD.lastIndex;
    const match = WORD.exec(line);
    if (match === null) {
      throw new SyntaxError(`Cannot read as shell: ${line.slice(start)}`);
    }
    const [, comment, word] = match;
    if (comment !== undefined) break;
    if (word !== undefined) {
      words.push(word.replace(/'([^']*)'|"([^"]*)"/g, "$1$2"));
    }
  }
  return words;
}
