/**
 * What every event store does, as tests: metadata that the store itself writes,
 * changes or refuses, and what it hides.
 *
 * @module
 */

import { assertEquals, assertRejects } from "@std/assert";
import { QuipuError } from "../../lib/model/errors.ts";
import { TRUNCATE_ALL } from "../../lib/model/event_number.ts";
import { aMetadataEvent, anEvent } from "../support/events.ts";
import {
  aDelete,
  anAppend,
  appendedAt,
  appendMetadata,
  duplicateAt,
  STREAM_STATES,
} from "./event_store_expectations.ts";
import {
  appendNumbers,
  dataOf,
  type OpenStore,
  storeTest,
  textsOf,
} from "./store_steps.ts";

const TB_MAX = `"$tb":9223372036854775807`;

/** Metadata as it was written, and as a soft delete leaves it. */
const SOFT_DELETED_METADATA: readonly (readonly [string, string])[] = [
  ["{}", '{"$tb":9223372036854775807}'],
  ['{"a":1.0,"$tb":1,"z":[1,{}]}', `{"a":1.0,${TB_MAX},"z":[1,{}]}`],
  [
    '{"2":1e3,"1":9007199254740993,"$acl":{"$r":["a","$all"]},"$maxCount":5}',
    '{"2":1e3,"1":9007199254740993,"$acl":{"$r":["a","$all"]},"$maxCount":5,' +
    `${TB_MAX}}`,
  ],
  // What is not valid counts as empty, and its $acl must not begin to count.
  ['{"$tb":"x","$acl":{"$r":"a"}}', `{${TB_MAX}}`],
  ["[1]", `{${TB_MAX}}`],
  ["no JSON", `{${TB_MAX}}`],
];

/** Present metadata, data that is written over it, and data that is stored. */
const KEPT_TRUNCATION: readonly (readonly [
  unknown,
  readonly string[],
  readonly string[],
])[] = [
  [{}, ['{ "a" : 1 }'], ['{ "a" : 1 }']],
  [{}, ["no JSON"], ["no JSON"]],
  [{ $tb: 0 }, ["{}"], ["{}"]],
  [{ $tb: 2 }, ["{}"], ['{"$tb":2}']],
  [{ $tb: 2 }, ['{"$tb":1,"a":1.0}'], ['{"$tb":2,"a":1.0}']],
  [{ $tb: 2 }, ['{"a":1,"$tb":-5}'], ['{"a":1,"$tb":2}']],
  [{ $tb: 2 }, ['{ "$tb" : 2 }'], ['{ "$tb" : 2 }']],
  [{ $tb: 2 }, ['{"$tb":3}'], ['{"$tb":3}']],
  [{ $tb: 9 }, ['{"$tb":3,"$tb":4}'], ['{"$tb":9}']],
  // To the last digit.
  [
    { $tb: 3, b: 1 },
    ['{"$tb":9007199254740993}', '{"$tb":9007199254740992}'],
    ['{"$tb":9007199254740993}', '{"$tb":9007199254740993}'],
  ],
  // Each event of a batch as if it came alone.
  [{ $tb: 2 }, ['{"$tb":3}', "{}"], ['{"$tb":3}', '{"$tb":3}']],
  [{}, ['{"$tb":1}', '{"b":1}'], ['{"$tb":1}', '{"b":1,"$tb":1}']],
  [{ $tb: 2 }, [`{${TB_MAX}}`], [`{${TB_MAX}}`]],
  [{ $tb: 2 }, [`{${TB_MAX}}`, "{}"], [`{${TB_MAX}}`, `{${TB_MAX}}`]],
];

