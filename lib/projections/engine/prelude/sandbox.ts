/**
 * The part of the prelude that makes the engine's own globals safe: time and
 * chance come from the event in hand, and no loop of the engine runs for ever.
 *
 * QuickJS asks its deadline between calls and jumps, but not in its own loops.
 * Methods that take long for what they are given jump some more, so that it is
 * asked in good time. Methods of arrays loop over a length that a script can claim without the
 * memory for it (`{length: 2 ** 53 - 1}`, sparse arrays, proxies): they refuse
 * such lengths. `WeakRef` and `FinalizationRegistry` are removed, because they
 * show the garbage collection.
 *
 * @module
 */

/** `nowMs` and `seedAt` are set for each event. */
export const SANDBOX = String.raw`
// ---- Time and chance.

let nowMs = 0;
/** Where the id of the event stands, until chance is asked for; -1: it was. */
let seedAt = -1;
let randomState = 0;

function FixedDate(...given) {
  if (new.target === undefined) return NativeString(new NativeDate(nowMs));
  return construct(NativeDate, given.length === 0 ? [nowMs] : given, new.target);
}
defineProperty(FixedDate, "name", { value: "Date" });
defineProperty(FixedDate, "length", { value: 7 });
defineProperty(FixedDate, "prototype", {
  value: NativeDate.prototype, writable: false,
});
hide(FixedDate, "now", function now() { return nowMs; });
hide(FixedDate, "parse", NativeDate.parse);
hide(FixedDate, "UTC", NativeDate.UTC);
hide(NativeDate.prototype, "constructor", FixedDate);
hide(globalThis, "Date", FixedDate);
hide(Math, "random", function random() {
  const high = nextRandom() >>> 5;
  const low = nextRandom() >>> 6;
  return (high * 67108864 + low) / 9007199254740992;
});
delete globalThis.WeakRef;
delete globalThis.FinalizationRegistry;

// Mulberry32: small, and good enough for 32 bits of state.
function nextRandom() {
  if (seedAt >= 0) {
    randomState = hashOf(slice(texts, seedAt, seedAt + ID_LENGTH));
    seedAt = -1;
  }
  randomState = (randomState + 0x6d2b79f5) | 0;
  let mixed = imul(randomState ^ (randomState >>> 15), 1 | randomState);
  mixed = (mixed + imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
  return (mixed ^ (mixed >>> 14)) >>> 0;
}

/** A UUID, by chance. */
function randomId() {
  let hex = "";
  for (let at = 0; at < 32; at++) {
    if (at === 8 || at === 12 || at === 16 || at === 20) hex += "-";
    hex += at === 12
      ? "4"
      : "0123456789abcdef"[at === 16 ? 8 | nextRandom() & 3 : nextRandom() & 15];
  }
  return hex;
}

function hashOf(text) {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) {
    hash = imul(hash ^ codeAt(text, at), 0x01000193);
  }
  return hash | 0;
}

// ---- Loops of the engine itself.

/** Characters, or a sixteenth of elements, that take as long as many jumps. */
const CHARGED_LENGTH = 512;
const ELEMENT_LENGTH = 16;

/** Jumps as often as it takes for the deadline to be asked in good time. */
function charge(length) {
  for (let left = length; left >= CHARGED_LENGTH; left -= CHARGED_LENGTH);
}

function textLengthOf(value) {
  return typeof value === "string" ? value.length : 0;
}

const NativeSet = Set;
const mapSize = getOwnPropertyDescriptor(Map.prototype, "size").get;
const setSize = getOwnPropertyDescriptor(Set.prototype, "size").get;

function sizeOf(value) {
  if (value instanceof NativeMap) return apply(mapSize, value, []);
  return value instanceof NativeSet ? apply(setSize, value, []) : 0;
}

/** Replaces a method by one that charges for what it takes and makes. */
function chargeFor(owner, name, takenBy, madeBy = textLengthOf) {
  const native = owner[name];
  if (native === undefined) return;
  const charged = { [name](...given) {
    charge(takenBy(this, given[0]));
    const made = apply(native, this, given);
    charge(madeBy(made));
    return made;
  } }[name];
  defineProperty(charged, "length", { value: native.length });
  hide(owner, name, charged);
}

const ofGiven = (self, given) => textLengthOf(given);
const ofBoth = (self, given) => textLengthOf(self) + textLengthOf(given);
chargeFor(JSON, "parse", ofGiven);
chargeFor(JSON, "stringify", ofGiven);
for (const name of [
  "decodeURI", "decodeURIComponent", "encodeURI", "encodeURIComponent",
  "escape", "unescape",
]) {
  chargeFor(globalThis, name, ofGiven);
}
for (const name of [
  "concat", "endsWith", "includes", "indexOf", "lastIndexOf", "localeCompare",
  "match", "matchAll", "normalize", "padEnd", "padStart", "repeat", "replace",
  "replaceAll", "search", "split", "startsWith", "toLocaleLowerCase",
  "toLocaleUpperCase", "toLowerCase", "toUpperCase", "trim", "trimEnd",
  "trimStart",
]) {
  chargeFor(String.prototype, name, ofBoth);
}
const views = Object.getPrototypeOf(Uint8Array.prototype);
for (const name of [
  "copyWithin", "fill", "includes", "indexOf", "join", "lastIndexOf", "reverse",
  "set", "slice", "sort", "toReversed", "toSorted", "toString", "with",
]) {
  chargeFor(views, name, (self) => isView(self) ? ELEMENT_LENGTH * self.length : 0);
}

// What is spread is read to its end without asking.
for (const { prototype } of [Array, String, Map, Set]) {
  const isText = prototype === String.prototype;
  for (const name of ["entries", "keys", "values", Symbol.iterator]) {
    chargeFor(prototype, name, (self) => {
      if (isText) return ELEMENT_LENGTH * textLengthOf(self);
      return ELEMENT_LENGTH * (isArray(self) ? self.length : sizeOf(self));
    });
  }
}
for (const name of ["entries", "getOwnPropertyNames", "keys", "values"]) {
  chargeFor(Object, name, ofGiven, (made) => ELEMENT_LENGTH * made.length);
}

const LENGTH_MAX = 1000000;
const NativeProxy = Proxy;
const proxies = new WeakSet();
const isKnown = WeakSet.prototype.has;
const remember = WeakSet.prototype.add;

function KnownProxy(target, handler) {
  if (new.target === undefined) throw new TypeError("Proxy needs new");
  return known(new NativeProxy(target, handler));
}
hide(KnownProxy, "revocable", function revocable(target, handler) {
  const pair = NativeProxy.revocable(target, handler);
  known(pair.proxy);
  return pair;
});
defineProperty(KnownProxy, "name", { value: "Proxy" });
KnownProxy.prototype = undefined;
hide(globalThis, "Proxy", KnownProxy);

function known(proxy) {
  apply(remember, proxies, [proxy]);
  return proxy;
}

function requireLength(target) {
  const isObject = target !== null &&
    (typeof target === "object" || typeof target === "function");
  if (!isObject || isView(target)) return;
  if (apply(isKnown, proxies, [target])) {
    throw new TypeError("Methods of arrays take no proxies here");
  }
  const own = getOwnPropertyDescriptor(target, "length");
  if (own === undefined) {
    if (!("length" in target)) return;
    throw new TypeError("Methods of arrays take no inherited length here");
  }
  const length = own.value;
  const isSimple = typeof length !== "object" && typeof length !== "function";
  if (!("value" in own) || !isSimple) {
    throw new TypeError("Methods of arrays take no computed length here");
  }
  const count = NativeNumber(length);
  if (count > LENGTH_MAX) {
    throw new RangeError("Array is too long: " + NativeString(length));
  }
  charge(ELEMENT_LENGTH * count);
}

for (const name of [
  "concat", "copyWithin", "every", "fill", "filter", "forEach", "includes",
  "indexOf", "join", "lastIndexOf", "map", "reduce", "reduceRight", "reverse",
  "shift", "slice", "some", "sort", "splice", "toLocaleString", "toReversed",
  "toSorted", "toSpliced", "unshift", "with",
]) {
  const native = Array.prototype[name];
  if (native === undefined) continue;
  const guarded = { [name](...given) {
    requireLength(this);
    if (name === "concat") {
      for (let at = 0; at < given.length; at++) requireLength(given[at]);
    }
    return apply(native, this, given);
  } }[name];
  defineProperty(guarded, "length", { value: native.length });
  hide(Array.prototype, name, guarded);
}
hide(Array.prototype, "flat", function flat(depth = 1) {
  requireLength(this);
  return flatten([], this, depth);
});
hide(Array.prototype, "flatMap", function flatMap(call, self) {
  return flatten([], this.map(call, self), 1);
});

function flatten(target, source, depth) {
  for (let at = 0; at < source.length; at++) {
    if (!(at in source)) continue;
    const item = source[at];
    if (depth >= 1 && isArray(item)) flatten(target, item, depth - 1);
    else target[target.length] = item;
  }
  return target;
}

function hide(target, name, value) {
  defineProperty(target, name, {
    value, writable: true, configurable: true, enumerable: false,
  });
}
`;
