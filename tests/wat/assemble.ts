/**
 * Turns WebAssembly's text format into its binary one, as far as
 * `storage/verify/piece.wat` uses it: functions, globals and one memory;
 * folded instructions; everything called by its name.
 *
 * The binary of each text is what `wat2wasm --no-debug-names` makes of it, but
 * for the order in which types are listed.
 *
 * @module
 */

import { assert } from "@std/assert";

/** An atom, or what stands between two parentheses. */
type Node = string | readonly Node[];

const TYPES: Readonly<Record<string, number>> = {
  i32: 0x7f,
  i64: 0x7e,
  f64: 0x7c,
};

/** Instructions without anything but operands. */
const PLAIN: Readonly<Record<string, number>> = {
  return: 0x0f,
  unreachable: 0x00,
  drop: 0x1a,
  select: 0x1b,
  "i32.eqz": 0x45,
  "i32.eq": 0x46,
  "i32.ne": 0x47,
  "i32.lt_s": 0x48,
  "i32.lt_u": 0x49,
  "i32.gt_s": 0x4a,
  "i32.gt_u": 0x4b,
  "i32.le_s": 0x4c,
  "i32.le_u": 0x4d,
  "i32.ge_s": 0x4e,
  "i32.ge_u": 0x4f,
  "i64.eqz": 0x50,
  "i64.eq": 0x51,
  "i64.ne": 0x52,
  "i64.lt_u": 0x54,
  "i64.gt_u": 0x56,
  "i64.le_u": 0x58,
  "i64.ge_u": 0x5a,
  "i32.add": 0x6a,
  "i32.sub": 0x6b,
  "i32.mul": 0x6c,
  "i32.and": 0x71,
  "i32.or": 0x72,
  "i32.xor": 0x73,
  "i32.shl": 0x74,
  "i32.shr_s": 0x75,
  "i32.shr_u": 0x76,
  "i64.add": 0x7c,
  "i64.sub": 0x7d,
  "i64.or": 0x84,
  "i64.shl": 0x86,
  "i64.shr_u": 0x88,
  "i32.wrap_i64": 0xa7,
  "i64.extend_i32_u": 0xad,
  "i64.trunc_f64_u": 0xb1,
  "f64.convert_i64_u": 0xba,
};

/** Instructions with an offset: their codes, and log2 of their natural size. */
const MEMORY: Readonly<Record<string, readonly [number, number]>> = {
  "i32.load": [0x28, 2],
  "i64.load": [0x29, 3],
  "i32.load8_u": [0x2d, 0],
  "i32.load16_u": [0x2f, 1],
  "i32.store": [0x36, 2],
  "i64.store": [0x37, 3],
  "i32.store8": [0x3a, 0],
};

interface FunctionHead {
  readonly params: readonly number[];
  readonly results: readonly number[];
}

/** What of a module is known while its functions are being assembled. */
interface Names {
  readonly functions: ReadonlyMap<string, number>;
  readonly globals: ReadonlyMap<string, number>;
}

/**
 * Assembles a module.
 *
 * @throws {Error} On anything that it does not know.
 */
export function assembleWat(text: string): Uint8Array<ArrayBuffer> {
  const [module, ...rest] = parse(text);
  assert(rest.length === 0 && Array.isArray(module), "one module is wanted");
  const fields = module.slice(1).map(listOf);
  const functions = fields.filter(([kind]) => kind === "func");
  const globals = fields.filter(([kind]) => kind === "global");
  const memories = fields.filter(([kind]) => kind === "memory");
  const names: Names = {
    functions: namesOf(functions),
    globals: namesOf(globals),
  };
  const heads = functions.map(headOf);
  const types = [...new Set(heads.map((head) => JSON.stringify(head)))];
  const exports = [
    ...exportsOf(functions, 0),
    ...exportsOf(memories, 2),
    ...exportsOf(globals, 3),
  ];
  return new Uint8Array([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(
      1,
      types.map((type) => {
        const { params, results }: FunctionHead = JSON.parse(type);
        return [0x60, ...vector(params.map(one)), ...vector(results.map(one))];
      }),
    ),
    ...section(
      3,
      heads.map((head) => unsigned(types.indexOf(JSON.stringify(head)))),
    ),
    ...section(
      5,
      memories.map((memory) => [0, ...unsigned(Number(memory.at(-1)))]),
    ),
    ...section(6, globals.map((global) => globalOf(global, names))),
    ...section(7, exports),
    ...section(10, functions.map((fields) => bodyOf(fields, names))),
  ]);
}

