import { assertEquals } from "@std/assert";
import { LIMITS } from "../model/limits.ts";
import {
  HeldPlaces,
  type NoPlace,
  type PlaceHolder,
  type PlaceLimits,
} from "./held_places.ts";

/** Takes as many places as there are; tells how many, and why not more. */
function fill(places: HeldPlaces, holder: PlaceHolder): [number, NoPlace] {
  for (let count = 0;; count++) {
    const taken = places.take(holder);
    if (typeof taken !== "function") return [count, taken];
  }
}

const DEFAULTS: readonly PlaceLimits[] = [
  {
    inAll: LIMITS.longPollsMax,
    ofAddress: LIMITS.longPollsPerAddressMax,
    ofUser: LIMITS.longPollsPerUserMax,
  },
  {
    inAll: LIMITS.liveFeedsMax,
    ofAddress: LIMITS.liveFeedsPerAddressMax,
    ofUser: LIMITS.liveFeedsPerUserMax,
  },
];

Deno.test("an address has 1,000 places, of which anonymous clients take three quarters", () => {
  for (const limits of DEFAULTS) {
    const places = new HeldPlaces(limits);
    const address = "10.0.0.1";
    const anonymous = fill(places, { address, user: undefined });
    assertEquals(anonymous, [750, { where: "ofAddress", limit: 750 }]);
    const user = fill(places, { address, user: "alice" });
    assertEquals(user, [250, { where: "ofAddress", limit: 1000 }]);
    const elsewhere = places.take({ address: "10.0.0.2", user: undefined });
    assertEquals(typeof elsewhere, "function");
  }
});

Deno.test("anonymous clients of many addresses leave a quarter of all places", () => {
  for (const limits of DEFAULTS) {
    const places = new HeldPlaces(limits);
    let count = 0;
    let last: NoPlace | undefined;
    for (let index = 0; last?.where !== "inAll"; index++) {
      const [taken, why] = fill(places, {
        address: `10.0.${index}.1`,
        user: undefined,
      });
      count += taken;
      last = why;
    }
    assertEquals(count, limits.inAll * 3 / 4);
    assertEquals(
      typeof places.take({ address: "10.9.9.9", user: "alice" }),
      "function",
    );
  }
});

Deno.test("a user has so many places from all addresses together", () => {
  const places = new HeldPlaces({ inAll: 100, ofAddress: 2, ofUser: 3 });
  const taken = [1, 2, 3, 4].map((index) =>
    places.take({ address: `10.0.0.${index}`, user: "alice" })
  );
  assertEquals(taken[3], { where: "ofUser", limit: 3 });
  const [first] = taken;
  if (typeof first !== "function") throw new Error("No place at first");
  first();
  // Twice gives up no more than once.
  first();
  assertEquals(places.count, 2);
  const next = () => places.take({ address: "10.0.0.9", user: "alice" });
  assertEquals(typeof next(), "function");
  assertEquals(next(), { where: "ofUser", limit: 3 });
});

Deno.test("few places are not shared out", () => {
  for (const [inAll, anonymous] of [[0, 0], [1, 1], [3, 3], [4, 3], [8, 6]]) {
    const places = new HeldPlaces({
      inAll: inAll ?? 0,
      ofAddress: 100,
      ofUser: 100,
    });
    const [count] = fill(places, { address: "a", user: undefined });
    assertEquals(count, anonymous);
  }
});
