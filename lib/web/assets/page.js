/**
 * What all pages do with scripts: times in the reader's zone, names for the box
 * in the header, and buttons that copy. Without scripts all of it is there,
 * less handy.
 *
 * @module
 */

/** Sweden writes times as ISO 8601 does, as everybody can read. */
const TIME = new Intl.DateTimeFormat("sv-SE", {
  year: "numeric",
  month: "2-digit",
  day: "2-digit",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
});

/** Shows times below an element in the reader's zone; UTC stays as a hint. */
export function showLocalTimes(root) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    const moment = new Date(time.dateTime);
    if (Number.isNaN(moment.getTime())) continue;
    time.title = `${time.dateTime.replace("T", " ").replace("Z", "")} UTC`;
    time.textContent = TIME.format(moment);
  }
}

/** Time that a person needs to type on. */
const TYPING_MS = 150;

/** Fills a list with the names that begin as what is typed. */
function completeNames(input) {
  const list = input.list;
  let timer;
  let asked = "";
  async function complete() {
    const prefix = input.value;
    if (prefix === asked) return;
    asked = prefix;
    const url = `${input.dataset.names}?prefix=${encodeURIComponent(prefix)}`;
    const response = await fetch(url, {
      headers: { Accept: "application/json" },
    });
    if (!response.ok || input.value !== prefix) return;
    const names = await response.json();
    list.replaceChildren(...names.map((name) => {
      const option = document.createElement("option");
      option.value = name;
      return option;
    }));
  }
  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(complete, TYPING_MS);
  });
}

/** Copies the text of the element that a button names. */
function copyOnClick(button) {
  const source = document.getElementById(button.dataset.copy);
  if (source === null || navigator.clipboard === undefined) return;
  button.hidden = false;
  const label = button.textContent;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(source.textContent);
    button.textContent = "Copied";
    setTimeout(() => button.textContent = label, 1500);
  });
}

showLocalTimes(document);
for (const input of document.querySelectorAll("input[data-names]")) {
  completeNames(input);
}
for (const button of document.querySelectorAll("button[data-copy]")) {
  copyOnClick(button);
}
document.addEventListener("keydown", (event) => {
  const isTyping = event.target.closest("input, textarea, select") !== null;
  if (event.key !== "/" || isTyping || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  document.querySelector(".go input")?.focus();
});
