/**
 * Names of files and directories and what they stand for, for disks in memory
 * that lose what was not synced.
 *
 * @module
 */

/** A change of a directory. */
export type EntryOperation<Content> =
  | {
    readonly kind: "create";
    readonly path: string;
    readonly content: Content;
  }
  | { readonly kind: "makeDirectory"; readonly path: string }
  | { readonly kind: "rename"; readonly from: string; readonly to: string }
  | { readonly kind: "remove"; readonly path: string };

/** Names and what they stand for. */
export class Entries<Content> {
  readonly files: Map<string, Content>;
  readonly directories: Set<string>;

  constructor(from?: Entries<Content>) {
    this.files = new Map(from?.files);
    this.directories = new Set(from?.directories);
  }

  apply(operation: EntryOperation<Content>): void {
    const { files, directories } = this;
    if (operation.kind === "create") {
      files.set(operation.path, operation.content);
    } else if (operation.kind === "makeDirectory") {
      directories.add(operation.path);
    } else if (operation.kind === "remove") files.delete(operation.path);
    else {
      const content = files.get(operation.from);
      if (content === undefined) return;
      files.delete(operation.from);
      files.set(operation.to, content);
    }
  }
}
