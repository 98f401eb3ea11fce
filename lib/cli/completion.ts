/**
 * Shell completion, made from the tables of commands and options.
 *
 * @module
 */

import type { CommandRow, OperandRow } from "./command.ts";
import type { OptionRow } from "./options/options.ts";
import { optionsOf } from "./usage_text.ts";

/** What `quipu completion` knows. */
export const SHELLS = ["bash", "zsh", "fish"] as const;

/** A shell that is completed in. */
export type Shell = typeof SHELLS[number];

/** Writes the completion of a shell. */
export function completionScript(
  shell: Shell,
  commands: readonly CommandRow[],
): string {
  switch (shell) {
    case "bash":
      return bashScript(commands);
    case "zsh":
      return zshScript(commands);
    case "fish":
      return fishScript(commands);
  }
}

/** What may follow something: words, files, or whatever. */
type Values = readonly string[] | "files" | undefined;

const FILE_LABELS = /^(?:FILE|DIR|TARGET|SOURCE)$/;

function valuesOf(row: OptionRow): Values {
  if (row.kind === "choice") return row.choices;
  return row.kind === "text" && FILE_LABELS.test(row.valueName)
    ? "files"
    : undefined;
}

function operandValuesOf(
  { label, words }: OperandRow,
  commands: readonly CommandRow[],
): Values {
  if (words !== undefined) return words;
  if (label === "COMMAND") return commands.map(({ name }) => name);
  return FILE_LABELS.test(label) ? "files" : undefined;
}

/** Options that can be typed: secrets cannot. */
function flagsOf(command: CommandRow): readonly OptionRow[] {
  return optionsOf(command).filter(({ kind }) => kind !== "secret");
}

function operandsOf(command: CommandRow): readonly OperandRow[] {
  return Object.values(command.operands ?? {});
}

function bashScript(commands: readonly CommandRow[]): string {
  const names = commands.map(({ name }) => name).join(" ");
  const cases = commands.map((command) => {
    const flags = flagsOf(command).map(({ flag }) => `--${flag}`);
    const values = flagsOf(command).flatMap((row) => {
      const found = valuesOf(row);
      if (row.kind === "boolean") return [];
      return [`      --${row.flag}) ${bashValues(found)} ;;\n`];
    });
    const operands = operandsOf(command).map((operand, at) =>
      `      ${at}) ${bashValues(operandValuesOf(operand, commands))} ;;\n`
    );
    return `  ${command.name})\n` +
      `    flags="${[...flags, "--help"].join(" ")}"\n` +
      `    case $before in\n${values.join("")}      *) taken= ;;\n    esac\n` +
      `    [ -n "$taken" ] && return\n` +
      `    case $operands in\n${operands.join("")}    esac ;;\n`;
  });
  return `# quipu completion bash: source it, or put it where bash-completion looks.
_quipu_words() {
  taken=yes
  [[ $word == -* ]] || COMPREPLY=($(compgen -W "$1" -- "$word"))
}
_quipu_files() {
  taken=yes
  [[ $word == -* ]] || COMPREPLY=($(compgen -f -- "$word"))
}
_quipu_any() { taken=yes; }
_quipu() {
  local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]}
  local flags= taken= operands=0 at
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    _quipu_words "${names}"
    return
  fi
  for ((at = 2; at < COMP_CWORD; at++)); do
    case \${COMP_WORDS[at]} in -*) ;; *) operands=$((operands + 1)) ;; esac
  done
  case \${COMP_WORDS[1]} in
${cases.join("")}  esac
  [[ $word == -* ]] && COMPREPLY=($(compgen -W "$flags" -- "$word"))
}
complete -o filenames -F _quipu quipu
`;
}

function bashValues(values: Values): string {
  if (values === undefined) return "_quipu_any";
  return values === "files"
    ? "_quipu_files"
    : `_quipu_words "${values.join(" ")}"`;
}

function zshScript(commands: readonly CommandRow[]): string {
  const names = commands.map(({ name, summary }) =>
    `    ${zshQuoted(`${name}:${summary}`)}\n`
  );
  const cases = commands.map((command) => {
    const specs = [
      ...flagsOf(command).map((row) => zshOption(row)),
      ...operandsOf(command).map((operand, at) =>
        zshQuoted(
          `${at + 1}:${operand.label}:${
            zshValues(operandValuesOf(operand, commands))
          }`,
        )
      ),
    ];
    return `    ${command.name}) _arguments ${
      ["--help[Show its usage]", ...specs].map((spec, at) =>
        at === 0 ? zshQuoted(spec) : spec
      ).join(" \\\n      ")
    } ;;\n`;
  });
  return `#compdef quipu
# quipu completion zsh: put it as _quipu into a directory of $fpath.
_quipu() {
  local -a commands=(
${names.join("")}  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  local command=$words[2]
  shift words
  (( CURRENT-- ))
  case $command in
${cases.join("")}  esac
}
if [ "$funcstack[1]" = _quipu ]; then _quipu "$@"; else compdef _quipu quipu; fi
`;
}

function zshOption(row: OptionRow): string {
  const help = row.help.replaceAll(/[[\]\\:]/g, (found) => `\\${found}`);
  if (row.kind === "boolean") return zshQuoted(`--${row.flag}[${help}]`);
  return zshQuoted(
    `--${row.flag}=[${help}]:value:${zshValues(valuesOf(row))}`,
  );
}

function zshValues(values: Values): string {
  if (values === undefined) return "";
  return values === "files" ? "_files" : `(${values.join(" ")})`;
}

function zshQuoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function fishScript(commands: readonly CommandRow[]): string {
  const lines = [
    "# quipu completion fish: put it into ~/.config/fish/completions/quipu.fish.",
    "complete -c quipu -f",
  ];
  for (const command of commands) {
    lines.push(
      `complete -c quipu -n __fish_use_subcommand -a ${command.name} ` +
        `-d ${fishQuoted(command.summary)}`,
    );
    const seen = `-n '__fish_seen_subcommand_from ${command.name}'`;
    for (const row of flagsOf(command)) {
      const value = row.kind === "boolean" ? "" : ` ${fishValue(row)}`;
      lines.push(
        `complete -c quipu ${seen} -l ${row.flag}${value} ` +
          `-d ${fishQuoted(row.help)}`,
      );
    }
    for (const operand of operandsOf(command)) {
      const values = operandValuesOf(operand, commands);
      if (values === "files") lines.push(`complete -c quipu ${seen} -F`);
      else if (values !== undefined) {
        lines.push(
          `complete -c quipu ${seen} -a ${fishQuoted(values.join(" "))}`,
        );
      }
    }
  }
  return lines.join("\n") + "\n";
}

function fishValue(row: OptionRow): string {
  const values = valuesOf(row);
  if (values === undefined) return "-x";
  return values === "files" ? "-r -F" : `-x -a ${fishQuoted(values.join(" "))}`;
}

function fishQuoted(text: string): string {
  return `'${text.replaceAll(/['\\]/g, (found) => `\\${found}`)}'`;
}
