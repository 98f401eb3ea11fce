/**
 * The script that runs in a projection's own JavaScript engine before its
 * query: the query language. It is text, because it is compiled by that engine;
 * `query_instance.ts` calls what it returns. Its parts share one scope.
 *
 * A query can change the globals, but it harms nothing but itself: the script
 * uses those that it kept, and `query_instance.ts` checks all that it reads
 * from here.
 *
 * @module
 */

import { BATCHES } from "./batches.ts";
import { EMITTING } from "./emitting.ts";
import { EVENTS } from "./events.ts";
import { FOLD } from "./fold.ts";
import { SANDBOX } from "./sandbox.ts";
import { SELECTORS } from "./selectors.ts";

/** The globals as they were before the query. */
const KEPT = String.raw`
const { parse, stringify } = JSON;
const { defineProperty, getOwnPropertyDescriptor, create, keys } = Object;
const { apply, construct } = Reflect;
const { isView } = ArrayBuffer;
const { isArray } = Array;
const NativeString = String;
const NativeDate = Date;
const NativeMap = Map;
const NativeNumber = Number;
const NativeError = Error;
const { imul } = Math;
const { isSafeInteger } = Number;
const PromiseType = Promise;
const SCRIPT = /query\.js:(\d+)/;
// Methods as functions whose first argument is their target: bound calls take
// half the time of Reflect.apply, which needs a list.
const unbound = Function.prototype.bind.bind(Function.prototype.call);
const match = unbound(RegExp.prototype.exec);
const trim = unbound(NativeString.prototype.trim);
const indexOf = unbound(NativeString.prototype.indexOf);
const slice = unbound(NativeString.prototype.slice);
const codeAt = unbound(NativeString.prototype.charCodeAt);
const mapGet = unbound(NativeMap.prototype.get);
const mapSet = unbound(NativeMap.prototype.set);
const mapDelete = unbound(NativeMap.prototype.delete);

const NOT_IN_INIT = "An exception occurred while executing a reverse command " +
  "handler. Value cannot be null.\nParameter name: causedByTag";
const NOT_ALLOWED =
  "'emit' is not allowed by the projection/configuration/mode";
const NOT_METADATA = "An exception occurred while executing a reverse " +
  "command handler. Failed to deserialize emitted event JSON";
`;

/**
 * Evaluates to a function. Its arguments: an object with the limits
 * (`emitsMax`, `emitLengthMax`, `logsMax`, `logLengthMax`, `stateLengthMax`,
 * `outputLengthMax`), whether emitting is allowed, and whether events show their
 * ids.
 */
export const PRELUDE =
  '(function (limits, canEmit, showsEventIds) {\n"use strict";' +
  KEPT + SANDBOX + SELECTORS + EMITTING + EVENTS + FOLD + BATCHES + "})";
