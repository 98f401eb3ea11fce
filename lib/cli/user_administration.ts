/**
 * What `quipu user` needs of users, wherever they are.
 *
 * @module
 */

/** How a change ended. */
export type UserChangeKind =
  | "success"
  | "notFound"
  | "conflict"
  | "unauthorized"
  | "tryAgain";

/** A user as it is listed. */
export interface ShownUser {
  readonly login: string;
  readonly groups: readonly string[] | undefined;
  readonly isDisabled: boolean;
}

/** Users that can be changed, wherever they are. */
export interface UserAdministration extends Disposable {
  add(user: {
    readonly login: string;
    readonly fullName: string | undefined;
    readonly groups: readonly string[] | undefined;
    readonly password: string;
  }): Promise<UserChangeKind>;
  list(): Promise<readonly ShownUser[]>;
  resetPassword(
    change: { readonly login: string; readonly newPassword: string },
  ): Promise<UserChangeKind>;
  enable(login: string): Promise<UserChangeKind>;
  disable(login: string): Promise<UserChangeKind>;
}
