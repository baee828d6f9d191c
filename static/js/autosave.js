// A form that marks data-autosave is kept on the server while the person types, and is not left by accident before.
const PAUSE = 1500;

export function guardForms(root) {
  for (const form of root.querySelectorAll("form[data-autosave]")) {
    const note = document.createElement("p");
    note.className = "quiet";
    note.setAttribute("role", "status");
    form.append(note);
    let waiting;
    let unsaved = false;
    const save = async () => {
      const body = new FormData(form);
      // Files go with the form itself; a draft holds words only.
      for (const [name, value] of [...body]) if (value instanceof File) body.delete(name);
      try {
        const answer = await fetch(form.dataset.autosave, { method: "POST", body, credentials: "same-origin" });
        // A session that ended leads to the page to sign in, which is no word that anything was kept.
        if (!answer.ok || answer.redirected) return;
        unsaved = false;
        note.textContent = form.dataset.saved ?? "";
      } catch {
        // Offline: the guard below stays up, and the next pause tries again.
      }
    };
    form.addEventListener("input", () => {
      unsaved = true;
      note.textContent = "";
      clearTimeout(waiting);
      waiting = setTimeout(save, PAUSE);
    });
    form.addEventListener("submit", () => {
      clearTimeout(waiting);
      unsaved = false;
    });
    addEventListener("beforeunload", (event) => {
      if (unsaved) event.preventDefault();
    });
  }
}
