/**
 * Parts that many pages are made of.
 *
 * @module
 */

import { formatUpdated } from "../formats/atom/feed.ts";
import type { Content, Html } from "./html.ts";

/**
 * Text from outside: kept from turning its surroundings around, as names can
 * that change the direction of writing.
 */
export function Name({ children }: { readonly children: string }): Html {
  return <bdi>{children.toWellFormed()}</bdi>;
}

/**
 * A point in time, in UTC. A script shows it in the zone of the reader and
 * leaves UTC for the pointer to find.
 */
export function Time({ us }: { readonly us: number }): Html {
  const updated = formatUpdated(us);
  const text = updated.slice(0, 19).replace("T", " ") + " UTC";
  return <time datetime={updated}>{text}</time>;
}

/** Names with their values. */
export function Facts(
  { rows }: { readonly rows: readonly (readonly [string, Content])[] },
): Html {
  return (
    <dl class="facts">
      {rows.map(([name, value]) => (
        <div>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** A table whose rows are there already. */
export function Table(
  { heads, children, label }: {
    /** Those of numbers stand above them, on the right. */
    readonly heads: readonly (string | { readonly number: string })[];
    readonly label: string;
    readonly children?: Content;
  },
): Html {
  return (
    <div class="scroll" tabindex={0} role="region" aria-label={label}>
      <table>
        <thead>
          <tr>
            {heads.map((head) =>
              typeof head === "string"
                ? <th scope="col">{head}</th>
                : <th scope="col" class="num">{head.number}</th>
            )}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}

/** Says why there is nothing. */
export function Empty({ children }: { readonly children?: Content }): Html {
  return <p class="empty">{children}</p>;
}

/** A link that looks like a button; without an address it does nothing. */
export function Step(
  { text, href }: {
    readonly text: string;
    readonly href: string | undefined;
  },
): Html {
  return href === undefined
    ? (
      <span class="button off" role="link" aria-disabled="true">
        {text}
      </span>
    )
    : <a class="button" href={href}>{text}</a>;
}

/** What went well, or did not. */
export function Notice(
  { kind, children }: {
    readonly kind: "good" | "bad" | "info";
    readonly children?: Content;
  },
): Html {
  return (
    <p class={`notice ${kind}`} role={kind === "bad" ? "alert" : "status"}>
      {children}
    </p>
  );
}

/** A form that changes something: it carries the mark that proves its origin. */
export function ActionForm(
  { action, csrf, class: kind, children }: {
    /** Path that it is sent to, with the prefix. */
    readonly action: string;
    /** The frame's mark. */
    readonly csrf: string;
    readonly class?: string;
    readonly children?: Content;
  },
): Html {
  return (
    <form method="post" action={action} class={kind ?? "form"}>
      <input type="hidden" name="csrf" value={csrf} />
      {children}
    </form>
  );
}

/** One line of a form: a label, its field, and a word of help. */
export function Field(
  { label, help, children }: {
    readonly label: string;
    readonly help?: Content;
    /** The field itself. */
    readonly children?: Content;
  },
): Html {
  return (
    <label class="field">
      <span>{label}</span>
      {children}
      {help === undefined ? null : <small>{help}</small>}
    </label>
  );
}

/** A field for a password: the one there is, or a new one. */
export function PasswordField(
  { label, of, name = "password", help }: {
    readonly label: string;
    /** Tells the browser which one to offer. */
    readonly of: "current" | "new";
    /** Default: `password`. */
    readonly name?: string;
    readonly help?: string;
  },
): Html {
  return (
    <Field label={label} help={help}>
      <input
        name={name}
        type="password"
        autocomplete={`${of}-password`}
        required
      />
    </Field>
  );
}

/** A field for the name of what is to be deleted. */
export function ConfirmField({ label }: { readonly label: string }): Html {
  return (
    <Field label={label}>
      <input
        name="confirm"
        required
        autocomplete="off"
        spellcheck={false}
      />
    </Field>
  );
}

/** Longer texts stay as they are. */
const PRETTY_LENGTH_MAX = 256 * 1024;

/** JSON in lines; text that is none, or is long, stays as it is. */
export function prettyJson(text: string): string {
  if (text.length > PRETTY_LENGTH_MAX) return text.toWellFormed();
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text.toWellFormed();
  }
}

const UNITS = ["bytes", "kB", "MB", "GB", "TB", "PB"] as const;

/** A size for people: `512 bytes`, `1.2 MB`. */
export function sizeText(bytes: number): string {
  let size = bytes;
  let unit = 0;
  while (size >= 1000 && unit < UNITS.length - 1) {
    size /= 1000;
    unit++;
  }
  const digits = unit === 0 || size >= 100 ? 0 : 1;
  return `${size.toFixed(digits)} ${bytes === 1 ? "byte" : UNITS[unit]}`;
}

/** A number for people, its thousands apart: `1,234,567`. */
export function countText(count: number): string {
  return count.toLocaleString("en-US");
}

/** A number with its noun: `1 event`, `2 events`. */
export function countOf(count: number, noun: string): string {
  return `${countText(count)} ${noun}${count === 1 ? "" : "s"}`;
}