/** Defines the tests. */
export function testTruncation(name: string, open: OpenStore): void {
  storeTest(
    `${name}: a soft delete sets $tb and keeps all other metadata`,
    open,
    async (store) => {
      for (const [index, [before, after]] of SOFT_DELETED_METADATA.entries()) {
        const streamName = `s${index}`;
        await appendNumbers(store, streamName, [1, 2]);
        const events = [
          anEvent(900, { eventType: "$metadata", data: before }),
        ];
        await store.append(
          anAppend({ streamName: `$$${streamName}`, events }),
        );
        await store.deleteStream(aDelete({ streamName }));
        const state = await store.readState(streamName);
        assertEquals([state.head, state.metadataNumber], [1, 1]);
        assertEquals(state.metadata.truncateBefore, TRUNCATE_ALL);
        assertEquals(await dataOf(store, `$$${streamName}`, 1), after);
      }
    },
  );

  storeTest(
    `${name}: a protected stream stays protected when it is deleted and reopened`,
    open,
    async (store) => {
      const acl = { $r: ["alice"], $w: "$all", $mw: "$admins" };
      await appendNumbers(store, "s", [1, 2]);
      await appendMetadata(store, { $acl: acl, custom: [1, 2] });
      const { metadata } = await store.readState("s");
      await store.deleteStream(aDelete({}));
      assertEquals((await store.readState("s")).metadata, {
        ...metadata,
        truncateBefore: TRUNCATE_ALL,
      });
      await appendNumbers(store, "s", [3]);
      assertEquals((await store.readState("s")).metadata, {
        ...metadata,
        truncateBefore: 2,
      });
    },
  );

  storeTest(
    `${name}: an append reopens a soft-deleted stream`,
    open,
    async (store) => {
      await STREAM_STATES.softDeleted(store);
      await store.append(anAppend({}));
      const state = await store.readState("s");
      assertEquals([state.head, state.metadataNumber], [3, 1]);
      assertEquals(state.metadata, { truncateBefore: 3 });
      assertEquals(await dataOf(store, "$$s", 1), '{"$tb":3}');
    },
  );

  storeTest(
    `${name}: a batch reopens to its first event`,
    open,
    async (store) => {
      await STREAM_STATES.softDeleted(store);
      await appendNumbers(store, "s", [7, 8]);
      const state = await store.readState("s");
      assertEquals([state.head, state.metadata], [4, { truncateBefore: 3 }]);
    },
  );

  storeTest(
    `${name}: metadata reopens a soft-deleted stream`,
    open,
    async (store) => {
      await STREAM_STATES.softDeleted(store);
      const result = await appendMetadata(store, { custom: 12 });
      assertEquals(result, appendedAt(1));
      const state = await store.readState("s");
      assertEquals([state.head, state.metadataNumber], [2, 2]);
      assertEquals(await dataOf(store, "$$s", 1), '{"custom":12}');
      assertEquals(await dataOf(store, "$$s", 2), '{"custom":12,"$tb":3}');
    },
  );

  storeTest(
    `${name}: metadata that is no JSON object reopens, and hides nothing`,
    open,
    async (store) => {
      await STREAM_STATES.softDeleted(store);
      const events = [
        anEvent(900, { eventType: "$metadata", data: "no JSON" }),
      ];
      const result = await store.append(
        anAppend({ streamName: "$$s", events }),
      );
      assertEquals(result, appendedAt(1));
      const state = await store.readState("s");
      assertEquals([state.head, state.metadataNumber], [2, 1]);
      assertEquals(state.metadata, {});
      await store.append(anAppend({}));
      assertEquals((await store.readState("s")).metadataNumber, 1);
    },
  );

  storeTest(
    `${name}: ids that a soft delete hides make the stream again`,
    open,
    async (store) => {
      for (const expectedVersion of ["any", "noStream", 2] as const) {
        const streamName = `s-${expectedVersion}`;
        await appendNumbers(store, streamName, [1, 2, 3]);
        await store.deleteStream(aDelete({ streamName }));
        const events = [anEvent(1), anEvent(2)];
        const request = anAppend({ streamName, events });
        const result = await store.append({ ...request, expectedVersion });
        assertEquals(result, appendedAt(3));
        const state = await store.readState(streamName);
        assertEquals([state.head, state.metadata.truncateBefore], [4, 3]);
        // From now on it is these that a repetition finds.
        assertEquals(await store.append(request), duplicateAt(3));
        assertEquals(
          await store.append({ ...request, expectedVersion: 2 }),
          duplicateAt(3),
        );
      }
    },
  );

  storeTest(
    `${name}: ids below $tb do not count, those that $maxCount hides do`,
    open,
    async (store) => {
      await appendNumbers(store, "s", [1, 2, 3]);
      await appendMetadata(store, { $tb: 2, $maxCount: 1 });
      await appendNumbers(store, "s", [4]);
      const again = (number: number) => appendNumbers(store, "s", [number]);
      assertEquals(await again(3), duplicateAt(2));
      assertEquals(await again(2), appendedAt(4));
      assertEquals(await again(2), duplicateAt(4));
    },
  );

  storeTest(
    `${name}: metadata that is to keep the truncation does`,
    open,
    async (store) => {
      for (const [index, row] of KEPT_TRUNCATION.entries()) {
        const [before, written, after] = row;
        const streamName = `s${index}`;
        const metastream = `$$${streamName}`;
        await appendNumbers(store, streamName, [1, 2, 3]);
        const first = [aMetadataEvent(900, before)];
        await store.append(anAppend({ streamName: metastream, events: first }));
        const request = anAppend({
          streamName: metastream,
          expectedVersion: 0,
          keepsTruncation: true,
          events: written.map((data, at) =>
            anEvent(901 + at, { eventType: "$metadata", data })
          ),
        });
        // What the server changed is a repetition all the same.
        for (const kind of ["appended", "duplicate"] as const) {
          assertEquals(
            await store.append(request),
            { kind, firstEventNumber: 1 },
          );
          assertEquals(
            (await textsOf(store, metastream)).slice(1),
            after,
            JSON.stringify(row),
          );
        }
      }
    },
  );

  storeTest(
    `${name}: metadata that cannot keep the truncation is refused`,
    open,
    async (store) => {
      await appendNumbers(store, "s", [1, 2, 3]);
      await appendMetadata(store, { $tb: 2 });
      for (const isSoftDeleted of [false, true]) {
        if (isSoftDeleted) await store.deleteStream(aDelete({}));
        const before = await store.readState("s");
        for (
          const data of ["no JSON", "[]", '{"$tb":"1"}', '{"$maxAge":"x"}']
        ) {
          const events = [anEvent(901, { eventType: "$metadata", data })];
          const request = anAppend({
            streamName: "$$s",
            keepsTruncation: true,
            events,
          });
          const error = await assertRejects(
            () => store.append(request),
            QuipuError,
          );
          assertEquals(error.code, "invalidRequest");
          assertEquals(await store.readState("s"), before);
        }
      }
    },
  );
}