/** Reads atoms, texts and lists. */
function parse(text: string): Node[] {
  const tokens = text.replaceAll(/;;.*/g, "").match(/[()]|"[^"]*"|[^\s()"]+/g);
  const stack: Node[][] = [[]];
  for (const token of tokens ?? []) {
    if (token === "(") stack.push([]);
    else if (token === ")") {
      const list = stack.pop() ?? [];
      assert(stack.length > 0, "there is a ) too many");
      stack.at(-1)?.push(list);
    } else stack.at(-1)?.push(token);
  }
  assert(stack.length === 1, "there is a ( too many");
  return stack[0] ?? [];
}

function listOf(node: Node | undefined): readonly Node[] {
  assert(Array.isArray(node), `a list is wanted, not ${node}`);
  return node;
}

function atomOf(node: Node | undefined): string {
  assert(typeof node === "string", "an atom is wanted");
  return node;
}

/** Their numbers by their names. */
function namesOf(fields: readonly (readonly Node[])[]): Map<string, number> {
  return new Map(
    fields.flatMap(([, name], index) =>
      typeof name === "string" ? [[name, index]] : []
    ),
  );
}

function typeOf(node: Node | undefined): number {
  const type = TYPES[atomOf(node)];
  assert(type !== undefined, `unknown type ${node}`);
  return type;
}

function isClause(node: Node, kind: string): node is readonly Node[] {
  return Array.isArray(node) && node[0] === kind;
}

function clausesOf(fields: readonly Node[], kind: string): (readonly Node[])[] {
  return fields.filter((node) => isClause(node, kind));
}

function headOf(fields: readonly Node[]): FunctionHead {
  return {
    params: clausesOf(fields, "param").map(([, , type]) => typeOf(type)),
    results: clausesOf(fields, "result").map(([, type]) => typeOf(type)),
  };
}

function exportsOf(
  fields: readonly (readonly Node[])[],
  kind: number,
): number[][] {
  return fields.flatMap((field, index) =>
    clausesOf(field, "export").map(([, name]) => {
      const bytes = new TextEncoder().encode(atomOf(name).slice(1, -1));
      return [...unsigned(bytes.length), ...bytes, kind, ...unsigned(index)];
    })
  );
}

function globalOf(fields: readonly Node[], names: Names): number[] {
  const type = listOf(fields.find((node) => isClause(node, "mut")));
  const code = new Code(names, new Map());
  code.put(fields.at(-1) ?? "");
  return [typeOf(type[1]), 1, ...code.bytes, 0x0b];
}

function bodyOf(fields: readonly Node[], names: Names): number[] {
  const locals = clausesOf(fields, "local");
  const places = new Map(
    [...clausesOf(fields, "param"), ...locals].map((
      [, name],
      index,
    ) => [atomOf(name), index]),
  );
  const code = new Code(names, places);
  const heads = ["export", "param", "result", "local"];
  for (const node of fields.slice(1)) {
    const isCode = typeof node !== "string" &&
      !heads.some((kind) => isClause(node, kind));
    if (isCode) code.put(node);
  }
  const bytes = [
    ...vector(locals.map(([, , type]) => [1, typeOf(type)])),
    ...code.bytes,
    0x0b,
  ];
  return [...unsigned(bytes.length), ...bytes];
}

/** The instructions of one function. */
class Code {
  readonly bytes: number[] = [];
  readonly #names: Names;
  readonly #locals: ReadonlyMap<string, number>;
  /** Names of the blocks that are open, the innermost one last. */
  readonly #labels: string[] = [];

  constructor(names: Names, locals: ReadonlyMap<string, number>) {
    this.#names = names;
    this.#locals = locals;
  }

  /** Adds an instruction with all its operands. */
  put(node: Node): void {
    const [name, ...args] = listOf(node);
    const op = atomOf(name);
    const plain = PLAIN[op];
    if (plain !== undefined) {
      this.#putAll(args);
      this.bytes.push(plain);
    } else if (MEMORY[op] !== undefined) this.#access(MEMORY[op], args);
    else this.#special(op, args);
  }

