/**
 * Lets readers of the interface send its requests: with their present login,
 * from forms that are made of the OpenAPI document. Answers are shown as text.
 *
 * @module
 */

/** Bytes of an answer that are shown. */
const ANSWER_BYTES_MAX = 256 * 1024;
/** How deep examples of bodies go. */
const DEPTH_MAX = 4;

/** What people read best, and write best. */
const ANSWER_TYPES = [
  "application/vnd.eventstore.atom+json",
  "application/json",
];
const BODY_TYPES = [
  "application/vnd.eventstore.events+json",
  "application/json",
];

const list = document.getElementById("api");
const { prefix, openapi } = list.dataset;
let loaded;

/** Makes an element; text stays text. */
function make(name, properties = {}, ...children) {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
}

function field(label, input, help) {
  const parts = [make("span", { textContent: label }), input];
  if (help !== undefined) parts.push(make("small", { textContent: help }));
  return make("label", { className: "field" }, ...parts);
}

/** A field with these values; of the preferred ones the first that is there. */
function choice(values, preferred) {
  const select = make(
    "select",
    {},
    ...values.map((value) => make("option", { value, textContent: value })),
  );
  const first = preferred.find((value) => values.includes(value));
  if (first !== undefined) select.value = first;
  return select;
}

async function operationOf(id) {
  loaded ??= fetch(openapi).then((response) => response.json());
  const { paths, components: { schemas } } = await loaded;
  for (const [path, item] of Object.entries(paths)) {
    for (const [method, operation] of Object.entries(item)) {
      if (operation.operationId === id) {
        return { path, method: method.toUpperCase(), operation, schemas };
      }
    }
  }
}

/** A value that a schema describes, to begin with. */
function exampleOf(schema, schemas, depth = 0) {
  if (schema === undefined || depth > DEPTH_MAX) return {};
  const { $ref, type, properties = {}, items, required = [] } = schema;
  if ($ref !== undefined) {
    return exampleOf(schemas[$ref.split("/").pop()], schemas, depth + 1);
  }
  if (type === "array") return [exampleOf(items, schemas, depth + 1)];
  if (type === "integer" || type === "number") return 0;
  if (type === "boolean") return false;
  if (type === "string") {
    return schema.format === "uuid" ? crypto.randomUUID() : "example";
  }
  const names = new Set(required);
  // What events are about, though they may do without.
  if ("data" in properties) names.add("data");
  return Object.fromEntries(
    [...names].map((name) => [
      name,
      name === "eventId"
        ? crypto.randomUUID()
        : exampleOf(properties[name], schemas, depth + 1),
    ]),
  );
}

function exampleBody(type, { schema } = {}, schemas) {
  const isDescribed = schema?.$ref !== undefined && /[/+]json$/.test(type);
  return isDescribed ? JSON.stringify(exampleOf(schema, schemas), null, 2) : "";
}

/** The form of an operation, and how to read a request from it. */
function formOf({ path, method, operation, schemas }) {
  const { parameters, requestBody, responses } = operation;
  const inputs = parameters.map((one) => ({
    ...one,
    input: make("input", {
      name: one.name,
      required: one.required === true,
      spellcheck: false,
      autocomplete: "off",
    }),
  }));
  const fields = make(
    "div",
    { className: "columns" },
    ...inputs.map(({ name, description, input }) =>
      field(name, input, description)
    ),
  );
  const offered = Object.entries(responses)
    .filter(([status]) => status < 300)
    .flatMap(([, { content = {} }]) => Object.keys(content))
    // Words are answered whatever is accepted.
    .filter((name) => name !== "text/plain");
  const accepted = choice([...new Set(offered), "*/*"], ANSWER_TYPES);
  fields.append(field("Accept", accepted));
  const send = make("button", {
    className: method === "DELETE" ? "danger" : "primary",
    textContent: `Send ${method}`,
  });
  const form = make("form", { className: "form broad" }, fields);
  let body;
  let type;
  if (requestBody !== undefined) {
    type = choice(Object.keys(requestBody.content), BODY_TYPES);
    body = make("textarea", { rows: 8, spellcheck: false });
    const begin = () => {
      const { value } = type;
      body.value = exampleBody(value, requestBody.content[value], schemas);
    };
    type.addEventListener("change", begin);
    begin();
    fields.append(field("Content-Type", type));
    form.append(field("Body", body, requestBody.description));
  }
  const read = () => {
    const headers = new Headers({ Accept: accepted.value });
    const query = new URLSearchParams();
    let target = path;
    for (const { name, in: place, input: { value } } of inputs) {
      if (place === "path") {
        target = target.replace(`{${name}}`, () => encodeURIComponent(value));
      } else if (value === "") continue;
      else if (place === "query") query.set(name, value);
      else headers.set(name, value);
    }
    if (type !== undefined) {
      headers.set(
        "Content-Type",
        type.value === "*/*" ? "application/octet-stream" : type.value,
      );
    }
    const url = prefix + target + (query.size > 0 ? `?${query}` : "");
    return { url, method, headers, body: body?.value };
  };
  return { form, send, read };
}

