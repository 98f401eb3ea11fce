/**
 * A user as the data of an event (spec: users §1, "Storage facts"): the
 * original's members, and `algorithm` for hashes that are not the original's.
 * Members that are false or null are left out.
 *
 * @module
 */

import type { NewUser } from "./contract.ts";
import type { PasswordHash } from "./password.ts";
import { QuipuError } from "../model/errors.ts";
import type { RecordedEvent } from "../model/event.ts";
import { LIMITS } from "../model/limits.ts";
import { decodeJsonText, encodeUtf8 } from "../text/utf8.ts";

/** What is stored of a user besides its login. */
export interface UserFields {
  readonly fullName: string | undefined;
  readonly groups: readonly string[] | undefined;
  readonly isDisabled: boolean;
  readonly password: PasswordHash;
}

/** Types of a user's events. */
export type UserEventType = "$UserCreated" | "$UserUpdated";

/** Encodes a user as the original does, indented. */
export function encodeUser(login: string, fields: UserFields): string {
  const { fullName, groups, isDisabled, password } = fields;
  const document = {
    loginName: login,
    fullName,
    salt: password.salt,
    hash: password.hash,
    disabled: isDisabled ? true : undefined,
    groups,
    algorithm: password.algorithm,
  };
  return JSON.stringify(document, null, 2);
}

/** Decodes a user's event; undefined when it isn't one. */
export function decodeUser(event: RecordedEvent): UserFields | undefined {
  const { eventType } = event;
  if (eventType !== "$UserCreated" && eventType !== "$UserUpdated") {
    return undefined;
  }
  const document = parseObject(event.data);
  if (document === undefined) return undefined;
  const { fullName, groups, salt, hash, disabled, algorithm } = document;
  if (typeof salt !== "string" || typeof hash !== "string") return undefined;
  return {
    fullName: typeof fullName === "string" ? fullName : undefined,
    groups: Array.isArray(groups)
      ? groups.filter((group) => typeof group === "string")
      : undefined,
    // Whatever is no clear "no" keeps the user out.
    isDisabled: disabled !== undefined && disabled !== null &&
      disabled !== false,
    password: {
      salt,
      hash,
      // An algorithm of another type must not pass for the original's.
      algorithm: algorithm === undefined || algorithm === null
        ? undefined
        : String(algorithm),
    },
  };
}

/** What a user may be and do, for the audit; null: there is no such user. */
export function rightsTextOf(fields: UserFields | undefined): string | null {
  if (fields === undefined) return null;
  const { groups, isDisabled } = fields;
  return JSON.stringify({ groups, ...(isDisabled && { disabled: true }) });
}

/** Parses bytes that should be a JSON object; undefined when they are not. */
export function parseObject(
  data: Uint8Array,
): Readonly<Record<string, unknown>> | undefined {
  let document: unknown;
  try {
    document = JSON.parse(decodeJsonText(data));
  } catch {
    return undefined;
  }
  return typeof document === "object" && document !== null
    ? { ...document }
    : undefined;
}

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

function unfit(rule: string): QuipuError {
  return new QuipuError("invalidRequest", `Cannot store the user: ${rule}`);
}