  #putAll(nodes: readonly Node[]): void {
    for (const node of nodes) this.put(node);
  }

  #access([code, align]: readonly [number, number], args: readonly Node[]) {
    const offset = /^offset=(\d+)$/.exec(String(args[0]))?.[1];
    this.#putAll(offset === undefined ? args : args.slice(1));
    // Nothing in a log is aligned.
    const isStore = code >= 0x36;
    const alignment = isStore ? align : 0;
    this.bytes.push(code, alignment, ...unsigned(Number(offset ?? 0)));
  }

  #special(op: string, args: readonly Node[]): void {
    const [first, ...others] = args;
    const { functions, globals } = this.#names;
    switch (op) {
      case "i32.const":
        this.bytes.push(0x41, ...signed(BigInt.asIntN(32, integer(first))));
        return;
      case "i64.const":
        this.bytes.push(0x42, ...signed(BigInt.asIntN(64, integer(first))));
        return;
      case "local.get":
      case "local.set":
      case "local.tee":
        return this.#named(VARIABLES[op], this.#locals, first, others);
      case "global.get":
      case "global.set":
        return this.#named(VARIABLES[op], globals, first, others);
      case "call":
        return this.#named(0x10, functions, first, others);
      case "br":
      case "br_if":
        this.#putAll(others);
        this.bytes.push(op === "br" ? 0x0c : 0x0d, ...this.#depthOf(first));
        return;
      case "memory.size":
        this.bytes.push(0x3f, 0);
        return;
      case "memory.grow":
        this.#putAll(args);
        this.bytes.push(0x40, 0);
        return;
      case "memory.fill":
        this.#putAll(args);
        this.bytes.push(0xfc, 11, 0);
        return;
      case "block":
      case "loop":
        this.#nest(op === "block" ? 0x02 : 0x03, atomOf(first), others);
        return;
      case "if":
        return this.#branch(args);
      default:
        throw new Error(`unknown instruction ${op}`);
    }
  }

  #named(
    code: number,
    places: ReadonlyMap<string, number>,
    name: Node | undefined,
    operands: readonly Node[],
  ): void {
    const place = places.get(atomOf(name));
    assert(place !== undefined, `unknown name ${name}`);
    this.#putAll(operands);
    this.bytes.push(code, ...unsigned(place));
  }

  #nest(code: number, label: string, nodes: readonly Node[]): void {
    this.bytes.push(code, 0x40);
    this.#labels.push(label);
    this.#putAll(nodes);
    this.#labels.pop();
    this.bytes.push(0x0b);
  }

  #branch(args: readonly Node[]): void {
    const [result] = args.filter((node) => isClause(node, "result"));
    const [condition, then, other] = args.filter((node) => node !== result);
    this.put(condition ?? "");
    this.bytes.push(0x04, result === undefined ? 0x40 : typeOf(result[1]));
    this.#labels.push("");
    this.#putAll(listOf(then).slice(1));
    if (other !== undefined) {
      this.bytes.push(0x05);
      this.#putAll(listOf(other).slice(1));
    }
    this.#labels.pop();
    this.bytes.push(0x0b);
  }

  #depthOf(label: Node | undefined): number[] {
    const at = this.#labels.lastIndexOf(atomOf(label));
    assert(at >= 0, `unknown label ${label}`);
    return unsigned(this.#labels.length - 1 - at);
  }
}

const VARIABLES = {
  "local.get": 0x20,
  "local.set": 0x21,
  "local.tee": 0x22,
  "global.get": 0x23,
  "global.set": 0x24,
} as const;

function integer(node: Node | undefined): bigint {
  return BigInt(atomOf(node).replaceAll("_", ""));
}

function one(value: number): number[] {
  return [value];
}

function vector(items: readonly (readonly number[])[]): number[] {
  return [...unsigned(items.length), ...items.flat()];
}

function section(id: number, items: readonly (readonly number[])[]): number[] {
  const bytes = vector(items);
  return [id, ...unsigned(bytes.length), ...bytes];
}

/** A number, 0 or more, as LEB128. */
function unsigned(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  return [...bytes, rest];
}

/** Any number as signed LEB128. */
function signed(value: bigint): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (;;) {
    const byte = Number(rest & 0x7fn);
    rest >>= 7n;
    const isLast = rest === (byte & 0x40 ? -1n : 0n);
    bytes.push(isLast ? byte : byte | 0x80);
    if (isLast) return bytes;
  }
}
