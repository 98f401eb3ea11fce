/**
 * Where users and logins are other than recorded, on purpose.
 *
 * @module
 */

import type { DeviatingExchange, Deviation } from "./deviations.ts";
import { type Difference, difference } from "./difference.ts";
import type { RecordedRequest } from "./recording.ts";

/** Part of `DEVIATIONS`. */
export const USER_DEVIATIONS: readonly Deviation[] = [
  {
    title: "Reading `/users` needs a login",
    reason: "Who may log in is nobody's business outside; 5.0 does the same",
    judge(exchange) {
      const { step, recorded } = exchange;
      const isRead = step.request.method === "GET" &&
        /^\/users\/[^/$]*$/.test(step.request.path);
      if (!isRead || recorded.status !== 200) return undefined;
      if (credentialsOf(step.request) !== undefined) return undefined;
      return [
        ...mustAnswer(exchange, 401),
        // All headers but those that a refusal has by nature.
        ...exchange.differences.filter(({ where }) =>
          where.startsWith("header access-control-")
        ),
      ];
    },
  },
  {
    title: "`/users` is `/users/`",
    reason: "The original answered 404, though its documents name it so",
    judge(exchange) {
      const { step, answered } = exchange;
      if (step.request.path !== "/users") return undefined;
      const { data } = JSON.parse(new TextDecoder().decode(answered.body));
      return [
        ...mustAnswer(exchange, 200),
        ...mustBe("data", true, Array.isArray(data)),
      ];
    },
  },
  {
    title: "A change, reset or disabling of a login takes effect at once",
    reason: "Whoever is shut out must be out; the original went on with " +
      "credentials that it had verified before",
    judge(exchange) {
      const { step, recorded, answered } = exchange;
      const credentials = credentialsOf(step.request);
      if (credentials === undefined) return undefined;
      const password = passwordsBefore(exchange).get(credentials.login);
      if (password === undefined) return undefined;
      const methods = answered.headers.get("access-control-allow-methods");
      const wasLetIn = recorded.headers["Access-Control-Allow-Methods"] !== "";
      const isRight = password === credentials.password;
      if (isRight === wasLetIn) return undefined;
      if (!isRight) {
        return [
          ...mustAnswer(exchange, 401),
          ...mustBe("allowed methods", "", methods ?? ""),
        ];
      }
      return [
        ...mustAnswer(exchange, statusForUser(step.request, password)),
        ...mustBe("allowed methods", true, methods !== null && methods !== ""),
      ];
    },
  },
];

/** Passwords that log in before the step, by login; none for a disabled one. */
function passwordsBefore(
  { scenario, stepIndex }: DeviatingExchange,
): Map<string, string | null> {
  const known = new Map<string, string>();
  const disabled = new Set<string>();
  for (const { request } of scenario.steps.slice(0, stepIndex)) {
    const body = bodyOf(request);
    const login = /^\/users\/([^/]+)/.exec(request.path)?.[1] ?? "";
    const command = /\/command\/(.*)$/.exec(request.path)?.[1];
    const isAdmin = credentialsOf(request)?.login === "admin";
    if (request.path === "/users/" && isAdmin && !known.has(body.loginName)) {
      known.set(body.loginName, body.password);
    } else if (command === "disable") disabled.add(login);
    else if (command === "enable") disabled.delete(login);
    else if (command === "reset-password") known.set(login, body.newPassword);
    else if (
      command === "change-password" &&
      known.get(login) === body.currentPassword
    ) known.set(login, body.newPassword);
  }
  return new Map(
    [...known].map(([login, password]) => [
      login,
      disabled.has(login) ? null : password,
    ]),
  );
}

/** What a user without rights is answered. */
function statusForUser(request: RecordedRequest, password: string): number {
  if (request.method === "GET") return 200;
  const isOwnChange = request.path.endsWith("/change-password") &&
    bodyOf(request).currentPassword === password;
  return isOwnChange ? 200 : 401;
}

const NO_MEMBERS = {
  loginName: "",
  password: "",
  newPassword: "",
  currentPassword: "",
};

function bodyOf(request: RecordedRequest): typeof NO_MEMBERS {
  try {
    return { ...NO_MEMBERS, ...JSON.parse(request.body ?? "") };
  } catch {
    return NO_MEMBERS;
  }
}

function credentialsOf({ headers }: RecordedRequest) {
  const match = /^Basic (.+)$/.exec(headers["Authorization"] ?? "");
  if (match?.[1] === undefined) return undefined;
  const [login = "", password = ""] = atob(match[1]).split(":");
  return { login, password };
}

function mustAnswer(
  { answered }: DeviatingExchange,
  status: number,
): Difference[] {
  return [
    ...mustBe("status", status, answered.status),
    ...mustBe(
      "challenge",
      status === 401 ? 'Basic realm="ES"' : null,
      answered.headers.get("www-authenticate") ?? null,
    ),
  ];
}

function mustBe(where: string, wanted: unknown, got: unknown): Difference[] {
  return wanted === got ? [] : [difference(where, wanted, got)];
}
