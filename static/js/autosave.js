// A form that marks data-autosave is kept on the server while the person types, and is not left by accident before.
const PAUSE = 1500;

export function guardForms(root) {
  for (const form of root.querySelectorAll("form[data-autosave]")) {
    const note = document.createElement("p");
    note.className = "quiet";
    note.setAttribute("role", "status");
    form.append(note);
    let waiting;
    let saving = Promise.resolve();
    // What was typed while a copy travels is not in it: only what that copy holds counts as kept.
    let typed = 0;
    let kept = 0;
    const save = async () => {
      const upTo = typed;
      const body = new FormData(form);
      // Files go with the form itself; a draft holds words only.
      for (const [name, value] of [...body]) if (value instanceof File) body.delete(name);
      try {
        const answer = await fetch(form.dataset.autosave, { method: "POST", body, credentials: "same-origin" });
        // A session that ended leads to the page to sign in, which is no word that anything was kept.
        if (!answer.ok || answer.redirected) return;
        kept = Math.max(kept, upTo);
        if (kept === typed) note.textContent = form.dataset.saved ?? "";
      } catch {
        // Offline: the guard below stays up, and the next pause tries again.
      }
    };
    form.addEventListener("input", () => {
      typed += 1;
      note.textContent = "";
      clearTimeout(waiting);
      // One copy after the other, so that older words never arrive after newer ones.
      waiting = setTimeout(() => { saving = saving.then(save); }, PAUSE);
    });
    form.addEventListener("submit", () => {
      clearTimeout(waiting);
      kept = typed;
    });
    addEventListener("beforeunload", (event) => {
      if (kept < typed) event.preventDefault();
    });
  }
}
