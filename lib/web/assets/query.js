/**
 * Makes an editor of the fields that hold a query, where the server has one:
 * it is made when the program is built. Without it they are plain fields.
 *
 * @module
 */

for (const field of document.querySelectorAll("textarea[data-editor]")) {
  const { editField } = await import(field.dataset.editor);
  editField(field);
}
