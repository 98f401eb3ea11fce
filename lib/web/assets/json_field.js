/**
 * Says while one types whether a field holds JSON.
 *
 * @module
 */

function problemOf(text, wanted) {
  if (text.trim() === "") return "";
  try {
    const value = JSON.parse(text);
    const isObject = typeof value === "object" && value !== null &&
      !Array.isArray(value);
    return wanted === "object" && !isObject ? "This is no JSON object" : "";
  } catch (error) {
    return `This is no JSON: ${error.message}`;
  }
}

for (const field of document.querySelectorAll("textarea[data-json]")) {
  const note = document.createElement("small");
  note.className = "problem";
  note.setAttribute("role", "status");
  field.after(note);
  const check = () => {
    const problem = problemOf(field.value, field.dataset.json);
    note.textContent = problem;
    field.setCustomValidity(problem);
  };
  field.addEventListener("input", check);
  check();
}
