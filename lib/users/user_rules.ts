/**
 * Rules for the fields of users and the form of new logins.
 * Existing logins go on working, whatever they look like: the rules of new ones
 * are asked when a user is created, or gets a group.
 *
 * A login and a group are roles alike, so one name must never stand for both,
 * and two logins that people take for the same one must not exist side by side.
 *
 * @module
 */

import { QuipuError } from "../model/errors.ts";
import { LIMITS } from "../model/limits.ts";
import { encodeUtf8 } from "../text/utf8.ts";
import type { NewUser } from "./contract.ts";

/** The existing users. */
export interface TakenName {
  readonly login: string;
  readonly groups: readonly string[] | undefined;
}

/** Characters that have no shape, or another one in every program. */
const UNSEEN = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u;
const LATIN = /\p{Script=Latin}/u;
const GREEK_OR_CYRILLIC = /[\p{Script=Greek}\p{Script=Cyrillic}]/u;

/**
 * Refuses what no user may be called or consist of.
 *
 * @throws {QuipuError} `invalidRequest`.
 */
export function refuseUnfitUser(
  user: Pick<NewUser, "login" | "fullName" | "groups">,
): void {
  if (!isFitLogin(user.login)) {
    throw unfit(
      `a login has 1 to ${LIMITS.userNameBytesMax} bytes and no control ` +
        "characters",
    );
  }
  if (user.fullName !== undefined && !isFitText(user.fullName)) {
    throw unfit(
      `a full name has at most ${LIMITS.userNameBytesMax} bytes and no ` +
        "control characters",
    );
  }
  const groups = user.groups ?? [];
  if (groups.length > LIMITS.userGroupsMax || !groups.every(isFitText)) {
    throw unfit(
      `at most ${LIMITS.userGroupsMax} groups of at most ` +
        `${LIMITS.userNameBytesMax} bytes, without control characters`,
    );
  }
}

/**
 * Refuses passwords that are empty or too long to hash.
 *
 * @throws {QuipuError} `invalidRequest`.
 */
export function refuseUnfitPassword(password: string): void {
  const bytes = encodeUtf8(password).length;
  if (bytes >= 1 && bytes <= LIMITS.passwordBytesMax) return;
  throw unfit(`a password has 1 to ${LIMITS.passwordBytesMax} bytes`);
}

/** Whether a user of that login can exist. */
export function isFitLogin(login: string): boolean {
  return login !== "" && isFitText(login);
}

function isFitText(text: string): boolean {
  if (text.length > LIMITS.userNameBytesMax || !text.isWellFormed()) {
    return false;
  }
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    if (unit < 0x20 || unit === 0x7f) return false;
  }
  return encodeUtf8(text).length <= LIMITS.userNameBytesMax;
}

/**
 * Refuses what no new login may look like. Length is not judged here.
 *
 * @throws {QuipuError} `invalidRequest`, with the rule.
 */
export function refuseUnfitNewLogin(login: string): void {
  const broken = brokenRuleOf(login);
  if (broken !== undefined) throw unfit(broken);
}

/**
 * The login as it is compared with others: two are taken for the same one when
 * this is equal. NFKC and case folding (Unicode §3.13, D147), made of the
 * mappings that the platform has.
 */
export function foldLogin(login: string): string {
  return login.normalize("NFKC")
    .replace(/\p{Default_Ignorable_Code_Point}/gu, "")
    // Upper case joins what lower case keeps apart: ß and ss, ς and σ.
    .toLowerCase().toUpperCase().toLowerCase()
    .normalize("NFKC");
}

/**
 * Refuses a new login that people would take for another user's, or that is the
 * name of a group of a user. Groups that only access lists name are not known.
 *
 * @throws {QuipuError} `invalidRequest`, naming the other one.
 */
export function refuseTakenLogin(
  login: string,
  others: readonly TakenName[],
): void {
  const folded = foldLogin(login);
  for (const other of others) {
    if (other.login !== login && foldLogin(other.login) === folded) {
      throw unfit(`the login looks like that of "${other.login}"`);
    }
    const group = other.groups?.find((name) => foldLogin(name) === folded);
    if (group !== undefined) {
      throw unfit(`the login is the name of the group "${group}"`);
    }
  }
}

/**
 * Refuses new groups whose name is a login.
 *
 * @param groups Groups that the user did not have before.
 * @param logins Every login, that of the user included.
 * @throws {QuipuError} `invalidRequest`, naming the login.
 */
export function refuseTakenGroups(
  groups: readonly string[],
  logins: Iterable<string>,
): void {
  if (groups.length === 0) return;
  const folded = new Set(groups.map(foldLogin));
  for (const login of logins) {
    if (folded.has(foldLogin(login))) {
      throw unfit(`a group has the name of the login "${login}"`);
    }
  }
}

function brokenRuleOf(login: string): string | undefined {
  if (login.startsWith("$")) return 'a new login must not begin with "$"';
  if (/[:/]/.test(login)) return 'a new login has no ":" and no "/"';
  if (login.trim() !== login) {
    return "a new login has no blank at its start or end";
  }
  if (UNSEEN.test(login)) {
    return "a new login has no control characters and none without a shape";
  }
  if (login.normalize("NFC") !== login) {
    return "a new login must be in Unicode normalization form C (NFC)";
  }
  const plain = login.normalize("NFKC");
  if (LATIN.test(plain) && GREEK_OR_CYRILLIC.test(plain)) {
    return "a new login does not mix Latin with Greek or Cyrillic letters";
  }
  return undefined;
}

function unfit(rule: string): QuipuError {
  return new QuipuError("invalidRequest", `Cannot store the user: ${rule}`);
}
