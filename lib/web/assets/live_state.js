/**
 * Keeps states and results of a projection up to date: an element with
 * `data-live` shows what the live feed of that address says.
 *
 * @module
 */

/** Characters up to which JSON is laid out in lines. */
const PRETTY_LENGTH_MAX = 256 * 1024;

function show(element, text) {
  if (text === "") {
    element.textContent = "none";
    return;
  }
  try {
    element.textContent = text.length > PRETTY_LENGTH_MAX
      ? text
      : JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    element.textContent = text;
  }
}

for (const element of document.querySelectorAll("[data-live]")) {
  const source = new EventSource(element.dataset.live);
  source.addEventListener("message", ({ data }) => show(element, data));
  addEventListener("pagehide", () => source.close());
}
