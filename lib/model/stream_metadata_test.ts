import { assertEquals } from "@std/assert";
import { TRUNCATE_ALL } from "./event_number.ts";
import {
  decodeAccessControlList,
  decodeStreamMetadata,
  defaultMetadataOf,
  firstVisibleNumber,
  isSoftDeleted,
  SOFT_DELETE_DATA,
  type StreamMetadata,
  withTruncateBefore,
} from "./stream_metadata.ts";

/** Documents, and what the server understands of them. */
const DOCUMENTS: readonly [string, StreamMetadata][] = [
  ["{}", {}],
  ['{"$maxCount":2}', { maxCount: 2 }],
  ['{"$maxAge":1000}', { maxAgeSeconds: 1000 }],
  ['{"$tb":0}', { truncateBefore: 0 }],
  ['{"$cacheControl":60}', { cacheControlSeconds: 60 }],
  ['{"$maxCount":2,"$tb":7,"a":[1]}', { maxCount: 2, truncateBefore: 7 }],
  // Numbers that make no sense are not there.
  ['{"$maxCount":0,"$maxAge":0,"$cacheControl":0}', {}],
  ['{"$maxCount":-1,"$tb":-1,"$maxAge":5}', { maxAgeSeconds: 5 }],
  // One known key of a wrong type spoils all.
  ['{"$maxCount":"x","$tb":3}', {}],
  ['{"$maxCount":2.5,"$tb":3}', {}],
  ['{"$maxCount":2.0,"$tb":3}', {}],
  ['{"$maxCount":2e0,"$tb":3}', {}],
  ['{"$tb":9223372036854775808}', {}],
  ['{"$maxAge":99999999999999999999}', {}],
  ['{"$tb":9223372036854775807}', { truncateBefore: TRUNCATE_ALL }],
  ['{"$tb":9223372036854775806}', { truncateBefore: 2n ** 63n - 2n }],
  ['{"$tb":-9223372036854775808}', {}],
  ['{"$tb":-9223372036854775809,"$maxCount":1}', {}],
  ['{"$cacheControl":9007199254740993}', {
    cacheControlSeconds: 9007199254740993n,
  }],
  ['{"$maxCount":9007199254740991,"$maxAge":9007199254740992}', {
    maxCount: 9007199254740991,
    maxAgeSeconds: 9007199254740992n,
  }],
  ['{"$maxCount":2,"rate":2.0,"$acl":{"$r":[1.5]}}', {}],
  ['{"$maxCount":2,"rate":2.0,"id":12345678901234567890}', { maxCount: 2 }],
  ['{"$maxCount":null,"$tb":3}', {}],
  ['{"$tmp":1,"$tb":3}', {}],
  ['{"$tmp":true,"$tb":3}', { truncateBefore: 3 }],
  ['{"$acl":[],"$tb":3}', {}],
  ['{"$acl":{"$r":1},"$tb":3}', {}],
  ['{"$acl":{"$r":["a",1]},"$tb":3}', {}],
  // No object, no JSON.
  ["[]", {}],
  ['"x"', {}],
  ["null", {}],
  ["", {}],
  ["{", {}],
  // Names are not taken from what objects inherit.
  ['{"__proto__":{"$tb":3}}', {}],
  ['{"$acl":{"$r":"ops","$w":["$admins"]}}', {
    acl: { read: ["ops"], write: ["$admins"] },
  }],
  ['{"$acl":{"$d":"","$mr":[],"$mw":["a","b"],"x":1}}', {
    acl: { delete: [""], metadataRead: [], metadataWrite: ["a", "b"] },
  }],
];

for (const [data, wanted] of DOCUMENTS) {
  Deno.test(`decodeStreamMetadata() of ${data || "nothing"}`, () => {
    assertEquals(decodeStreamMetadata({ isJson: true, data }), wanted);
    const bytes = new TextEncoder().encode(data);
    assertEquals(decodeStreamMetadata({ isJson: true, data: bytes }), wanted);
  });
}

Deno.test("decodeStreamMetadata() of an event that is not JSON", () => {
  assertEquals(decodeStreamMetadata({ isJson: false, data: '{"$tb":3}' }), {});
});

Deno.test("soft-deleting data says so", () => {
  const metadata = decodeStreamMetadata({
    isJson: true,
    data: SOFT_DELETE_DATA,
  });
  assertEquals(metadata, { truncateBefore: TRUNCATE_ALL });
  assertEquals(isSoftDeleted(metadata), true);
  assertEquals(
    isSoftDeleted({ truncateBefore: Number.MAX_SAFE_INTEGER }),
    false,
  );
  assertEquals(isSoftDeleted({}), false);
});

Deno.test("decodeAccessControlList() of other shapes", () => {
  for (const value of [null, [], "x", 1, { $r: {} }, { $mw: [null] }]) {
    assertEquals(decodeAccessControlList(value), undefined);
  }
});

Deno.test("withTruncateBefore() changes nothing else", () => {
  const cases: readonly [string, string][] = [
    ["{}", '{"$tb":3}'],
    [SOFT_DELETE_DATA, '{"$tb":3}'],
    [
      '{ "a": 1, "$tb": 9, "b": {"c": [null, "é"]} }', // Keys stay where they are.
      '{"a":1,"$tb":3,"b":{"c":[null,"é"]}}',
    ],
    [
      '{"big":12345678901234567890,"exact":1.0}',
      '{"big":12345678901234567890,"exact":1.0,"$tb":3}',
    ],
  ];
  for (const [data, wanted] of cases) {
    assertEquals(withTruncateBefore(data, 3), wanted);
    assertEquals(withTruncateBefore(new TextEncoder().encode(data), 3), wanted);
  }
});

Deno.test("withTruncateBefore() leaves alone what is no object", () => {
  for (const data of ["", "no JSON", "[1]", "null", '"text"']) {
    assertEquals(withTruncateBefore(data, 3), undefined);
  }
});

Deno.test("firstVisibleNumber() takes the narrower of both limits", () => {
  const cases: readonly [StreamMetadata, number, number][] = [
    [{}, 9, 0],
    [{ maxCount: 3 }, 9, 7],
    [{ maxCount: 3 }, 1, 0],
    [{ maxCount: 3 }, -1, 0],
    [{ truncateBefore: 4 }, 9, 4],
    [{ truncateBefore: 100 }, 9, 100],
    [{ truncateBefore: 4, maxCount: 3 }, 9, 7],
    [{ truncateBefore: 8, maxCount: 3 }, 9, 8],
    [{ truncateBefore: TRUNCATE_ALL }, 9, TRUNCATE_ALL],
  ];
  for (const [metadata, head, wanted] of cases) {
    assertEquals(firstVisibleNumber(metadata, head), wanted);
  }
});

Deno.test("metastreams keep one event, other streams all", () => {
  assertEquals(defaultMetadataOf("$$s"), { maxCount: 1 });
  assertEquals(defaultMetadataOf("$s"), {});
  assertEquals(defaultMetadataOf("s"), {});
});
