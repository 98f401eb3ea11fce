import { createTestClock, createTestIds } from "../support/events.ts";
import { createModelStore } from "../support/model_store.ts";
import { testEventStore } from "./event_store_contract.ts";

testEventStore("model store", () =>
  Promise.resolve(createModelStore({
    clock: createTestClock(),
    newEventId: createTestIds(),
  })));