/** The command that sends the same. */
function asCurl({ url, method, headers, body }) {
  const quote = (text) => `'${text.replaceAll("'", `'\\''`)}'`;
  return [
    `curl -i -X ${method} ${quote(new URL(url, location.href).href)}`,
    ...[...headers].map(([name, value]) => `-H ${quote(`${name}: ${value}`)}`),
    ...(body ? [`--data-binary ${quote(body)}`] : []),
  ].join(" \\\n  ");
}

/** Shows the beginning of an answer's body as it comes. */
async function showBody(response, place) {
  const decoder = new TextDecoder();
  let count = 0;
  for await (const chunk of piecesOf(response.body)) {
    const room = ANSWER_BYTES_MAX - count;
    place.append(decoder.decode(chunk.subarray(0, room), { stream: true }));
    count += chunk.length;
    if (chunk.length > room) return `, its first ${ANSWER_BYTES_MAX} bytes`;
  }
  return `, ${count} bytes`;
}

/** Ending early gives the rest of the body up. */
async function* piecesOf(body) {
  const reader = body?.getReader();
  try {
    while (reader !== undefined) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    reader?.cancel().catch(() => {});
  }
}

async function send(request, { signal, answer }) {
  const { url, method, headers, body } = request;
  const state = make("p", { textContent: "Sent…" });
  const head = make("pre", { tabIndex: 0 });
  const text = make("pre", { className: "state", tabIndex: 0, hidden: true });
  answer.replaceChildren(state, head, text);
  const startedAt = performance.now();
  try {
    const response = await fetch(url, {
      method,
      headers,
      signal,
      cache: "no-store",
      ...(body ? { body } : {}),
    });
    const took = Math.round(performance.now() - startedAt);
    const where = response.redirected ? ` from ${response.url}` : "";
    const said = `${response.status} ${response.statusText}`.trim();
    state.textContent = `${said} after ${took} ms${where}`;
    state.className = `notice ${response.ok ? "good" : "bad"}`;
    head.textContent = [...response.headers]
      // Those are for pages of other origins.
      .filter(([name]) => !name.startsWith("access-control-"))
      .map(([name, value]) => `${name}: ${value}`).join("\n");
    text.hidden = false;
    state.append(await showBody(response, text));
    text.hidden = text.textContent === "";
  } catch (error) {
    state.className = "notice bad";
    if (signal.aborted) state.append(", stopped");
    else state.textContent = `No answer: ${error.message}`;
  }
}

async function fill(details) {
  const found = await operationOf(details.id);
  if (found === undefined) return;
  const { form, send: button, read } = formOf(found);
  const stop = make("button", { type: "button", textContent: "Stop" });
  stop.hidden = true;
  const curl = make("pre", { className: "state", tabIndex: 0 });
  const command = make(
    "details",
    { className: "snippet" },
    make("summary", { textContent: "With curl" }),
    curl,
  );
  const showCurl = () => curl.textContent = asCurl(read());
  form.addEventListener("input", showCurl);
  showCurl();
  form.append(
    make("div", { className: "actions" }, button, stop),
    command,
  );
  const answer = make("div", { className: "answer" });
  answer.setAttribute("role", "status");
  let sending = new AbortController();
  stop.addEventListener("click", () => sending.abort());
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    stop.hidden = false;
    sending = new AbortController();
    await send(read(), { signal: sending.signal, answer });
    button.disabled = false;
    stop.hidden = true;
  });
  details.querySelector("summary + p").after(form, answer);
  // The form says the same.
  for (const said of details.querySelectorAll("[data-asked]")) said.remove();
}

list.addEventListener("toggle", ({ target }) => {
  if (!target.open || target.dataset.filled !== undefined) return;
  if (!target.classList.contains("operation")) return;
  target.dataset.filled = "";
  fill(target);
}, { capture: true });
document.getElementById("try-hint").hidden = false;
for (const details of list.querySelectorAll("details[open]")) fill(details);
// Links to an operation open it.
function openNamed() {
  const named = document.getElementById(location.hash.slice(1));
  if (named?.tagName === "DETAILS") named.open = true;
}
addEventListener("hashchange", openNamed);
openNamed();
