// What was typed into a long answer and not sent is not left by accident: the browser asks first.
export function guardAnswers(root) {
  // Forms that are kept while the person types have a guard of their own.
  for (const area of root.querySelectorAll("form:not([data-autosave]) textarea")) {
    let unsent = false;
    area.addEventListener("input", () => { unsent = area.value !== area.defaultValue; });
    area.form.addEventListener("submit", () => { unsent = false; });
    addEventListener("beforeunload", (event) => {
      if (unsent) event.preventDefault();
    });
  }
}
